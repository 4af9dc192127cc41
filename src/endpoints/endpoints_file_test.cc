// SPDX-License-Identifier: Apache-2.0
#include "endpoints/endpoints_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "base/text.h"

namespace llmd::endpoints {
namespace {

TEST(EndpointsFile, ReadsUpstreamsForm) {
  const auto specs = parse_endpoints(R"(
endpoints:
- name: a
  address: 10.0.0.1
  port: "8000"
  labels: {llm-d.ai/engine-type: sglang}
- {name: b, namespace: other, address: 127.0.0.1, port: 9000}
)",
                                     "f");
  ASSERT_TRUE(specs.ok()) << specs.error().message;
  ASSERT_EQ(specs->size(), 2U);
  EXPECT_EQ(specs->at(0).name_space, "default");
  EXPECT_EQ(specs->at(0).port, 8000);
  EXPECT_EQ(Endpoint(specs->at(0), 0).label("llm-d.ai/engine-type"), "sglang");
  EXPECT_EQ(specs->at(1).name_space, "other");
  EXPECT_EQ(Endpoint(specs->at(1), 0).label("llm-d.ai/engine-type"), "");
}

TEST(Endpoint, ALabelNamesTheRank) {
  const auto made = [](std::string key, std::string value) {
    return Endpoint({.name = "a", .address = "127.0.0.1", .port = 1, .labels = {{key, value}}}, 0);
  };
  EXPECT_EQ(made("llm-d.ai/data-parallel-rank", "3").rank, 3U);
  EXPECT_EQ(made("llm-d.ai/data-parallel-rank", "x").rank, std::nullopt);
}

TEST(EndpointsFile, BadEntriesAreLeftOutAndGoodOnesStay) {
  const auto specs = parse_endpoints(R"(
endpoints:
- {name: no-port, address: 10.0.0.1}
- {name: no-host, address: "exa mple.org", port: "1"}
- {name: a-line-end, address: "a\\r\\nx: y", port: "1"}
- {name: no-ipv4, address: 10.0.0.256, port: "1"}
- {name: a-dash, address: -a.org, port: "1"}
- {name: port-too-large, address: 10.0.0.1, port: "65536"}
- {name: unknown-key, address: 10.0.0.1, port: "1", adress: x}
- {address: 10.0.0.1, port: "1"}
- text
- {name: good, address: 10.0.0.1, port: "1"}
)",
                                     "f");
  ASSERT_TRUE(specs.ok());
  ASSERT_EQ(specs->size(), 1U);
  EXPECT_EQ(specs->at(0).name, "good");
}

TEST(EndpointsFile, TakesNamesAndIPv6) {
  const auto specs = parse_endpoints(R"(
endpoints:
- {name: six, address: "::1", port: 8000}
- {name: host, address: engine-0.svc, port: "8001"}
)",
                                     "f");
  ASSERT_TRUE(specs.ok());
  ASSERT_EQ(specs->size(), 2U);
  const Endpoint six(specs->at(0), 0);
  EXPECT_EQ(six.host_port, "[::1]:8000");
  EXPECT_EQ(six.live.address->to_string(), "[::1]:8000");
  const Endpoint host(specs->at(1), 0);
  EXPECT_EQ(host.host_port, "engine-0.svc:8001");
  EXPECT_FALSE(host.live.address.has_value());
  EXPECT_EQ(parse_endpoints(print_endpoints(*specs), "f").value(), *specs);
}

TEST(EndpointsFile, OtherDocumentsAreErrors) {
  for (const char* bad :
       {"[]", "endpoints: {}", "a: b", "endpoints: []\n---\nendpoints: []", "x"}) {
    EXPECT_FALSE(parse_endpoints(bad, "f").ok()) << bad;
  }
  EXPECT_TRUE(parse_endpoints("", "f")->empty());
  EXPECT_TRUE(parse_endpoints("endpoints:", "f")->empty());
}

TEST(EndpointsFile, PrintsWhatItReadsBack) {
  const std::vector<EndpointSpec> specs = {
      {.name = "a", .address = "127.0.0.1", .port = 1, .labels = {{"k", "v \" x"}, {"l", ""}}},
      {.name = "b", .name_space = "n", .address = "10.1.2.3", .port = 65535, .labels = {}}};
  EXPECT_EQ(parse_endpoints(print_endpoints(specs), "f").value(), specs);
  EXPECT_TRUE(parse_endpoints(print_endpoints({}), "f")->empty());
}

TEST(EndpointFromUrl, TakesHostAndPort) {
  const auto spec = endpoint_from_url("http://localhost:8000/");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->address, "127.0.0.1");
  EXPECT_EQ(spec->port, 8000);
  EXPECT_EQ(endpoint_from_url("http://[::1]:8000")->address, "::1");
  EXPECT_EQ(endpoint_from_url("http://[::1]:8000")->name, "[::1]:8000");
  EXPECT_EQ(endpoint_from_url("http://engine-0.svc:8000")->address, "engine-0.svc");
  for (const char* bad : {"", "127.0.0.1:80", "http://::1:80", "http://[::1]", "http://[host]:80",
                          "http://[::1:80", "http://127.0.0.1", "http://1.2.3:80",
                          "http://127.0.0.1:0", "http://127.0.0.1:80/x", "https://127.0.0.1:80"}) {
    EXPECT_FALSE(endpoint_from_url(bad).ok()) << bad;
  }
}

TEST(FileWatcher, SeesCreationReplacementAndRemoval) {
  FileWatcher watcher(testing::TempDir() + "/endpoints_watched");
  std::remove(watcher.path().c_str());
  EXPECT_FALSE(watcher.changed());
  ASSERT_TRUE(write_file_atomically(watcher.path(), "a").ok());
  EXPECT_TRUE(watcher.changed());
  EXPECT_FALSE(watcher.changed());
  ASSERT_TRUE(write_file_atomically(watcher.path(), "b").ok());
  EXPECT_TRUE(watcher.changed());
  std::remove(watcher.path().c_str());
  EXPECT_TRUE(watcher.changed());
  EXPECT_FALSE(watcher.changed());
}

}  // namespace
}  // namespace llmd::endpoints
