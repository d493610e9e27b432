// Event source mappings in a template: AWS::Lambda::EventSourceMapping, and the events of a SAM
// function, of which those of queues (Type: SQS) are served.
//
// Each is an attachment (attachment.h): the body that CreateEventSourceMapping would be told,
// without the function's name. Source: CloudFormation User Guide, AWS::Lambda::EventSourceMapping;
// SAM specification, "SQS" and "Generated CloudFormation resources".
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "stacks/function_resource.h"
#include "stacks/node.h"

namespace hearth::stacks {

inline constexpr char kMappingType[] = "AWS::Lambda::EventSourceMapping";

// Every property that is not served, or unknown, is an error at its own place. May be null.
void CheckMappingProperties(const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated and a map.
base::Json ReadMapping(const Member& resource, const Node& properties, Diagnostics& errors);

struct QueueEvent {
  std::string name;    // "Jobs"
  NodeRef properties;  // Evaluated, a map.
  base::Json told;
};
// A SAM function's events; those of other types are errors.
std::vector<QueueEvent> ReadEvents(const PlannedFunction& function, Diagnostics& errors);

}  // namespace hearth::stacks
