// SPDX-License-Identifier: Apache-2.0
// One engine's stream of numbered batches put in order: what was missed is asked for again, what
// cannot be had is said, an engine that began anew is noticed. Without sockets; time is injected.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace llmd::kv {

/// Asks one engine for batches that it published before.
class ReplayTransport {
 public:
  virtual ~ReplayTransport() = default;
  /// Replies from this batch on go to on_replayed() and on_replay_end(), later; those to an earlier
  /// call must not come any more. False when this engine offers no replay.
  virtual bool ask(uint64_t from_seq) = 0;
  /// No more replies are wanted.
  virtual void cancel() = 0;
};

/// Hears one stream in order. Called in the middle of the follower's work, so it must not call
/// back.
class StreamConsumer {
 public:
  virtual ~StreamConsumer() = default;
  virtual void on_batch(std::string_view payload) = 0;
  /// All that was said before no longer holds: the engine is a new one.
  virtual void on_reset() = 0;
  /// True: batches are missing, so blocks may be missing or gone. Until the next reset.
  virtual void on_partial(bool partial) = 0;
  /// A replay ended: what the engine has published until now was heard, be it nothing.
  virtual void on_caught_up() {}
};

struct FollowerLimits {
  size_t held_batches_max = 10'000;                   ///< live ones that wait for a replay
  size_t held_bytes_max = 64U << 20;                  ///< likewise
  Duration idle = std::chrono::seconds(2);            ///< without a reply, before asking again
  Duration whole = std::chrono::minutes(2);           ///< for one gap, however often it was asked
  Duration backoff = std::chrono::milliseconds(100);  ///< before asking again; doubles
  int fruitless_max = 3;                              ///< requests in a row that brought nothing
  Duration cooldown = std::chrono::seconds(30);  ///< without asking after a gap that stayed open
};

struct FollowerCounters {
  uint64_t batches = 0;          ///< given to the consumer
  uint64_t gaps = 0;             ///< after the first contact
  uint64_t replays = 0;          ///< requests sent
  uint64_t replay_failures = 0;  ///< requests that ended early, or with the gap still open
  uint64_t lost_batches = 0;     ///< never seen, between ones that were
  uint64_t restarts = 0;
  uint64_t duplicates = 0;  ///< came live after they had been replayed, or twice
};

/// The rules: batches reach the consumer in the order of their numbers, each once. While a replay
/// runs, live ones are held; if it fails, or too many are held, the stream goes on from them and is
/// partial. A replay that begins later than asked is taken, and makes it partial. Numbers that go
/// back mean a new engine; so does a replay whose batch differs from the one seen under that
/// number, or that lacks the latest. One thread.
class StreamFollower {
 public:
  /// All references outlive the follower.
  StreamFollower(const Clock& clock, ReplayTransport& transport, StreamConsumer& consumer,
                 FollowerLimits limits = {});

  /// Asks for what was published before, so that an engine is known that has nothing to say now.
  void start();
  /// Forgets everything and starts again.
  void resync();

  void on_live(uint64_t seq, std::string_view payload);
  void on_replayed(uint64_t seq, std::string_view payload);
  void on_replay_end();
  /// The live connection broke and is back: another engine may be behind it.
  void on_reconnected();

  /// When to call on_deadline(); changes with every call.
  std::optional<TimePoint> deadline() const;
  void on_deadline();

  bool partial() const { return partial_; }
  /// Live batches may be held back just now.
  bool replaying() const { return replay_.has_value(); }
  size_t held_batches() const { return held_.size(); }
  /// How long the oldest of them has been waiting.
  Duration lag() const { return held_.empty() ? Duration{} : clock_.now() - held_.front().since; }
  const FollowerCounters& counters() const { return counters_; }

 private:
  /// Enough of a batch to tell it from another with its number: the time is at its front.
  struct Fingerprint {
    size_t bytes = 0;
    std::string front = {};
    void take(std::string_view payload);
    bool is_of(std::string_view payload) const;
  };
  struct Held {
    uint64_t seq;
    TimePoint since;
    std::string payload;
  };
  /// One gap's (or the beginning's) replay, over all its requests.
  struct Replay {
    TimePoint began;
    bool asked = false;      ///< else waiting for `wake`
    bool first = true;       ///< nothing came yet in answer to this request
    bool verifying = false;  ///< its first reply has to be the latest batch that is known
    bool progress = false;   ///< of this request
    int fruitless = 0;       ///< requests in a row
    TimePoint wake = {};     ///< when to ask, or when to stop waiting for a reply
  };

  bool went_back(uint64_t seq, std::string_view payload) const;
  void take_live(uint64_t seq, std::string_view payload);
  void open_replay();
  void ask();
  void fail_request();
  void give_up();
  void close_replay();
  void begin_anew();
  void restart();
  bool take_first_reply(uint64_t seq, std::string_view payload);
  void deliver(std::string_view payload);
  void skip_to(uint64_t seq);
  void release_held();
  void drop_held();
  void close_if_caught_up();
  void set_partial(bool partial);

  const Clock& clock_;
  ReplayTransport& transport_;
  StreamConsumer& consumer_;
  FollowerLimits limits_;
  FollowerCounters counters_;

  uint64_t next_ = 0;  ///< the first number that the consumer has not heard
  Fingerprint last_;   ///< of batch next_ - 1
  std::optional<uint64_t> last_live_;
  Fingerprint last_live_print_;
  bool partial_ = false;
  std::optional<Replay> replay_;
  TimePoint quiet_until_ = {};  ///< gaps before this are not asked about
  std::deque<Held> held_;       ///< rising numbers, all from the live stream
  size_t held_bytes_ = 0;
};

}  // namespace llmd::kv
