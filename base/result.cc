#include "base/result.h"

#include <cstring>

namespace hearth::base {

std::string Error::ToString() const {
  std::string out = step;
  if (!text.empty()) {
    out += out.empty() ? text : ": " + text;
  }
  if (error_number != 0) {
    // Both are null for a number that is no errno; one read from a peer may be that.
    const char* name = ::strerrorname_np(error_number);
    const char* description = ::strerrordesc_np(error_number);
    out += std::string(out.empty() ? "" : ": ") +
           (description != nullptr ? description : "unknown error") + " (" +
           (name != nullptr ? name : std::to_string(error_number)) + ")";
  }
  return out;
}

}  // namespace hearth::base
