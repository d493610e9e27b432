#include "stacks/resource_order.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace hearth::stacks {
namespace {

class Sorter {
 public:
  Sorter(const Node& resources, const Scope& scope,
         const std::map<std::string, std::string>& brought,
         std::function<NodeRef(const Member&)> properties, Evaluator& evaluator,
         Diagnostics& errors)
      : resources_(resources),
        scope_(scope),
        brought_(brought),
        properties_(std::move(properties)),
        evaluator_(evaluator),
        errors_(errors) {}

  std::optional<std::vector<const Member*>> Run() {
    for (const auto& resource : resources_.members) {
      if (!Visit(resource)) return std::nullopt;
    }
    return std::move(order_);
  }

 private:
  std::vector<std::pair<std::string, Position>> DependenciesOf(const Member& resource) {
    std::vector<std::pair<std::string, Position>> uses;
    if (const auto properties = properties_(resource); properties != nullptr) {
      uses = evaluator_.ResourcesUsed(properties);
    }
    const Member* depends = resource.value->Find("DependsOn");
    if (depends != nullptr) {
      const auto names =
          depends->value->is_list() ? depends->value->items : std::vector<NodeRef>{depends->value};
      for (const auto& name : names) AddNamed(*name, uses);
    }
    for (auto& [name, position] : uses) {
      if (const auto owner = brought_.find(name); owner != brought_.end()) name = owner->second;
    }
    return uses;
  }

  void AddNamed(const Node& name, std::vector<std::pair<std::string, Position>>& uses) {
    if (scope_.resources.contains(name.text)) {
      uses.emplace_back(name.text, name.position);
    } else if (!scope_.left_out.contains(name.text)) {
      std::vector<std::string> known;
      for (const auto& entry : scope_.resources) known.push_back(entry.first);
      errors_.Add(name.position,
                  fmt::format("DependsOn names {}, which is no resource; there are: {}",
                              Describe(name), fmt::join(known, ", ")));
    }
  }

  bool Visit(const Member& resource) {
    if (done_.contains(resource.name) || !scope_.resources.contains(resource.name) ||
        !resource.value->is_map()) {
      return true;
    }
    path_.push_back(resource.name);
    for (const auto& [name, position] : DependenciesOf(resource)) {
      const auto start = std::ranges::find(path_, name);
      if (start != path_.end()) {
        errors_.Add(position, fmt::format("resources depend on each other in a circle: {} -> {}",
                                          fmt::join(start, path_.end(), " -> "), name));
        return false;
      }
      if (!Visit(*resources_.Find(name))) return false;
    }
    path_.pop_back();
    done_.insert(resource.name);
    order_.push_back(&resource);
    return true;
  }

  const Node& resources_;
  const Scope& scope_;
  const std::map<std::string, std::string>& brought_;
  const std::function<NodeRef(const Member&)> properties_;
  Evaluator& evaluator_;
  Diagnostics& errors_;
  std::set<std::string> done_;
  std::vector<std::string> path_;
  std::vector<const Member*> order_;
};

}  // namespace

std::optional<std::vector<const Member*>> OrderResources(
    const Node& resources, const Scope& scope, const std::map<std::string, std::string>& brought,
    std::function<NodeRef(const Member&)> properties, Evaluator& evaluator, Diagnostics& errors) {
  return Sorter(resources, scope, brought, std::move(properties), evaluator, errors).Run();
}

}  // namespace hearth::stacks
