// Evaluator: intrinsics to values.
//
// Evaluation never stops at an error: what is wrong is added to the Diagnostics and stands as
// kPoison in the value, so that the rest of the template is still checked. Owner: plan.cc, one a
// template. Source: CloudFormation User Guide, "Intrinsic function reference", "Pseudo parameters".
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "stacks/node.h"

namespace hearth::stacks {

// What a resource answers to Ref and Fn::GetAtt.
struct ResourceValues {
  std::string ref;
  std::map<std::string, std::string> attributes;
};

struct Scope {
  std::map<std::string, NodeRef> parameters;  // Values: a scalar, or a list of scalars.
  std::map<std::string, std::string> pseudo;  // "AWS::Region" and its like, without NoValue.
  NodeRef mappings;                           // May be null.
  NodeRef conditions;                         // May be null.
  // Every logical id; the values once the resource's name is known.
  std::map<std::string, std::optional<ResourceValues>> resources;
  // Resources whose condition is false, and that condition.
  std::map<std::string, std::string> left_out;
};

class Evaluator {
 public:
  Evaluator(Scope& scope, Diagnostics& errors) : scope_(scope), errors_(errors) {}

  // The value with every intrinsic replaced; members and items that are AWS::NoValue are gone.
  NodeRef Evaluate(const NodeRef& node);
  // Names used by Ref, Fn::GetAtt and Fn::Sub in the branches that conditions choose, with the
  // place of their use; parameters and pseudo parameters are left out.
  std::vector<std::pair<std::string, Position>> ResourcesUsed(const NodeRef& node);
  // Of Conditions. `where` is the place of the use, for an unknown name.
  bool ConditionHolds(const std::string& name, Position where);

 private:
  using Handler = NodeRef (Evaluator::*)(const Node& call, const NodeRef& argument);

  NodeRef Call(const NodeRef& node, const Member& call);
  NodeRef Poison(Position position, std::string message);
  NodeRef Ref(const Node& call, const NodeRef& argument);
  NodeRef GetAtt(const Node& call, const NodeRef& argument);
  NodeRef Sub(const Node& call, const NodeRef& argument);
  NodeRef Join(const Node& call, const NodeRef& argument);
  NodeRef Select(const Node& call, const NodeRef& argument);
  NodeRef Split(const Node& call, const NodeRef& argument);
  NodeRef If(const Node& call, const NodeRef& argument);
  NodeRef FindInMap(const Node& call, const NodeRef& argument);
  NodeRef Base64(const Node& call, const NodeRef& argument);
  NodeRef Logical(const Node& call, const NodeRef& argument);  // And, Or, Not, Equals, Condition.

  bool Truth(const NodeRef& node);
  NodeRef NamedValue(const std::string& name, Position position);
  NodeRef AttributeValue(const std::string& resource, const std::string& attribute,
                         Position position);
  const ResourceValues* FindResource(const std::string& name, Position position);
  std::optional<std::string> Substitute(const std::string& text,
                                        const std::map<std::string, NodeRef>& variables,
                                        Position position);
  // The evaluated argument as a list of exactly `count` items (0: any), or nullptr, reported.
  NodeRef Arguments(const NodeRef& argument, std::string_view function, size_t count,
                    std::string_view form);
  NodeRef Text(Position position, std::string text);
  std::string KnownNames() const;
  void CollectUses(const NodeRef& node, std::vector<std::pair<std::string, Position>>& uses);

  Scope& scope_;
  Diagnostics& errors_;
  std::map<std::string, bool> condition_values_;
  std::set<std::string> conditions_under_way_;
  size_t produced_ = 0;  // Bytes made by functions: aliases could double them again and again.
};

// The places of a Fn::Sub text: "${Name}" in order. A malformed text gives what is wrong with it.
struct SubPart {
  std::string literal;  // Stands before `name`.
  std::string name;     // Empty: the end.
};
std::expected<std::vector<SubPart>, std::string> SplitSub(std::string_view text);

}  // namespace hearth::stacks
