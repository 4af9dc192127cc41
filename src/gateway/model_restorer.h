// SPDX-License-Identifier: Apache-2.0
// Where a request was sent for another model than its client named, the answer says the client's
// name again.
#pragma once

#include <string>
#include <string_view>

namespace llmd::gateway {

/// Replaces every member "model": "SERVED" of JSON text, also within events and across pieces. A
/// model's own words cannot look like one: quotes within strings are escaped.
class ModelRestorer {
 public:
  /// For a new answer; both are plain text.
  void start(std::string_view served, std::string_view asked);
  /// What may go on of the answer so far; `last`: everything. Valid until the next call.
  std::string_view restore(std::string_view bytes, bool last);

 private:
  size_t match_end(size_t at) const;

  std::string served_;  // as JSON strings, quotes included
  std::string asked_;
  std::string in_;
  std::string out_;
};

}  // namespace llmd::gateway
