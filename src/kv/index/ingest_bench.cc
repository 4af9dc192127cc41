// SPDX-License-Identifier: Apache-2.0
// Events of many engines from the network into the index: processor time, beside what libzmq takes
// to hand over the same bytes. The engines are another process, over loopback.
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "kv/events/batch_writer.h"
#include "kv/events/event_subscriber.h"
#include "kv/events/frames.h"
#include "kv/index/cache_stream.h"

namespace llmd::kv {
namespace {

constexpr uint32_t kBlockSize = 16;
constexpr uint32_t kVocabulary = 151'936;
constexpr auto kTimeout = std::chrono::seconds(60);

double cpu_s(clockid_t clock) {
  timespec time{};
  LLMD_CHECK(clock_gettime(clock, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Load {
  uint32_t engines = 100;
  uint32_t batches = 0;          ///< of each engine
  uint32_t rate = 0;             ///< per engine and second; 0: as fast as they can
  uint32_t blocks = 8;           ///< stored by a batch, and as many removed once the cache is full
  uint32_t cache_blocks = 2048;  ///< of an engine
  uint64_t total() const { return uint64_t{engines} * batches; }
};

/// What an engine with a full cache publishes: each batch stores the next blocks of one prompt
/// after the other, and removes the oldest.
class Engine {
 public:
  Engine(const Load& load, uint32_t number) : load_(load), random_(number) {}

  std::string next_batch() {
    std::vector<EngineHash> hashes;
    std::vector<uint32_t> tokens;
    for (uint32_t i = 0; i < load_.blocks; ++i) hashes.push_back(random_.next());
    for (uint32_t i = 0; i < load_.blocks * kBlockSize; ++i) {
      tokens.push_back(static_cast<uint32_t>(random_.below(kVocabulary)));
    }
    StoredEvent stored{
        .hashes = hashes, .tokens = tokens, .block_size = kBlockSize, .medium = "GPU"};
    if (batch_++ % kBatchesPerPrompt != 0) stored.parent = held_.back();
    writer_.stored(stored);
    held_.insert(held_.end(), hashes.begin(), hashes.end());
    if (held_.size() > load_.cache_blocks) remove_oldest();
    return writer_.finish(1);
  }

 private:
  static constexpr uint32_t kBatchesPerPrompt = 8;

  void remove_oldest() {
    const std::vector<EngineHash> oldest(held_.begin(), held_.begin() + load_.blocks);
    writer_.removed({.hashes = oldest, .medium = "GPU"});
    held_.erase(held_.begin(), held_.begin() + load_.blocks);
  }

  const Load& load_;
  Random random_;
  BatchWriter writer_{EventForm::kMap};
  std::deque<EngineHash> held_;
  uint32_t batch_ = 0;
};

/// A process that publishes for all engines, each at a port of its own, when it is told to.
class Engines {
 public:
  explicit Engines(const Load& load) : load_(load) {
    int told[2];
    int ports[2];
    LLMD_CHECK(pipe(told) == 0 && pipe(ports) == 0);
    child_ = fork();
    LLMD_CHECK(child_ >= 0);
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      publish(told[0], ports[1]);
      _exit(0);
    }
    tell_ = told[1];
    for (uint32_t i = 0; i < load.engines; ++i) {
      uint16_t port = 0;
      LLMD_CHECK(read(ports[0], &port, sizeof port) == sizeof port);
      addresses_.push_back(net::Address::parse("127.0.0.1", port).value());
    }
    for (const int fd : {told[0], ports[0], ports[1]}) close(fd);
  }
  ~Engines() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    close(tell_);
  }
  Engines(const Engines&) = delete;
  Engines& operator=(const Engines&) = delete;

  const std::vector<net::Address>& addresses() const { return addresses_; }
  /// When all of them are followed.
  void begin() const { LLMD_CHECK(write(tell_, "", 1) == 1); }

 private:
  void publish(int told, int ports) const {
    zmq::context_t context;
    std::vector<zmq::socket_t> sockets;
    std::vector<std::vector<std::string>> batches(load_.engines);
    for (uint32_t i = 0; i < load_.engines; ++i) {
      zmq::socket_t& socket = sockets.emplace_back(context, zmq::socket_type::xpub);
      socket.set(zmq::sockopt::sndhwm, 0);  // nothing is dropped
      socket.bind("tcp://127.0.0.1:*");
      const std::string endpoint = bound_endpoint(socket);
      const auto port = static_cast<uint16_t>(std::atoi(&endpoint[endpoint.rfind(':') + 1]));
      LLMD_CHECK(write(ports, &port, sizeof port) == sizeof port);
      Engine engine(load_, i + 1);
      for (uint32_t n = 0; n < load_.batches; ++n) batches[i].push_back(engine.next_batch());
    }
    for (zmq::socket_t& socket : sockets) {  // each is subscribed to
      zmq::message_t subscription;
      LLMD_CHECK(socket.recv(subscription).has_value());
    }
    char begin = 0;
    if (read(told, &begin, 1) != 1) return;
    send_all(sockets, batches);
    pause();
  }

  void send_all(std::vector<zmq::socket_t>& sockets,
                const std::vector<std::vector<std::string>>& batches) const {
    const SteadyClock clock;
    const TimePoint began = clock.now();
    for (uint32_t n = 0; n < load_.batches; ++n) {
      for (uint32_t i = 0; i < load_.engines; ++i) {
        if (load_.rate > 0) wait_for_turn(clock, began, n, i);
        sockets[i].send(zmq::buffer(std::string_view("kv@")), zmq::send_flags::sndmore);
        sockets[i].send(zmq::buffer(encode_seq(n)), zmq::send_flags::sndmore);
        sockets[i].send(zmq::buffer(batches[i][n]), zmq::send_flags::none);
      }
    }
  }

  /// Engines' steps are spread over time.
  void wait_for_turn(const Clock& clock, TimePoint began, uint32_t batch, uint32_t engine) const {
    const double turn = batch + static_cast<double>(engine) / load_.engines;
    const auto at = began + std::chrono::duration_cast<Duration>(
                                std::chrono::duration<double>(turn / load_.rate));
    const Duration left = at - clock.now();
    if (left > Duration{}) std::this_thread::sleep_for(left);
  }

  const Load load_;
  pid_t child_ = 0;
  int tell_ = -1;
  std::vector<net::Address> addresses_;
};

/// One engine's stream into the index, counted.
class Counted final : public StreamConsumer {
 public:
  struct Totals {
    std::atomic<uint64_t> batches = 0;
    std::atomic<uint64_t> bytes = 0;
    std::atomic<uint64_t> entries = 0;
    clockid_t thread = 0;  ///< the subscriber's
  };
  Counted(BlockIndex& index, const Clock& clock, uint32_t endpoint, Totals& totals)
      : stream_(index, clock, endpoint, {}), totals_(totals) {}

  void on_batch(std::string_view payload) override {
    if (totals_.batches == 0) pthread_getcpuclockid(pthread_self(), &totals_.thread);
    stream_.on_batch(payload);
    totals_.entries += stream_.blocks().figures().entries - entries_;
    entries_ = stream_.blocks().figures().entries;
    totals_.bytes += payload.size();
    ++totals_.batches;
  }
  void on_reset() override { stream_.on_reset(); }
  void on_partial(bool partial) override { stream_.on_partial(partial); }

 private:
  CacheStream stream_;
  Totals& totals_;
  uint64_t entries_ = 0;
};

struct Taken {
  double thread_s = 0;   ///< of the subscriber's thread
  double process_s = 0;  ///< of it and libzmq's
  double wall_s = 0;
  uint64_t bytes = 0;
  uint64_t entries = 0;
};

/// Sleeps until `done`, which must come in time.
template <typename Done>
void wait_until(const Done& done) {
  const SteadyClock clock;
  const TimePoint end = clock.now() + kTimeout;
  while (!done()) {
    LLMD_CHECK(clock.now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Taken ingest(const Load& load) {
  const Engines engines(load);
  const SteadyClock clock;
  BlockIndex index;
  Counted::Totals totals;
  EventSubscriber subscriber;
  for (uint32_t i = 0; i < load.engines; ++i) {
    subscriber.add(engines.addresses()[i], std::nullopt,
                   std::make_unique<Counted>(index, clock, i, totals));
  }
  const double process_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
  engines.begin();
  wait_until([&] { return totals.batches > 0; });
  const TimePoint began = clock.now();
  wait_until([&] { return totals.batches == load.total(); });
  return {.thread_s = cpu_s(totals.thread),
          .process_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - process_s,
          .wall_s = to_seconds(clock.now() - began),
          .bytes = totals.bytes,
          .entries = totals.entries};
}

/// The same bytes, received and dropped.
Taken drain(const Load& load) {
  const Engines engines(load);
  const SteadyClock clock;
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::sub);
  socket.set(zmq::sockopt::rcvhwm, ZmqLimits{}.queued_messages_max);
  socket.set(zmq::sockopt::subscribe, "");
  for (const net::Address& address : engines.addresses()) {
    socket.connect("tcp://" + address.to_string());
  }
  const double process_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
  const double thread_s = cpu_s(CLOCK_THREAD_CPUTIME_ID);
  engines.begin();
  Taken taken;
  TimePoint began;
  zmq::message_t part;
  for (uint64_t messages = 0; messages < load.total();) {
    LLMD_CHECK(socket.recv(part).has_value());
    if (messages == 0) began = clock.now();
    if (part.more()) continue;
    taken.bytes += part.size();
    ++messages;
  }
  taken.thread_s = cpu_s(CLOCK_THREAD_CPUTIME_ID) - thread_s;
  taken.process_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - process_s;
  taken.wall_s = to_seconds(clock.now() - began);
  return taken;
}

/// 100 engines, 200 batches a second each, for 8 seconds.
void ingest_at_rate(benchmark::State& state) {
  const Load load{.batches = 1600, .rate = 200};
  for (auto _ : state) {
    const Taken taken = ingest(load);
    state.SetIterationTime(taken.wall_s);
    state.counters["thread_cores"] = taken.thread_s / taken.wall_s;
    state.counters["process_cores"] = taken.process_s / taken.wall_s;
    state.counters["MB_per_s"] = static_cast<double>(taken.bytes) / taken.wall_s / 1e6;
    state.counters["entries"] = static_cast<double>(taken.entries);
  }
}
BENCHMARK(ingest_at_rate)->Iterations(1)->UseManualTime()->Unit(benchmark::kSecond);

/// As fast as they come, in turn with the bare drain; bytes per second of processor time.
void ingest_over_drain(benchmark::State& state) {
  const Load load{.batches = 400};
  Taken ours;
  Taken bare;
  const auto add = [](Taken& sum, const Taken& each) {
    sum.thread_s += each.thread_s;
    sum.process_s += each.process_s;
    sum.wall_s += each.wall_s;
    sum.bytes += each.bytes;
  };
  for (auto _ : state) {
    const Taken first = ingest(load);
    add(ours, first);
    add(bare, drain(load));
    state.SetIterationTime(first.wall_s);
  }
  LLMD_CHECK(ours.bytes == bare.bytes);
  const auto bytes = static_cast<double>(ours.bytes);
  state.counters["process_ratio"] = bare.process_s / ours.process_s;
  state.counters["wall_ratio"] = bare.wall_s / ours.wall_s;
  state.counters["ingest_MB_per_cpu_s"] = bytes / ours.process_s / 1e6;
  state.counters["drain_MB_per_cpu_s"] = bytes / bare.process_s / 1e6;
  state.counters["thread_MB_per_cpu_s"] = bytes / ours.thread_s / 1e6;
}
BENCHMARK(ingest_over_drain)->Iterations(5)->UseManualTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace llmd::kv
