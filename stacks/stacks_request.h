// A template on its way through StacksApi.
#pragma once

#include <map>
#include <string>

#include "stacks/properties.h"
#include "stacks/stacks_api.h"

namespace hearth::stacks {

struct StacksApi::Request {
  std::string stack;
  std::string stack_id;
  Plan plan;
  std::map<std::string, std::string> artifacts;  // Digest by path.
  FoundEvents found;  // Of what the plan and the stack have of it, once FindEvents has looked.
};

inline Position PlaceOf(const PlannedFunction& function, const std::string& message) {
  return PlaceOf(function.properties, function.position, message);
}

// The deletion of the layer version, the queue or the bucket that is this resource, for when the
// deployment has succeeded.
void AddCleanUp(const StackResource& resource, std::vector<Change>& changes);

}  // namespace hearth::stacks
