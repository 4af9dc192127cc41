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

/// Loop thread only.
class SessionAffinity {
 public:
  /// Parameters strategy (encoded_endpoint_header or session_id), headerName, profileName.
  static Result<SessionAffinity> read(resources::Fields& parameters, Registry& registry);

  bool is_home(const Query& query, const endpoints::Endpoint& endpoint);
  /// The request's session is served by `endpoint` from now on.
  void remember(const Query& query, const endpoints::Endpoint& endpoint);
  /// The token that brings the client back.
  void add_response_headers(const endpoints::Endpoint& endpoint, std::string& head) const;

 private:
  struct Session {
    std::string id;
    std::string home;  ///< "namespace/name"
    TimePoint expires{};
  };

  void forget_expired(TimePoint now);

  std::string token_header_;
  const SessionIdProducer* ids_ = nullptr;  ///< none: the client brings a token
  std::list<Session> sessions_;             ///< the one that expires first in front
  std::unordered_map<std::string_view, std::list<Session>::iterator> by_session_;
};

}  // namespace llmd::schedule
