// AWS::Lambda::Function: CloudFormation's own way to say what AWS::Serverless::Function says.
//
// Code is a local path, as `aws cloudformation package` takes it, or {ZipFile: text} for python and
// node, whose text is the file `index`. Source: CloudFormation User Guide, AWS::Lambda::Function,
// Code; AWS CLI, "cloudformation package".
#pragma once

#include "stacks/function_resource.h"
#include "stacks/node.h"

namespace hearth::stacks {

inline constexpr char kLambdaFunctionType[] = "AWS::Lambda::Function";

// Every property that is not served, or unknown, is an error at its own place. May be null.
void CheckLambdaFunctionProperties(const NodeRef& properties, Diagnostics& errors);
// `properties` is evaluated. Anything wrong is in `errors`; the result is then not to be used.
PlannedFunction ReadLambdaFunction(const Member& resource, const NodeRef& properties,
                                   Diagnostics& errors, Diagnostics& notices);

}  // namespace hearth::stacks
