// SPDX-License-Identifier: Apache-2.0
#include "cluster/local/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "cluster/local/pidfd.h"

namespace llmd::cluster {
namespace {

constexpr mode_t kLogMode = 0600;

/// The environment with `added` in front, so that it wins.
std::vector<std::string> environment(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> out;
  for (const auto& [name, value] : added) out.push_back(name + "=" + value);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool replaced = false;
    for (const auto& [name, value] : added) {
      replaced = replaced || text.starts_with(name + "=");
    }
    if (!replaced) out.emplace_back(text);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What the child needs, made before the fork: after it only system calls are safe.
struct Child {
  const char* program;
  char** argv;
  char** envp;
  int log_fd;
  int error_fd;  ///< closed by a successful exec; gets errno otherwise
  pid_t parent;
};

[[noreturn]] void give_up(const Child& child) {
  const int reason = errno;
  [[maybe_unused]] const ssize_t written = ::write(child.error_fd, &reason, sizeof reason);
  ::_exit(127);
}

[[noreturn]] void become(const Child& child) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above.
  if (::getppid() != child.parent) ::_exit(127);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0 || ::dup2(null_fd, STDIN_FILENO) < 0) give_up(child);
  if (::dup2(child.log_fd, STDOUT_FILENO) < 0 || ::dup2(child.log_fd, STDERR_FILENO) < 0) {
    give_up(child);
  }
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execvpe(child.program, child.argv, child.envp);
  give_up(child);
}

Error system_error(std::string_view what) {
  return {Errc::kIo, fmt::format("{}: {}", what, std::strerror(errno))};
}

std::string describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return fmt::format("exited with status {}", info.si_status);
  return fmt::format("was ended by signal {} ({})", info.si_status, ::strsignal(info.si_status));
}

/// Forks and executes. Returns the pid once the program runs.
Result<pid_t> spawn(const ProcessSpec& spec, int log_fd) {
  const std::string& program = spec.argv.front();
  std::vector<std::string> args = spec.argv;
  if (program == kOwnProgram) args.front() = "llmd";  // what `ps` shows
  std::vector<std::string> env = environment(spec.env);
  std::vector<char*> argv = pointers(args);
  std::vector<char*> envp = pointers(env);
  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return system_error("cannot make a pipe");
  const Child child{program.c_str(), argv.data(), envp.data(), log_fd, pipe_fds[1], ::getpid()};
  const pid_t pid = ::fork();
  if (pid == 0) become(child);
  ::close(pipe_fds[1]);
  int reason = 0;
  const ssize_t got = pid < 0 ? -1 : ::read(pipe_fds[0], &reason, sizeof reason);
  ::close(pipe_fds[0]);
  if (pid < 0) return system_error("cannot fork");
  if (got != sizeof reason) return pid;
  ::waitpid(pid, nullptr, 0);
  return Error{Errc::kIo, fmt::format("cannot run {}: {}", program, std::strerror(reason))};
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(net::EventLoop& loop, const ProcessSpec& spec,
                                                std::function<void(std::string how)> on_exit) {
  LLMD_CHECK(!spec.argv.empty());
  const int log_fd = ::open(spec.log_path.c_str(),
                            O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kLogMode);
  if (log_fd < 0) return system_error("cannot open " + spec.log_path);
  const auto pid = spawn(spec, log_fd);
  ::close(log_fd);
  if (!pid) return pid.error();
  const int pid_fd = ::pidfd_open(*pid, 0);
  if (pid_fd < 0) {
    ::kill(-*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    return system_error("cannot watch a child");
  }
  return std::unique_ptr<Process>(new Process(loop, *pid, pid_fd, std::move(on_exit)));
}

Process::Process(net::EventLoop& loop, pid_t pid, int pid_fd,
                 std::function<void(std::string how)> on_exit)
    : pid_(pid),
      pid_fd_(pid_fd),
      on_exit_(std::move(on_exit)),
      watch_(std::make_unique<net::FdWatch>(loop, pid_fd, [this] { ended(); })) {}

Process::~Process() {
  watch_.reset();
  if (pid_ > 0) {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(pid_fd_);
}

void Process::terminate() {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

void Process::kill() {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

void Process::ended() {
  if (pid_ <= 0) return;
  siginfo_t info{};
  // The group keeps its number while its leader is not reaped: only now is it safe to kill the
  // rest.
  if (::waitid(P_PIDFD, static_cast<id_t>(pid_fd_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    return;
  }
  kill();
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  watch_.reset();
  const auto on_exit = std::move(on_exit_);
  on_exit(describe(info));
}

}  // namespace llmd::cluster
