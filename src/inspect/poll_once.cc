// SPDX-License-Identifier: Apache-2.0
#include "inspect/poll_once.h"

#include "endpoints/http_fetch.h"
#include "net/event_loop.h"

namespace llmd::inspect {
namespace {

/// A name without address stays without one, and its endpoint down.
void resolve_names(endpoints::Pool& pool) {
  for (const auto& endpoint : *pool.snapshot()) {
    if (endpoint->live.address) continue;
    const auto found = net::Address::resolve_all(endpoint->spec.address, endpoint->spec.port);
    if (found && !found->empty()) endpoint->live.address = found->front();
  }
}

}  // namespace

void poll_once(endpoints::Pool& pool, const Clock& clock, endpoints::NamesOf names_of) {
  resolve_names(pool);
  net::EventLoop loop;
  endpoints::HttpFetch fetch(loop);
  const endpoints::Fetch ask = fetch.as_fetch();
  size_t asked = 0;
  // The poller asks its next question from within the answer to the last one.
  const auto count = [&](const endpoints::Endpoint& endpoint, std::string_view path,
                         endpoints::ReplyCallback callback, endpoints::BodySink sink) {
    ++asked;
    ask(
        endpoint, path,
        [&, callback = std::move(callback)](Result<endpoints::Reply> reply) {
          callback(std::move(reply));
          if (--asked == 0) loop.stop();
        },
        std::move(sink));
  };
  endpoints::Poller poller(pool, clock, 0, count);
  poller.read_by(std::move(names_of));
  loop.post([&] {
    poller.tick();
    if (asked == 0) loop.stop();
  });
  loop.run();
}

}  // namespace llmd::inspect
