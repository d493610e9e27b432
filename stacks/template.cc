#include "stacks/template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/limits.h"
#include "stacks/evaluator.h"
#include "stacks/parameters.h"

namespace hearth::stacks {
namespace {

constexpr std::string_view kSamTransform = "AWS::Serverless-2016-10-31";
constexpr std::string_view kFunctionType = "AWS::Serverless::Function";
constexpr size_t kMaxOutputs = 200;  // AWS.

constexpr std::array<std::string_view, 10> kSections = {"AWSTemplateFormatVersion",
                                                        "Transform",
                                                        "Description",
                                                        "Metadata",
                                                        "Parameters",
                                                        "Mappings",
                                                        "Conditions",
                                                        "Globals",
                                                        "Resources",
                                                        "Outputs"};
constexpr std::array<std::string_view, 2> kUnservedSections = {"Rules", "Hooks"};
constexpr std::array<std::string_view, 7> kResourceMembers = {
    "Type",     "Properties",     "DependsOn",          "Condition",
    "Metadata", "DeletionPolicy", "UpdateReplacePolicy"};

bool IsAlphanumeric(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

class Planner {
 public:
  explicit Planner(const TemplateInput& input) : input_(input), evaluator_(scope_, errors_) {}

  std::expected<Plan, std::vector<Diagnostic>> Run() {
    auto document = ParseDocument(input_.text);
    if (!document) return std::unexpected(document.error());
    root_ = *document;
    if (CheckSections()) {
      ReadScope();
      CheckResources();
      if (const auto order = Order()) {
        for (const Member* resource : *order) PlanResource(*resource);
      }
      CheckNames();
      ReadOutputs();
    }
    if (!errors_.empty()) return std::unexpected(errors_.Sorted());
    plan_.notices = notices_.Sorted();
    return std::move(plan_);
  }

 private:
  NodeRef Section(std::string_view name) const {
    const Member* member = root_->Find(name);
    return member == nullptr || member->value->kind == NodeKind::kNull ? nullptr : member->value;
  }

  // A section that must be a map, or null.
  NodeRef MapSection(std::string_view name) {
    auto section = Section(name);
    if (section != nullptr && !section->is_map()) {
      errors_.Add(section->position, fmt::format("{} is a map, not {}", name, Describe(*section)));
      return nullptr;
    }
    return section;
  }

  bool CheckSections() {
    if (root_->kind == NodeKind::kNull) {
      errors_.Add({}, "the template is empty: it needs at least Resources");
      return false;
    }
    if (!root_->is_map()) {
      errors_.Add(root_->position,
                  fmt::format("a template is a map with Resources, not {}", Describe(*root_)));
      return false;
    }
    for (const auto& member : root_->members) {
      if (std::ranges::find(kUnservedSections, member.name) != kUnservedSections.end()) {
        errors_.Add(member.position,
                    fmt::format("the section '{}' is not served yet", member.name));
      } else if (std::ranges::find(kSections, member.name) == kSections.end()) {
        errors_.Add(member.position,
                    fmt::format("unknown section '{}'{}; known: {}", member.name,
                                Suggestion(member.name, kSections), fmt::join(kSections, ", ")));
      }
    }
    if (const auto version = Section("AWSTemplateFormatVersion");
        version != nullptr && version->text != "2010-09-09") {
      errors_.Add(version->position, fmt::format("AWSTemplateFormatVersion {}: the only one is "
                                                 "'2010-09-09'",
                                                 Describe(*version)));
    }
    if (const auto description = Section("Description")) plan_.description = description->text;
    CheckTransform();
    resources_ = MapSection("Resources");
    if (root_->Find("Resources") == nullptr || Section("Resources") == nullptr ||
        (resources_ != nullptr && resources_->members.empty())) {
      errors_.Add(root_->position, "the template has no Resources: it needs at least one");
      return false;
    }
    return resources_ != nullptr;
  }

  void CheckTransform() {
    const auto transform = Section("Transform");
    if (transform == nullptr) return;
    const std::vector<NodeRef> names =
        transform->is_list() ? transform->items : std::vector<NodeRef>{transform};
    for (const auto& name : names) {
      if (name->is_scalar() && name->text == kSamTransform) {
        is_sam_ = true;
      } else {
        errors_.Add(name->position, fmt::format("the transform {} is not served: only '{}' is",
                                                Describe(*name), kSamTransform));
      }
    }
  }

  void ReadScope() {
    const auto& account = input_.account;
    scope_.pseudo = {{"AWS::Region", account.region},
                     {"AWS::AccountId", account.id},
                     {"AWS::StackName", input_.stack_name},
                     {"AWS::StackId", input_.stack_id},
                     {"AWS::Partition", "aws"},
                     {"AWS::URLSuffix", "amazonaws.com"}};
    auto parameters = ReadParameters(MapSection("Parameters"), input_.parameters, errors_);
    scope_.parameters = std::move(parameters.values);
    scope_.mappings = MapSection("Mappings");
    scope_.conditions = MapSection("Conditions");
    if (scope_.conditions != nullptr) {
      for (const auto& condition : scope_.conditions->members) {
        evaluator_.ConditionHolds(condition.name, condition.position);
      }
    }
    const auto globals = Section("Globals");
    if (globals != nullptr && !is_sam_) {
      errors_.Add(root_->Find("Globals")->position,
                  fmt::format("Globals needs 'Transform: {}'", kSamTransform));
    }
    globals_ = CheckGlobals(globals, errors_);
  }

  void CheckResources() {
    if (resources_->members.size() > limits::kMaxTemplateResources) {
      errors_.Add(resources_->position,
                  fmt::format("{} resources: a template has at most {}", resources_->members.size(),
                              limits::kMaxTemplateResources));
    }
    for (const auto& resource : resources_->members) {
      if (!IsAlphanumeric(resource.name)) {
        errors_.Add(resource.position, fmt::format("the logical id '{}' has other characters than "
                                                   "letters and digits",
                                                   resource.name));
      }
      if (scope_.parameters.contains(resource.name)) {
        errors_.Add(resource.position,
                    fmt::format("'{}' is a parameter already: a resource needs another name",
                                resource.name));
      }
      if (!CheckResource(resource)) continue;
      sound_.insert(resource.name);
      const Member* condition = resource.value->Find("Condition");
      if (condition != nullptr &&
          !evaluator_.ConditionHolds(condition->value->text, condition->value->position)) {
        scope_.left_out[resource.name] = condition->value->text;
        scope_.resources.erase(resource.name);
      }
    }
  }

  // Everything about a resource that needs no evaluation.
  bool CheckResource(const Member& resource) {
    // Known even where its type is not: uses of its name are then no second error.
    scope_.resources[resource.name] = std::nullopt;
    const Node& node = *resource.value;
    if (!node.is_map()) {
      errors_.Add(resource.position, fmt::format("the resource '{}' is a map with Type, not {}",
                                                 resource.name, Describe(node)));
      return false;
    }
    for (const auto& member : node.members) {
      if (std::ranges::find(kResourceMembers, member.name) == kResourceMembers.end()) {
        errors_.Add(
            member.position,
            fmt::format("'{}' of the resource '{}' is unknown or not served "
                        "yet{}; served: {}",
                        member.name, resource.name, Suggestion(member.name, kResourceMembers),
                        fmt::join(kResourceMembers, ", ")));
      }
    }
    for (const auto name : {"DeletionPolicy", "UpdateReplacePolicy"}) {
      const Member* policy = node.Find(name);
      if (policy != nullptr && policy->value->text != "Delete") {
        errors_.Add(policy->value->position, fmt::format("{} {} is not served yet: only Delete is",
                                                         name, Describe(*policy->value)));
      }
    }
    const Member* type = node.Find("Type");
    if (type == nullptr || !type->value->is_scalar()) {
      errors_.Add(resource.position, fmt::format("the resource '{}' has no Type", resource.name));
      return false;
    }
    if (type->value->text != kFunctionType) {
      errors_.Add(type->value->position,
                  fmt::format("the resource type {} of '{}' is not served yet; served: {}",
                              Describe(*type->value), resource.name, kFunctionType));
      return false;
    }
    if (!is_sam_) {
      errors_.Add(type->value->position,
                  fmt::format("{} needs 'Transform: {}' at the top", kFunctionType, kSamTransform));
    }
    CheckMetadata(resource);
    const Member* properties = node.Find("Properties");
    if (properties != nullptr && properties->value->kind != NodeKind::kNull &&
        !properties->value->is_map()) {
      errors_.Add(properties->value->position,
                  fmt::format("Properties is a map, not {}", Describe(*properties->value)));
      return false;
    }
    CheckFunctionProperties(resource, PropertiesOf(resource), errors_, notices_);
    return true;
  }

  void CheckMetadata(const Member& resource) {
    const Member* metadata = resource.value->Find("Metadata");
    if (metadata == nullptr) return;
    if (const Member* build = metadata->value->Find("BuildMethod")) {
      errors_.Add(build->position,
                  fmt::format("BuildMethod {} is not served: build first, and let CodeUri name the "
                              "result",
                              Describe(*build->value)));
      return;
    }
    notices_.Add(metadata->position, fmt::format("Metadata of '{}' is not used", resource.name));
  }

  NodeRef PropertiesOf(const Member& resource) const {
    const Member* properties = resource.value->Find("Properties");
    return MergeGlobals(globals_, properties != nullptr ? properties->value : nullptr);
  }

  std::vector<std::pair<std::string, Position>> DependenciesOf(const Member& resource) {
    std::vector<std::pair<std::string, Position>> uses;
    if (const auto properties = PropertiesOf(resource); properties != nullptr) {
      uses = evaluator_.ResourcesUsed(properties);
    }
    const Member* depends = resource.value->Find("DependsOn");
    if (depends == nullptr) return uses;
    const auto names =
        depends->value->is_list() ? depends->value->items : std::vector<NodeRef>{depends->value};
    for (const auto& name : names) {
      if (scope_.resources.contains(name->text)) {
        uses.emplace_back(name->text, name->position);
      } else if (!scope_.left_out.contains(name->text)) {
        std::vector<std::string> known;
        for (const auto& entry : scope_.resources) known.push_back(entry.first);
        errors_.Add(name->position, fmt::format("DependsOn names {}, which is no resource; there "
                                                "are: {}",
                                                Describe(*name), fmt::join(known, ", ")));
      }
    }
    return uses;
  }

  // Resources with what they use before them, in the template's order otherwise. Nothing where
  // there is a cycle.
  std::optional<std::vector<const Member*>> Order() {
    std::vector<const Member*> order;
    std::set<std::string> done;
    std::vector<std::string> path;
    for (const auto& resource : resources_->members) {
      if (!Visit(resource, done, path, order)) return std::nullopt;
    }
    return order;
  }

  bool Visit(const Member& resource, std::set<std::string>& done, std::vector<std::string>& path,
             std::vector<const Member*>& order) {
    if (done.contains(resource.name) || !scope_.resources.contains(resource.name) ||
        !resource.value->is_map()) {
      return true;
    }
    path.push_back(resource.name);
    for (const auto& [name, position] : DependenciesOf(resource)) {
      const auto start = std::ranges::find(path, name);
      if (start != path.end()) {
        errors_.Add(position, fmt::format("resources depend on each other in a circle: {} -> {}",
                                          fmt::join(start, path.end(), " -> "), name));
        return false;
      }
      if (!Visit(*resources_->Find(name), done, path, order)) return false;
    }
    path.pop_back();
    done.insert(resource.name);
    order.push_back(&resource);
    return true;
  }

  void PlanResource(const Member& resource) {
    if (!sound_.contains(resource.name)) return;
    auto merged = PropertiesOf(resource);
    if (merged == nullptr || !merged->is_map()) merged = MakeMap(resource.position, {});
    auto function = ReadFunction(resource, evaluator_.Evaluate(merged), errors_);
    const auto& name = function.settings.name;
    scope_.resources[resource.name] =
        ResourceValues{name, {{"Arn", invoker::FunctionArn(input_.account, name)}}};
    plan_.functions.push_back(std::move(function));
  }

  void CheckNames() {
    std::map<std::string, std::string> owners;
    for (const auto& function : plan_.functions) {
      const auto [owner, is_new] = owners.emplace(function.settings.name, function.logical_id);
      if (is_new) continue;
      const auto found = function.properties.find("FunctionName");
      errors_.Add(found != function.properties.end() ? found->second : function.position,
                  fmt::format("the function name '{}' of '{}' is also that of '{}'",
                              function.settings.name, function.logical_id, owner->second));
    }
  }

  void ReadOutputs() {
    const auto section = MapSection("Outputs");
    if (section == nullptr) return;
    if (section->members.size() > kMaxOutputs) {
      errors_.Add(section->position, fmt::format("{} outputs: a template has at most {}",
                                                 section->members.size(), kMaxOutputs));
      return;
    }
    for (const auto& output : section->members) ReadOutput(output);
  }

  void ReadOutput(const Member& output) {
    const Member* value = output.value->Find("Value");
    if (value == nullptr) {
      errors_.Add(output.position, fmt::format("the output '{}' has no Value", output.name));
      return;
    }
    for (const auto& member : output.value->members) {
      if (member.name == "Export") {
        errors_.Add(member.position, "'Export' of an output is not served yet");
      } else if (member.name != "Value" && member.name != "Description" &&
                 member.name != "Condition") {
        errors_.Add(member.position, fmt::format("unknown name '{}' in an output; known: Value, "
                                                 "Description, Condition",
                                                 member.name));
      }
    }
    const Member* condition = output.value->Find("Condition");
    if (condition != nullptr &&
        !evaluator_.ConditionHolds(condition->value->text, condition->value->position)) {
      return;
    }
    const auto result = evaluator_.Evaluate(value->value);
    if (result->kind == NodeKind::kPoison) return;
    if (!result->is_scalar()) {
      errors_.Add(value->position,
                  fmt::format("the output '{}' is text, not {}", output.name, Describe(*result)));
      return;
    }
    const Member* description = output.value->Find("Description");
    plan_.outputs.push_back(
        {output.name, result->text, description != nullptr ? description->value->text : ""});
  }

  const TemplateInput& input_;
  Diagnostics errors_;
  Diagnostics notices_;
  Scope scope_;
  Evaluator evaluator_;
  NodeRef root_;
  NodeRef resources_;
  NodeRef globals_;
  std::set<std::string> sound_;  // Resources that CheckResource accepts.
  bool is_sam_ = false;
  Plan plan_;
};

}  // namespace

std::expected<Plan, std::vector<Diagnostic>> MakePlan(const TemplateInput& input) {
  return Planner(input).Run();
}

}  // namespace hearth::stacks
