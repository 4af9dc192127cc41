// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <utility>

#include "base/check.h"
#include "http/connection.h"

namespace llmd::http {

namespace {

constexpr size_t kPartsMax = 8;

std::string_view to_text(uint64_t number, int base, std::span<char> room) {
  const auto end = std::to_chars(room.data(), room.data() + room.size(), number, base).ptr;
  return {room.data(), static_cast<size_t>(end - room.data())};
}

iovec to_iovec(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

ExchangeImpl::ExchangeImpl(std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

ExchangeImpl::~ExchangeImpl() {
  if (!is_open()) return;
  connection_->exchange_ = nullptr;
  connection_->close();
}

const RequestHead& ExchangeImpl::head() const { return connection_->head_; }
std::string_view ExchangeImpl::body() const { return connection_->body(); }

void ExchangeImpl::release_body() {
  if (is_open()) connection_->release_body();
}

bool ExchangeImpl::keep_alive() const {
  return is_open() && connection_->keep_alive_ && !connection_->context_->draining;
}

void ExchangeImpl::begin_head(int status, std::string_view content_type,
                              std::span<const Header> extra) {
  LLMD_CHECK(mode_ == Mode::kPending);
  ServerContext& context = *connection_->context_;
  std::string& text = context.head_text;
  text.clear();
  append_status_line(text, status);
  text.append(context.date.get());
  if (!content_type.empty()) append_header(text, "Content-Type", content_type);
  for (const Header& header : extra) append_header(text, header.name, header.value);
}

void ExchangeImpl::end_head() {
  Connection& connection = *connection_;
  std::string& text = connection.context_->head_text;
  connection.keep_alive_ = keep_alive();
  if (!connection.keep_alive_) {
    text.append("Connection: close\r\n");
  } else if (connection.head_.version_minor == 0) {
    text.append("Connection: keep-alive\r\n");
  }
  text.append("\r\n");
  connection.stream_.write(text);
}

void ExchangeImpl::respond(int status, std::string_view content_type, std::string_view body,
                           std::span<const Header> extra) {
  if (!is_open()) return;
  begin_head(status, content_type, extra);
  char digits[24];
  append_header(connection_->context_->head_text, "Content-Length",
                to_text(body.size(), 10, digits));
  end_head();
  if (connection_->head_.method != "HEAD") connection_->stream_.write(body);
  mode_ = Mode::kEnded;
  connection_->end_response();
}

void ExchangeImpl::start(int status, std::string_view content_type, std::span<const Header> extra) {
  if (!is_open()) return;
  begin_head(status, content_type, extra);
  const bool old_client = connection_->head_.version_minor == 0;
  if (old_client) {
    connection_->keep_alive_ = false;
  } else {
    connection_->context_->head_text.append("Transfer-Encoding: chunked\r\n");
  }
  end_head();
  mode_ = old_client ? Mode::kUntilClose : Mode::kChunked;
  if (connection_->head_.method == "HEAD") mode_ = Mode::kNoBody;
}

void ExchangeImpl::start_raw(std::string_view head, bool keep_alive) {
  if (!is_open()) return;
  LLMD_CHECK(mode_ == Mode::kPending);
  connection_->keep_alive_ = connection_->keep_alive_ && keep_alive;
  mode_ = Mode::kRaw;
  connection_->stream_.write(head);
}

void ExchangeImpl::write(std::string_view bytes) {
  if (!is_open() || bytes.empty() || mode_ == Mode::kNoBody) return;
  LLMD_CHECK(mode_ != Mode::kPending);
  net::Stream& stream = connection_->stream_;
  if (mode_ != Mode::kChunked) return stream.write(bytes);
  char digits[24];
  stream.write(to_text(bytes.size(), 16, digits));
  stream.write("\r\n");
  stream.write(bytes);
  stream.write("\r\n");
}

void ExchangeImpl::write_through(std::span<const std::string_view> parts) {
  if (!is_open()) return;
  LLMD_CHECK(mode_ == Mode::kRaw && parts.size() <= kPartsMax);
  iovec vectors[kPartsMax];
  for (size_t i = 0; i < parts.size(); ++i) vectors[i] = to_iovec(parts[i]);
  connection_->stream_.write_through({vectors, parts.size()});
}

void ExchangeImpl::finish() {
  if (!is_open()) return;
  LLMD_CHECK(mode_ != Mode::kPending);
  if (mode_ == Mode::kChunked) connection_->stream_.write("0\r\n\r\n");
  mode_ = Mode::kEnded;
  connection_->end_response();
}

void ExchangeImpl::finish_and_close() {
  if (is_open()) connection_->keep_alive_ = false;
  finish();
}

void ExchangeImpl::abort() {
  if (!is_open()) return;
  mode_ = Mode::kEnded;
  disconnected_ = nullptr;
  connection_->exchange_ = nullptr;
  connection_->close();
}

size_t ExchangeImpl::unsent_bytes() const {
  return is_open() ? connection_->stream_.unsent_bytes() : 0;
}

void ExchangeImpl::on_drained(std::function<void()> callback) {
  if (!is_open()) return;
  drained_ = std::move(callback);
  if (unsent_bytes() == 0) connection_->stream_.call_when_drained();
}

void ExchangeImpl::on_disconnect(std::function<void()> callback) {
  if (is_open()) disconnected_ = std::move(callback);
}

}  // namespace llmd::http
