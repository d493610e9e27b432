// Published versions and aliases in a template: what a function brings with it (AutoPublishAlias),
// AWS::Lambda::Version and AWS::Lambda::Alias.
//
// A version's number is known only once it is published. Until then a token stands for it wherever
// the template's text goes (an alias's FunctionVersion, an output, another function's environment);
// the deployment puts the number in its place. Source: SAM specification, "AutoPublishAlias";
// CloudFormation User Guide, AWS::Lambda::Version, AWS::Lambda::Alias.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "invoker/function.h"
#include "stacks/function_resource.h"
#include "stacks/node.h"
#include "stacks/stack_store.h"

namespace hearth::stacks {

inline constexpr char kVersionType[] = "AWS::Lambda::Version";
inline constexpr char kAliasType[] = "AWS::Lambda::Alias";

struct PlannedVersion {
  std::string logical_id;
  Position position;
  std::string function;                    // Its name.
  std::optional<Publication> publication;  // Of a function's own version.
  WantedVersion wanted;
};

struct PlannedAlias {
  std::string logical_id;
  Position position;
  std::string function;  // Its name.
  std::string name;
  AliasState state;
};

// Stands for the number of the version that the resource `logical_id` publishes.
std::string VersionToken(const std::string& logical_id);
// Numbers by token.
using Numbers = std::map<std::string, std::string>;
// With the number in the place of every token that has one.
std::string WithNumbers(std::string text, const Numbers& numbers);
FunctionState WithNumbers(FunctionState state, const Numbers& numbers);
AliasState WithNumbers(AliasState state, const Numbers& numbers);
// Whether there are tokens left.
bool HasToken(std::string_view text);

// The version and the alias of a function with AutoPublishAlias.
PlannedVersion VersionOf(const PlannedFunction& function);
PlannedAlias AliasOf(const PlannedFunction& function);
// SAM's name for that version: another one where what is published has changed.
std::string VersionLogicalId(const PlannedVersion& version, const FunctionState& function);

// Every property that is not served, or unknown, is an error at its own place. May be null.
void CheckVersionProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated. The function is one of `functions`.
PlannedVersion ReadVersion(const Member& resource, const NodeRef& properties,
                           std::span<const PlannedFunction> functions, Diagnostics& errors);
PlannedAlias ReadAlias(const Member& resource, const NodeRef& properties,
                       std::span<const PlannedFunction> functions, Diagnostics& errors);

}  // namespace hearth::stacks
