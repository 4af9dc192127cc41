// SPDX-License-Identifier: Apache-2.0
// Ctrl-C for commands that run without an event loop, or with one after the other.
#pragma once

#include <csignal>

namespace llmd::cli {

/// From now on the first SIGINT or SIGTERM makes the flag 1, and the next one ends the process.
/// An event loop has handlers of its own, which stay: arm again before what follows it.
const volatile std::sig_atomic_t& arm_interrupt();

}  // namespace llmd::cli
