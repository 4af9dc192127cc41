// SPDX-License-Identifier: Apache-2.0
#include "inspect/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "bench/config/bench_config.h"
#include "endpoints/endpoints_file.h"
#include "inspect/describe.h"
#include "inspect/text.h"
#include "resources/objects.h"

namespace llmd::inspect {
namespace {

using resources::Objects;
using resources::YamlNode;

bool has_key(const YamlNode& document, std::string_view key) {
  return std::ranges::any_of(document.members,
                             [&](const auto& member) { return member.key.scalar == key; });
}

bool is_object(const YamlNode& document) {
  return has_key(document, "kind") || has_key(document, "apiVersion");
}

bool is_bench_config(const YamlNode& document) {
  constexpr std::array<std::string_view, 3> kKeys = {"load", "data", "server"};
  return std::ranges::any_of(kKeys, [&](auto key) { return has_key(document, key); });
}

class Checker {
 public:
  explicit Checker(const cluster::PlanOptions& options) : options_(options) {}

  void check_file(const std::string& file);
  CheckReport take() { return std::move(report_); }

 private:
  void add(const Error& error) { report_.errors.push_back(error.message); }
  void add(const std::string& file, int line, const Result<std::string>& text);
  void check_objects(const std::vector<YamlNode>& documents, const std::string& file);
  void check_endpoints(std::string_view text, const std::string& file, int line);
  Result<std::string> describe_only(const Objects& objects) const;

  const cluster::PlanOptions& options_;
  CheckReport report_;
};

void Checker::check_file(const std::string& file) {
  const auto text = read_file(file, resources::kYamlBytesMax);
  if (!text) return add(text.error());
  const auto documents = resources::parse_yaml(*text, file);
  if (!documents) return add(documents.error());
  if (documents->empty()) return add(invalid_argument(file + ": holds no object"));
  const YamlNode& first = documents->front();
  if (!is_object(first) && has_key(first, "endpoints")) {
    return check_endpoints(*text, file, first.line);
  }
  if (!is_object(first) && is_bench_config(first)) {
    const auto config = bench::parse_config(*text, file);
    if (!config) return add(config.error());
    return add(file, first.line,
               "configuration of llmd bench\n" + indented(bench::unused_words(config->unused), 2));
  }
  check_objects(*documents, file);
}

void Checker::add(const std::string& file, int line, const Result<std::string>& text) {
  if (!text) return add(text.error());
  report_.text += fmt::format("{}:{}: {}", file, line, *text);
}

/// `objects` holds one.
Result<std::string> Checker::describe_only(const Objects& objects) const {
  if (!objects.services.empty()) return describe(objects.services.front(), options_);
  if (!objects.picker_configs.empty()) return describe(objects.picker_configs.front());
  if (!objects.objectives.empty()) return describe(objects.objectives.front());
  return describe(objects.rewrites.front());
}

void Checker::check_objects(const std::vector<YamlNode>& documents, const std::string& file) {
  resources::ObjectReader reader;
  for (const YamlNode& document : documents) {
    const auto read = reader.add(document, file);
    if (read) {
      add(file, document.line, describe_only(reader.take()));
    } else {
      add(read.error());
    }
  }
}

void Checker::check_endpoints(std::string_view text, const std::string& file, int line) {
  const auto specs = endpoints::parse_endpoints(text, file, [&](const Error& bad) { add(bad); });
  if (!specs) return add(specs.error());
  add(file, line, describe(*specs));
}

}  // namespace

CheckReport check_files(const std::vector<std::string>& files,
                        const cluster::PlanOptions& options) {
  Checker checker(options);
  for (const std::string& file : files) checker.check_file(file);
  return checker.take();
}

}  // namespace llmd::inspect
