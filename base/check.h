// CHECK: an invariant whose violation is a bug of ours. Always on; prints and aborts (core dump).
#pragma once

#include <string_view>

namespace hearth::base {

[[noreturn]] void CheckFailed(const char* file, int line, const char* expression,
                              std::string_view detail = {});

}  // namespace hearth::base

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) [[unlikely]] {                                      \
      ::hearth::base::CheckFailed(__FILE__, __LINE__, #condition);        \
    }                                                                     \
  } while (false)
