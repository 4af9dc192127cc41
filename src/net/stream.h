// SPDX-License-Identifier: Apache-2.0
// A non-blocking byte stream over a connected TCP socket, registered once and edge-triggered.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "net/buffer.h"
#include "net/event_loop.h"

namespace llmd::net {

/// Told what happens on a Stream. Each call may close the stream; to destroy it in one, use
/// EventLoop::destroy_later().
class StreamOwner {
 public:
  /// There is something to read, or the end. Called again only after new input, unless
  /// Stream::call_again() is asked for: read until would_read() is false.
  virtual void on_input() = 0;
  /// Everything queued has been taken by the socket, or a send that fell short may go on.
  virtual void on_writable() = 0;
  /// The other side closed its half or the connection broke. Input may still wait to be read.
  virtual void on_hangup() = 0;

 protected:
  ~StreamOwner() = default;
};

class Stream final : private Pollable, private TurnEnd {
 public:
  Stream(EventLoop& loop, StreamOwner& owner) : TurnEnd(loop), loop_(loop), owner_(owner) {}
  ~Stream() { close(); }

  /// Takes over `fd`, once in a Stream's life. A `connecting` socket reports on_writable() when it
  /// is connected and on_hangup() when it could not be.
  void open(int fd, bool connecting = false);
  void close();
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  /// Whether a read may find something without waiting.
  bool would_read() const { return readable_; }
  bool hung_up() const { return hung_up_; }
  enum class ReadStatus : uint8_t { kData, kEmpty, kEnd, kFailed };
  struct ReadResult {
    ReadStatus status;
    size_t size = 0;
  };
  ReadResult read(char* to, size_t room);
  /// on_input() again in the next turn: for what would_read() still promises, and after a pause.
  void call_again();

  /// Sends what the socket takes now; returns how much. Less than all: on_writable() will follow.
  /// Only while nothing is queued.
  size_t send(std::span<const iovec> parts);
  /// Queues; all that was queued in one turn leaves in one system call at its end.
  void write(std::string_view bytes);
  /// Sends at once and queues only what the socket does not take.
  void write_through(std::span<const iovec> parts);
  size_t unsent_bytes() const { return out_.size(); }
  /// Everything the socket ever took; a writer that waits on a number that stands still is stuck.
  uint64_t sent_bytes() const { return sent_bytes_; }
  /// on_writable() at the end of this turn, if nothing is queued by then.
  void call_when_drained();
  /// Tells the other side that no more comes. Only while nothing is queued.
  void shutdown_write();

 private:
  void on_ready(uint32_t epoll_events) override;
  void on_turn_end() override;
  void flush();
  void fail();

  EventLoop& loop_;
  StreamOwner& owner_;
  Buffer out_;
  uint64_t sent_bytes_ = 0;
  int fd_ = -1;
  bool readable_ = false;
  bool writable_ = false;
  bool hung_up_ = false;
  bool wants_input_ = false;
  bool wants_writable_ = false;
  bool wants_drained_ = false;
  bool failed_ = false;
};

}  // namespace llmd::net
