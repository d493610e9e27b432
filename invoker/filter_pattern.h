// Filter patterns of event source mappings: what a record must be like to reach the function.
//
// Who reads the source applies them to its records. A field that is a list matches by any of its
// items. Source: developer guide, "Control which events Lambda sends to your function"; EventBridge
// user guide, "Comparison operators".
#pragma once

#include <string_view>

#include "base/json.h"

namespace hearth::invoker {

// True where `text` is an object of JSON whose leaves are lists of what AWS compares with.
bool IsFilterPattern(std::string_view text);

// Both for what IsFilterPattern takes. `object`: what the pattern is to match; nullptr: it is not
// there. `rule`: what a pattern has for one field.
bool MatchesPattern(const base::Json& pattern, const base::Json* object);
bool MatchesField(const base::Json& rule, const base::Json* field);

}  // namespace hearth::invoker
