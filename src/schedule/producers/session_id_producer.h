// SPDX-License-Identifier: Apache-2.0
// Which session a request belongs to: a header or a cookie says.
#pragma once

#include <string>

#include "schedule/plugin.h"

namespace llmd::schedule {

class SessionIdProducer final : public Producer {
 public:
  SessionIdProducer(std::string header, std::string cookie)
      : header_(std::move(header)), cookie_(std::move(cookie)) {}

  void produce(const Query&) override {}
  /// Empty when the request names none.
  std::string_view session_of(const Query& query) const;

 private:
  std::string header_;  ///< in lower case; or else
  std::string cookie_;
};

}  // namespace llmd::schedule
