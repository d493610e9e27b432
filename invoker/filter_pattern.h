// Filter patterns of event source mappings: what a record must be like to reach the function.
//
// Only their syntax is checked here; who reads the source applies them. Source: developer guide,
// "Control which events Lambda sends to your function".
#pragma once

#include <string_view>

namespace hearth::invoker {

// True where `text` is an object of JSON whose leaves are lists of what AWS compares with.
bool IsFilterPattern(std::string_view text);

}  // namespace hearth::invoker
