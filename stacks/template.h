// Template: YAML or JSON text to a plan: the functions to be, in order, and the outputs.
//
// A template is refused as a whole or planned as a whole: every error is reported, at its line and
// column, and nothing has been changed by then. A value, no state. Called by stacks_api.
// Source: CloudFormation User Guide "Template anatomy", SAM specification 2016-10-31.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "invoker/function.h"
#include "stacks/attachment.h"
#include "stacks/bucket_resource.h"
#include "stacks/event_resource.h"
#include "stacks/function_resource.h"
#include "stacks/layer_resource.h"
#include "stacks/node.h"
#include "stacks/outputs.h"
#include "stacks/queue_resource.h"
#include "stacks/version_resources.h"

namespace hearth::stacks {

struct TemplateInput {
  std::string text;
  std::map<std::string, std::string> parameters;
  std::string stack_name;
  std::string stack_id;  // ARN
  std::string address;   // Of this host, as the client names it: for queues' URLs.
  invoker::Account account;
};

struct PlannedStep {
  ResourceKind kind;
  size_t index;  // Of the plan's list of that kind.
};

struct Plan {
  std::string description;
  std::vector<PlannedFunction> functions;
  std::vector<PlannedVersion> versions;
  std::vector<PlannedAlias> aliases;
  std::vector<PlannedLayer> layers;
  std::vector<PlannedAttachment> attachments;
  std::vector<PlannedQueue> queues;
  std::vector<PlannedQueuePolicy> queue_policies;
  std::vector<PlannedBucket> buckets;
  std::vector<PlannedBucketPolicy> bucket_policies;
  std::vector<PlannedEventResource> events;  // Rules, buses, schedules.
  std::vector<PlannedStep> order;            // What others depend on comes first.
  std::vector<PlannedOutput> outputs;
  std::vector<Diagnostic> notices;
};

std::expected<Plan, std::vector<Diagnostic>> MakePlan(const TemplateInput& input);

}  // namespace hearth::stacks
