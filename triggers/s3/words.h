// Words of fields, forms and elements: those whose case, or the white space or the quotes around
// which, do not count; numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::s3 {

std::string LowerCase(std::string_view text);     // ASCII's letters alone.
std::string_view Trimmed(std::string_view text);  // Spaces and tabs.
// Of an ETag as clients send it.
std::string_view Unquoted(std::string_view etag);
// Decimal digits and nothing else, not too many of them.
std::optional<uint64_t> ReadNumber(std::string_view digits);

}  // namespace hearth::s3
