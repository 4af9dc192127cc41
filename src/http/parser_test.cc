// SPDX-License-Identifier: Apache-2.0
#include "http/parser.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>

namespace llmd::http {
namespace {

struct Parsed {
  Fault fault;
  size_t head_size = 0;
  RequestHead head;
  Framing framing;
};

Parsed parse(std::string_view text, const HeadLimits& limits = {}) {
  Parsed parsed;
  HeadScanner scanner;
  parsed.head_size = scanner.scan(text, limits, parsed.fault);
  if (parsed.head_size == 0) return parsed;
  parsed.fault =
      parse_request_head(text.substr(0, parsed.head_size), limits, parsed.head, parsed.framing);
  return parsed;
}

int status_of(std::string_view text) { return parse(text).fault.status; }

std::string get_with(std::string_view line) {
  return fmt::format("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", line);
}
std::string post_with(std::string_view lines) {
  return fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", lines);
}

TEST(RequestHead, IsReadAsViews) {
  constexpr std::string_view kText =
      "POST /v1/x?y=1 HTTP/1.1\r\nHost: a:80\r\nEmpty:\r\nX:\t two words \r\nContent-Length: "
      "3\r\n\r\nabc";
  const Parsed parsed = parse(kText);
  EXPECT_EQ(parsed.fault.status, 0);
  EXPECT_EQ(parsed.head_size, kText.size() - 3);
  EXPECT_EQ(parsed.head.method, "POST");
  EXPECT_EQ(parsed.head.target, "/v1/x?y=1");
  EXPECT_EQ(parsed.head.path(), "/v1/x");
  EXPECT_EQ(parsed.head.version_minor, 1);
  EXPECT_EQ(parsed.head.header("x"), "two words");
  EXPECT_EQ(parsed.head.header("EMPTY"), "");
  EXPECT_EQ(parsed.head.header("none"), std::nullopt);
  EXPECT_EQ(parsed.framing.kind, Framing::Kind::kLength);
  EXPECT_EQ(parsed.framing.length, 3U);
}

TEST(RequestHead, ValidForms) {
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
  EXPECT_EQ(status_of(get_with("Host2: b")), 0);
  EXPECT_EQ(status_of(get_with("X: \xc3\xa4\ttab")), 0);
  EXPECT_EQ(parse(post_with("Transfer-Encoding: Chunked")).framing.kind, Framing::Kind::kChunked);
}

class Refused : public ::testing::TestWithParam<std::pair<int, std::string>> {};

TEST_P(Refused, WithItsStatus) {
  const auto& [status, text] = GetParam();
  EXPECT_EQ(status_of(text), status) << text;
}

using namespace std::string_literals;

INSTANTIATE_TEST_SUITE_P(
    Lines, Refused,
    ::testing::Values(
        std::pair(400, "GET / HTTP/1.1\nHost: a\r\n\r\n"s),       // bare LF after the request line
        std::pair(400, "GET / HTTP/1.1\r\nHost: a\n\r\n"s),       // … after a header
        std::pair(400, "GET / HTTP/1.1\r\nHost: a\r\n\n"s),       // … as the empty line
        std::pair(400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"s),  // bare CR
        std::pair(400, "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"s),
        std::pair(400, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"s),
        std::pair(400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"s),
        std::pair(400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"s),
        std::pair(400, get_with(" folded: line")), std::pair(400, get_with("X: a\r\n folded")),
        std::pair(400, get_with("X : a")), std::pair(400, get_with("X\t: a")),
        std::pair(400, get_with(": a")), std::pair(400, get_with("no colon")),
        std::pair(400, get_with("X(: a")), std::pair(400, get_with("X\xc3: a")),
        std::pair(400, get_with("X: a\0b"s)), std::pair(400, get_with("X\0: a"s)),
        std::pair(400, get_with("X: a\x01"s)),
        std::pair(400, get_with("X: aaaaaaaaaaaaaaaa\x7f"s))));

INSTANTIATE_TEST_SUITE_P(
    RequestLine, Refused,
    ::testing::Values(std::pair(400, "get / HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET / \r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET /\r\n\r\n"s),
                      std::pair(400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET / HTTP/1,1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET / http/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "GET / HTTP/01.1\r\nHost: a\r\n\r\n"s),
                      std::pair(505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"s),
                      std::pair(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s),
                      std::pair(505, "GET / HTTP/0.9\r\n\r\n"s),
                      std::pair(405, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"s),
                      std::pair(400, "\x16\x03\x01\x02"s)));  // TLS, and no line end to wait for

INSTANTIATE_TEST_SUITE_P(
    Framing, Refused,
    ::testing::Values(
        std::pair(400, "GET / HTTP/1.1\r\n\r\n"s), std::pair(400, get_with("Host: a")),
        std::pair(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"s),
        std::pair(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"s),
        std::pair(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"s),
        std::pair(400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"s),
        std::pair(400, post_with("Content-Length: 1\r\nContent-Length: 1")),
        std::pair(400, post_with("Content-Length: 1\r\nContent-Length: 2")),
        std::pair(400, post_with("Content-Length: 1, 1")),
        std::pair(400, post_with("Content-Length: +1")),
        std::pair(400, post_with("Content-Length: -1")),
        std::pair(400, post_with("Content-Length: 0x1")),
        std::pair(400, post_with("Content-Length: 1 1")),
        std::pair(400, post_with("Content-Length:")),
        std::pair(400, post_with("Content-Length: 18446744073709551617")),
        std::pair(400, post_with("Content-Length: 9223372036854775808")),
        std::pair(400, post_with("Content-Length: 5\r\nTransfer-Encoding: chunked")),
        std::pair(400, post_with("Transfer-Encoding: chunked\r\nContent-Length: 5")),
        std::pair(400, post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
        std::pair(400, post_with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked")),
        std::pair(501, post_with("Transfer-Encoding: gzip, chunked")),
        std::pair(501, post_with("Transfer-Encoding: chunked, chunked")),
        std::pair(501, post_with("Transfer-Encoding: xchunked")),
        std::pair(501, post_with("Transfer-Encoding: \"chunked\"")),
        std::pair(501, post_with("Transfer-Encoding:")),
        std::pair(400, post_with("Transfer-Encoding: chunked\x0b"s)),
        std::pair(400, post_with("Transfer-Encoding : chunked")),
        std::pair(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"s)));

TEST(RequestHead, Limits) {
  const HeadLimits limits{.bytes_max = 100, .headers_max = 2};
  EXPECT_EQ(parse(get_with("a: b"), limits).fault.status, 0);
  EXPECT_EQ(parse(get_with("a: b\r\nc: d"), limits).fault.status, 431);
  EXPECT_EQ(parse(get_with("a: " + std::string(100, 'x')), limits).fault.status, 431);
  EXPECT_EQ(parse("GET /" + std::string(100, 'x'), limits).fault.status, 431);
}

TEST(RequestHead, CutAnywhereItIsTheSame) {
  const std::string text = post_with("Content-Length: 5\r\nX: y") + "hello";
  for (size_t cut = 0; cut < text.size(); ++cut) {
    HeadScanner scanner;
    Fault fault;
    const size_t early = scanner.scan(std::string_view(text).substr(0, cut), {}, fault);
    ASSERT_EQ(early != 0, cut >= text.size() - 5) << cut;
    if (early == 0) {
      EXPECT_EQ(scanner.scan(text, {}, fault), text.size() - 5);
    }
    EXPECT_FALSE(fault) << cut;
  }
}

struct Decoded {
  std::string body;
  std::string rest;
  bool done = false;
  int fault = 0;
};

Decoded decode(std::string text, size_t step) {
  ChunkedDecoder decoder;
  Decoded out;
  size_t at = 0;
  while (at < text.size() && !decoder.done() && out.fault == 0) {
    const size_t size = std::min(step, text.size() - at);
    const ChunkedDecoder::Step result = decoder.decode(text.data() + at, size);
    out.body.append(result.payload);
    out.fault = result.fault.status;
    at += result.consumed;
  }
  out.done = decoder.done();
  out.rest = text.substr(at);
  return out;
}

TEST(Chunked, IsRemovedHoweverItIsCut) {
  for (const size_t step : {1U, 2U, 3U, 7U, 1000U}) {
    const Decoded out =
        decode("4\r\nWiki\r\n6\r\npedia \r\nD\r\nin \r\n\r\nchunks\r\n0\r\n\r\nGET", step);
    EXPECT_EQ(out.body, "Wikipedia in \r\n\r\nchunks");
    EXPECT_EQ(out.rest, "GET");
    EXPECT_TRUE(out.done);
  }
}

TEST(Chunked, TrailersAreSkipped) {
  const Decoded out = decode("1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\nrest", 1000);
  EXPECT_EQ(out.body, "a");
  EXPECT_EQ(out.rest, "rest");
  EXPECT_TRUE(out.done);
}

class BadChunks : public ::testing::TestWithParam<std::string> {};

TEST_P(BadChunks, AreRefused) {
  EXPECT_EQ(decode(GetParam(), 1000).fault, 400) << GetParam();
  EXPECT_EQ(decode(GetParam(), 1).fault, 400) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Table, BadChunks,
                         ::testing::Values("\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n",
                                           "1 \r\n", "1;ext=1\r\na\r\n", "1\na\r\n", "1\r\nab\r\n",
                                           "1\r\na\n0\r\n\r\n", "1\r\na\r0\r\n\r\n", "1\ra\r\n",
                                           "1000000000000000\r\n", "0000000000000000\r\n",
                                           "fffffffffffffffff\r\n", "0\r\n\n", "0\r\nX: y\n\r\n",
                                           "0\r\nX: y\r\r\n", "0\r\n\r\r"));

TEST(Chunked, TrailersAreBounded) {
  EXPECT_EQ(decode("0\r\nX: " + std::string(10'000, 'x'), 1000).fault, 431);
}

struct ParsedResponse {
  Fault fault;
  ResponseHead head;
  Framing framing;
};

ParsedResponse parse_response(std::string_view text, bool to_head = false) {
  ParsedResponse parsed;
  HeadScanner scanner;
  const size_t size = scanner.scan(text, {}, parsed.fault);
  if (size == 0) return parsed;
  parsed.fault =
      parse_response_head(text.substr(0, size), {}, to_head, parsed.head, parsed.framing);
  return parsed;
}

TEST(ResponseHead, StatusAndFraming) {
  const auto ok = parse_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(ok.head.status, 200);
  EXPECT_EQ(ok.framing.length, 5U);
  using Kind = Framing::Kind;
  EXPECT_EQ(parse_response("HTTP/1.1 200\r\n\r\n").framing.kind, Kind::kUntilClose);
  EXPECT_EQ(parse_response("HTTP/1.1 204 No\r\n\r\n").framing.kind, Kind::kNone);
  EXPECT_EQ(parse_response("HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n").framing.kind,
            Kind::kNone);
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).framing.kind,
            Kind::kNone);
  EXPECT_EQ(parse_response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").framing.kind,
            Kind::kChunked);
}

TEST(ResponseHead, Refused) {
  for (const std::string_view text :
       {"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "nonsense\r\n\r\n", "\x16\x03"}) {
    EXPECT_NE(parse_response(text).fault.status, 0) << text;
  }
}

TEST(KeepAlive, FollowsVersionAndHeader) {
  const auto keeps = [](int minor, std::string_view value) {
    const Header header{"Connection", value};
    return wants_keep_alive(minor, {&header, 1});
  };
  EXPECT_TRUE(wants_keep_alive(1, {}));
  EXPECT_FALSE(wants_keep_alive(0, {}));
  EXPECT_FALSE(keeps(1, "upgrade, Close"));
  EXPECT_TRUE(keeps(0, "Keep-Alive"));
  EXPECT_FALSE(keeps(0, "keep-alive, close"));
}

}  // namespace
}  // namespace llmd::http
