// SPDX-License-Identifier: Apache-2.0
#include "kv/events/stream_follower.h"

#include <algorithm>
#include <utility>

namespace llmd::kv {
namespace {

constexpr size_t kFrontBytes = 32;  ///< the time, and how many events of which kind follow

}  // namespace

void StreamFollower::Fingerprint::take(std::string_view payload) {
  bytes = payload.size();
  front.assign(payload.substr(0, kFrontBytes));
}

bool StreamFollower::Fingerprint::is_of(std::string_view payload) const {
  return bytes == payload.size() && payload.starts_with(front);
}

StreamFollower::StreamFollower(const Clock& clock, ReplayTransport& transport,
                               StreamConsumer& consumer, FollowerLimits limits)
    : clock_(clock), transport_(transport), consumer_(consumer), limits_(limits) {}

void StreamFollower::start() { open_replay(); }

void StreamFollower::resync() {
  begin_anew();
  open_replay();
}

/// What is held may be the former engine's; if it is not, the replay brings it again.
void StreamFollower::on_reconnected() {
  quiet_until_ = {};
  drop_held();
  if (replay_) return ask();
  open_replay();
}

bool StreamFollower::went_back(uint64_t seq, std::string_view payload) const {
  if (!last_live_ || seq > *last_live_) return false;
  return seq < *last_live_ || !last_live_print_.is_of(payload);
}

void StreamFollower::on_live(uint64_t seq, std::string_view payload) {
  if (went_back(seq, payload)) {
    ++counters_.restarts;
    begin_anew();
  }
  const bool twice = last_live_ == seq;
  last_live_ = seq;
  last_live_print_.take(payload);
  if (twice || seq < next_) {
    ++counters_.duplicates;
  } else {
    take_live(seq, payload);
  }
}

void StreamFollower::take_live(uint64_t seq, std::string_view payload) {
  if (!replay_ && seq == next_) return deliver(payload);
  held_bytes_ += payload.size();
  held_.push_back({seq, clock_.now(), std::string(payload)});
  if (replay_) {
    release_held();
    close_if_caught_up();
  } else {
    counters_.gaps += next_ > 0 ? 1 : 0;
    open_replay();
  }
  if (held_.size() > limits_.held_batches_max || held_bytes_ > limits_.held_bytes_max) {
    ++counters_.replay_failures;
    give_up();
  }
}

void StreamFollower::open_replay() {
  replay_.emplace(Replay{.began = clock_.now()});
  if (clock_.now() < quiet_until_) return give_up();
  ask();
}

/// From the last batch that is known, to see whether it is still the same.
void StreamFollower::ask() {
  replay_->asked = true;
  replay_->first = true;
  replay_->verifying = next_ > 0;
  replay_->progress = false;
  replay_->wake = clock_.now() + limits_.idle;
  if (!transport_.ask(next_ > 0 ? next_ - 1 : 0)) return give_up();
  ++counters_.replays;
}

void StreamFollower::fail_request() {
  ++counters_.replay_failures;
  replay_->fruitless = replay_->progress ? 0 : replay_->fruitless + 1;
  const bool late = clock_.now() - replay_->began >= limits_.whole;
  if (late || replay_->fruitless >= limits_.fruitless_max) {
    if (!held_.empty()) quiet_until_ = clock_.now() + limits_.cooldown;
    if (replay_->verifying) set_partial(true);  // it may be another engine: nobody said
    return give_up();
  }
  transport_.cancel();
  replay_->asked = false;
  replay_->wake = clock_.now() + limits_.backoff * (1 << replay_->fruitless);
}

/// With nothing heard live, nothing is known to be missing.
void StreamFollower::give_up() {
  close_replay();
  while (!held_.empty()) {
    skip_to(std::max(next_, held_.front().seq));
    release_held();
  }
  if (last_live_ && *last_live_ >= next_) skip_to(*last_live_ + 1);
}

void StreamFollower::close_replay() {
  if (replay_ && replay_->asked) transport_.cancel();
  replay_.reset();
}

void StreamFollower::begin_anew() {
  close_replay();
  drop_held();
  next_ = 0;
  last_live_.reset();
  quiet_until_ = {};
  consumer_.on_reset();
  set_partial(false);
}

void StreamFollower::restart() {
  ++counters_.restarts;
  resync();
}

/// False when it showed that this is another engine.
bool StreamFollower::take_first_reply(uint64_t seq, std::string_view payload) {
  const bool verifying = std::exchange(replay_->verifying, false);
  replay_->first = false;
  if (verifying && seq + 1 == next_ && !last_.is_of(payload)) {
    restart();
    return false;
  }
  if (verifying && seq + 1 > next_) set_partial(true);  // it may be another engine
  if (seq > next_) skip_to(seq);
  return true;
}

void StreamFollower::on_replayed(uint64_t seq, std::string_view payload) {
  if (!replay_ || !replay_->asked) return;
  replay_->wake = std::min(clock_.now() + limits_.idle, replay_->began + limits_.whole);
  if (replay_->first && !take_first_reply(seq, payload)) return;
  if (seq > next_) return fail_request();  // one of the replies was dropped on the way
  if (seq == next_) {
    replay_->progress = true;
    deliver(payload);
  }
  release_held();
  close_if_caught_up();
}

void StreamFollower::on_replay_end() {
  if (!replay_ || !replay_->asked) return;
  if (replay_->verifying && held_.empty()) return restart();  // it lacks the latest
  release_held();
  if (!held_.empty()) return fail_request();
  close_replay();
  consumer_.on_caught_up();
}

std::optional<TimePoint> StreamFollower::deadline() const {
  if (!replay_) return std::nullopt;
  return replay_->wake;
}

void StreamFollower::on_deadline() {
  if (!replay_ || clock_.now() < replay_->wake) return;
  if (replay_->asked) {
    fail_request();
  } else {
    ask();
  }
}

void StreamFollower::deliver(std::string_view payload) {
  last_.take(payload);
  ++next_;
  ++counters_.batches;
  consumer_.on_batch(payload);
}

void StreamFollower::skip_to(uint64_t seq) {
  if (seq == next_) return;
  counters_.lost_batches += next_ > 0 ? seq - next_ : 0;
  next_ = seq;
  set_partial(true);
}

/// Those whose turn it is.
void StreamFollower::release_held() {
  if (replay_ && replay_->verifying) return;
  while (!held_.empty() && held_.front().seq <= next_) {
    const Held& front = held_.front();
    if (front.seq == next_) {
      deliver(front.payload);
    } else {
      ++counters_.duplicates;
    }
    held_bytes_ -= front.payload.size();
    held_.pop_front();
  }
}

void StreamFollower::drop_held() {
  held_.clear();
  held_bytes_ = 0;
}

/// What the replay has still to say was heard live.
void StreamFollower::close_if_caught_up() {
  if (!replay_->verifying && held_.empty() && last_live_ && *last_live_ < next_) close_replay();
}

void StreamFollower::set_partial(bool partial) {
  if (partial_ == partial) return;
  partial_ = partial;
  consumer_.on_partial(partial);
}

}  // namespace llmd::kv
