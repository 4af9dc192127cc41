// SPDX-License-Identifier: Apache-2.0
#include "schedule/session_affinity.h"

#include <fmt/core.h>

#include "base/base64.h"
#include "base/text.h"

namespace llmd::schedule {
namespace {

constexpr std::string_view kTokenHeader = "x-session-token";
/// Upstream's time to live.
constexpr Duration kSessionTtl = std::chrono::seconds(300);
/// Bounds on what clients can make us remember.
constexpr size_t kSessionsMax = 100'000;
constexpr size_t kSessionIdBytesMax = 256;

std::string name_of(const endpoints::Endpoint& endpoint) {
  return fmt::format("{}/{}", endpoint.spec.name_space, endpoint.spec.name);
}

}  // namespace

Result<SessionAffinity::Options> SessionAffinity::read(resources::Fields& parameters,
                                                       Registry& registry) {
  LLMD_ASSIGN_OR_RETURN(const std::string strategy,
                        parameters.text("strategy", "encoded_endpoint_header"));
  LLMD_ASSIGN_OR_RETURN(const std::string header,
                        parameters.text("headerName", std::string(kTokenHeader)));
  LLMD_RETURN_IF_ERROR(parameters.text("profileName", ""));
  Options out;
  out.token_header = to_lower_ascii(header);
  if (strategy == "encoded_endpoint_header") return out;
  if (strategy != "session_id") {
    return parameters.error("strategy", "must be encoded_endpoint_header or session_id");
  }
  LLMD_ASSIGN_OR_RETURN(out.ids, registry.get_by_type<SessionIdProducer>("session-id-producer"));
  return out;
}

bool SessionAffinity::is_home(const Query& query, const endpoints::Endpoint& endpoint) {
  if (options_.ids == nullptr)
    return base64_decode(query.header(options_.token_header)) == name_of(endpoint);
  forget_expired(query.now);
  const auto found = by_session_.find(options_.ids->session_of(query));
  return found != by_session_.end() && found->second->home == name_of(endpoint);
}

void SessionAffinity::placed(const Query& query, const endpoints::Endpoint& endpoint) {
  if (options_.ids == nullptr) return;
  const std::string_view id = options_.ids->session_of(query);
  if (id.empty() || id.size() > kSessionIdBytesMax) return;
  forget_expired(query.now);
  if (const auto found = by_session_.find(id); found != by_session_.end()) {
    const auto session = found->second;
    by_session_.erase(found);
    sessions_.erase(session);
  }
  sessions_.push_back({std::string(id), name_of(endpoint), query.now + kSessionTtl});
  by_session_.emplace(sessions_.back().id, std::prev(sessions_.end()));
  if (sessions_.size() > kSessionsMax) {
    by_session_.erase(sessions_.front().id);
    sessions_.pop_front();
  }
}

void SessionAffinity::add_response_headers(const endpoints::Endpoint& endpoint, std::string& head) {
  if (options_.ids != nullptr) return;
  head += fmt::format("{}: {}\r\n", options_.token_header, base64_encode(name_of(endpoint)));
}

void SessionAffinity::forget_expired(TimePoint now) {
  while (!sessions_.empty() && sessions_.front().expires <= now) {
    by_session_.erase(sessions_.front().id);
    sessions_.pop_front();
  }
}

}  // namespace llmd::schedule
