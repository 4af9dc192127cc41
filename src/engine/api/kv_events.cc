// SPDX-License-Identifier: Apache-2.0
#include "engine/api/kv_events.h"

namespace llmd::engine {
namespace {

void put_host(std::string& endpoint, const std::string& host) {
  const size_t star = endpoint.find("//*:");
  if (!host.empty() && star != std::string::npos) endpoint.replace(star + 2, 1, host);
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
    : published_(registry.counter("llmd:kv_event_batches_total",
                                  "Batches of KV events handed to the publisher.")),
      dropped_(registry.counter("llmd:kv_event_batches_dropped_total",
                                "Batches of KV events that did not fit the publisher's queue.")),
      publisher_(std::move(publisher)),
      recorder_(loop, pool, source.block_size, kv::BatchWriter(form, source.rank),
                [this](std::string payload) { publish(std::move(payload)); }) {}

std::string KvEvents::where() const {
  const auto& replay = publisher_->replay_endpoint();
  return publisher_->endpoint() + (replay ? " replay " + *replay : "");
}

void KvEvents::publish(std::string payload) {
  (publisher_->publish(std::move(payload)) ? published_ : dropped_).add();
}

}  // namespace llmd::engine
