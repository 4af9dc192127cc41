// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace llmd::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto created =
        std::make_shared<spdlog::logger>("llmd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    created->set_pattern("%Y-%m-%dT%H:%M:%S.%e %L %n: %v");
    return created;
  }();
  return *instance;
}

}  // namespace

void configure(std::string_view role, Level lowest) {
  logger().set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%e %L {}: %v", role));
  logger().set_level(to_spdlog(lowest));
}

void write(Level level, std::string_view message) { logger().log(to_spdlog(level), message); }

}  // namespace llmd::log
