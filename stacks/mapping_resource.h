// Event source mappings in a template: AWS::Lambda::EventSourceMapping, and those events of a SAM
// function that are of queues (Type: SQS).
//
// Each is an attachment (attachment.h): the body that CreateEventSourceMapping would be told,
// without the function's name. Source: CloudFormation User Guide, AWS::Lambda::EventSourceMapping;
// SAM specification, "SQS" and "Generated CloudFormation resources".
#pragma once

#include "base/json.h"
#include "stacks/function_events.h"
#include "stacks/node.h"

namespace hearth::stacks {

inline constexpr char kMappingType[] = "AWS::Lambda::EventSourceMapping";

// Every property that is not served, or unknown, is an error at its own place. May be null.
void CheckMappingProperties(const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated and a map.
base::Json ReadMapping(const Member& resource, const Node& properties, Diagnostics& errors);

// A SAM function's event of type SQS.
base::Json ReadQueueEvent(const FunctionEvent& event, Diagnostics& errors);

}  // namespace hearth::stacks
