// PlanBuilder: a plan as it grows, resource by resource, and what each answers to Ref and
// Fn::GetAtt from then on.
//
// Resources come in the order in which they are made: what others use is there before them. Owner:
// template.cc, one a template; what it is given outlives it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stacks/evaluator.h"
#include "stacks/node.h"
#include "stacks/template.h"

namespace hearth::stacks {

class PlanBuilder {
 public:
  PlanBuilder(const TemplateInput& input, Scope& scope, Diagnostics& errors, Diagnostics& notices)
      : input_(input), scope_(scope), errors_(errors), notices_(notices) {}

  // A resource whose type is served. `properties` is merged, evaluated, and a map; so are those of
  // `bucket_events`, which a function may have.
  void Add(const Member& resource, const NodeRef& properties,
           std::vector<BucketEvent> bucket_events);
  // The resources alone; the rest is the caller's to fill in.
  Plan Take() { return std::move(plan_); }

 private:
  std::string Arn(const std::string& function, const std::string& qualifier = {}) const;
  void AddFunction(const std::string& logical_id, PlannedFunction planned);
  void AddVersion(const std::string& logical_id, PlannedVersion version);
  void AddAlias(PlannedAlias alias);
  void AddLayer(const std::string& logical_id, PlannedLayer planned);
  void AddAttachment(PlannedAttachment attachment);
  void AddQueue(PlannedQueue queue);
  void AddQueuePolicies(const std::string& logical_id, std::vector<PlannedQueuePolicy> policies);
  void AddBucket(PlannedBucket bucket);
  void AddEvent(PlannedEventResource resource);
  void AddBucketPolicy(const std::string& logical_id, PlannedBucketPolicy policy);

  const TemplateInput& input_;
  Scope& scope_;
  Diagnostics& errors_;
  Diagnostics& notices_;
  Plan plan_;
  std::map<std::string, std::vector<PlannedRule>> rules_;  // Of functions, by the bucket's id.
};

}  // namespace hearth::stacks
