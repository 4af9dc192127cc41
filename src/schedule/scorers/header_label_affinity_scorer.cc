// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// 1 where the endpoint's label equals the request's header.
class HeaderLabelAffinityScorer final : public Scorer {
 public:
  HeaderLabelAffinityScorer(std::string header, std::string label, bool stamps_response)
      : header_(std::move(header)), label_(std::move(label)), stamps_response_(stamps_response) {}

  void score(const Query& query, std::span<const Candidate> candidates,
             std::span<double> scores) override {
    const std::string_view wanted = query.header(header_);
    for (size_t i = 0; i < candidates.size(); ++i) {
      scores[i] = !wanted.empty() && candidates[i].endpoint->label(label_) == wanted ? 1 : 0;
    }
  }
  void add_response_headers(const endpoints::Endpoint& endpoint, std::string& head) override {
    const std::string_view label = endpoint.label(label_);
    if (stamps_response_ && !label.empty()) head += fmt::format("{}: {}\r\n", header_, label);
  }

 private:
  std::string header_;
  std::string label_;
  bool stamps_response_;
};

}  // namespace

Made make_header_label_affinity_scorer(resources::Fields& parameters, Registry&) {
  LLMD_RETURN_IF_ERROR(parameters.require("headerName"));
  LLMD_RETURN_IF_ERROR(parameters.require("labelKey"));
  LLMD_ASSIGN_OR_RETURN(std::string header, parameters.text("headerName", ""));
  LLMD_ASSIGN_OR_RETURN(std::string label, parameters.text("labelKey", ""));
  LLMD_ASSIGN_OR_RETURN(const bool stamps, parameters.boolean("stampResponseHeader", true));
  return make_plugin<HeaderLabelAffinityScorer>(to_lower_ascii(header), std::move(label), stamps);
}

}  // namespace llmd::schedule
