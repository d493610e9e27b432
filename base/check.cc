#include "base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace hearth::base {

void CheckFailed(const char* file, int line, const char* expression, std::string_view detail) {
  // One write, with no allocation: the heap may be what is broken.
  char text[1024];
  const int length = std::snprintf(text, sizeof text, "%s:%d: CHECK(%s) failed%s%.*s\n", file, line,
                                   expression, detail.empty() ? "" : ": ",
                                   static_cast<int>(detail.size()), detail.data());
  if (length > 0) {
    const auto size = static_cast<size_t>(length) < sizeof text ? static_cast<size_t>(length)
                                                                : sizeof text - 1;
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, size);
  }
  std::abort();
}

}  // namespace hearth::base
