#include "stacks/outputs.h"

#include <fmt/format.h>

#include <optional>

namespace hearth::stacks {
namespace {

constexpr size_t kMaxOutputs = 200;  // AWS.

std::optional<PlannedOutput> ReadOutput(const Member& output, Evaluator& evaluator,
                                        Diagnostics& errors) {
  const Member* value = output.value->Find("Value");
  if (value == nullptr) {
    errors.Add(output.position, fmt::format("the output '{}' has no Value", output.name));
    return std::nullopt;
  }
  for (const auto& member : output.value->members) {
    if (member.name == "Export") {
      errors.Add(member.position, "'Export' of an output is not served yet");
    } else if (member.name != "Value" && member.name != "Description" &&
               member.name != "Condition") {
      errors.Add(member.position, fmt::format("unknown name '{}' in an output; known: Value, "
                                              "Description, Condition",
                                              member.name));
    }
  }
  const Member* condition = output.value->Find("Condition");
  if (condition != nullptr &&
      !evaluator.ConditionHolds(condition->value->text, condition->value->position)) {
    return std::nullopt;
  }
  const auto result = evaluator.Evaluate(value->value);
  if (result->kind == NodeKind::kPoison) return std::nullopt;
  if (!result->is_scalar()) {
    errors.Add(value->position,
               fmt::format("the output '{}' is text, not {}", output.name, Describe(*result)));
    return std::nullopt;
  }
  const Member* description = output.value->Find("Description");
  return PlannedOutput{output.name, result->text,
                       description != nullptr ? description->value->text : ""};
}

}  // namespace

std::vector<PlannedOutput> ReadOutputs(const NodeRef& section, Evaluator& evaluator,
                                       Diagnostics& errors) {
  std::vector<PlannedOutput> out;
  if (section == nullptr) return out;
  if (section->members.size() > kMaxOutputs) {
    errors.Add(section->position, fmt::format("{} outputs: a template has at most {}",
                                              section->members.size(), kMaxOutputs));
    return out;
  }
  for (const auto& output : section->members) {
    if (auto read = ReadOutput(output, evaluator, errors)) out.push_back(*std::move(read));
  }
  return out;
}

}  // namespace hearth::stacks
