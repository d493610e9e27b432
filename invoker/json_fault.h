// JsonFault: whether a payload is one JSON text (RFC 8259), as AWS decides it before a function is
// called. Nothing is made of it: the function gets the caller's own bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::invoker {

// nullopt where `payload` is one JSON text in UTF-8, at most 1,024 levels deep; else what is wrong
// with it. Numbers may be of any size, as for AWS: what they mean is the function's business. From
// the loop's thread only.
std::optional<std::string> JsonFault(std::string_view payload);

}  // namespace hearth::invoker
