// SPDX-License-Identifier: Apache-2.0
// What a LiveIndex says on the metrics page. Names: upstream's where it has such a metric.
#include <algorithm>

#include "kv/index/live_index.h"

namespace llmd::kv {
namespace {

constexpr std::string_view kKnowledgeNames[] = {"nothing", "partial", "whole"};

/// Metrics of one pool.
class Page {
 public:
  Page(observe::Registry& registry, const std::string& pool)
      : registry_(registry), labels_{{"inference_pool", pool}} {}

  void gauge(const std::string& name, const std::string& help, double value) {
    registry_.gauge("llm_d_epp_kv_cache_" + name, help, labels_).set(value);
  }
  /// Up to a sum that grows, but for what streams that ended have taken along.
  void counter(const std::string& name, const std::string& help, uint64_t sum) {
    auto counter = registry_.counter("llm_d_epp_kv_cache_" + name + "_total", help, labels_);
    counter.add(std::max(static_cast<double>(sum) - counter.value(), 0.0));
  }
  void endpoints(Knowledge knowledge, double count) {
    observe::Labels labels = labels_;
    labels.emplace_back("knowledge", kKnowledgeNames[static_cast<size_t>(knowledge)]);
    registry_
        .gauge("llm_d_epp_kv_cache_index_endpoints",
               "Endpoints by how much of their caches the index knows.", labels)
        .set(count);
  }

 private:
  observe::Registry& registry_;
  observe::Labels labels_;
};

/// The sources' figures added up.
SourceReport sum_of(const std::vector<SourceReport>& sources) {
  SourceReport sum;
  for (const SourceReport& each : sources) {
    sum.figures.entries += each.figures.entries;
    sum.figures.parked += each.figures.parked;
    sum.figures.stored += each.figures.stored;
    sum.figures.removed += each.figures.removed;
    sum.figures.orphans += each.figures.orphans;
    sum.figures.unsupported += each.figures.unsupported;
    sum.figures.refused += each.figures.refused;
    sum.unread_events += each.unread_events;
    sum.bytes += each.bytes;
    sum.stream.counters.gaps += each.stream.counters.gaps;
    sum.stream.counters.replays += each.stream.counters.replays;
    sum.stream.counters.replay_failures += each.stream.counters.replay_failures;
    sum.stream.counters.lost_batches += each.stream.counters.lost_batches;
    sum.stream.counters.restarts += each.stream.counters.restarts;
    sum.stream.counters.duplicates += each.stream.counters.duplicates;
    sum.stream.held_batches += each.stream.held_batches;
    sum.stream.lag = std::max(sum.stream.lag, each.stream.lag);
  }
  return sum;
}

void publish_index(Page& page, const LiveIndex::Report& report, const SourceReport& sum) {
  const auto entries = static_cast<double>(sum.figures.entries);
  const auto bytes = static_cast<double>(report.bytes + sum.bytes);
  page.gauge("index_blocks", "Different blocks in the index.", static_cast<double>(report.blocks));
  page.gauge("index_entries", "Blocks that endpoints hold, each counted by holder.", entries);
  page.gauge("index_bytes", "Memory of the index, engines' hashes included.", bytes);
  page.gauge("index_bytes_per_entry", "The same for each entry.",
             entries > 0 ? bytes / entries : 0);
  page.counter("index_admissions", "Blocks stored.", sum.figures.stored);
  page.counter("index_evictions", "Blocks removed.", sum.figures.removed);
  page.counter("index_refused", "Blocks left out because their endpoint had its share of memory.",
               sum.figures.refused);
  for (const Knowledge knowledge : {Knowledge::kNothing, Knowledge::kPartial, Knowledge::kWhole}) {
    page.endpoints(knowledge, static_cast<double>(std::ranges::count(report.sources, knowledge,
                                                                     &SourceReport::knowledge)));
  }
}

void publish_events(Page& page, const SubscriberReport& subscriber, const SourceReport& sum) {
  const FollowerCounters& counters = sum.stream.counters;
  page.gauge("events_active_subscribers", "Engines whose events are followed.",
             static_cast<double>(subscriber.streams.size()));
  page.gauge("events_lag_seconds", "Since the oldest batch came that has not been applied.",
             to_seconds(sum.stream.lag));
  page.gauge("events_held_batches", "Batches that wait for a replay.",
             static_cast<double>(sum.stream.held_batches));
  page.gauge("events_parked", "Events that wait for their parent block.",
             static_cast<double>(sum.figures.parked));
  page.counter("events_messages_received", "Batches received.", subscriber.messages);
  page.counter("events_bytes_received", "Their bytes.", subscriber.bytes);
  page.counter("events_malformed", "Messages that are no batch.", subscriber.malformed);
  page.counter("events_subscriber_reconnections", "Connections to engines that came back.",
               subscriber.reconnects);
  page.counter("events_gaps", "Gaps seen in the numbers of batches.", counters.gaps);
  page.counter("events_replays", "Replays asked for.", counters.replays);
  page.counter("events_replay_failures", "Replays that left a gap.", counters.replay_failures);
  page.counter("events_lost_batches", "Batches that were never seen.", counters.lost_batches);
  page.counter("events_restarts", "Engines that began anew.", counters.restarts);
  page.counter("events_duplicates", "Batches that came twice.", counters.duplicates);
  page.counter("events_orphans", "Events given up: what they refer to never came.",
               sum.figures.orphans);
  page.counter("events_unsupported", "Events that the index cannot show.", sum.figures.unsupported);
  page.counter("events_unread", "Events that are broken, or of unknown types.", sum.unread_events);
}

}  // namespace

void LiveIndex::publish_metrics(observe::Registry& registry, const std::string& pool) const {
  const Report now = report();
  const SourceReport sum = sum_of(now.sources);
  Page page(registry, pool);
  publish_index(page, now, sum);
  publish_events(page, now.subscriber, sum);
}

}  // namespace llmd::kv
