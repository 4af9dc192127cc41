// SPDX-License-Identifier: Apache-2.0
#include "cluster/local/state_dir.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "resources/object_header.h"

namespace llmd::cluster {
namespace {

constexpr mode_t kPrivate = 0700;
constexpr size_t kStateBytesMax = 1 << 20;

Error system_error(std::string_view what, const std::string& path) {
  return {Errc::kIo, fmt::format("cannot {} {}: {}", what, path, std::strerror(errno))};
}

/// Makes `path` if missing; what is there must be a folder of this user that nobody else may enter.
Result<void> make_private(const std::string& path) {
  if (::mkdir(path.c_str(), kPrivate) != 0 && errno != EEXIST) return system_error("make", path);
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return system_error("look at", path);
  if (!S_ISDIR(status.st_mode)) return invalid_argument(path + " is no folder");
  if (status.st_uid != ::geteuid()) return invalid_argument(path + " belongs to another user");
  if ((status.st_mode & 077) != 0) {
    return invalid_argument(fmt::format("{} is open to others; chmod 700 it", path));
  }
  return {};
}

nlohmann::json to_json(const ReplicaState& replica) {
  return {{"name", replica.name},
          {"role", replica.role},
          {"pid", replica.pid},
          {"state", replica.state},
          {"url", replica.url},
          {"restarts", replica.restarts},
          {"started_at", replica.started_at_s},
          {"log", replica.log}};
}

ReplicaState replica_from(const nlohmann::json& json) {
  return {.name = json.at("name"),
          .role = json.at("role"),
          .pid = json.at("pid"),
          .state = json.at("state"),
          .url = json.at("url"),
          .restarts = json.at("restarts"),
          .started_at_s = json.at("started_at"),
          .log = json.at("log")};
}

}  // namespace

Result<StateDir> StateDir::open(const std::string& name) {
  if (!resources::is_dns_label(name)) {
    return invalid_argument(fmt::format(
        "\"{}\" is no name for a cluster: lower-case letters, digits and -, at most 63", name));
  }
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string base;
  if (runtime != nullptr && *runtime == '/') {
    base = runtime;
  } else {
    base = fmt::format("/tmp/llmd-{}", ::geteuid());
    LLMD_RETURN_IF_ERROR(make_private(base));
  }
  LLMD_RETURN_IF_ERROR(make_private(base + "/llmd"));
  StateDir dir(fmt::format("{}/llmd/{}", base, name), name);
  LLMD_RETURN_IF_ERROR(make_private(dir.path_));
  return dir;
}

Result<void> StateDir::lock() {
  const std::string file = path("lock");
  // Never closed: the name is held as long as the process lives, however it ends.
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error("open", file);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
    ::unlink(path("state.json").c_str());  // of an earlier cluster, whose pid means nothing now
    return {};
  }
  ::close(fd);
  return Error{
      Errc::kResourceExhausted,
      fmt::format("a cluster named \"{0}\" runs already; `llmd status --name {0}` shows it, "
                  "`llmd down --name {0}` stops it, --name takes another name",
                  name_)};
}

bool StateDir::is_locked() const {
  const int fd = ::open(path("lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  const bool was_free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  ::close(fd);
  return !was_free;
}

Result<void> StateDir::write_state(const ClusterState& state) const {
  nlohmann::json replicas = nlohmann::json::array();
  for (const ReplicaState& replica : state.replicas) replicas.push_back(to_json(replica));
  const nlohmann::json json = {{"name", state.name},
                               {"pid", state.pid},
                               {"url", state.url},
                               {"ready", state.ready},
                               {"started_at", state.started_at_s},
                               {"replicas", std::move(replicas)}};
  return write_file_atomically(path("state.json"), json.dump(1) + "\n");
}

Result<ClusterState> StateDir::read_state() const {
  LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(path("state.json"), kStateBytesMax));
  try {
    const auto json = nlohmann::json::parse(text);
    ClusterState state{.name = json.at("name"),
                       .pid = json.at("pid"),
                       .url = json.at("url"),
                       .ready = json.at("ready"),
                       .started_at_s = json.at("started_at"),
                       .replicas = {}};
    for (const auto& replica : json.at("replicas")) state.replicas.push_back(replica_from(replica));
    return state;
  } catch (const nlohmann::json::exception& error) {
    return invalid_argument(fmt::format("{}: {}", path("state.json"), error.what()));
  }
}

}  // namespace llmd::cluster
