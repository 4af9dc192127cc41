// SPDX-License-Identifier: Apache-2.0
#include "net/event_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/signal_pipe.h"

namespace llmd::net {

namespace {
constexpr int kEventsPerTurn = 256;
}  // namespace

struct Timer::Impl {
  using Queue = std::multimap<TimePoint, Timer::Impl*>;
  EventLoop& loop;
  std::function<void()> on_expiry;
  Queue::iterator place;
  Queue::node_type
      spare;  // the queue's node while not scheduled, so that restarting allocates none
  bool scheduled = false;
};

/// Signals as calls on the loop's thread.
class SignalWatch {
 public:
  SignalWatch(EventLoop& loop, std::initializer_list<int> signals,
              std::function<void(int)> on_signal)
      : pipe_(signals), watch_(loop, pipe_.fd(), [this, on_signal = std::move(on_signal)] {
          while (const int signal = pipe_.take()) on_signal(signal);
        }) {}

 private:
  SignalPipe pipe_;
  FdWatch watch_;
};

struct EventLoop::Impl final : private Pollable {
  Impl();
  ~Impl();

  void wake();
  void wait();
  void dispatch();
  void expire_timers();
  void run_posted();
  void run_turn_end();
  int wait_ms() const;
  void on_ready(uint32_t) override;

  int epoll_fd = -1;
  int wake_fd = -1;
  std::atomic<bool> stopping = false;
  std::atomic<std::thread::id> thread;
  TimePoint now = std::chrono::steady_clock::now();
  std::array<epoll_event, kEventsPerTurn> events;
  int event_count = 0;
  int event_next = 0;
  Timer::Impl::Queue timers;
  std::vector<TurnEnd*> turn_end;
  std::vector<std::shared_ptr<void>> dying;
  // The one door for other threads; the loop takes the lock only when `posted_any` says so.
  std::mutex posted_lock;
  std::vector<std::function<void()>> posted;
  std::atomic<bool> posted_any = false;
  std::unique_ptr<SignalWatch> terminations;
  std::unique_ptr<SignalWatch> hangups;

  void attach(Pollable& self, int fd, uint32_t flags) const;
};

EventLoop::Impl::Impl()
    : epoll_fd(epoll_create1(EPOLL_CLOEXEC)), wake_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  LLMD_CHECK(epoll_fd >= 0 && wake_fd >= 0);
  attach(*this, wake_fd, EPOLLIN | EPOLLET);
}

EventLoop::Impl::~Impl() {
  ::close(wake_fd);
  ::close(epoll_fd);
}

void EventLoop::Impl::attach(Pollable& self, int fd, uint32_t flags) const {
  epoll_event event{.events = flags, .data = {.ptr = &self}};
  LLMD_CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

// Edge-triggered and never read: each write is a new edge, and 2^64 writes will not happen.
void EventLoop::Impl::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd, &one, sizeof one);
}

void EventLoop::Impl::on_ready(uint32_t) {}

int EventLoop::Impl::wait_ms() const {
  if (!turn_end.empty() || posted_any.load(std::memory_order_acquire)) return 0;
  if (timers.empty()) return -1;
  const auto left = timers.begin()->first - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 1'000'000));
}

void EventLoop::Impl::wait() {
  event_count = epoll_wait(epoll_fd, events.data(), kEventsPerTurn, wait_ms());
  if (event_count < 0) {
    LLMD_CHECK(errno == EINTR);
    event_count = 0;
  }
  now = std::chrono::steady_clock::now();
}

void EventLoop::Impl::dispatch() {
  for (event_next = 0; event_next < event_count;) {
    const epoll_event& event = events[static_cast<size_t>(event_next++)];
    if (event.data.ptr != nullptr) static_cast<Pollable*>(event.data.ptr)->on_ready(event.events);
  }
}

void EventLoop::Impl::expire_timers() {
  while (!timers.empty() && timers.begin()->first <= now) {
    Timer::Impl& timer = *timers.begin()->second;
    timer.spare = timers.extract(timers.begin());
    timer.scheduled = false;
    // The handler may restart or destroy its timer.
    const auto on_expiry = std::move(timer.on_expiry);
    on_expiry();
  }
}

void EventLoop::Impl::run_posted() {
  if (!posted_any.load(std::memory_order_acquire)) return;
  std::vector<std::function<void()>> batch;
  {
    const std::lock_guard lock(posted_lock);
    batch.swap(posted);
    posted_any.store(false, std::memory_order_release);
  }
  for (auto& work : batch) work();
}

void EventLoop::Impl::run_turn_end() {
  const size_t count = turn_end.size();
  for (size_t i = 0; i < count; ++i) {
    TurnEnd* item = turn_end[i];
    if (item == nullptr) continue;
    item->place_ = TurnEnd::kNotQueued;
    turn_end[i] = nullptr;
    item->on_turn_end();
  }
  turn_end.erase(turn_end.begin(), turn_end.begin() + static_cast<std::ptrdiff_t>(count));
  for (size_t i = 0; i < turn_end.size(); ++i) {
    if (turn_end[i] != nullptr) turn_end[i]->place_ = i;
  }
  // Destructors may give more to destroy.
  while (!dying.empty()) std::exchange(dying, {}).clear();
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() {
  impl_->terminations.reset();
  impl_->hangups.reset();
  impl_->dying.clear();
}

void EventLoop::run() {
  Impl& loop = *impl_;
  loop.thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (!loop.stopping.load(std::memory_order_acquire)) {
    loop.wait();
    loop.dispatch();
    loop.expire_timers();
    loop.run_posted();
    loop.run_turn_end();
  }
  loop.stopping.store(false, std::memory_order_relaxed);
  loop.thread.store(std::thread::id(), std::memory_order_relaxed);
}

void EventLoop::stop() {
  impl_->stopping.store(true, std::memory_order_release);
  impl_->wake();
}

void EventLoop::post(std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->posted_lock);
    impl_->posted.push_back(std::move(work));
    if (impl_->posted_any.exchange(true, std::memory_order_acq_rel)) return;
  }
  const bool own_thread =
      impl_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
  if (!own_thread) impl_->wake();
}

void EventLoop::on_terminate(std::function<void(int signal)> on_signal) {
  impl_->terminations.reset();
  impl_->terminations = std::make_unique<SignalWatch>(
      *this, std::initializer_list<int>{SIGTERM, SIGINT}, std::move(on_signal));
}

void EventLoop::on_hangup(std::function<void()> on_signal) {
  impl_->hangups.reset();
  impl_->hangups =
      std::make_unique<SignalWatch>(*this, std::initializer_list<int>{SIGHUP},
                                    [on_signal = std::move(on_signal)](int) { on_signal(); });
}

TimePoint EventLoop::now() const { return impl_->now; }

void EventLoop::watch(int fd, uint32_t epoll_events, Pollable& pollable) {
  impl_->attach(pollable, fd, epoll_events);
}

void EventLoop::unwatch(int fd, Pollable& pollable) {
  epoll_event unused{};
  LLMD_CHECK(epoll_ctl(impl_->epoll_fd, EPOLL_CTL_DEL, fd, &unused) == 0);
  for (int i = impl_->event_next; i < impl_->event_count; ++i) {
    epoll_event& event = impl_->events[static_cast<size_t>(i)];
    if (event.data.ptr == &pollable) event.data.ptr = nullptr;
  }
}

void EventLoop::destroy_later(std::shared_ptr<void> object) {
  impl_->dying.push_back(std::move(object));
  // The list is emptied with the turn-end work, which a wake makes happen even when idle.
  if (impl_->dying.size() == 1 && impl_->turn_end.empty()) impl_->turn_end.push_back(nullptr);
}

TurnEnd::~TurnEnd() {
  if (place_ != kNotQueued) loop_.impl_->turn_end[place_] = nullptr;
}

void TurnEnd::call_at_turn_end() {
  if (place_ != kNotQueued) return;
  place_ = loop_.impl_->turn_end.size();
  loop_.impl_->turn_end.push_back(this);
}

Timer::Timer(EventLoop& loop)
    : impl_(new Impl{.loop = loop, .on_expiry = {}, .place = {}, .spare = {}}) {}
Timer::~Timer() { cancel(); }

void Timer::start(Duration after, std::function<void()> on_expiry) {
  cancel();
  auto& queue = impl_->loop.impl_->timers;
  const TimePoint at = std::chrono::steady_clock::now() + after;
  if (impl_->spare.empty()) {
    impl_->place = queue.emplace(at, impl_.get());
  } else {
    impl_->spare.key() = at;
    impl_->place = queue.insert(std::move(impl_->spare));
  }
  impl_->on_expiry = std::move(on_expiry);
  impl_->scheduled = true;
}

void Timer::cancel() {
  if (!impl_->scheduled) return;
  impl_->spare = impl_->loop.impl_->timers.extract(impl_->place);
  impl_->scheduled = false;
  impl_->on_expiry = nullptr;
}

FdWatch::FdWatch(EventLoop& loop, int fd, std::function<void()> on_readable)
    : loop_(loop),
      fd_(fd),
      on_readable_(std::make_shared<std::function<void()>>(std::move(on_readable))) {
  loop_.watch(fd_, EPOLLIN, *this);
}
void FdWatch::on_ready(uint32_t) {
  const auto callback = on_readable_;
  (*callback)();
}
FdWatch::~FdWatch() { loop_.unwatch(fd_, *this); }

}  // namespace llmd::net
