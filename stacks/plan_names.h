// Whether each name of a plan is had by one resource alone.
#pragma once

#include "stacks/node.h"
#include "stacks/template.h"

namespace hearth::stacks {

void CheckPlanNames(const Plan& plan, Diagnostics& errors);

}  // namespace hearth::stacks
