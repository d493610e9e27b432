// Words of fields and forms: those whose case, or the white space around which, does not count.
#pragma once

#include <string>
#include <string_view>

namespace hearth::s3 {

std::string LowerCase(std::string_view text);     // ASCII's letters alone.
std::string_view Trimmed(std::string_view text);  // Spaces and tabs.

}  // namespace hearth::s3
