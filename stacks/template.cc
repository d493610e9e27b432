#include "stacks/template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/limits.h"
#include "stacks/evaluator.h"
#include "stacks/function_events.h"
#include "stacks/lambda_function.h"
#include "stacks/parameters.h"
#include "stacks/plan_builder.h"
#include "stacks/plan_names.h"
#include "stacks/resource_members.h"
#include "stacks/resource_order.h"

namespace hearth::stacks {
namespace {

constexpr std::string_view kSamTransform = "AWS::Serverless-2016-10-31";
constexpr std::string_view kFunctionType = "AWS::Serverless::Function";
constexpr std::array<std::string_view, 20> kServedTypes = {
    kFunctionType,        kLambdaFunctionType, kVersionType,  kAliasType,
    kServerlessLayerType, kLayerType,          kUrlType,      kPermissionType,
    kEventInvokeType,     kMappingType,        kQueueType,    kQueuePolicyType,
    kBucketType,          kBucketPolicyType,   kRuleType,     kEventBusType,
    kBusPolicyType,       kArchiveType,        kScheduleType, kScheduleGroupType};

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
    Plan plan;
    if (CheckSections()) {
      ReadScope();
      CheckResources();
      const auto properties = [this](const Member& resource) { return WithCalled(resource); };
      if (const auto order =
              OrderResources(*resources_, scope_, brought_, properties, evaluator_, errors_)) {
        for (const Member* resource : *order) PlanResource(*resource);
      }
      plan = builder_.Take();
      CheckPlanNames(plan, errors_);
      plan.outputs = ReadOutputs(MapSection("Outputs"), evaluator_, errors_);
    }
    if (!errors_.empty()) return std::unexpected(errors_.Sorted());
    plan.description = description_;
    plan.notices = notices_.Sorted();
    return plan;
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
    if (const auto description = Section("Description")) description_ = description->text;
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
      NoteBrought(resource);
    }
  }

  // A bucket that calls functions comes after them.
  void NoteBucketEvents(const Member& resource) {
    ParsedEvents& parsed = parsed_[resource.name] =
        TakeBucketEvents(MergedPropertiesOf(resource), errors_);
    for (const BucketEvent& event : parsed.events) {
      if (event.bucket.empty()) continue;
      const Member* bucket = resources_->Find(event.bucket);
      const Member* type = bucket == nullptr ? nullptr : bucket->value->Find("Type");
      if (type == nullptr || type->value->text != kBucketType) {
        errors_.Add(event.position,
                    fmt::format("'Events.{}.Bucket': '{}' is no bucket of this template: S3 events "
                                "must reference an S3 bucket in the same template",
                                event.name, event.bucket));
      }
      called_[event.bucket].push_back(resource.name);
    }
  }

  // The properties, with the functions that a bucket calls among what they use.
  NodeRef WithCalled(const Member& resource) const {
    NodeRef properties = PropertiesOf(resource);
    const auto called = called_.find(resource.name);
    if (called == called_.end()) return properties;
    std::vector<NodeRef> names;
    for (const std::string& function : called->second) {
      const NodeRef name = MakeScalar(NodeKind::kString, resource.position, function);
      names.push_back(MakeMap(resource.position, {{"Ref", resource.position, name}}));
    }
    if (properties != nullptr) names.push_back(properties);
    return MakeList(resource.position, std::move(names));
  }

  // What a function brings with it has names of its own, which other resources may use.
  void NoteBrought(const Member& resource) {
    if (resource.value->Find("Type")->value->text != kFunctionType) return;
    const auto left_out = scope_.left_out.find(resource.name);
    for (const std::string& name : BroughtNames(resource.name, MergedPropertiesOf(resource))) {
      if (resources_->Find(name) != nullptr || scope_.parameters.contains(name)) {
        errors_.Add(resource.position, fmt::format("'{}' brings '{}' with it: nothing else can "
                                                   "have that name",
                                                   resource.name, name));
      } else if (left_out != scope_.left_out.end()) {
        scope_.left_out[name] = left_out->second;
      } else {
        scope_.resources[name] = std::nullopt;
        brought_[name] = resource.name;
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
    const Member* type = node.Find("Type");
    CheckResourceMembers(resource, errors_);
    if (type == nullptr || !type->value->is_scalar()) {
      errors_.Add(resource.position, fmt::format("the resource '{}' has no Type", resource.name));
      return false;
    }
    if (std::ranges::find(kServedTypes, type->value->text) == kServedTypes.end()) {
      errors_.Add(
          type->value->position,
          fmt::format("the resource type {} of '{}' is not served yet; served: {}",
                      Describe(*type->value), resource.name, fmt::join(kServedTypes, ", ")));
      return false;
    }
    const std::string& kind = type->value->text;
    if ((kind == kFunctionType || kind == kServerlessLayerType) && !is_sam_) {
      errors_.Add(type->value->position,
                  fmt::format("{} needs 'Transform: {}' at the top", kind, kSamTransform));
    }
    CheckMetadata(resource, errors_, notices_);
    const Member* properties = node.Find("Properties");
    if (properties != nullptr && properties->value->kind != NodeKind::kNull &&
        !properties->value->is_map()) {
      errors_.Add(properties->value->position,
                  fmt::format("Properties is a map, not {}", Describe(*properties->value)));
      return false;
    }
    if (kind == kFunctionType) {
      NoteBucketEvents(resource);
      CheckFunctionProperties(resource, PropertiesOf(resource), errors_, notices_);
      NoteRoles(resource, PropertiesOf(resource), notices_);
    } else if (kind == kLambdaFunctionType) {
      CheckLambdaFunctionProperties(PropertiesOf(resource), errors_);
    } else if (kind == kServerlessLayerType || kind == kLayerType) {
      CheckLayerProperties(kind, PropertiesOf(resource), errors_);
    } else if (kind == kVersionType || kind == kAliasType) {
      CheckVersionProperties(kind, PropertiesOf(resource), errors_);
    } else if (kind == kMappingType) {
      CheckMappingProperties(PropertiesOf(resource), errors_);
    } else if (kind == kQueueType || kind == kQueuePolicyType) {
      CheckQueueProperties(kind, PropertiesOf(resource), errors_);
    } else if (kind == kBucketType || kind == kBucketPolicyType) {
      CheckBucketProperties(kind, PropertiesOf(resource), errors_);
    } else if (EventKindOf(kind)) {
      CheckEventProperties(kind, PropertiesOf(resource), errors_);
    }
    return true;
  }

  // Without the events that TakeBucketEvents has taken.
  NodeRef PropertiesOf(const Member& resource) const {
    const auto parsed = parsed_.find(resource.name);
    return parsed != parsed_.end() ? parsed->second.properties : MergedPropertiesOf(resource);
  }

  NodeRef MergedPropertiesOf(const Member& resource) const {
    const Member* properties = resource.value->Find("Properties");
    const Member* type = resource.value->Find("Type");
    const bool is_function = type != nullptr && type->value->text == kFunctionType;
    return MergeGlobals(is_function ? globals_ : nullptr,
                        properties != nullptr ? properties->value : nullptr);
  }

  void PlanResource(const Member& resource) {
    if (!sound_.contains(resource.name)) return;
    auto merged = PropertiesOf(resource);
    if (merged == nullptr || !merged->is_map()) merged = MakeMap(resource.position, {});
    const auto properties = evaluator_.Evaluate(merged);
    std::vector<BucketEvent> bucket_events = parsed_[resource.name].events;
    for (BucketEvent& event : bucket_events)
      event.properties = evaluator_.Evaluate(event.properties);
    builder_.Add(resource, properties, std::move(bucket_events));
    // What a condition within the properties has left away.
    for (const auto& [name, owner] : brought_) {
      if (owner != resource.name) continue;
      const auto found = scope_.resources.find(name);
      if (found != scope_.resources.end() && !found->second) scope_.resources.erase(found);
    }
  }

  const TemplateInput& input_;
  Diagnostics errors_;
  Diagnostics notices_;
  Scope scope_;
  Evaluator evaluator_;
  NodeRef root_;
  NodeRef resources_;
  NodeRef globals_;
  std::set<std::string> sound_;                 // Resources that CheckResource accepts.
  std::map<std::string, std::string> brought_;  // What functions bring with them, and which one.
  std::map<std::string, ParsedEvents> parsed_;  // Of functions, by logical id.
  std::map<std::string, std::vector<std::string>> called_;  // Functions, by the bucket's id.
  bool is_sam_ = false;
  std::string description_;
  PlanBuilder builder_{input_, scope_, errors_, notices_};
};

}  // namespace

std::expected<Plan, std::vector<Diagnostic>> MakePlan(const TemplateInput& input) {
  return Planner(input).Run();
}

}  // namespace hearth::stacks
