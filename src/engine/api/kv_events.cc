// SPDX-License-Identifier: Apache-2.0
#include "engine/api/kv_events.h"

#include <chrono>

namespace llmd::engine {
namespace {

void put_host(std::string& endpoint, const std::string& host) {
  const size_t star = endpoint.find("//*:");
  if (!host.empty() && star != std::string::npos) endpoint.replace(star + 2, 1, host);
}

double unix_time_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

Result<std::unique_ptr<KvEvents>> KvEvents::start(const kv::PublisherConfig& config,
                                                  const KvEventSource& source, net::EventLoop& loop,
                                                  BlockPool& pool, observe::Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(kv::PublisherConfig own, kv::offset_ports(config, source.offset));
  put_host(own.endpoint, source.host);
  if (own.replay_endpoint) put_host(*own.replay_endpoint, source.host);
  LLMD_ASSIGN_OR_RETURN(auto publisher, kv::EventPublisher::start(own));
  return std::unique_ptr<KvEvents>(
      new KvEvents(std::move(publisher), own.event_form, source, loop, pool, registry));
}

KvEvents::KvEvents(std::unique_ptr<kv::EventPublisher> publisher, kv::EventForm form,
                   const KvEventSource& source, net::EventLoop& loop, BlockPool& pool,
                   observe::Registry& registry)
    : net::TurnEnd(loop),
      published_(registry.counter("llmd:kv_event_batches_total",
                                  "Batches of KV events handed to the publisher.")),
      dropped_(registry.counter("llmd:kv_event_batches_dropped_total",
                                "Batches of KV events that did not fit the publisher's queue.")),
      publisher_(std::move(publisher)),
      recorder_(pool, source.block_size, kv::BatchWriter(form, source.rank),
                [this] { call_at_turn_end(); }) {}

std::string KvEvents::where() const {
  const auto& replay = publisher_->replay_endpoint();
  return publisher_->endpoint() + (replay ? " replay " + *replay : "");
}

void KvEvents::on_turn_end() {
  (publisher_->publish(recorder_.finish(unix_time_s())) ? published_ : dropped_).add();
}

}  // namespace llmd::engine
