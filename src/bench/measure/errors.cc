// SPDX-License-Identifier: Apache-2.0
#include "bench/measure/errors.h"

#include <algorithm>
#include <map>

namespace llmd::bench {
namespace {

const char* status_words(int status) {
  switch (status) {
    case 429:
      return "Rate Limit";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "other";
  }
}

bool belongs(const RunResult& run, const RequestRecord& record, std::optional<uint32_t> stage) {
  if (record.outcome == Outcome::kOk) return false;
  return stage ? record.stage == *stage : !run.stages[record.stage].warm_up;
}

void add_message(std::vector<std::string>& messages, const std::string& message) {
  if (messages.size() >= kMessagesPerGroupMax) return;
  if (std::find(messages.begin(), messages.end(), message) == messages.end()) {
    messages.push_back(message);
  }
}

}  // namespace

std::string error_label(const RequestRecord& record) {
  switch (record.outcome) {
    case Outcome::kOk:
      return "OK";
    case Outcome::kConnect:
      return "Connection Error";
    case Outcome::kTimeout:
      return "Timeout";
    case Outcome::kStatus:
      return std::to_string(record.status) + " - " + status_words(record.status);
    case Outcome::kBroken:
      return "Broken Stream";
    case Outcome::kProtocol:
      return "Protocol Error";
    case Outcome::kUnfinished:
      return "Unfinished";
  }
  return "other";
}

std::vector<ErrorGroup> group_errors(const RunResult& run, std::optional<uint32_t> stage) {
  std::map<std::string, ErrorGroup> by_label;
  for (const RequestRecord& record : run.requests) {
    if (!belongs(run, record, stage)) continue;
    ErrorGroup& group = by_label[error_label(record)];
    group.outcome = record.outcome;
    ++group.count;
    add_message(group.messages, record.error);
  }
  std::vector<ErrorGroup> groups;
  for (auto& [label, group] : by_label) {
    group.label = label;
    groups.push_back(std::move(group));
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const ErrorGroup& a, const ErrorGroup& b) { return a.count > b.count; });
  return groups;
}

}  // namespace llmd::bench
