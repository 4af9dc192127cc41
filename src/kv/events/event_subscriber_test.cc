// SPDX-License-Identifier: Apache-2.0
// Against plain ZMQ sockets that do what vLLM's publisher does.
#include "kv/events/event_subscriber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "kv/events/frames.h"

namespace llmd::kv {
namespace {

using testing::ElementsAre;
using Batches = std::vector<std::string>;

constexpr auto kPatience = std::chrono::seconds(20);

/// What a consumer heard, for the test's thread to wait on.
class Heard {
 public:
  template <typename Change>
  void change(const Change& change) {
    const std::lock_guard lock(mutex_);
    change(*this);
    changed_.notify_all();
  }
  /// Whether it held in time.
  template <typename Condition>
  bool wait(const Condition& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return condition(*this); });
  }
  bool wait_for(const Batches& expected) {
    return wait([&](const Heard& heard) { return heard.batches == expected; });
  }

  Batches batches;
  int resets = 0;
  bool partial = false;
  bool gone = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class HeardConsumer final : public StreamConsumer {
 public:
  explicit HeardConsumer(Heard& heard) : heard_(heard) {}
  ~HeardConsumer() override {
    heard_.change([](Heard& heard) { heard.gone = true; });
  }
  void on_batch(std::string_view payload) override {
    heard_.change([&](Heard& heard) { heard.batches.emplace_back(payload); });
  }
  void on_reset() override {
    heard_.change([](Heard& heard) {
      ++heard.resets;
      heard.batches.clear();
    });
  }
  void on_partial(bool partial) override {
    heard_.change([&](Heard& heard) { heard.partial = partial; });
  }

 private:
  Heard& heard_;
};

net::Address address_of(const std::string& endpoint, const std::string& host = "127.0.0.1") {
  const auto port = static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  auto address = net::Address::parse(host, port);
  EXPECT_TRUE(address.ok());
  return *address;
}

/// A publisher whose every step the test takes. Its PUB side is an XPUB, to know of subscribers.
class TestEngine {
 public:
  explicit TestEngine(const std::string& host = "127.0.0.1")
      : TestEngine("tcp://" + host + ":*", "tcp://" + host + ":*") {}
  TestEngine(const std::string& events_endpoint, const std::string& replay_endpoint)
      : events_(context_, zmq::socket_type::xpub), replay_(context_, zmq::socket_type::router) {
    for (zmq::socket_t* socket : {&events_, &replay_}) {
      socket->set(zmq::sockopt::ipv6, true);
      socket->set(zmq::sockopt::linger, 0);
      socket->set(zmq::sockopt::rcvtimeo,
                  static_cast<int>(std::chrono::milliseconds(kPatience).count()));
    }
    events_.bind(events_endpoint);
    replay_.bind(replay_endpoint);
  }
  std::string events_endpoint() { return bound_endpoint(events_); }
  std::string replay_endpoint() { return bound_endpoint(replay_); }

  void await_subscriber() {
    zmq::message_t subscription;
    ASSERT_TRUE(events_.recv(subscription));
  }
  void send(const std::vector<std::string>& frames) { send_all(events_, frames); }
  void publish(uint64_t seq, const std::string& payload) {
    send({"topic", encode_seq(seq), payload});
  }

  /// Waits for a request and answers it with batches from `first` on, in the form of before vLLM
  /// 0.26 or of since then. Gives the number that was asked for.
  uint64_t serve(uint64_t first, const Batches& batches, bool with_topic) {
    zmq::message_t identity;
    zmq::message_t empty;
    zmq::message_t seq;
    EXPECT_TRUE(replay_.recv(identity) && replay_.recv(empty) && replay_.recv(seq));
    EXPECT_EQ(empty.size(), 0U);
    const auto reply = [&](const char* topic, uint64_t number, const std::string& payload) {
      std::vector<std::string> frames = {identity.to_string(), ""};
      if (with_topic) frames.emplace_back(topic);
      frames.insert(frames.end(), {encode_seq(number), payload});
      send_all(replay_, frames);
    };
    for (const std::string& batch : batches) reply("topic", first++, batch);
    reply("", kReplayEnd, "");
    return decode_seq(seq.to_string_view()).value_or(kReplayEnd);
  }

 private:
  static void send_all(zmq::socket_t& socket, const std::vector<std::string>& frames) {
    for (const std::string& frame : frames) {
      const bool last = &frame == &frames.back();
      socket.send(zmq::buffer(frame), last ? zmq::send_flags::none : zmq::send_flags::sndmore);
    }
  }

  zmq::context_t context_;
  zmq::socket_t events_;
  zmq::socket_t replay_;
};

StreamId follow(EventSubscriber& subscriber, TestEngine& engine, Heard& heard,
                const std::string& host = "127.0.0.1") {
  return subscriber.add(address_of(engine.events_endpoint(), host),
                        address_of(engine.replay_endpoint(), host),
                        std::make_unique<HeardConsumer>(heard));
}

/// The next report for which the condition holds; reports come by themselves.
template <typename Condition>
SubscriberReport report_when(const EventSubscriber& subscriber, const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  SubscriberReport report = subscriber.report();
  while (!condition(report) && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
    report = subscriber.report();
  }
  EXPECT_TRUE(condition(report));
  return report;
}

TEST(EventSubscriber, HearsWhatWasSaidBeforeAndWhatIsSaidNow) {
  for (const bool with_topic : {false, true}) {
    TestEngine engine;
    Heard heard;
    EventSubscriber subscriber;
    follow(subscriber, engine, heard);
    engine.await_subscriber();
    EXPECT_EQ(engine.serve(0, {"a", "b"}, with_topic), 0U);
    engine.publish(2, "c");
    EXPECT_TRUE(heard.wait_for({"a", "b", "c"}));
    engine.publish(5, "f");  // two were lost
    EXPECT_EQ(engine.serve(2, {"c", "d", "e", "f"}, with_topic), 2U);
    EXPECT_TRUE(heard.wait_for({"a", "b", "c", "d", "e", "f"}));
    const auto report = report_when(subscriber, [](const SubscriberReport& now) {
      return now.streams.size() == 1 && now.streams[0].counters.batches == 6;
    });
    EXPECT_EQ(report.messages, 2U);
    EXPECT_EQ(report.bytes, 2U);
    EXPECT_EQ(report.streams[0].counters.gaps, 1U);
    EXPECT_FALSE(report.streams[0].partial);
    EXPECT_FALSE(heard.partial);
  }
}

TEST(EventSubscriber, AnEngineThatIsReplacedIsForgotten) {
  auto engine = std::make_unique<TestEngine>();
  const std::string events = engine->events_endpoint();
  const std::string replay = engine->replay_endpoint();
  Heard heard;
  EventSubscriber subscriber;
  follow(subscriber, *engine, heard);
  engine->await_subscriber();
  engine->serve(0, {"a", "b"}, true);
  EXPECT_TRUE(heard.wait_for({"a", "b"}));
  engine.reset();
  engine = std::make_unique<TestEngine>(events, replay);
  EXPECT_EQ(engine->serve(1, {"y", "z"}, true), 1U);
  EXPECT_EQ(engine->serve(0, {"x", "y", "z"}, true), 0U);
  EXPECT_TRUE(heard.wait_for({"x", "y", "z"}));
  EXPECT_EQ(heard.resets, 1);
  report_when(subscriber, [](const SubscriberReport& now) { return now.reconnects == 1; });
}

TEST(EventSubscriber, AnEngineMayComeLater) {
  auto engine = std::make_unique<TestEngine>();
  const std::string events = engine->events_endpoint();
  const std::string replay = engine->replay_endpoint();
  engine.reset();
  Heard heard;
  EventSubscriber subscriber;
  subscriber.add(address_of(events), address_of(replay), std::make_unique<HeardConsumer>(heard));
  engine = std::make_unique<TestEngine>(events, replay);
  engine->await_subscriber();
  engine->serve(0, {"a"}, true);
  EXPECT_TRUE(heard.wait_for({"a"}));
}

TEST(EventSubscriber, WithoutReplayTheLiveStreamCounts) {
  TestEngine engine;
  Heard heard;
  EventSubscriber subscriber;
  subscriber.add(address_of(engine.events_endpoint()), std::nullopt,
                 std::make_unique<HeardConsumer>(heard));
  engine.await_subscriber();
  engine.publish(7, "h");
  EXPECT_TRUE(heard.wait_for({"h"}));
  EXPECT_TRUE(heard.partial);
}

TEST(EventSubscriber, ResyncAsksForEverything) {
  TestEngine engine;
  Heard heard;
  EventSubscriber subscriber;
  const StreamId id = follow(subscriber, engine, heard);
  engine.await_subscriber();
  engine.serve(0, {"a"}, true);
  EXPECT_TRUE(heard.wait_for({"a"}));
  subscriber.resync(id);
  EXPECT_EQ(engine.serve(0, {"a", "b"}, true), 0U);
  EXPECT_TRUE(heard.wait_for({"a", "b"}));
}

TEST(EventSubscriber, ARemovedStreamHearsNothing) {
  TestEngine engine;
  Heard heard;
  Heard other;
  EventSubscriber subscriber;
  const StreamId id = follow(subscriber, engine, heard);
  engine.await_subscriber();
  engine.serve(0, {}, true);
  subscriber.remove(id);
  EXPECT_TRUE(heard.wait([](const Heard& now) { return now.gone; }));
  follow(subscriber, engine, other);
  engine.publish(0, "a");
  engine.serve(0, {"a"}, true);
  EXPECT_TRUE(other.wait_for({"a"}));
  EXPECT_THAT(heard.batches, ElementsAre());
}

TEST(EventSubscriber, OddMessagesAreCountedAndPassedOver) {
  TestEngine engine;
  Heard heard;
  EventSubscriber subscriber;
  follow(subscriber, engine, heard);
  engine.await_subscriber();
  engine.serve(0, {}, true);
  engine.send({"topic"});
  engine.send({"topic", "seq", "payload"});
  engine.send({"topic", encode_seq(0), "1", "2", "3", "4", "5", "6", "7"});
  engine.publish(0, "a");
  EXPECT_TRUE(heard.wait_for({"a"}));
  report_when(subscriber, [](const SubscriberReport& now) { return now.malformed == 3; });
}

TEST(EventSubscriber, AFrameBeyondTheLimitBreaksTheConnectionAndNoMore) {
  TestEngine engine;
  Heard heard;
  EventSubscriber subscriber(
      {.zmq = {.frame_bytes_max = 1000, .reopen_after = std::chrono::milliseconds(100)}});
  follow(subscriber, engine, heard);
  engine.await_subscriber();
  engine.serve(0, {"a"}, true);
  EXPECT_TRUE(heard.wait_for({"a"}));
  engine.publish(1, std::string(2000, 'z'));
  EXPECT_EQ(engine.serve(0, {"a"}, true),
            0U);  // it reconnects and looks whether it missed anything
  engine.publish(1, "b");
  EXPECT_TRUE(heard.wait_for({"a", "b"}));
}

TEST(EventSubscriber, SpeaksIpv6) {
  std::unique_ptr<TestEngine> engine;
  try {
    engine = std::make_unique<TestEngine>("[::1]");
  } catch (const zmq::error_t&) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
  Heard heard;
  EventSubscriber subscriber;
  follow(subscriber, *engine, heard, "::1");
  engine->await_subscriber();
  engine->serve(0, {"a"}, true);
  EXPECT_TRUE(heard.wait_for({"a"}));
}

/// Connects to a subscriber, as many engines do to one.
class CentralEngine {
 public:
  explicit CentralEngine(const std::string& endpoint) : events_(context_, zmq::socket_type::xpub) {
    events_.set(zmq::sockopt::linger, 0);
    events_.set(zmq::sockopt::rcvtimeo,
                static_cast<int>(std::chrono::milliseconds(kPatience).count()));
    events_.connect(endpoint);
    zmq::message_t subscription;
    EXPECT_TRUE(events_.recv(subscription));
  }
  void publish(const std::string& topic, uint64_t seq, const std::string& payload) {
    events_.send(zmq::buffer(topic), zmq::send_flags::sndmore);
    events_.send(zmq::buffer(encode_seq(seq)), zmq::send_flags::sndmore);
    events_.send(zmq::buffer(payload), zmq::send_flags::none);
  }

 private:
  zmq::context_t context_;
  zmq::socket_t events_;
};

TEST(EventSubscriber, TopicsAndRanksTellSourcesApartOnABoundSocket) {
  std::mutex mutex;
  std::map<std::string, Heard> heard;
  EventSubscriber subscriber({.topic_filter = "kv@", .published_streams_max = 3});
  const auto make = [&](const PublishedSource& source) {
    const std::lock_guard lock(mutex);
    const std::string rank = source.rank ? std::to_string(*source.rank) : "none";
    return std::make_unique<HeardConsumer>(heard[source.address + " " + source.model + " " + rank]);
  };
  const auto endpoint = subscriber.bind("tcp://127.0.0.1:*", make);
  ASSERT_TRUE(endpoint.ok());
  CentralEngine engine(*endpoint);
  const std::string bare("\x92\x01\x90", 3);
  const auto ranked = [](char rank) { return std::string("\x93\x01\x90") + rank; };
  engine.publish("other", 0, "x");
  engine.publish("kv@a@m", 0, ranked('\x01'));
  engine.publish("kv@a@m", 0, ranked('\x02'));
  engine.publish("kv@b", 0, bare);
  engine.publish("kv@c@m", 0, bare);  // one too many
  engine.publish("kv@a@m", 1, ranked('\x01'));
  report_when(subscriber, [](const SubscriberReport& now) { return now.messages == 5; });
  const std::lock_guard lock(mutex);
  ASSERT_EQ(heard.size(), 3U);
  EXPECT_TRUE(heard["a m 1"].wait_for({ranked('\x01'), ranked('\x01')}));
  EXPECT_TRUE(heard["a m 2"].wait_for({ranked('\x02')}));
  EXPECT_TRUE(heard["kv@b  none"].wait_for({bare}));
  EXPECT_EQ(subscriber.report().refused, 1U);
}

TEST(EventSubscriber, SaysWhyItCannotBind) {
  EventSubscriber subscriber;
  const auto bound = subscriber.bind("tcp://nonsense", nullptr);
  ASSERT_FALSE(bound.ok());
  EXPECT_THAT(bound.error().message, testing::HasSubstr("tcp://nonsense"));
}

}  // namespace
}  // namespace llmd::kv
