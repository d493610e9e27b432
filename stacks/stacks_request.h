// A template on its way through StacksApi.
#pragma once

#include <map>
#include <string>

#include "stacks/stacks_api.h"

namespace hearth::stacks {

struct StacksApi::Request {
  std::string stack;
  std::string stack_id;
  Plan plan;
  std::map<std::string, std::string> artifacts;  // Digest by path.
};

// "Value '50' at 'memorySize' failed ..." is about MemorySize: its place among `properties`, else
// the resource's.
Position PlaceOf(const std::map<std::string, Position>& properties, Position resource,
                 const std::string& message);
inline Position PlaceOf(const PlannedFunction& function, const std::string& message) {
  return PlaceOf(function.properties, function.position, message);
}

// The deletion of the layer version that is this resource, for when the deployment has succeeded.
void AddLayerCleanUp(const StackResource& resource, std::vector<Change>& changes);

}  // namespace hearth::stacks
