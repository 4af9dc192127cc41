// SPDX-License-Identifier: Apache-2.0
// endpoints.yaml: how a pool is told without Kubernetes. Upstream's file-discovery form:
// endpoints: [{name, namespace, address (IP address or host's name), port (text), labels: {}}].
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "endpoints/endpoint.h"

namespace llmd::endpoints {

inline constexpr size_t kEndpointsFileBytesMax = 1 << 20;

/// Logs that an entry is left out, and why.
void log_bad_entry(const Error& error);

/// Bad entries are left out, each told to `on_bad_entry`; a file that is no such document at all is
/// an error.
Result<std::vector<EndpointSpec>> parse_endpoints(
    std::string_view text, const std::string& file,
    const std::function<void(const Error&)>& on_bad_entry = log_bad_entry);

std::string print_endpoints(const std::vector<EndpointSpec>& specs);

/// An endpoint from "http://HOST:PORT", HOST an IP address (IPv6 in brackets) or a name.
Result<EndpointSpec> endpoint_from_url(std::string_view url);
Result<std::vector<EndpointSpec>> endpoints_from_urls(const std::vector<std::string>& urls);

/// Notices when a file was replaced or written.
class FileWatcher {
 public:
  explicit FileWatcher(std::string path) : path_(std::move(path)) {}

  /// Whether the file is another than at the last call. True at the first call if it exists.
  bool changed();
  const std::string& path() const { return path_; }

 private:
  struct Stamp {
    uint64_t inode = 0;
    int64_t size = -1;
    int64_t modified_ns = 0;
    bool operator==(const Stamp&) const = default;
  };

  std::string path_;
  Stamp seen_;
};

}  // namespace llmd::endpoints
