// SPDX-License-Identifier: Apache-2.0
#include "kv/events/event_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/events/frames.h"

namespace llmd::kv {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Frames = std::vector<std::string>;

constexpr int kPatienceMs = 20'000;

TEST(PublisherConfig, HasVllmsDefaults) {
  const auto config = parse_publisher_config("{}");
  ASSERT_TRUE(config.ok());
  EXPECT_FALSE(config->enable_kv_cache_events);
  EXPECT_FALSE(config->publishes());
  EXPECT_EQ(config->endpoint, "tcp://*:5557");
  EXPECT_EQ(config->replay_endpoint, std::nullopt);
  EXPECT_EQ(config->buffer_steps, 10'000U);
  EXPECT_EQ(config->hwm, 100'000U);
  EXPECT_EQ(config->max_queue_size, 100'000U);
  EXPECT_EQ(config->topic, "");
  EXPECT_EQ(config->event_form, EventForm::kMap);
}

TEST(PublisherConfig, TakesVllmsKeys) {
  const auto config = parse_publisher_config(R"({"enable_kv_cache_events": true, "publisher": null,
      "endpoint": "tcp://10.0.0.1:5557", "replay_endpoint": "tcp://*:5558", "buffer_steps": 5,
      "hwm": 6, "max_queue_size": 7, "topic": "kv@pod@m", "event_form": "array"})");
  ASSERT_TRUE(config.ok());
  EXPECT_TRUE(config->publishes());
  EXPECT_EQ(config->endpoint, "tcp://10.0.0.1:5557");
  EXPECT_EQ(config->replay_endpoint, "tcp://*:5558");
  EXPECT_EQ(config->buffer_steps, 5U);
  EXPECT_EQ(config->hwm, 6U);
  EXPECT_EQ(config->max_queue_size, 7U);
  EXPECT_EQ(config->topic, "kv@pod@m");
  EXPECT_EQ(config->event_form, EventForm::kArray);
  const auto null = parse_publisher_config(R"({"enable_kv_cache_events":true,"publisher":"null"})");
  EXPECT_FALSE(null->publishes());
}

TEST(PublisherConfig, SaysWhatIsWrong) {
  const auto message = [](const char* json) {
    const auto config = parse_publisher_config(json);
    return config ? "" : config.error().message;
  };
  EXPECT_THAT(message("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(message("{"), HasSubstr("JSON object"));
  EXPECT_THAT(message(R"({"endpont": "tcp://*:1"})"), HasSubstr("did you mean \"endpoint\""));
  EXPECT_THAT(message(R"({"buffer_steps": -1})"), HasSubstr("a number of batches"));
  EXPECT_THAT(message(R"({"hwm": 1e9})"), HasSubstr("a number of batches"));
  EXPECT_THAT(message(R"({"max_queue_size": 0})"), HasSubstr("one or more"));
  EXPECT_THAT(message(R"({"publisher": "kafka"})"), HasSubstr("zmq"));
  EXPECT_THAT(message(R"({"event_form": "protobuf"})"), HasSubstr("map"));
  EXPECT_THAT(message(R"({"endpoint": "inproc://x"})"), HasSubstr("tcp://"));
}

TEST(PublisherConfig, BindsWhereVllmBinds) {
  for (const char* bound : {"tcp://*:5557", "tcp://[::]:5557", "tcp://[::1]:5557", "ipc:///tmp/x",
                            "tcp://127.0.0.1:*", "tcp://127.0.0.1:0"}) {
    EXPECT_TRUE(binds(bound)) << bound;
  }
  EXPECT_FALSE(binds("tcp://127.0.0.1:5557"));
  EXPECT_FALSE(binds("tcp://indexer:5557"));
}

TEST(PublisherConfig, PortsGrowByRank) {
  const auto grown = [](const std::string& endpoint, uint32_t offset) {
    PublisherConfig config;
    config.endpoint = endpoint;
    config.replay_endpoint = "tcp://*:6000";
    const auto result = offset_ports(config, offset);
    return result ? result->endpoint + " " + *result->replay_endpoint : "error";
  };
  EXPECT_EQ(grown("tcp://*:5557", 0), "tcp://*:5557 tcp://*:6000");
  EXPECT_EQ(grown("tcp://*:5557", 3), "tcp://*:5560 tcp://*:6003");
  EXPECT_EQ(grown("tcp://[::1]:5557", 3), "tcp://[::1]:5560 tcp://*:6003");
  EXPECT_EQ(grown("tcp://127.0.0.1:*", 3), "tcp://127.0.0.1:* tcp://*:6003");
  EXPECT_EQ(grown("tcp://*:0", 3), "tcp://*:0 tcp://*:6003");
  EXPECT_EQ(grown("tcp://indexer:5557", 3), "tcp://indexer:5557 tcp://*:6003");  // one for all
  EXPECT_EQ(grown("tcp://*:65535", 1), "error");
  EXPECT_EQ(grown("ipc:///tmp/x", 1), "error");
}

/// A subscriber that was heard before anything is published.
class TestSubscriber {
 public:
  explicit TestSubscriber(EventPublisher& publisher) {
    for (zmq::socket_t* socket : {&live_, &replay_}) {
      socket->set(zmq::sockopt::linger, 0);
      socket->set(zmq::sockopt::rcvtimeo, kPatienceMs);
    }
    live_.set(zmq::sockopt::subscribe, "");
    live_.connect(publisher.endpoint());
    if (publisher.replay_endpoint()) replay_.connect(*publisher.replay_endpoint());
  }
  /// Publishes batches named 0, 1, … until one is heard, and gives its number.
  int until_heard(EventPublisher& publisher, int first = 0) {
    live_.set(zmq::sockopt::rcvtimeo, 20);
    for (int i = first;; ++i) {
      publisher.publish(std::to_string(i));
      const Frames frames = heard();
      if (!frames.empty())
        return live_.set(zmq::sockopt::rcvtimeo, kPatienceMs), std::stoi(frames[2]);
    }
  }
  Frames heard() { return receive(live_); }
  Frames replied() { return receive(replay_); }
  void ask(uint64_t from) {
    replay_.send(zmq::message_t(), zmq::send_flags::sndmore);
    replay_.send(zmq::buffer(encode_seq(from)), zmq::send_flags::none);
  }

 private:
  static Frames receive(zmq::socket_t& socket) {
    Frames frames;
    zmq::message_t part;
    do {
      if (!socket.recv(part)) return {};
      frames.push_back(part.to_string());
    } while (part.more());
    return frames;
  }

  zmq::context_t context_;
  zmq::socket_t live_{context_, zmq::socket_type::sub};
  zmq::socket_t replay_{context_, zmq::socket_type::dealer};
};

std::unique_ptr<EventPublisher> started(PublisherConfig config) {
  config.endpoint = "tcp://127.0.0.1:*";
  config.replay_endpoint = "tcp://127.0.0.1:0";
  auto publisher = EventPublisher::start(config);
  EXPECT_TRUE(publisher.ok());
  return std::move(*publisher);
}

const std::string kEnd(8, '\xff');

TEST(EventPublisher, SendsTopicNumberAndPayload) {
  PublisherConfig config;
  config.topic = "kv@pod@model";
  const auto publisher = started(config);
  TestSubscriber subscriber(*publisher);
  const auto n = static_cast<uint64_t>(subscriber.until_heard(*publisher));
  publisher->publish("next");
  EXPECT_THAT(subscriber.heard(), ElementsAre("kv@pod@model", encode_seq(n + 1), "next"));
}

TEST(EventPublisher, RepeatsTheLatestBatches) {
  PublisherConfig config;
  config.topic = "t";
  config.buffer_steps = 3;
  const auto publisher = started(config);
  TestSubscriber subscriber(*publisher);
  const int first = subscriber.until_heard(*publisher);
  const auto last = static_cast<uint64_t>(first + 3);
  for (int i = first + 1; i <= first + 3; ++i) publisher->publish(std::to_string(i));
  for (int i = 0; i < 3; ++i) subscriber.heard();  // the publisher's thread has them all
  subscriber.ask(0);
  for (uint64_t seq = last - 2; seq <= last; ++seq) {
    EXPECT_THAT(subscriber.replied(), ElementsAre("", "t", encode_seq(seq), std::to_string(seq)));
  }
  EXPECT_THAT(subscriber.replied(), ElementsAre("", "", kEnd, ""));
  subscriber.ask(last);
  EXPECT_THAT(subscriber.replied(), ElementsAre("", "t", encode_seq(last), std::to_string(last)));
  EXPECT_THAT(subscriber.replied(), ElementsAre("", "", kEnd, ""));
  subscriber.ask(last + 1);
  EXPECT_THAT(subscriber.replied(), ElementsAre("", "", kEnd, ""));
}

TEST(EventPublisher, WhatDoesNotFitItsQueueLeavesAGap) {
  PublisherConfig config;
  config.max_queue_size = 1;
  const auto publisher = started(config);
  TestSubscriber subscriber(*publisher);
  const auto first = static_cast<uint64_t>(subscriber.until_heard(*publisher));
  uint64_t dropped = first + 1;
  while (publisher->publish("z")) ++dropped;
  uint64_t last = dropped;
  while (!publisher->publish("later")) ++last;
  uint64_t seq = first;
  for (std::string payload; payload != "later";) {
    const Frames frames = subscriber.heard();
    ASSERT_EQ(frames.size(), 3U);
    seq = *decode_seq(frames[1]);
    payload = frames[2];
    EXPECT_NE(seq, dropped);
  }
  EXPECT_EQ(seq, last + 1);
}

TEST(EventPublisher, SaysWhatIsTaken) {
  const auto publisher = started({});
  PublisherConfig config;
  config.endpoint = "tcp://127.0.0.1:*";
  config.replay_endpoint = publisher->replay_endpoint();
  const auto second = EventPublisher::start(config);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message, HasSubstr(*config.replay_endpoint));
}

}  // namespace
}  // namespace llmd::kv
