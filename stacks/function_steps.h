// What a deployment does to functions.
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

// A function as it is now; nothing where there is none.
std::optional<FunctionState> CurrentState(const invoker::Registry& registry,
                                          const std::string& function);
// Whether the function is what `wanted` would make of it, so that nothing needs to be done.
bool Matches(const invoker::ControlPlane& control, const invoker::FunctionVersion& actual,
             const FunctionState& wanted);

struct FunctionHost {
  invoker::ControlPlane& control;
  const invoker::Registry& registry;
  layers::CodeStore& code;
  io::Offload& disk;  // Serial; the one from which `code` is used everywhere.
};

// Makes the function what `target` says; nothing: it is deleted.
void BringFunction(const FunctionHost& host, const std::string& function,
                   const std::optional<FunctionState>& target,
                   std::function<void(std::expected<void, std::string>)> done);

}  // namespace hearth::stacks
