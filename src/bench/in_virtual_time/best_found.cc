// SPDX-License-Identifier: Apache-2.0
#include "bench/in_virtual_time/best_found.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "bench/load/arrival_schedule.h"

namespace llmd::bench {
namespace {

using Requests = std::vector<KnownRequest>;
using Places = std::vector<uint32_t>;  ///< an engine for each of a stage's requests
using Engines = std::vector<ShadowEngine>;

/// How good a placement is, or one engine's part of it: more requests within the SLO first, then
/// less time in all.
struct Value {
  uint64_t attained = 0;
  double seconds = 0;
  bool operator>(const Value& other) const {
    return std::pair(attained, -seconds) > std::pair(other.attained, -other.seconds);
  }
  Value& operator+=(const Value& other) {
    attained += other.attained;
    seconds += other.seconds;
    return *this;
  }
};

KnownRequest know(const Request& request, Duration due) {
  KnownRequest out;
  out.number = request.number;
  out.due = due;
  for (const Message& message : request.messages) {
    for (const Piece& piece : message.pieces) out.prompt.push_back(piece);
  }
  for (const Piece& piece : out.prompt) out.prompt_tokens += piece.tokens;
  out.output_tokens = request.output_tokens;
  return out;
}

uint64_t group_of(const KnownRequest& request) { return request.prompt.front().stream; }

class Search {
 public:
  Search(const SearchOptions& options, const Requests& requests, const Engines& begin)
      : options_(options), requests_(requests), begin_(begin), random_(options.seed) {
    for (size_t i = 0; i < requests.size(); ++i) groups_[group_of(requests[i])].push_back(i);
  }

  Places best() {
    std::vector<Places> starts{greedy(), pack()};
    for (const Places& whole : options_.starts) starts.push_back(part_of(whole));
    std::vector<Value> values;
    for (const Places& start : starts) values.push_back(total(start));
    const auto best = std::ranges::max_element(
        values, [](const Value& one, const Value& other) { return other > one; });
    return improve(std::move(starts[best - values.begin()]));
  }

 private:
  /// This stage's.
  Places part_of(const Places& whole) const {
    const auto first = whole.begin() + static_cast<ptrdiff_t>(requests_.front().number);
    return {first, first + static_cast<ptrdiff_t>(requests_.size())};
  }

  /// Where the request delays itself and those beside it least, in seconds.
  Places greedy() const {
    Engines engines = begin_;
    Places places;
    for (const KnownRequest& request : requests_) {
      std::vector<double> costs;
      for (ShadowEngine& engine : engines) {
        engine.advance(request.due);
        costs.push_back(delay(engine, request, options_.limits[costs.size()].time));
      }
      const auto place = static_cast<uint32_t>(std::ranges::min_element(costs) - costs.begin());
      engines[place].add(request);
      places.push_back(place);
    }
    return places;
  }

  static double delay(const ShadowEngine& engine, const KnownRequest& request,
                      const engine::TimeModel& time) {
    const auto others = static_cast<double>(engine.open());
    const double uncached = request.prompt_tokens - engine.cached_tokens(request);
    // In a full cache what comes new drives out as much that will be wanted again.
    const double computed = engine.is_full() ? 2 * uncached : uncached;
    const double per_token = time.beta_s + time.gamma_s * request.prompt_tokens;
    ShadowEngine trial = engine;
    trial.add(request);
    const double own = to_seconds(trial.first_token_of_last() - request.due);
    return own + computed * time.beta_s +
           others * (computed * time.beta_s + request.output_tokens * per_token);
  }

  /// Largest groups first, each to the engine that has least.
  Places pack() const {
    std::vector<const std::vector<size_t>*> order;
    for (const auto& [group, members] : groups_) order.push_back(&members);
    std::ranges::stable_sort(order, [](auto* a, auto* b) { return a->size() > b->size(); });
    Places places(requests_.size());
    std::vector<size_t> load(options_.limits.size());
    for (const auto* members : order) {
      const auto place = static_cast<uint32_t>(std::ranges::min_element(load) - load.begin());
      load[place] += members->size();
      for (const size_t member : *members) places[member] = place;
    }
    return places;
  }

  /// A fixed number of moves, each kept when it helps.
  Places improve(Places places) {
    std::vector<Value> values;
    for (uint32_t i = 0; i < options_.limits.size(); ++i) values.push_back(value(places, i));
    for (uint32_t move = 0; move < options_.moves && !requests_.empty(); ++move) {
      const size_t chosen = random_.below(requests_.size());
      const auto to = static_cast<uint32_t>(random_.below(options_.limits.size()));
      const uint32_t from = places[chosen];
      if (from == to) continue;
      Places changed = places;
      if (move % 2 == 0) {
        changed[chosen] = to;
      } else {
        for (const size_t member : groups_.at(group_of(requests_[chosen]))) {
          if (changed[member] == from) changed[member] = to;
        }
      }
      keep_if_better(places, values, changed, from, to);
    }
    return places;
  }

  void keep_if_better(Places& places, std::vector<Value>& values, Places& changed, uint32_t from,
                      uint32_t to) const {
    Value before = values[from];
    before += values[to];
    const Value new_from = value(changed, from);
    const Value new_to = value(changed, to);
    Value after = new_from;
    after += new_to;
    if (!(after > before)) return;
    places.swap(changed);
    values[from] = new_from;
    values[to] = new_to;
  }

  Value total(const Places& places) const {
    Value sum;
    for (uint32_t i = 0; i < options_.limits.size(); ++i) sum += value(places, i);
    return sum;
  }

  /// One engine's part.
  Value value(const Places& places, uint32_t place) const {
    ShadowEngine engine = begin_[place];
    std::vector<const KnownRequest*> mine;
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] == place) mine.push_back(&requests_[i]);
    }
    for (const KnownRequest* request : mine) engine.add(*request);
    engine.advance(Duration::max());
    Value sum;
    for (const KnownRequest* request : mine) {
      const ShadowOutcome& outcome = engine.outcomes().at(request->number);
      sum.attained += attains(*request, outcome) ? 1 : 0;
      sum.seconds += to_seconds(outcome.first_token - request->due) +
                     to_seconds(outcome.last_token - request->due);
    }
    return sum;
  }

  bool attains(const KnownRequest& request, const ShadowOutcome& outcome) const {
    const Slo& slo = options_.slo;
    const double ttft_s = to_seconds(outcome.first_token - request.due);
    const double tpot_s =
        request.output_tokens > 1
            ? to_seconds(outcome.last_token - outcome.first_token) / (request.output_tokens - 1)
            : 0;
    return (slo.ttft_s == 0 || ttft_s <= slo.ttft_s) && (slo.tpot_s == 0 || tpot_s <= slo.tpot_s);
  }

  const SearchOptions& options_;
  const Requests& requests_;
  const Engines& begin_;
  Random random_;
  std::map<uint64_t, std::vector<size_t>> groups_;
};

double rate_bound(const std::vector<Requests>& stages, const SearchOptions& options) {
  double count = 0;
  double unique_tokens = 0;
  double output = 0;
  double context = 0;
  std::set<std::pair<uint64_t, uint32_t>> seen;
  for (const Requests& requests : stages) {
    for (const KnownRequest& request : requests) {
      ++count;
      output += request.output_tokens;
      context += request.prompt_tokens + request.output_tokens / 2.0;
      for (const Piece& piece : request.prompt) {
        if (seen.emplace(piece.stream, piece.tokens).second) unique_tokens += piece.tokens;
      }
    }
  }
  if (count == 0) return 0;
  double rate = 0;
  for (const auto& [time, scheduler, cache_tokens] : options.limits) {
    const double per_sequence = time.beta_s + time.gamma_s * context / count;
    double together = scheduler.max_num_seqs;
    if (options.slo.tpot_s > 0) {
      together = std::clamp((options.slo.tpot_s - time.alpha_s) / per_sequence, 1.0, together);
    }
    rate += 1 / (time.beta_s * unique_tokens / count +
                 output / count * (time.alpha_s / together + per_sequence));
  }
  return rate;
}

}  // namespace

Result<BestFound> find_best(Workload& workload, const LoadOptions& load,
                            const SearchOptions& options) {
  std::vector<Requests> stages;
  uint64_t number = 0;
  for (size_t stage = 0; stage < load.stages.size(); ++stage) {
    ArrivalSchedule schedule(load.stages[stage], mix_all(load.seed, stage), workload.trace());
    Requests requests;
    while (const auto due = schedule.next()) {
      if (workload.session_of(number) != 0) {
        return invalid_argument("best-found needs requests that do not depend on answers");
      }
      requests.push_back(know(workload.request(number++), *due));
    }
    if (requests.empty()) return invalid_argument("best-found needs open-loop stages");
    stages.push_back(std::move(requests));
  }
  BestFound out;
  Engines engines(options.limits.begin(), options.limits.end());
  for (const Requests& requests : stages) {
    const Places places = Search(options, requests, engines).best();
    for (size_t i = 0; i < places.size(); ++i) engines[places[i]].add(requests[i]);
    for (ShadowEngine& engine : engines) engine.end_stage();
    out.places.insert(out.places.end(), places.begin(), places.end());
  }
  out.rate_bound = rate_bound(stages, options);
  return out;
}

}  // namespace llmd::bench
