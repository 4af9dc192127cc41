// SPDX-License-Identifier: Apache-2.0
// Server-sent events at a fixed rate, from an origin and to a client that cost little themselves.
//
//   sse_load origin [BYTES [EVENTS TICK_MS]]
//                                   prints its port; streams to whoever POSTs, until killed, events
//                                   of at least BYTES; answers end after EVENTS of them
//   sse_load client PORT N SECONDS  opens N streams, counts events, prints "EVENTS BYTES SECONDS"
//
// The origin writes one event to every open stream each tick (4 ms, or as given), so that every
// proxy between the two is given the same events at the same rate, and a relay's cost per event can
// be compared.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace {

constexpr int kTickMs = 4;
constexpr size_t kEndless = SIZE_MAX;
constexpr std::string_view kEvent =
    "data: {\"id\":\"cmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1,"
    "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"}}]}\n\n";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_anywhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address = loopback(0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(fd, 4096) != 0) fail("listen");
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  std::printf("%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

int start_ticking(int epoll, int tick_ms) {
  const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  itimerspec spec{};
  spec.it_value.tv_sec = tick_ms / 1000;
  spec.it_value.tv_nsec = tick_ms % 1000 * 1'000'000L;
  spec.it_interval = spec.it_value;
  ::timerfd_settime(fd, 0, &spec, nullptr);
  watch(epoll, fd);
  return fd;
}

/// Serves health, metrics and the model list, which a gateway asks for, and streams to a POST.
class Origin {
 public:
  Origin(size_t event_bytes, size_t events, int tick_ms) : events_(events), tick_ms_(tick_ms) {
    std::string event(kEvent);
    const size_t at = event.find(" token");
    if (event.size() < event_bytes) event.insert(at, event_bytes - event.size(), 'x');
    chunk_ = chunk(event);
    const std::string usage =
        R"(data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":)" +
        std::to_string(events) + "}}\n\ndata: [DONE]\n\n";
    last_chunk_ = chunk_ + chunk(usage) + "0\r\n\r\n";
  }

  void run() {
    const int listener = listen_anywhere();
    watch(epoll_, listener);
    const int timer = start_ticking(epoll_, tick_ms_);
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<size_t>(i)].data.fd;
        if (fd == listener) {
          accept_one(listener);
        } else if (fd == timer) {
          tick(timer);
        } else {
          serve(fd);
        }
      }
    }
  }

 private:
  static std::string chunk(const std::string& bytes) {
    char head[24];
    std::snprintf(head, sizeof head, "%zx\r\n", bytes.size());
    return head + bytes + "\r\n";
  }

  void accept_one(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(epoll_, fd);
  }

  void tick(int timer) {
    uint64_t elapsed = 0;
    if (::read(timer, &elapsed, sizeof elapsed) != sizeof elapsed) return;
    for (auto it = streams_.begin(); it != streams_.end();) {
      const auto stream = it++;
      const std::string& bytes = stream->second == 1 ? last_chunk_ : chunk_;
      if (::send(stream->first, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN) drop(stream->first);
      } else if (--stream->second == 0) {
        streams_.erase(stream);
      }
    }
  }

  void serve(int fd) {
    char buffer[65536];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size <= 0) return drop(fd);
    const std::string_view request(buffer, static_cast<size_t>(size));
    if (request.starts_with("POST /tokenize")) {
      reply(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    } else if (request.starts_with("POST")) {
      reply(fd,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
            "chunked\r\n\r\n");
      streams_[fd] = events_;
    } else if (request.starts_with("GET /v1/models")) {
      reply_whole(fd, R"({"object":"list","data":[{"id":"m","object":"model"}]})");
    } else if (request.starts_with("GET")) {
      reply_whole(fd, "");
    }
  }

  static void reply_whole(int fd, std::string_view body) {
    reply(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }
  static void reply(int fd, const std::string& text) {
    if (::send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) std::perror("send");
  }
  void drop(int fd) {
    streams_.erase(fd);
    ::close(fd);
  }

  size_t events_;
  int tick_ms_;
  int epoll_ = ::epoll_create1(0);
  std::string chunk_;
  std::string last_chunk_;         // ends an answer
  std::map<int, size_t> streams_;  // how many events are left
};

int connect_stream(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  constexpr std::string_view kBody =
      R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";
  const std::string request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(kBody.size()) + "\r\n\r\n" + std::string(kBody);
  if (::send(fd, request.data(), request.size(), 0) < 0) fail("send");
  return fd;
}

size_t count_events(std::string_view bytes) {
  size_t events = 0;
  for (size_t at = 0; (at = bytes.find("data: ", at)) != std::string_view::npos; at += 6) ++events;
  return events;
}

int run_client(uint16_t port, int streams, int seconds) {
  const int epoll = ::epoll_create1(0);
  for (int i = 0; i < streams; ++i) watch(epoll, connect_stream(port));
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + std::chrono::seconds(seconds);
  size_t events_seen = 0;
  size_t bytes_seen = 0;
  static char buffer[1 << 16];
  std::array<epoll_event, 256> events;
  while (std::chrono::steady_clock::now() < end) {
    const int count = ::epoll_wait(epoll, events.data(), events.size(), 100);
    for (int i = 0; i < count; ++i) {
      const ssize_t size = ::read(events[static_cast<size_t>(i)].data.fd, buffer, sizeof buffer);
      if (size <= 0) {
        std::fprintf(stderr, "a stream ended early\n");
        return 1;
      }
      bytes_seen += static_cast<size_t>(size);
      events_seen += count_events({buffer, static_cast<size_t>(size)});
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%zu %zu %.3f\n", events_seen, bytes_seen, took.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "origin") {
    const auto number = [&](int index) { return static_cast<size_t>(std::atoi(argv[index])); };
    Origin(argc > 2 ? number(2) : 0, argc > 4 ? number(3) : kEndless,
           argc > 4 ? std::atoi(argv[4]) : kTickMs)
        .run();
  }
  if (mode == "client" && argc == 5) {
    return run_client(static_cast<uint16_t>(std::atoi(argv[2])), std::atoi(argv[3]),
                      std::atoi(argv[4]));
  }
  std::fprintf(stderr,
               "usage: sse_load origin [BYTES [EVENTS TICK_MS]] | "
               "sse_load client PORT STREAMS SECONDS\n");
  return 2;
}
