// SPDX-License-Identifier: Apache-2.0
#include "bench/over_http/target.h"

#include <gmock/gmock.h>

namespace llmd::bench {
namespace {

using ::testing::HasSubstr;

TEST(ParseTarget, ReadsHostPortAndPath) {
  const auto target = parse_target("http://127.0.0.1:8090/some/model//");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->address.to_string(), "127.0.0.1:8090");
  EXPECT_EQ(target->host, "127.0.0.1:8090");
  EXPECT_EQ(target->path, "/some/model");
  EXPECT_EQ(target->url, "http://127.0.0.1:8090/some/model//");
}

TEST(ParseTarget, ThePortMayBeMissingAndTheHostMayBeIpv6) {
  EXPECT_EQ(parse_target("http://127.0.0.1")->address.to_string(), "127.0.0.1:80");
  EXPECT_EQ(parse_target("http://127.0.0.1/")->path, "");
  EXPECT_EQ(parse_target("http://[::1]:81")->address.to_string(), "[::1]:81");
  EXPECT_EQ(parse_target("http://[::1]:81")->host, "[::1]:81");
  EXPECT_EQ(parse_target("http://[::1]")->address.to_string(), "[::1]:80");
}

TEST(ParseTarget, RefusesWhatIsNoTargetByName) {
  for (const std::string url :
       {"", "127.0.0.1:80", "https://127.0.0.1", "ftp://127.0.0.1", "http://", "http://:80",
        "http://127.0.0.1:", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:8x",
        "http://127.0.0.1:80/a b", "http://127.0.0.1:80/a\r\nX: y", "http://user@127.0.0.1:80",
        "http://127.0.0.1 :80", "http://[::1", "http://::1", "http://[]:80", "http://[[::1]]:80"}) {
    const auto target = parse_target(url);
    ASSERT_FALSE(target) << url;
    EXPECT_THAT(target.error().message, HasSubstr(url));
  }
  EXPECT_THAT(parse_target("https://127.0.0.1").error().message, HasSubstr("TLS"));
}

TEST(RequestHead, IsWhole) {
  const auto target = parse_target("http://127.0.0.1:81/base");
  EXPECT_EQ(request_head("POST", *target, "/v1/completions", "A: b\r\n", 7),
            "POST /base/v1/completions HTTP/1.1\r\nHost: 127.0.0.1:81\r\nA: b\r\n"
            "Content-Length: 7\r\n\r\n");
}

}  // namespace
}  // namespace llmd::bench
