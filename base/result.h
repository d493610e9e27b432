// Result: how a call says that the host could not do something.
//
// Purpose: the second of the three kinds of failure (docs: ARCHITECTURE.md, "Failure is three
// different things"). A bug is a CHECK; a function's own failure is a value, never an Error.
// Nothing here throws. Source: std::expected (C++23), the TRY/MUST idiom of Ladybird's AK.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace hearth::base {

enum class ErrorKind {
  kSystem,      // A system call failed; `error_number` says how.
  kInvalid,     // Foreign input is malformed; `text` says what was wrong and what would be right.
  kNotFound,    // The named thing does not exist.
  kConflict,    // The named thing exists already or is being changed.
  kLimit,       // A limit of base/limits.h, or of the machine, would be exceeded.
  kUnsupported, // This machine or this version cannot do it.
  kTimeout,     // A Deadline passed.
  kCorrupt,     // Durable state or a peer's bytes contradict themselves.
  kClosed,      // The other end is gone.
};

struct Error {
  ErrorKind kind = ErrorKind::kSystem;
  std::string step;      // What was being done: "mount /proc", "open state.db".
  int error_number = 0;  // errno, or 0 where no system call failed.
  std::string text;      // What was wrong, with the offending value; may be empty for kSystem.

  // "mount /proc: Operation not permitted (EPERM)", or "step: text".
  std::string ToString() const;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> SystemError(std::string_view step, int error_number = errno) {
  return std::unexpected(Error{ErrorKind::kSystem, std::string(step), error_number, {}});
}
inline std::unexpected<Error> MakeError(ErrorKind kind, std::string_view step, std::string text) {
  return std::unexpected(Error{kind, std::string(step), 0, std::move(text)});
}
inline std::unexpected<Error> Invalid(std::string_view step, std::string text) {
  return MakeError(ErrorKind::kInvalid, step, std::move(text));
}

}  // namespace hearth::base

// TRY(expression): the value of a Result, or return its error from the enclosing function.
#define TRY(expression)                                                       \
  ({                                                                          \
    auto try_result_ = (expression);                                          \
    if (!try_result_) [[unlikely]] {                                          \
      return std::unexpected(std::move(try_result_).error());                 \
    }                                                                         \
    ::hearth::base::internal::TakeValue(std::move(try_result_));              \
  })

// MUST(expression): the value of a Result that cannot fail; a failure is a bug and aborts.
#define MUST(expression)                                                              \
  ({                                                                                  \
    auto must_result_ = (expression);                                                 \
    if (!must_result_) [[unlikely]] {                                                 \
      ::hearth::base::CheckFailed(__FILE__, __LINE__, #expression,                    \
                                  must_result_.error().ToString());                   \
    }                                                                                 \
    ::hearth::base::internal::TakeValue(std::move(must_result_));                     \
  })

namespace hearth::base::internal {
template <typename R>
auto TakeValue(R&& result) -> typename std::remove_cvref_t<R>::value_type {
  if constexpr (!std::is_void_v<typename std::remove_cvref_t<R>::value_type>) {
    return std::move(*result);
  }
}
}  // namespace hearth::base::internal
