// JSON values. Parsing never throws: a malformed text is an Error that says where.
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace hearth::base {

using Json = nlohmann::json;
// Keeps the order in which members were written; for answers whose order people read.
using OrderedJson = nlohmann::ordered_json;

Result<Json> ParseJson(std::string_view text);
// Never throws: bytes that are not UTF-8 become U+FFFD.
std::string ToJsonText(const Json& value);
// A JSON string literal with its quotes.
std::string JsonQuote(std::string_view text);

}  // namespace hearth::base
