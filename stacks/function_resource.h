// AWS::Serverless::Function: what is served of it, and the way from properties to FunctionSettings.
//
// Source: SAM specification, "AWS::Serverless::Function", "Globals section"; aws-facts 5.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "invoker/control_plane.h"
#include "stacks/bucket_events.h"
#include "stacks/node.h"

namespace hearth::stacks {

// The version and the alias that a function brings with it.
struct Publication {
  std::string alias;            // AutoPublishAlias; empty: nothing is published.
  bool all_properties = false;  // Any change of the function is published, not of its code alone.
  std::string code_sha256;      // Stands for the code where that is asked: "has it changed?"
  std::string description;      // Of the version.
  uint32_t provisioned = 0;     // Of the alias.
};

struct PlannedFunction {
  std::string logical_id;
  Position position;                           // Of the resource's name.
  std::map<std::string, Position> properties;  // Where each property stands.
  invoker::FunctionSettings settings;
  Position code;            // Where its code is named.
  std::string code_path;    // CodeUri as written; empty: inline code.
  std::string inline_name;  // "index.py"
  std::string inline_code;
  Publication publication;
  NodeRef url;           // FunctionUrlConfig, evaluated; nullptr: none.
  NodeRef event_invoke;  // EventInvokeConfig, the same.
  NodeRef events;        // Events, the same, but for those of buckets.
  std::vector<BucketEvent> bucket_events;
  bool propagates_tags = false;  // To what it brings with it and can have tags.
};

// The resource's properties over Globals.Function, as SAM merges them: maps are merged, lists
// appended to the global ones, everything else (intrinsics too) replaces. Either may be null.
NodeRef MergeGlobals(const NodeRef& globals, const NodeRef& properties);

// Globals as a whole: unknown sections, and properties that SAM does not allow there. Returns
// Globals.Function or null.
NodeRef CheckGlobals(const NodeRef& globals, Diagnostics& errors);

// Every property that is not served, or unknown, is an error at its own place. `properties` is
// merged but not evaluated; may be null.
void CheckFunctionProperties(const Member& resource, const NodeRef& properties, Diagnostics& errors,
                             Diagnostics& notices);

// `properties` is merged and evaluated. Anything wrong is in `errors`; the result is then not to be
// used.
PlannedFunction ReadFunction(const Member& resource, const NodeRef& properties,
                             Diagnostics& errors);

// Names of `properties`' members that are in neither list, or right and not served yet, are errors
// at their own places.
void CheckPropertyNames(std::string_view type, const Node& properties,
                        std::span<const std::string_view> served,
                        std::span<const std::string_view> not_served, Diagnostics& errors);

// ": did you mean 'Timeout'?" where a known name is near, else nothing.
std::string Suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace hearth::stacks
