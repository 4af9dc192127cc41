// SPDX-License-Identifier: Apache-2.0
#include "net/stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"

namespace llmd::net {

namespace {

// A queue that once grew is given back when empty, so that idle connections cost little.
constexpr size_t kQueueKeptBytes = 16 * 1024;

size_t total(std::span<const iovec> parts) {
  size_t size = 0;
  for (const iovec& part : parts) size += part.iov_len;
  return size;
}

}  // namespace

void Stream::open(int fd, bool connecting) {
  LLMD_CHECK(fd_ < 0);
  fd_ = fd;
  wants_writable_ = connecting;
  loop_.watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
}

void Stream::close() {
  if (fd_ < 0) return;
  loop_.unwatch(fd_, *this);
  ::close(fd_);
  fd_ = -1;
  out_.release();
}

void Stream::on_ready(uint32_t events) {
  const int fd = fd_;
  if ((events & EPOLLOUT) != 0) writable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
  if ((events & EPOLLIN) != 0 || hung_up_) readable_ = true;
  if (wants_writable_ && writable_) {
    wants_writable_ = false;
    flush();
    if (out_.empty()) owner_.on_writable();
    if (fd_ != fd) return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    owner_.on_input();
    if (fd_ != fd) return;
  }
  if (hung_up_) owner_.on_hangup();
}

Stream::ReadResult Stream::read(char* to, size_t room) {
  const ssize_t got = ::recv(fd_, to, room, 0);
  if (got < 0) {
    if (errno == EINTR) return {ReadStatus::kEmpty};
    readable_ = false;
    return {errno == EAGAIN ? ReadStatus::kEmpty : ReadStatus::kFailed};
  }
  if (got == 0) {
    readable_ = false;
    return {room == 0 ? ReadStatus::kEmpty : ReadStatus::kEnd};
  }
  // Less than asked for: the socket is empty, what comes next is a new edge. The end of the stream
  // has had its edge already, so it has to be read for.
  if (static_cast<size_t>(got) < room && !hung_up_) readable_ = false;
  return {ReadStatus::kData, static_cast<size_t>(got)};
}

void Stream::call_again() {
  wants_input_ = true;
  call_at_turn_end();
}

void Stream::call_when_drained() {
  wants_drained_ = true;
  call_at_turn_end();
}

namespace {

/// One part, the rule for streamed events, spares the kernel the copy of two more structures.
ssize_t send_once(int fd, std::span<const iovec> parts) {
  if (parts.size() == 1) {
    return ::send(fd, parts.front().iov_base, parts.front().iov_len, MSG_NOSIGNAL);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

size_t Stream::send(std::span<const iovec> parts) {
  if (!writable_) {
    wants_writable_ = true;
    return 0;
  }
  ssize_t sent = -1;
  do {
    sent = send_once(fd_, parts);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno != EAGAIN) {
    fail();
    return 0;
  }
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  sent_bytes_ += taken;
  if (taken < total(parts)) {
    writable_ = false;
    wants_writable_ = true;
  }
  return taken;
}

void Stream::write(std::string_view bytes) {
  if (failed_ || bytes.empty()) return;
  out_.append(bytes);
  if (!wants_writable_) call_at_turn_end();
}

void Stream::write_through(std::span<const iovec> parts) {
  if (failed_) return;
  size_t taken = 0;
  if (out_.empty()) taken = send(parts);
  if (failed_) return;
  for (const iovec& part : parts) {
    const size_t skip = taken < part.iov_len ? taken : part.iov_len;
    taken -= skip;
    out_.append({static_cast<const char*>(part.iov_base) + skip, part.iov_len - skip});
  }
}

void Stream::flush() {
  if (out_.empty() || failed_) return;
  const iovec part{out_.data(), out_.size()};
  out_.consume(send({&part, 1}));
  if (out_.empty() && out_.capacity() > kQueueKeptBytes) out_.release();
}

void Stream::on_turn_end() {
  if (fd_ < 0) return;
  const int fd = fd_;
  const bool tell = std::exchange(wants_drained_, false) || !out_.empty();
  if (!wants_writable_) flush();
  if (tell && out_.empty() && !failed_) {
    owner_.on_writable();
    if (fd_ != fd) return;
  }
  if (wants_input_) {
    wants_input_ = false;
    owner_.on_input();
    if (fd_ != fd) return;
  }
  if (failed_) owner_.on_hangup();
}

// Reported at the end of the turn: the caller stands in the middle of its own work.
void Stream::fail() {
  failed_ = hung_up_ = true;
  writable_ = false;
  out_.clear();
  call_at_turn_end();
}

void Stream::shutdown_write() {
  LLMD_CHECK(out_.empty());
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace llmd::net
