#include "stacks/function_steps.h"

#include <utility>

namespace hearth::stacks {

std::optional<FunctionState> CurrentState(const invoker::Registry& registry,
                                          const std::string& function) {
  const auto found = registry.Find(function);
  if (found == nullptr) return std::nullopt;
  return FunctionState{invoker::SettingsOf(*found), found->code_digest};
}

bool Matches(const invoker::ControlPlane& control, const invoker::FunctionVersion& actual,
             const FunctionState& wanted) {
  const auto checked = control.Check(wanted.settings);
  if (!checked) return false;
  const auto& w = checked->function;
  return actual.runtime == w.runtime && actual.handler == w.handler && actual.role == w.role &&
         actual.description == w.description && actual.timeout == w.timeout &&
         actual.memory_mib == w.memory_mib && actual.tmp_mib == w.tmp_mib &&
         actual.environment == w.environment && actual.snap_start == w.snap_start &&
         actual.dead_letter_arn == w.dead_letter_arn && actual.logging == w.logging &&
         actual.architecture == w.architecture && actual.tags == w.tags &&
         actual.layers == w.layers && actual.reserved == w.reserved &&
         actual.allows_loops == w.allows_loops && actual.update_runtime_on == w.update_runtime_on &&
         actual.runtime_version_arn == w.runtime_version_arn &&
         actual.code_digest == wanted.code_digest;
}

void BringFunction(const FunctionHost& host, const std::string& function,
                   const std::optional<FunctionState>& target,
                   std::function<void(std::expected<void, std::string>)> done) {
  const auto actual = host.registry.Find(function);
  const auto finished = [done](std::expected<invoker::FunctionRef, aws::ApiError> result) {
    if (result) {
      done({});
    } else {
      done(std::unexpected(result.error().message));
    }
  };
  const bool is_there =
      target ? actual != nullptr && Matches(host.control, *actual, *target) : actual == nullptr;
  if (is_there) {
    host.disk.Run([] { return true; }, [done](bool) { done({}); });
    return;
  }
  if (!target) {
    host.control.Delete(function, finished);
    return;
  }
  if (actual != nullptr && actual->code_digest == target->code_digest) {
    host.control.Replace(target->settings, "", finished);
    return;
  }
  host.disk.Run([&code = host.code, digest = target->code_digest] { return code.ReadZip(digest); },
                [&control = host.control, &registry = host.registry, settings = target->settings,
                 finished, done](base::Result<std::string> zip) {
                  if (!zip) {
                    done(std::unexpected(zip.error().ToString()));
                  } else if (registry.Find(settings.name) != nullptr) {
                    control.Replace(settings, *std::move(zip), finished);
                  } else {
                    control.Create(settings, *std::move(zip), invoker::Publication::kNone,
                                   finished);
                  }
                });
}

}  // namespace hearth::stacks
