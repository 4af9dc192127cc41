// SPDX-License-Identifier: Apache-2.0
#include "endpoints/endpoints_file.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "resources/fields.h"
#include "resources/yaml.h"

namespace llmd::endpoints {
namespace {

using resources::Fields;
using resources::quote_yaml;
using resources::YamlNode;

bool is_label(std::string_view label) {
  constexpr size_t kLabelBytesMax = 63;
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  return !label.empty() && label.size() <= kLabelBytesMax && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, is_letter);
}

/// A name as DNS has them. What ends in a number is a wrong IPv4 address (RFC 3696).
bool is_host_name(std::string_view name) {
  constexpr size_t kNameBytesMax = 253;
  if (name.size() > kNameBytesMax) return false;
  const auto labels = split(name, '.');
  return std::ranges::all_of(labels, is_label) && !parse_uint(labels.back());
}

bool is_address(const std::string& text) {
  return net::Address::parse(text, 0).ok() || is_host_name(text);
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto value = parse_uint(text);
  if (!value || *value == 0 || *value > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*value);
}

Result<EndpointSpec> read_entry(const YamlNode& node, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, Fields::of(node, "endpoints", file));
  EndpointSpec spec;
  LLMD_RETURN_IF_ERROR(fields.require("name"));
  LLMD_ASSIGN_OR_RETURN(spec.name, fields.text("name", ""));
  LLMD_ASSIGN_OR_RETURN(spec.name_space, fields.text("namespace", spec.name_space));
  LLMD_ASSIGN_OR_RETURN(spec.address, fields.text("address", ""));
  if (!is_address(spec.address)) {
    return fields.error("address", "must be an IP address or a host's name");
  }
  LLMD_ASSIGN_OR_RETURN(const std::string port_text, fields.text("port", ""));
  const auto port = parse_port(port_text);
  if (!port) return fields.error("port", "must be from 1 to 65535");
  spec.port = *port;
  LLMD_ASSIGN_OR_RETURN(auto labels, fields.text_map("labels"));
  spec.labels = {labels.begin(), labels.end()};
  LLMD_RETURN_IF_ERROR(fields.done());
  return spec;
}

}  // namespace

void log_bad_entry(const Error& error) { log::warn("endpoint left out: {}", error.message); }

Result<std::vector<EndpointSpec>> parse_endpoints(
    std::string_view text, const std::string& file,
    const std::function<void(const Error&)>& on_bad_entry) {
  LLMD_ASSIGN_OR_RETURN(const auto documents, resources::parse_yaml(text, file));
  std::vector<EndpointSpec> specs;
  if (documents.empty()) return specs;
  if (documents.size() > 1) return invalid_argument(file + ": holds more than one document");
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(documents.front(), "", file));
  const YamlNode* entries = root.find("endpoints");
  LLMD_RETURN_IF_ERROR(root.done());
  if (entries == nullptr) return specs;
  if (entries->kind != YamlNode::Kind::kSequence) return root.error("endpoints", "must be a list");
  for (const YamlNode& entry : entries->items) {
    auto spec = read_entry(entry, file);
    if (spec) {
      specs.push_back(std::move(*spec));
    } else {
      on_bad_entry(spec.error());
    }
  }
  return specs;
}

std::string print_endpoints(const std::vector<EndpointSpec>& specs) {
  if (specs.empty()) return "endpoints: []\n";
  std::string out = "endpoints:\n";
  for (const EndpointSpec& spec : specs) {
    out += fmt::format("- name: {}\n  namespace: {}\n  address: {}\n  port: \"{}\"\n  labels: {{",
                       quote_yaml(spec.name), quote_yaml(spec.name_space), quote_yaml(spec.address),
                       spec.port);
    std::string_view separator;
    for (const auto& [key, value] : spec.labels) {
      out += fmt::format("{}{}: {}", separator, quote_yaml(key), quote_yaml(value));
      separator = ", ";
    }
    out += "}\n";
  }
  return out;
}

Result<EndpointSpec> endpoint_from_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [&] {
    return invalid_argument(
        fmt::format("\"{}\" is no endpoint such as http://127.0.0.1:8000", url));
  };
  if (!url.starts_with(kScheme)) return refuse();
  std::string_view rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return refuse();
  const auto port = parse_port(rest.substr(colon + 1));
  std::string address(rest.substr(0, colon));
  if (address == "localhost") address = "127.0.0.1";
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (bracketed) address = address.substr(1, address.size() - 2);
  const bool is_v6 = address.find(':') != std::string::npos;
  if (!port || bracketed != is_v6 || !is_address(address)) return refuse();
  EndpointSpec spec{.name = {}, .address = std::move(address), .port = *port, .labels = {}};
  spec.name = spec.host_port();
  return spec;
}

Result<std::vector<EndpointSpec>> endpoints_from_urls(const std::vector<std::string>& urls) {
  std::vector<EndpointSpec> specs;
  for (const std::string& url : urls) {
    LLMD_ASSIGN_OR_RETURN(auto spec, endpoint_from_url(url));
    specs.push_back(std::move(spec));
  }
  return specs;
}

bool FileWatcher::changed() {
  struct stat status{};
  Stamp now;
  if (::stat(path_.c_str(), &status) == 0) {
    now = {.inode = status.st_ino,
           .size = status.st_size,
           .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
  }
  if (now == seen_) return false;
  seen_ = now;
  return true;
}

}  // namespace llmd::endpoints
