// SPDX-License-Identifier: Apache-2.0
#include "kv/events/event_subscriber.h"

#include <future>
#include <mutex>
#include <unordered_map>

#include "base/log.h"
#include "kv/events/event_streams.h"

namespace llmd::kv {
namespace {

constexpr auto kReportEvery = std::chrono::milliseconds(200);
constexpr int kSocketsMax = 16'384;  ///< of one context; each stream has up to four

}  // namespace

struct EventSubscriber::Impl {
  Impl(net::EventLoop& loop, SubscriberOptions given)
      : options(std::move(given)), host{loop, context, options}, report_timer(loop) {
    context.set(zmq::ctxopt::max_sockets, kSocketsMax);
  }

  void refresh_report() {
    SubscriberReport report = host.totals;
    for (const auto& [id, stream] : connected) report.streams.push_back(stream->report(id));
    if (published) published->append_reports(report.streams);
    {
      const std::lock_guard lock(report_mutex);
      latest = std::move(report);
    }
    report_timer.start(kReportEvery, [this] { refresh_report(); });
  }

  SubscriberOptions options;
  zmq::context_t context;
  StreamHost host;
  std::unordered_map<StreamId, std::unique_ptr<ConnectedStream>> connected;
  std::unique_ptr<PublishedStreams> published;
  net::Timer report_timer;

  mutable std::mutex report_mutex;
  SubscriberReport latest;  ///< under the mutex
};

EventSubscriber::EventSubscriber(SubscriberOptions options)
    : impl_(std::make_unique<Impl>(loop_, std::move(options))) {
  loop_.post([this] { impl_->refresh_report(); });
  thread_ = std::thread([this] { loop_.run(); });
}

EventSubscriber::~EventSubscriber() {
  loop_.post([this] {
    impl_->connected.clear();
    impl_->published.reset();
    impl_->report_timer.cancel();
    loop_.post([this] { loop_.stop(); });  // a turn later: sockets may die at the end of this one
  });
  thread_.join();
}

StreamId EventSubscriber::add(const net::Address& events, const std::optional<net::Address>& replay,
                              std::unique_ptr<StreamConsumer> consumer) {
  const StreamId id = ++last_id_;
  // A function that can be copied must own what cannot.
  auto shared = std::make_shared<std::unique_ptr<StreamConsumer>>(std::move(consumer));
  loop_.post([this, id, events, replay, shared] {
    impl_->connected.emplace(
        id, std::make_unique<ConnectedStream>(impl_->host, events, replay, std::move(*shared)));
  });
  return id;
}

void EventSubscriber::remove(StreamId id) {
  loop_.post([this, id] {
    if (impl_->connected.erase(id) == 0 && impl_->published) impl_->published->remove(id);
  });
}

void EventSubscriber::resync(StreamId id) {
  loop_.post([this, id] {
    const auto found = impl_->connected.find(id);
    if (found != impl_->connected.end()) found->second->resync();
  });
}

Result<std::string> EventSubscriber::bind(const std::string& endpoint, MakeConsumer make_consumer) {
  std::promise<Result<std::string>> done;
  loop_.post([&] {
    try {
      zmq::socket_t socket = subscribed(impl_->host);
      socket.bind(endpoint);
      std::string bound = bound_endpoint(socket);
      impl_->published = std::make_unique<PublishedStreams>(impl_->host, std::move(socket),
                                                            last_id_, std::move(make_consumer));
      done.set_value(std::move(bound));
    } catch (const zmq::error_t& error) {
      done.set_value(Error{Errc::kIo, "cannot bind " + endpoint + ": " + error.what()});
    }
  });
  return done.get_future().get();
}

SubscriberReport EventSubscriber::report() const {
  const std::lock_guard lock(impl_->report_mutex);
  return impl_->latest;
}

}  // namespace llmd::kv
