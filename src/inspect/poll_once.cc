// SPDX-License-Identifier: Apache-2.0
#include "inspect/poll_once.h"

#include "endpoints/http_fetch.h"
#include "endpoints/poller.h"
#include "net/event_loop.h"

namespace llmd::inspect {

void poll_once(endpoints::Pool& pool, const Clock& clock) {
  net::EventLoop loop;
  endpoints::HttpFetch fetch(loop);
  size_t asked = 0;
  // The poller asks its next question from within the answer to the last one.
  const auto count = [&](const endpoints::Endpoint& endpoint, std::string_view path,
                         endpoints::ReplyCallback callback) {
    ++asked;
    fetch.get(endpoint.socket_address, path,
              [&, callback = std::move(callback)](Result<endpoints::Reply> reply) {
                callback(std::move(reply));
                if (--asked == 0) loop.stop();
              });
  };
  endpoints::Poller poller(pool, clock, 0, count);
  loop.post([&] {
    poller.tick();
    if (asked == 0) loop.stop();
  });
  loop.run();
}

}  // namespace llmd::inspect
