// SPDX-License-Identifier: Apache-2.0
// Plays the stories in tests/scenarios/, whose README says how they are written.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <stdexcept>

#include "base/text.h"
#include "request/test_rig.h"
#include "resources/endpoint_picker_config.h"
#include "resources/yaml.h"
#include "schedule/default_config.h"

namespace llmd::request {
namespace {

using resources::YamlNode;

constexpr const char* kFolder = "tests/scenarios";

const YamlNode* find(const YamlNode& map, std::string_view key) {
  for (const auto& member : map.members) {
    if (member.key.scalar == key) return &member.value;
  }
  return nullptr;
}

std::string text(const YamlNode& map, std::string_view key, std::string fallback = "") {
  const YamlNode* node = find(map, key);
  return node == nullptr ? fallback : node->scalar;
}

double number(const YamlNode& map, std::string_view key) { return std::stod(text(map, key, "0")); }

std::string prompt_of(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) return node.scalar;
  std::string out;
  for (int i = 0; i < std::stoi(text(node, "times", "1")); ++i) out += text(node, "repeat");
  return out + text(node, "then");
}

resources::YamlMember member(std::string key, std::string value) {
  YamlNode name;
  name.kind = YamlNode::Kind::kScalar;
  name.scalar = std::move(key);
  YamlNode text = name;
  text.scalar = std::move(value);
  return {name, text};
}

/// The file's EndpointPickerConfig, which leaves out what all have in common.
resources::EndpointPickerConfig config_of(const YamlNode& root, const std::string& file) {
  const YamlNode* node = find(root, "config");
  if (node == nullptr) return schedule::default_config();
  YamlNode whole = *node;
  whole.members.push_back(member("apiVersion", "llm-d.ai/v1"));
  whole.members.push_back(member("kind", "EndpointPickerConfig"));
  const auto config = resources::read_endpoint_picker_config(whole, file);
  if (!config) throw std::runtime_error(config.error().message);
  return *config;
}

RoutingConfig routing_of(const YamlNode& root, const std::string& file) {
  resources::ObjectReader reader;
  if (const YamlNode* objects = find(root, "objects")) {
    for (const YamlNode& object : objects->items) {
      const auto read = reader.add(object, file);
      if (!read) throw std::runtime_error(read.error().message);
    }
  }
  resources::Objects objects = reader.take();
  objects.picker_configs = {config_of(root, file)};
  return plan_routing(std::move(objects)).value();
}

std::vector<std::string> texts(const YamlNode& map, std::string_view key) {
  std::vector<std::string> out;
  const YamlNode* node = find(map, key);
  if (node == nullptr) return out;
  for (const YamlNode& item : node->items) out.push_back(item.scalar);
  return out;
}

std::vector<endpoints::Attribute> attributes_of(const YamlNode& map) {
  std::vector<endpoints::Attribute> out;
  const YamlNode* node = find(map, "attributes");
  if (node == nullptr) return out;
  for (const auto& each : node->members) {
    out.push_back({each.key.scalar, std::stod(each.value.scalar)});
  }
  return out;
}

class Scenario {
 public:
  Scenario(const YamlNode& root, const std::string& file, uint64_t seed)
      : router_(Router::make({.pool = pool_,
                              .clock = time_,
                              .call_after = time_.call_after(),
                              .registry = registry_,
                              .seed = seed},
                             routing_of(root, file), {})
                    .value()) {
    std::vector<endpoints::EndpointSpec> specs;
    for (const YamlNode& node : find(root, "endpoints")->items) {
      endpoints::EndpointSpec& spec = specs.emplace_back();
      spec.name = text(node, "name");
      spec.address = "127.0.0.1";
      spec.port = static_cast<uint16_t>(specs.size());
      if (const YamlNode* labels = find(node, "labels")) {
        for (const auto& each : labels->members) spec.labels[each.key.scalar] = each.value.scalar;
      }
    }
    pool_.update(specs);
    for (const YamlNode& node : find(root, "endpoints")->items) {
      endpoints::Live& live = endpoint(text(node, "name"))->live;
      live.health =
          text(node, "down") == "true" ? endpoints::Health::kDown : endpoints::Health::kUp;
      live.models = {text(node, "model", "m")};
      scrape(*endpoint(text(node, "name")), node);
    }
  }

  void play(const YamlNode& step) {
    SCOPED_TRACE(fmt::format("step at line {}", step.line));
    const std::string& verb = step.members.at(0).key.scalar;
    const std::string object = step.members.at(0).value.scalar;
    if (verb == "send") return send(step);
    if (verb == "fail") return fail(object, step);
    if (verb == "end") return requests_.at(object)->ticket().finished();
    if (verb == "first_byte") return requests_.at(object)->ticket().first_byte();
    if (verb == "first_token") return requests_.at(object)->ticket().first_token();
    if (verb == "pass_ms") return pass(std::chrono::milliseconds(std::stoi(object)));
    if (verb == "scrape") return scrape(*endpoint(object), step);
    if (verb == "placed") return expect_place(place_of(object), step);
    if (verb == "refused") return expect_refusal(*requests_.at(object), step);
    if (verb == "leave") return void(requests_.erase(object));
    if (verb == "stale") return void(endpoint(object)->live.stale = true);
    if (verb == "restart") return pool_.report_cache_lost(*endpoint(object));
    ASSERT_TRUE(verb == "up" || verb == "down") << "no such step: " << verb;
    endpoint(object)->live.health =
        verb == "up" ? endpoints::Health::kUp : endpoints::Health::kDown;
    router_->endpoint_changed(*endpoint(object));
  }

 private:
  std::shared_ptr<endpoints::Endpoint> endpoint(const std::string& name) {
    const auto snapshot = pool_.snapshot();
    return *std::find_if(snapshot->begin(), snapshot->end(),
                         [&](const auto& each) { return each->spec.name == name; });
  }

  void pass(Duration time) { time_.run_until(time_.now() + time); }

  void scrape(endpoints::Endpoint& scraped, const YamlNode& node) {
    endpoints::Live& live = scraped.live;
    live.scrape.waiting = number(node, "waiting");
    live.scrape.running = number(node, "running");
    live.scrape.kv_usage = number(node, "kv");
    live.scrape.active_adapters = texts(node, "adapters");
    live.scrape.waiting_adapters = texts(node, "waiting_adapters");
    live.scrape.adapters_max = static_cast<uint32_t>(number(node, "adapters_max"));
    live.scrape.attributes = attributes_of(node);
    live.in_flight_at_scrape = live.in_flight;
    live.scraped_at = time_.now();
    live.stale = false;
    router_->endpoint_changed(scraped);
  }

  void send(const YamlNode& step) {
    const std::string body = fmt::format(R"({{"model":"{}","prompt":"{}"}})",
                                         text(step, "model", "m"), prompt_of(*find(step, "send")));
    std::vector<http::Header> headers;
    if (const YamlNode* given = find(step, "headers")) {
      for (const auto& each : given->members) {
        headers.push_back({each.key.scalar, each.value.scalar});
      }
    }
    auto request = std::make_unique<TestRequest>(*router_, body, std::move(headers));
    if (request->is_refused()) {
      expect_refusal(*request, step);
    } else if (request->ticket().waits()) {
      EXPECT_EQ(text(step, "waits"), "true") << "waits";
    } else {
      expect_place(request->place(), step);
      expect_model(*request, step);
      expect_prefill(*request, step);
    }
    const std::string name = text(step, "as", fmt::format("line {}", step.line));
    requests_[name] = std::move(request);
  }

  static void expect_refusal(const TestRequest& request, const YamlNode& step) {
    ASSERT_TRUE(request.is_refused());
    EXPECT_EQ(std::to_string(request.refusal().error.status), text(step, "error", "no error"));
    if (find(step, "reason") != nullptr) {
      EXPECT_EQ(request.refusal().dropped_reason, text(step, "reason"));
    }
  }

  static void expect_model(TestRequest& request, const YamlNode& step) {
    if (find(step, "asks_for") == nullptr) return;
    const std::string* model = request.ticket().rewritten_model();
    EXPECT_EQ(model == nullptr ? text(step, "model", "m") : *model, text(step, "asks_for"));
  }

  /// Which endpoint the engine is told to have the prompt computed by.
  void expect_prefill(TestRequest& request, const YamlNode& step) {
    if (find(step, "prefill") == nullptr) return;
    std::vector<std::string> allowed;
    for (const std::string& name : texts(step, "prefill")) {
      allowed.push_back("x-prefiller-host-port: " + endpoint(name)->host_port + "\r\n");
    }
    std::string headers;
    request.ticket().add_request_headers(headers);
    if (allowed.empty()) allowed.emplace_back();
    EXPECT_NE(std::ranges::find(allowed, headers), allowed.end()) << headers;
  }

  void fail(const std::string& name, const YamlNode& step) {
    Ticket& ticket = requests_.at(name)->ticket();
    const auto refused = ticket.retry(Failure::kConnect);
    if (!refused) return expect_place(ticket.endpoint().spec.name, step);
    EXPECT_EQ(std::to_string(refused->status), text(step, "error", "another attempt"));
  }

  void expect_place(const std::string& name, const YamlNode& step) {
    EXPECT_EQ(find(step, "error"), nullptr) << "was placed at " << name;
    EXPECT_EQ(find(step, "waits"), nullptr) << "was placed at " << name;
    if (const YamlNode* allowed = find(step, "to")) {
      const bool is_allowed = std::any_of(allowed->items.begin(), allowed->items.end(),
                                          [&](const auto& each) { return each.scalar == name; });
      EXPECT_TRUE(is_allowed) << "was placed at " << name;
    }
    if (find(step, "same_as") != nullptr) {
      EXPECT_EQ(name, place_of(text(step, "same_as")));
    }
    if (find(step, "not_as") != nullptr) {
      EXPECT_NE(name, place_of(text(step, "not_as")));
    }
  }

  std::string place_of(const std::string& request) { return requests_.at(request)->place(); }

  VirtualTime time_;
  endpoints::Pool pool_;
  observe::Registry registry_;
  std::unique_ptr<Router> router_;
  std::map<std::string, std::unique_ptr<TestRequest>> requests_;
};

TEST(Scenarios, EveryStoryHoldsWhateverTheSeed) {
  size_t played = 0;
  for (const auto& file : std::filesystem::directory_iterator(kFolder)) {
    if (file.path().extension() != ".yaml") continue;
    SCOPED_TRACE(file.path().string());
    const auto content = read_file(file.path().string(), resources::kYamlBytesMax);
    const auto documents = resources::parse_yaml(content.value(), file.path().string());
    ASSERT_TRUE(documents.ok()) << documents.error().message;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Scenario scenario(documents->at(0), file.path().string(), seed);
      for (const YamlNode& step : find(documents->at(0), "steps")->items) scenario.play(step);
    }
    ++played;
  }
  EXPECT_GE(played, 25U);
}

}  // namespace
}  // namespace llmd::request
