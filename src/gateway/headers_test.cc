// SPDX-License-Identifier: Apache-2.0
#include "gateway/headers.h"

#include <gmock/gmock.h>

namespace llmd::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Headers, ControlAndConnectionHeadersStop) {
  for (const char* name :
       {"Connection", "TE", "Trailer", "Upgrade", "Host", "Expect", "Content-Length", "EPP-Profile",
        "Transfer-Encoding", "x-prefiller-host-port", "X_Prefiller_Host_Port",
        "x-data-parallel-rank", "x-gateway-destination-endpoint",
        "X-Gateway-Destination-Endpoint-Subset", "x-request-id"}) {
    EXPECT_FALSE(passes_to_engine(name)) << name;
  }
  for (const char* name : {"Authorization", "x-gateway-inference-objective",
                           "x-prefiller-host-porT2", "Content-Type", "x"}) {
    EXPECT_TRUE(passes_to_engine(name)) << name;
  }
}

TEST(Headers, WhatConnectionNamesStopsToo) {
  http::RequestHead head{.method = "POST", .target = "/x?y", .version_minor = 1, .headers = {}};
  head.headers = {{"Connection", "close, x-own"}, {"X-Own", "1"}, {"X-Kept", "2"}};
  std::string text;
  append_request_head(text, head, 7, "id");
  EXPECT_EQ(text, "POST /x?y HTTP/1.1\r\nX-Kept: 2\r\nx-request-id: id\r\nContent-Length: 7\r\n");
}

TEST(Headers, ResponseHeads) {
  http::ResponseHead head{.status = 200, .version_minor = 1, .headers = {}};
  head.headers = {
      {"Content-Length", "3"}, {"Keep-Alive", "x"}, {"Set-Cookie", "a"}, {"Set-Cookie", "b"}};
  std::string text;
  append_response_head(text, head, {BodyFraming::kChunked}, true, 1, "id");
  EXPECT_EQ(text,
            "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nx-request-id: id\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
  text.clear();
  append_response_head(text, head, {BodyFraming::kLength, 3}, false, 1, "id");
  EXPECT_THAT(text, HasSubstr("Content-Length: 3\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("chunked")));
}

}  // namespace
}  // namespace llmd::gateway
