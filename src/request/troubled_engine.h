// SPDX-License-Identifier: Apache-2.0
// Engines in virtual time that fail, flap and lie on demand.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/virtual_time.h"
#include "endpoints/poller.h"
#include "request/ticket.h"

namespace llmd::request::trouble {

/// What becomes of requests.
enum class Mood : uint8_t {
  kWell,
  kGone,    ///< nobody listens; what runs breaks off
  kErrors,  ///< 500 at once, though its health is fine
  kDrops,   ///< closes the connection behind the head
  kBreaks,  ///< closes it within the answer
  kHangs,   ///< accepts, and never says a word
  kStalls,  ///< begins the answer, and never ends it
};
inline constexpr uint8_t kMoods = 7;

/// What the metrics page says.
enum class Page : uint8_t {
  kHonest,
  kIdle,        ///< nothing to do here
  kFull,        ///< a thousand requests wait
  kHuge,        ///< figures that no counter holds
  kNan,         ///< no numbers
  kGarbage,     ///< no page of metrics
  kFrozen,      ///< the same for ever
  kRestarting,  ///< its process began just now, whenever one asks
  kError,       ///< 500
};
inline constexpr uint8_t kPages = 9;

// What the gateway's HTTP client waits for.
inline constexpr Duration kRoundTrip = std::chrono::milliseconds(1);
inline constexpr Duration kFirstByteMax = std::chrono::seconds(5);
inline constexpr Duration kReadMax = std::chrono::seconds(5);
inline constexpr Duration kCheckMax = std::chrono::seconds(2);

/// A request at an engine, as the gateway's HTTP client sees it.
class Call {
 public:
  virtual void on_head(int status) = 0;
  virtual void on_event(bool last) = 0;
  virtual void on_failure(Failure failure) = 0;

 protected:
  ~Call() = default;
};
/// Null once the gateway has closed the connection, or the engine has.
using Connection = std::shared_ptr<Call*>;

/// Computes `slots` requests at once, the others wait.
class Engine {
 public:
  Engine(VirtualTime& time, uint64_t seed) : time_(time), random_(seed) {}

  void set_mood(Mood mood) {
    mood_ = mood;
    if (mood == Mood::kGone) break_all();
  }
  void set_page(Page page) {
    page_ = page;
    frozen_ = honest_page();
  }
  void set_slots(size_t slots) { slots_ = slots; }
  size_t busy() const { return waiting_.size() + running_.size(); }

  void accept(const Connection& connection) {
    if (mood_ == Mood::kGone) return fail_after(kRoundTrip, connection, Failure::kConnect);
    if (mood_ == Mood::kHangs) return fail_after(kFirstByteMax, connection, Failure::kTimeout);
    if (mood_ == Mood::kErrors) {
      return after(kRoundTrip, connection, [](Call& call) { call.on_head(500); });
    }
    waiting_.push_back(connection);
    start_next();
  }
  /// Its client or the gateway has closed it.
  void forget(const Connection& connection) {
    *connection = nullptr;
    std::erase(waiting_, connection);
    std::erase(running_, connection);
    start_next();
  }

  void get(std::string_view path, endpoints::ReplyCallback callback, endpoints::BodySink sink) {
    if (mood_ == Mood::kHangs)
      return answer(kCheckMax, Error{Errc::kTimeout, "no answer"}, callback);
    if (mood_ == Mood::kGone)
      return answer(kRoundTrip, Error{Errc::kUnavailable, "refused"}, callback);
    if (path == "/health") return answer(kRoundTrip, endpoints::Reply{200, ""}, callback);
    if (path == "/v1/models") {
      return answer(kRoundTrip, endpoints::Reply{200, R"({"data":[{"id":"m"}]})"}, callback);
    }
    const std::string text = page();
    sink(std::string_view(text).substr(0, text.size() / 2));
    sink(std::string_view(text).substr(text.size() / 2));
    answer(kRoundTrip, endpoints::Reply{page_ == Page::kError ? 500 : 200, ""}, callback);
  }

 private:
  void answer(Duration delay, Result<endpoints::Reply> reply, endpoints::ReplyCallback callback) {
    time_.call_at(time_.now() + delay,
                  [reply = std::move(reply), callback = std::move(callback)] { callback(reply); });
  }
  void after(Duration delay, const Connection& connection, std::function<void(Call&)> tell) {
    time_.call_at(time_.now() + delay, [connection, tell = std::move(tell)] {
      if (*connection != nullptr) tell(**connection);
    });
  }
  void fail_after(Duration delay, const Connection& connection, Failure failure) {
    after(delay, connection, [this, connection, failure](Call& call) {
      forget(connection);
      call.on_failure(failure);
    });
  }
  void break_all() {
    auto all = std::exchange(running_, {});
    for (const Connection& each : std::exchange(waiting_, {})) all.push_back(each);
    for (const Connection& each : all) fail_after(kRoundTrip, each, Failure::kClosed);
  }

  void start_next() {
    while (running_.size() < slots_ && !waiting_.empty()) {
      running_.push_back(waiting_.front());
      waiting_.pop_front();
      after(random_between(30, 60), running_.back(),
            [this, connection = running_.back()](Call& call) { begin_answer(call, connection); });
    }
  }
  void begin_answer(Call& call, const Connection& connection) {
    call.on_head(200);
    if (mood_ == Mood::kDrops) return fail_after(kRoundTrip, connection, Failure::kClosed);
    call.on_event(false);
    const Duration rest = random_between(300, 900);
    if (mood_ == Mood::kStalls) return fail_after(kReadMax, connection, Failure::kTimeout);
    if (mood_ == Mood::kBreaks) return fail_after(rest / 2, connection, Failure::kClosed);
    after(rest, connection, [this, connection](Call& each) {
      forget(connection);
      each.on_event(true);
    });
  }

  std::string page() const {
    switch (page_) {
      case Page::kHonest:
      case Page::kError:
        return honest_page();
      case Page::kIdle:
        return print(0, 0, 0, 1);
      case Page::kFull:
        return print(1000, 256, 1, 1);
      case Page::kHuge:
        return print(1e308, 1e308, 1e308, 1e308);
      case Page::kNan:
        return print("NaN", "-Inf", "+Inf", "-1");
      case Page::kGarbage:
        return "vllm:num_requests_waiting{{{ 1\nvllm:num_requests_running{a=\"\n\xff\xfe} <html>";
      case Page::kFrozen:
        return frozen_;
      case Page::kRestarting:
        return print(waiting_.size(), running_.size(), 0,
                     to_seconds(time_.now().time_since_epoch()));
    }
    return {};
  }
  std::string honest_page() const {
    return print(waiting_.size(), running_.size(),
                 static_cast<double>(running_.size()) / static_cast<double>(slots_), 1);
  }
  template <typename... Figures>
  static std::string print(Figures... figures) {
    return fmt::format(
        "vllm:num_requests_waiting {}\nvllm:num_requests_running {}\n"
        "vllm:kv_cache_usage_perc {}\nprocess_start_time_seconds {}\n",
        figures...);
  }
  Duration random_between(uint64_t least_ms, uint64_t most_ms) {
    return std::chrono::milliseconds(least_ms + random_.below(most_ms - least_ms));
  }

  VirtualTime& time_;
  Random random_;
  Mood mood_ = Mood::kWell;
  Page page_ = Page::kHonest;
  size_t slots_ = 8;
  std::string frozen_;
  std::deque<Connection> waiting_;
  std::vector<Connection> running_;
};

}  // namespace llmd::request::trouble
