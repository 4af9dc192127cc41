// SPDX-License-Identifier: Apache-2.0
#include "cli/detach.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace llmd::cli {
namespace {

/// A report is a kind, the text, and a NUL.
constexpr char kProgress = 'p';
constexpr char kReady = 'r';
constexpr char kFailed = 'f';

Error system_error(std::string_view what) {
  return {Errc::kIo, fmt::format("cannot {}: {}", what, std::strerror(errno))};
}

Result<void> leave_terminal(const std::string& log_path) {
  ::setsid();
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out = ::open(log_path.c_str(),
                         O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (in < 0 || out < 0) return system_error("open " + log_path);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  return {};
}

/// Prints what comes through `fd`; 0 once the cluster is ready.
int follow(int fd, const std::string& log_path) {
  std::string report;
  char byte = 0;
  while (::read(fd, &byte, 1) == 1) {
    if (byte != '\0') {
      report += byte;
      continue;
    }
    const std::string_view text = std::string_view(report).substr(1);
    if (report[0] == kReady) {
      fmt::print("{}\n", text);
      return 0;
    }
    fmt::print(stderr, "{}{}\n", report[0] == kFailed ? "llmd: " : "", text);
    if (report[0] == kFailed) return 1;
    report.clear();
  }
  fmt::print(stderr, "llmd: the cluster ended while it started; see {}\n", log_path);
  return 1;
}

}  // namespace

void Reporter::progress(std::string_view line) {
  if (fd_ >= 0) return send(kProgress, line);
  fmt::print(stderr, "{}\n", line);
}

void Reporter::ready(std::string_view text) {
  if (fd_ < 0) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
    return;
  }
  send(kReady, text);
  ::close(fd_);
  fd_ = -1;
}

void Reporter::failed(std::string_view message) {
  if (fd_ >= 0) return send(kFailed, message);
  fmt::print(stderr, "llmd: {}\n", message);
}

void Reporter::send(char kind, std::string_view text) {
  std::string report(1, kind);
  report.append(text);
  report += '\0';
  // The foreground may have been interrupted; then nobody needs to know.
  [[maybe_unused]] const ssize_t written = ::write(fd_, report.data(), report.size());
}

Result<int> run_detached(const std::string& log_path,
                         const std::function<int(Reporter)>& background) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return system_error("make a pipe");
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork");
  if (pid > 0) {
    ::close(fds[1]);
    return follow(fds[0], log_path);
  }
  ::close(fds[0]);
  ::signal(SIGPIPE, SIG_IGN);
  Reporter reporter(fds[1]);
  const auto left = leave_terminal(log_path);
  if (!left) {
    reporter.failed(left.error().message);
    return 1;
  }
  return background(reporter);
}

}  // namespace llmd::cli
