// What a deployment does to published versions, aliases and layers.
//
// Each step's callback runs once, never inside the call. Owner: none; the host outlives it.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "invoker/control_plane.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "layers/code_store.h"
#include "stacks/stack_store.h"

namespace hearth::stacks {

// An alias as it is now; nothing where there is none.
std::optional<AliasState> CurrentAlias(const invoker::Registry& registry,
                                       const std::string& function, const std::string& alias);

// Where the version has no number yet: publishes what the function is now, and waits until that is
// Active. Gives the number, or why there is none.
void BringVersion(invoker::ControlPlane& control, const invoker::Registry& registry,
                  const std::string& function, const WantedVersion& wanted,
                  std::function<void(std::expected<std::string, std::string>)> done);
// Whether BringVersion has nothing to do.
bool IsThere(const invoker::Registry& registry, const std::string& function,
             const WantedVersion& wanted);

// Makes the alias what `target` says; nothing: it is deleted.
void BringAlias(invoker::ControlPlane& control, const invoker::Registry& registry,
                const std::string& function, const std::string& alias,
                const std::optional<AliasState>& target,
                std::function<void(std::expected<void, std::string>)> done);

// Publishes the next version of the layer, whose content `code` has. Gives its number.
void PublishLayer(invoker::ControlPlane& control, layers::CodeStore& code, io::Offload& disk,
                  const invoker::LayerVersion& layer,
                  std::function<void(std::expected<std::string, std::string>)> done);

}  // namespace hearth::stacks
