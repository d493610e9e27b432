// The members of rules and schedules that both their resources and a SAM function's events have.
//
// Source: CloudFormation User Guide, AWS::Events::Rule Target, AWS::Scheduler::Schedule Target.
#pragma once

#include <array>
#include <string>

#include "base/json.h"
#include "invoker/function.h"
#include "stacks/body.h"
#include "stacks/node.h"

namespace hearth::stacks {

inline constexpr std::array<Field, 1> kDeadLetterFields = {{{"Arn"}}};
inline constexpr std::array<Field, 2> kRetryFields = {
    {{"MaximumEventAgeInSeconds", Shape::kInteger}, {"MaximumRetryAttempts", Shape::kInteger}}};
inline constexpr std::array<Field, 2> kTransformerFields = {
    {{"InputPathsMap", Shape::kTextMap}, {"InputTemplate"}}};
inline constexpr std::array<Field, 2> kWindowFields = {
    {{"MaximumWindowInMinutes", Shape::kInteger}, {"Mode"}}};

// EventBusName, as `value` means it: a name, an ARN, or nothing.
void ReadBusName(const Node* value, const invoker::Account& account, base::Json& told,
                 Diagnostics& errors);
// A pattern: a map, or one as JSON text. Anything else is an error at `property`'s place, and no
// map.
base::Json ReadPattern(const Node& value, const std::string& property, Diagnostics& errors);
// StartDate and EndDate of a request are seconds since 1970; of a template, "2026-11-28T13:00:00Z".
void ReadDates(const Node& properties, const std::string& prefix, base::Json& told,
               Diagnostics& errors);

}  // namespace hearth::stacks
