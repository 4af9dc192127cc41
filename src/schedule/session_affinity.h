// SPDX-License-Identifier: Apache-2.0
// Which endpoint a session was served by: told by the client's token, or remembered by session id.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "resources/fields.h"
#include "schedule/producers/session_id_producer.h"
#include "schedule/registry.h"

namespace llmd::schedule {

/// What the filter and the scorer of that name have in common. Loop thread only.
class SessionAffinity : public virtual Plugin {
 public:
  struct Options {
    std::string token_header;
    const SessionIdProducer* ids = nullptr;  ///< none: the client brings a token
  };
  /// Parameters strategy (encoded_endpoint_header or session_id), headerName, profileName.
  static Result<Options> read(resources::Fields& parameters, Registry& registry);

  explicit SessionAffinity(Options options) : options_(std::move(options)) {}

  /// The request's session is served by `endpoint` from now on.
  void placed(const Query& query, const endpoints::Endpoint& endpoint) override;
  /// The token that brings the client back.
  void add_response_headers(const endpoints::Endpoint& endpoint, std::string& head) override;

 protected:
  bool is_home(const Query& query, const endpoints::Endpoint& endpoint);

 private:
  struct Session {
    std::string id;
    std::string home;  ///< "namespace/name"
    TimePoint expires{};
  };

  void forget_expired(TimePoint now);

  Options options_;
  std::list<Session> sessions_;  ///< the one that expires first in front
  std::unordered_map<std::string_view, std::list<Session>::iterator> by_session_;
};

}  // namespace llmd::schedule
