// Published versions and aliases in a template: what a function brings with it (AutoPublishAlias),
// AWS::Lambda::Version and AWS::Lambda::Alias.
//
// A version's number is known only once it is published; until then a token stands for it
// (tokens.h). Source: SAM specification, "AutoPublishAlias";
// CloudFormation User Guide, AWS::Lambda::Version, AWS::Lambda::Alias.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "aws/arn.h"
#include "invoker/function.h"
#include "stacks/function_resource.h"
#include "stacks/node.h"
#include "stacks/properties.h"
#include "stacks/stack_store.h"
#include "stacks/tokens.h"

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

// With what has been made in the place of its tokens.
FunctionState WithMade(FunctionState state, const Made& made);
AliasState WithMade(AliasState state, const Made& made);

// The version and the alias of a function with AutoPublishAlias.
PlannedVersion VersionOf(const PlannedFunction& function);
PlannedAlias AliasOf(const PlannedFunction& function);
// SAM's name for that version: another one where what is published has changed.
std::string VersionLogicalId(const PlannedVersion& version, const FunctionState& function);

// Every property that is not served, or unknown, is an error at its own place. May be null.
void CheckVersionProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors);
// The function, and the qualifier where one is given, that the property `name` means: a name or an
// ARN. Anything but one of `functions` is an error.
aws::FunctionName ReadTarget(const Member& resource, const Properties& properties,
                             std::string_view name, std::span<const PlannedFunction> functions,
                             Diagnostics& errors);
// `properties` is evaluated. The function is one of `functions`.
PlannedVersion ReadVersion(const Member& resource, const NodeRef& properties,
                           std::span<const PlannedFunction> functions, Diagnostics& errors);
PlannedAlias ReadAlias(const Member& resource, const NodeRef& properties,
                       std::span<const PlannedFunction> functions, Diagnostics& errors);

}  // namespace hearth::stacks
