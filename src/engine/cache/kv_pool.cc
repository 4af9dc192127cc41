// SPDX-License-Identifier: Apache-2.0
#include "engine/cache/kv_pool.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace llmd::engine {
namespace {

Error io_error(const char* what, size_t bytes) {
  return {Errc::kIo, fmt::format("KV pool of {} bytes: {}: {}", bytes, what, strerror(errno))};
}

/// total_bytes() in arithmetic that cannot wrap; 0 when it does not fit.
size_t checked_total(const KvLayout& layout) {
  size_t total = 2 * layout.element_bytes();
  for (const uint32_t factor :
       {layout.blocks, layout.layers, layout.kv_heads, layout.block_size, layout.head_dim}) {
    if (__builtin_mul_overflow(total, size_t{factor}, &total)) return 0;
  }
  return total;
}

/// The size can no longer change, so a peer that maps the descriptor cannot be made to fault.
bool seal_size(int fd) {
  return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

}  // namespace

Result<KvPool> KvPool::create(const KvLayout& layout) {
  const size_t bytes = checked_total(layout);
  if (bytes == 0) {
    return invalid_argument(fmt::format(
        "KV pool of {} blocks, {} layers, {} heads, {} tokens, {} dims is empty or "
        "larger than an address space",
        layout.blocks, layout.layers, layout.kv_heads, layout.block_size, layout.head_dim));
  }
  const int fd = memfd_create("llmd-kv", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return io_error("memfd_create", bytes);
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0 || !seal_size(fd)) {
    const Error error = io_error("sizing the memfd", bytes);
    close(fd);
    return error;
  }
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    const Error error = io_error("mmap", bytes);
    close(fd);
    return error;
  }
  return KvPool(layout, static_cast<std::byte*>(data), fd);
}

KvPool::~KvPool() {
  if (data_ != nullptr) munmap(data_, layout_.total_bytes());
  if (fd_ >= 0) close(fd_);
}

KvPool::KvPool(KvPool&& other) noexcept
    : layout_(other.layout_),
      data_(std::exchange(other.data_, nullptr)),
      fd_(std::exchange(other.fd_, -1)) {}

KvPool& KvPool::operator=(KvPool&& other) noexcept {
  std::swap(layout_, other.layout_);
  std::swap(data_, other.data_);
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace llmd::engine
