// SPDX-License-Identifier: Apache-2.0
// Finds the addresses of endpoints that are given by name, without holding up the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "endpoints/by_slot.h"
#include "endpoints/pool.h"
#include "net/event_loop.h"
#include "net/socket.h"

namespace llmd::endpoints {

/// All addresses of a name. Blocks; called on the resolver's thread.
using Lookup =
    std::function<Result<std::vector<net::Address>>(const std::string& host, uint16_t port)>;

struct ResolverOptions {
  Duration interval = std::chrono::seconds(30);      ///< between two look-ups for an endpoint
  Duration interval_down = std::chrono::seconds(2);  ///< while it is not up
};

/// Keeps Live::address of the pool's named endpoints: asked when they appear and from then on. An
/// address that works is kept as long as the name has it; one that does not gives way to the next.
/// A name without address leaves the last one. Loop thread, but for the look-ups: they run on a
/// thread of their own, which starts with the first name.
class Resolver {
 public:
  /// `loop` and `pool` must outlive the resolver.
  Resolver(net::EventLoop& loop, Pool& pool, Lookup lookup = net::Address::resolve_all,
           ResolverOptions options = {});
  /// Does not wait for a look-up under way.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

 private:
  struct Thread;
  struct State {
    TimePoint asked_at{};
    bool asking = false;
    bool failed = false;  ///< and said so
  };

  void step();
  void ask(const std::shared_ptr<Endpoint>& endpoint);
  void take(const std::shared_ptr<Endpoint>& endpoint,
            const Result<std::vector<net::Address>>& found);
  void use(Endpoint& endpoint, const std::vector<net::Address>& addresses);

  net::EventLoop& loop_;
  Pool& pool_;
  Lookup lookup_;
  const ResolverOptions options_;
  net::Timer timer_;
  BySlot<State> states_;
  std::shared_ptr<Thread> thread_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace llmd::endpoints
