// SPDX-License-Identifier: Apache-2.0
#include "kv/events/publisher_config.h"

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"

namespace llmd::kv {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kBatchesMax = 10'000'000;
constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";

struct Key {
  std::string name;
  const char* wanted;                                       ///< for the error
  std::function<bool(PublisherConfig&, const Json&)> read;  ///< false: it is something else
};

/// Into a string or an optional one.
template <typename T>
bool read_text(const Json& value, T& out) {
  if (!value.is_string()) return false;
  out = value.get<std::string>();
  return true;
}

bool read_count(const Json& value, uint32_t& out) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > kBatchesMax) return false;
  out = value.get<uint32_t>();
  return true;
}

bool read_publisher(PublisherConfig& config, const Json& value) {
  if (value.is_null()) return true;
  return read_text(value, config.publisher) &&
         (config.publisher == "zmq" || config.publisher == "null");
}

bool read_form(PublisherConfig& config, const Json& value) {
  config.event_form = value == "array" ? EventForm::kArray : EventForm::kMap;
  return value == "array" || value == "map";
}

const std::vector<Key>& keys() {
  static const std::vector<Key> kKeys = {
      {"enable_kv_cache_events", "true or false",
       [](PublisherConfig& config, const Json& value) {
         if (value.is_boolean()) config.enable_kv_cache_events = value.get<bool>();
         return value.is_boolean();
       }},
      {"publisher", "\"zmq\" or \"null\"", read_publisher},
      {"endpoint", "an endpoint as \"tcp://*:5557\"",
       [](auto& config, const Json& value) { return read_text(value, config.endpoint); }},
      {"replay_endpoint", "an endpoint as \"tcp://*:5558\", or null",
       [](auto& config, const Json& value) {
         return value.is_null() || read_text(value, config.replay_endpoint);
       }},
      {"buffer_steps", "a number of batches",
       [](auto& config, const Json& value) { return read_count(value, config.buffer_steps); }},
      {"hwm", "a number of batches",
       [](auto& config, const Json& value) { return read_count(value, config.hwm); }},
      {"max_queue_size", "a number of batches, one or more",
       [](auto& config, const Json& value) {
         return read_count(value, config.max_queue_size) && config.max_queue_size > 0;
       }},
      {"topic", "text",
       [](auto& config, const Json& value) { return read_text(value, config.topic); }},
      {"event_form", "\"map\" or \"array\"", read_form},
  };
  return kKeys;
}

Error unknown_key(const std::string& name) {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(key.name);
  const auto near = nearest_word(name, names);
  return invalid_argument(fmt::format("kv events config: unknown key \"{}\"{}", name,
                                      near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
}

Result<void> check_endpoint(const std::string& endpoint) {
  if (endpoint.starts_with(kTcp) || endpoint.starts_with(kIpc)) return {};
  return invalid_argument(
      "kv events config: \"" + endpoint +
      "\" is no endpoint that another process can reach: give tcp:// or ipc://");
}

Result<void> add_offset(std::string& endpoint, uint32_t offset) {
  const size_t colon = endpoint.rfind(':');
  const auto port = parse_uint(std::string_view(endpoint).substr(colon + 1));
  if (offset == 0 || endpoint.ends_with(":*") || port == 0U) return {};
  if (!endpoint.starts_with(kTcp) || !port || *port + offset > UINT16_MAX) {
    return invalid_argument(
        fmt::format("kv events config: {} has no port that could grow by {} for a further engine",
                    endpoint, offset));
  }
  endpoint = endpoint.substr(0, colon + 1) + std::to_string(*port + offset);
  return {};
}

}  // namespace

Result<PublisherConfig> parse_publisher_config(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) {
    return invalid_argument(
        R"(kv events config: give a JSON object as {"enable_kv_cache_events": true})");
  }
  PublisherConfig config;
  for (const auto& [name, value] : object.items()) {
    const auto key = std::find_if(keys().begin(), keys().end(),
                                  [&, &wanted = name](const Key& k) { return k.name == wanted; });
    if (key == keys().end()) return unknown_key(name);
    if (!key->read(config, value)) {
      return invalid_argument(
          fmt::format("kv events config: \"{}\" must be {}", name, key->wanted));
    }
  }
  LLMD_RETURN_IF_ERROR(check_endpoint(config.endpoint));
  if (config.replay_endpoint) LLMD_RETURN_IF_ERROR(check_endpoint(*config.replay_endpoint));
  return config;
}

bool binds(std::string_view endpoint) {
  return endpoint.find('*') != std::string_view::npos ||
         endpoint.find("::") != std::string_view::npos || endpoint.starts_with(kIpc) ||
         endpoint.ends_with(":0");
}

Result<PublisherConfig> offset_ports(PublisherConfig config, uint32_t offset) {
  if (binds(config.endpoint)) LLMD_RETURN_IF_ERROR(add_offset(config.endpoint, offset));
  if (config.replay_endpoint) LLMD_RETURN_IF_ERROR(add_offset(*config.replay_endpoint, offset));
  return config;
}

}  // namespace llmd::kv
