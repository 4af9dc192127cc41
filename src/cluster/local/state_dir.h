// SPDX-License-Identifier: Apache-2.0
// Where a local cluster keeps its state, logs and lock:
// ${XDG_RUNTIME_DIR:-/tmp/llmd-UID}/llmd/NAME.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace llmd::cluster {

/// One process of a cluster as `llmd status` shows it.
struct ReplicaState {
  std::string name;
  std::string role;
  pid_t pid = 0;  ///< 0 while it does not run
  std::string state;
  std::string url;  ///< empty until known
  uint32_t restarts = 0;
  int64_t started_at_s = 0;  ///< Unix time
  std::string log;
};

struct ClusterState {
  std::string name;
  pid_t pid = 0;
  std::string url;
  bool ready = false;
  int64_t started_at_s = 0;
  std::vector<ReplicaState> replicas;
};

/// A folder that only this user can enter.
class StateDir {
 public:
  /// Makes the folder if it is missing. Refuses one that another user owns or may enter, a link,
  /// and a name that is no DNS label.
  static Result<StateDir> open(const std::string& name);

  std::string path(std::string_view file) const { return path_ + "/" + std::string(file); }

  /// Holds the cluster's name until the process ends. Refused while another process holds it.
  Result<void> lock();
  /// Whether a process holds the name now.
  bool is_locked() const;

  Result<void> write_state(const ClusterState& state) const;
  Result<ClusterState> read_state() const;

 private:
  explicit StateDir(std::string path, std::string name)
      : path_(std::move(path)), name_(std::move(name)) {}

  std::string path_;
  std::string name_;
};

}  // namespace llmd::cluster
