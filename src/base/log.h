// SPDX-License-Identifier: Apache-2.0
// Leveled log lines on stderr. Thread-safe. Never log a secret: no header values, no bodies.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace llmd::log {

enum class Level { kDebug, kInfo, kWarn, kError };

/// Names the process in every line, e.g. "engine tiny-0"; sets the lowest level shown.
void configure(std::string_view role, Level lowest);
void write(Level level, std::string_view message);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace llmd::log
