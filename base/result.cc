#include "base/result.h"

#include <cstring>

namespace hearth::base {

std::string Error::ToString() const {
  std::string out = step;
  if (!text.empty()) {
    out += out.empty() ? text : ": " + text;
  }
  if (error_number != 0) {
    const char* name = ::strerrorname_np(error_number);
    out += std::string(out.empty() ? "" : ": ") + ::strerrordesc_np(error_number) + " (" +
           (name != nullptr ? name : std::to_string(error_number)) + ")";
  }
  return out;
}

}  // namespace hearth::base
