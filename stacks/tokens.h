// Tokens: what stands in a plan for what a deployment makes only later: a version's number, a
// layer's, the address of a function URL.
//
// A token goes wherever the template's text goes (an alias's FunctionVersion, an output, another
// function's environment); the deployment puts what it has made in its place. No template's text
// holds a token's first character: the reader refuses it. Values; no state.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace hearth::stacks {

// Stands for the number of the version, or of the layer's version, that the resource publishes.
std::string VersionToken(const std::string& logical_id);
std::string LayerToken(const std::string& logical_id);
// Stands for the address of the function URL that the resource is.
std::string UrlToken(const std::string& logical_id);
// Stands for the UUID of the event source mapping that the resource is.
std::string MappingToken(const std::string& logical_id);

// What has been made by now, by token.
using Made = std::map<std::string, std::string>;
// With what has been made in the place of every token that stands for it.
std::string WithMade(std::string text, const Made& made);
// The same in every text of a JSON value.
base::Json WithMade(base::Json value, const Made& made);
// Whether there are tokens left.
bool HasToken(std::string_view text);
// With "1" in the place of every token: for checks of a text's form.
std::string WithPlaceholders(std::string_view text);
// For messages: "<number of Hello>" in the place of a token, also of one that is cut off.
std::string WithoutTokens(std::string_view text);

}  // namespace hearth::stacks
