// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Expected failures travel as values; g++ 12 has no std::expected
// in C++20.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace llmd {

enum class Errc : uint8_t {
  kInvalidArgument,    ///< the input breaks a rule that it could have kept
  kNotFound,           ///< the named thing does not exist
  kTooLarge,           ///< a limit on size was reached
  kResourceExhausted,  ///< no capacity now; the same call may succeed later
  kUnavailable,        ///< the other side cannot be reached or is not ready
  kTimeout,            ///< a deadline passed
  kUnimplemented,      ///< a capability that this build or engine lacks
  kIo,                 ///< the operating system refused; the message holds its reason
  kInternal,           ///< our own fault
};

struct Error {
  Errc code = Errc::kInternal;
  std::string message;  ///< for a person: what was found, what was expected, what to do next
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool failed_ = false;
};

inline Error invalid_argument(std::string message) {
  return {Errc::kInvalidArgument, std::move(message)};
}
inline Error not_found(std::string message) { return {Errc::kNotFound, std::move(message)}; }

}  // namespace llmd

#define LLMD_CONCAT_INNER(a, b) a##b
#define LLMD_CONCAT(a, b) LLMD_CONCAT_INNER(a, b)

/// Returns the error of `expr` from the calling function, if it has one.
#define LLMD_RETURN_IF_ERROR(expr)                          \
  do {                                                      \
    if (auto llmd_status = (expr); !llmd_status) {          \
      return ::llmd::Error(std::move(llmd_status).error()); \
    }                                                       \
  } while (false)

/// `LLMD_ASSIGN_OR_RETURN(auto x, f());` binds the value, or returns the error.
#define LLMD_ASSIGN_OR_RETURN(declaration, expr)                   \
  auto LLMD_CONCAT(llmd_result_, __LINE__) = (expr);               \
  if (!LLMD_CONCAT(llmd_result_, __LINE__)) {                      \
    return std::move(LLMD_CONCAT(llmd_result_, __LINE__)).error(); \
  }                                                                \
  declaration = std::move(LLMD_CONCAT(llmd_result_, __LINE__)).value()
