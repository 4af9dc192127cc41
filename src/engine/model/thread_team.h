// SPDX-License-Identifier: Apache-2.0
// A few threads that share the tasks of one computation step after another.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace llmd::engine {

/// Workers spin briefly for the next region, then sleep in the kernel, so that they neither cost a
/// wake-up per region nor burn a core that others need. With one thread there are no workers and a
/// region is a plain loop. One thread calls run(), always the same one.
class ThreadTeam {
 public:
  explicit ThreadTeam(uint32_t threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  /// Calls work(task, worker) once for each task in [0, tasks), `worker` below threads(); returns
  /// when all are done. Never waits for a worker that took no task.
  template <class F>
  void run(uint32_t tasks, F&& work) {
    if (workers_.empty() || tasks <= 1) {
      for (uint32_t task = 0; task < tasks; ++task) work(task, 0U);
      return;
    }
    run_shared(tasks, &work, [](void* context, uint32_t task, uint32_t worker) {
      (*static_cast<std::remove_reference_t<F>*>(context))(task, worker);
    });
  }

 private:
  using Call = void (*)(void* context, uint32_t task, uint32_t worker);

  void run_shared(uint32_t tasks, void* context, Call call);
  void work_loop(uint32_t worker);
  void take_tasks(uint32_t worker);
  void await_region(uint32_t seen) const;
  void await_completion() const;

  // Region number in the upper half, tasks not yet taken in the lower: a late worker can never take
  // a task of one region with the function of another.
  alignas(64) std::atomic<uint64_t> region_{0};
  alignas(64) std::atomic<uint32_t> unfinished_{0};
  alignas(64) std::atomic<uint32_t> epoch_{0};  ///< what sleeping workers wait on
  std::atomic<bool> stopping_{false};
  // Written before region_ is published, read only by holders of a task.
  uint32_t tasks_ = 0;
  void* context_ = nullptr;
  Call call_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace llmd::engine
