// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

/// By which agents name a session: Claude Code, OpenCode, Codex and its older versions. List and
/// order are upstream's.
constexpr const char* kHeaders[] = {"x-claude-code-session-id", "x-session-affinity", "session-id",
                                    "session_id"};

/// An agent's session is a tenant.
class AgentIdentity final : public TenantReader {
 public:
  explicit AgentIdentity(std::vector<std::string> headers) : headers_(std::move(headers)) {}

  std::string_view tenant(std::span<const http::Header> headers) const override {
    for (const std::string& name : headers_) {
      const auto value = http::find_header(headers, name);
      if (value && !value->empty()) return *value;
    }
    return {};
  }

 private:
  std::vector<std::string> headers_;
};

}  // namespace

Made make_agent_identity(resources::Fields& parameters, Registry&) {
  LLMD_ASSIGN_OR_RETURN(auto headers, parameters.texts("additionalSessionHeaders"));
  for (std::string& name : headers) name = to_lower_ascii(name);
  headers.insert(headers.end(), std::begin(kHeaders), std::end(kHeaders));
  return make_plugin<AgentIdentity>(std::move(headers));
}

}  // namespace llmd::schedule
