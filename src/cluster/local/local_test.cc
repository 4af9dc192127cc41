// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "base/text.h"
#include "cluster/local/process.h"
#include "cluster/local/state_dir.h"
#include "cluster/local/worker.h"

namespace llmd::cluster {
namespace {

using testing::HasSubstr;

constexpr size_t kLogBytesMax = 1 << 20;

/// A private folder that is the runtime folder, and a loop.
class LocalTest : public testing::Test {
 protected:
  LocalTest() {
    std::string pattern = testing::TempDir() + "/llmd-local-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
  }
  ~LocalTest() override { std::filesystem::remove_all(folder_); }

  std::string log_path() const { return folder_ + "/log"; }
  std::string log_text() const { return read_file(log_path(), kLogBytesMax).value(); }

  /// Runs a shell script to its end and tells how it ended.
  std::string run(const std::string& script,
                  std::vector<std::pair<std::string, std::string>> env = {}) {
    std::string how;
    auto process = Process::start(loop_, {{"sh", "-c", script}, std::move(env), log_path()},
                                  [&](const std::string& text) {
                                    how = text;
                                    loop_.stop();
                                  });
    if (!process) return process.error().message;
    loop_.run();
    return how;
  }

  /// Runs a worker until it has stopped; tells its states, and `script` gets its port as $1.
  std::vector<Worker::State> run_worker(const std::string& script,
                                        const std::function<void(Worker&)>& on_change) {
    ReplicaSpec spec;
    spec.name = "w";
    spec.argv = {"sh", "-c", script, "sh", "{port}"};
    spec.readiness = Readiness::kReadyLine;
    std::vector<Worker::State> states;
    std::optional<Worker> worker;
    worker.emplace(loop_, clock_, fetch_, spec, WorkerOptions{.log_path = log_path(), .port = 0},
                   [&] {
                     states.push_back(worker->state());
                     on_change(*worker);
                     if (worker->state() == Worker::State::kStopped) loop_.stop();
                   });
    worker->start();
    loop_.run();
    return states;
  }

  std::string folder_;
  net::EventLoop loop_;
  SteadyClock clock_;
  endpoints::HttpFetch fetch_{loop_};
};

TEST_F(LocalTest, AProcessWritesItsLogAndTellsHowItEnded) {
  EXPECT_EQ(run("echo out; echo err >&2; echo $A; exit 3", {{"A", "value"}}),
            "exited with status 3");
  EXPECT_EQ(log_text(), "out\nerr\nvalue\n");
  EXPECT_THAT(run("kill -9 $$"), HasSubstr("signal 9"));
  EXPECT_THAT(log_text(), HasSubstr("out"));  // appended, not replaced
}

TEST_F(LocalTest, AProgramThatDoesNotExistIsAnError) {
  const auto started =
      Process::start(loop_, {{"no-such-program"}, {}, log_path()}, [](const std::string&) {});
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().message, "cannot run no-such-program: No such file or directory");
}

TEST_F(LocalTest, AProcessLeadsItsOwnGroupWithNothingInherited) {
  EXPECT_EQ(run("test $(ps -o pgid= -p $$) = $$ && test $(ls /proc/self/fd | wc -l) -le 4"),
            "exited with status 0");
}

TEST_F(LocalTest, WhatIsLeftOfAGroupIsKilledWithItsLeader) {
  run("sleep 1000 & echo $!");
  const pid_t pid = std::stoi(log_text());
  // The kernel ends it at once, its new parent reaps it a little later: both are not "sleeping".
  const auto status = read_file("/proc/" + std::to_string(pid) + "/stat", kLogBytesMax);
  EXPECT_TRUE(!status.ok() || status->find(" S ") == std::string::npos);
}

TEST_F(LocalTest, DestroyingAProcessKillsIt) {
  auto process =
      Process::start(loop_, {{"sleep", "1000"}, {}, log_path()}, [](const std::string&) {});
  ASSERT_TRUE(process.ok());
  const pid_t pid = (*process)->pid();
  process->reset();
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(LocalTest, AWorkerIsReadyAtItsWholeReadyLine) {
  uint16_t port = 0;
  const auto states = run_worker(
      "echo 'llmd ready en'; echo 'llmd ready engine http://127.0.0.1:4242'; "
      "exec sleep 1000",
      [&](Worker& worker) {
        if (worker.state() != Worker::State::kReady) return;
        port = worker.port();
        worker.stop(std::chrono::seconds(60));
      });
  EXPECT_EQ(port, 4242);
  EXPECT_THAT(states, testing::ElementsAre(Worker::State::kStarting, Worker::State::kReady,
                                           Worker::State::kStopping, Worker::State::kStopped));
}

TEST_F(LocalTest, AWorkerThatDiesIsStartedAgainAndItsFailedStartsAreCounted) {
  uint32_t restarts = 0;
  run_worker("exit 4", [&](Worker& worker) {
    if (worker.state() != Worker::State::kWaiting || worker.failed_starts() < 3) return;
    restarts = worker.restarts();
    EXPECT_EQ(worker.last_end(), "exited with status 4");
    worker.stop(std::chrono::seconds(60));
  });
  EXPECT_EQ(restarts, 2U);
}

TEST_F(LocalTest, AWorkerThatIgnoresSigtermIsKilledAfterItsGrace) {
  const auto states = run_worker(
      "trap '' TERM; echo 'llmd ready engine http://127.0.0.1:1'; while :; do sleep 1; done",
      [](Worker& worker) {
        if (worker.state() == Worker::State::kReady) worker.stop(std::chrono::milliseconds(50));
      });
  EXPECT_EQ(states.back(), Worker::State::kStopped);
}

TEST_F(LocalTest, StateSurvivesBeingWrittenAndRead) {
  const auto dir = StateDir::open("a");
  ASSERT_TRUE(dir.ok()) << dir.error().message;
  const ClusterState state{.name = "a",
                           .pid = 7,
                           .url = "http://127.0.0.1:1",
                           .ready = true,
                           .started_at_s = 5,
                           .replicas = {{.name = "r",
                                         .role = "decode",
                                         .pid = 8,
                                         .state = "ready",
                                         .url = "",
                                         .restarts = 2,
                                         .started_at_s = 6,
                                         .log = "l"}}};
  ASSERT_TRUE(dir->write_state(state).ok());
  const auto read = dir->read_state();
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->pid, 7);
  ASSERT_EQ(read->replicas.size(), 1U);
  EXPECT_EQ(read->replicas[0].restarts, 2U);
  ASSERT_TRUE(write_file_atomically(dir->path("state.json"), "{\"name\": 1}").ok());
  EXPECT_FALSE(dir->read_state().ok());
}

TEST_F(LocalTest, ANameIsHeldOnceAndStaleStateIsForgotten) {
  auto dir = StateDir::open("a");
  EXPECT_FALSE(dir->is_locked());
  ASSERT_TRUE(dir->write_state({}).ok());
  ASSERT_TRUE(dir->lock().ok());
  EXPECT_TRUE(dir->is_locked());
  EXPECT_FALSE(dir->read_state().ok());
  EXPECT_THAT(StateDir::open("a")->lock().error().message, HasSubstr("runs already"));
  EXPECT_TRUE(StateDir::open("b")->lock().ok());
}

TEST_F(LocalTest, AFolderThatOthersCouldUseIsRefused) {
  EXPECT_FALSE(StateDir::open("../a").ok());
  EXPECT_FALSE(StateDir::open("").ok());
  ASSERT_TRUE(StateDir::open("a").ok());
  ::chmod((folder_ + "/llmd/a").c_str(), 0755);
  EXPECT_THAT(StateDir::open("a").error().message, HasSubstr("open to others"));
  ASSERT_EQ(::symlink("/tmp", (folder_ + "/llmd/link").c_str()), 0);
  EXPECT_THAT(StateDir::open("link").error().message, HasSubstr("no folder"));
}

}  // namespace
}  // namespace llmd::cluster
