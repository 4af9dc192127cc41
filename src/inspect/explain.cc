// SPDX-License-Identifier: Apache-2.0
#include "inspect/explain.h"

#include <fmt/core.h>

#include <algorithm>

#include "bench/report/text_table.h"
#include "inspect/text.h"
#include "observe/metrics.h"
#include "openai/request_scan.h"
#include "request/router.h"
#include "request/ticket.h"

namespace llmd::inspect {
namespace {

using schedule::Explanation;

constexpr size_t kNameColumnsMax = 24;
constexpr size_t kBarColumns = 16;

std::string name_of(const endpoints::Endpoint& endpoint) {
  return bench::printable(endpoint.spec.name, kNameColumnsMax);
}

/// Scorers are columns of one letter each: their names would not fit beside each other.
std::string letter_of(size_t scorer) {
  constexpr size_t kLetters = 26;
  const std::string letter(1, static_cast<char>('A' + scorer % kLetters));
  return scorer < kLetters ? letter : letter + std::to_string(scorer / kLetters);
}

const Explanation::Row* first_rated(const Explanation::Run& run) {
  const auto rated = std::ranges::find(run.rows, std::string_view(), &Explanation::Row::dropped_by);
  return rated == run.rows.end() ? nullptr : &*rated;
}

double highest_total(const Explanation::Run& run) {
  double highest = 0;
  for (const Explanation::Row& row : run.rows) highest = std::max(highest, row.total);
  return highest;
}

std::vector<std::string> cells_of(const Explanation::Row& row, const Explanation::Run& run,
                                  double highest) {
  std::vector<std::string> cells = {row.endpoint == run.picked ? "*" : "", name_of(*row.endpoint)};
  for (const auto& [scorer, score, weight] : row.scores) {
    cells.push_back(fmt::format("{:.2f}", score * weight));
  }
  cells.push_back(fmt::format("{:.2f}", row.total));
  const double share = highest > 0 ? row.total / highest : 0;
  std::string bar(static_cast<size_t>(share * kBarColumns), '=');
  bar.resize(kBarColumns, ' ');  // the table is flush right here
  cells.push_back(std::move(bar));
  return cells;
}

std::string print_scores(const Explanation::Run& run, const Explanation::Row& like) {
  std::string legend;
  std::vector<std::string> head = {"", "ENDPOINT"};
  for (size_t i = 0; i < like.scores.size(); ++i) {
    head.push_back(letter_of(i));
    legend += fmt::format("  {}  {:g} x {}\n", letter_of(i), like.scores[i].weight,
                          like.scores[i].scorer);
  }
  head.emplace_back("TOTAL");
  bench::TextTable table(2);
  table.row(std::move(head));
  const double highest = highest_total(run);
  for (const Explanation::Row& row : run.rows) {
    if (row.dropped_by.empty()) table.row(cells_of(row, run, highest));
  }
  return legend + table.text();
}

/// What decides where the totals do not.
std::string print_tie(const Explanation::Run& run) {
  const double highest = highest_total(run);
  const auto best = std::ranges::count_if(run.rows, [&](const Explanation::Row& row) {
    return row.dropped_by.empty() && row.total == highest;
  });
  return best < 2 ? "" : fmt::format("  {} have the highest total: the picker draws\n", best);
}

std::string print_run(const Explanation::Run& run) {
  std::string out = fmt::format("profile {}\n", run.profile);
  if (const auto* rated = first_rated(run)) out += print_scores(run, *rated) + print_tie(run);
  for (const Explanation::Row& row : run.rows) {
    if (row.dropped_by.empty()) continue;
    out += fmt::format("  {}: dropped by {}\n", name_of(*row.endpoint), row.dropped_by);
  }
  return out;
}

std::string print(const Explanation& explanation) {
  std::string out =
      fmt::format("about {} prompt tokens\n", bench::format_count(explanation.prompt_tokens));
  for (const Explanation::Run& run : explanation.runs) out += print_run(run);
  for (const auto& [endpoint, why] : explanation.unfit) {
    out += fmt::format("  {}: {}\n", name_of(*endpoint), why);
  }
  return out;
}

/// Follows one request until it would be sent.
class Story final : public request::TicketHolder {
 public:
  explicit Story(request::Router& router) : ticket_(router, *this) {}

  std::string tell(const request::Arrival& arrival) {
    ticket_.begin(arrival);
    if (ticket_.waits()) outcome_ = "it waits: the pool is saturated for its priority\n";
    return outcome_;
  }

  void on_placed() override {
    const endpoints::Endpoint& endpoint = ticket_.endpoint();
    const std::string* model = ticket_.rewritten_model();
    outcome_ = fmt::format("it goes to {} at {}{}\n", name_of(endpoint), endpoint.host_port,
                           model == nullptr ? "" : ", which is asked for the model " + *model);
  }
  void on_refused(const request::Refusal& refusal) override {
    outcome_ = fmt::format("it is refused with {}: {}\n", refusal.error.status,
                           bench::printable(refusal.error.message, SIZE_MAX));
  }

 private:
  request::Ticket ticket_;
  std::string outcome_;
};

}  // namespace

Result<std::string> explain(endpoints::Pool& pool, const Clock& clock,
                            const request::RoutingConfig& routing,
                            std::span<const http::Header> headers, std::string_view body,
                            const Look& look) {
  LLMD_ASSIGN_OR_RETURN(const auto scan, openai::scan_request(body));
  std::string text;
  observe::Registry registry;
  const request::Surroundings around{.pool = pool,
                                     .clock = clock,
                                     .call_after = [](Duration, const std::function<void()>&) {},
                                     .registry = registry};
  LLMD_ASSIGN_OR_RETURN(
      const auto router,
      request::Router::make(around, routing, {.on_decision = [&](const Explanation& explanation) {
                              text += print(explanation);
                            }}));
  look([&](const endpoints::Endpoint& each) { return router->engine_names(each); });
  for (const auto& endpoint : *pool.snapshot()) router->endpoint_changed(*endpoint);
  Story story(*router);
  const std::string outcome = story.tell({.scan = scan, .body = body, .headers = headers});
  return text + outcome;
}

}  // namespace llmd::inspect
