#include "stacks/made_name.h"

#include <fmt/format.h>

#include "base/digest.h"

namespace hearth::stacks {

std::string MadeName(std::string_view stack, std::string_view logical_id, size_t longest) {
  constexpr size_t kSuffix = 12;  // Hexadecimal digits.
  std::string digest = base::ToHex(base::Sha256Of(fmt::format("{}/{}", stack, logical_id)));
  digest.resize(kSuffix);
  for (char& c : digest) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
  const size_t part = (longest - kSuffix - 2) / 2;
  return fmt::format("{}-{}-{}", stack.substr(0, part), logical_id.substr(0, part), digest);
}

}  // namespace hearth::stacks
