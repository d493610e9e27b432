#include "stacks/plan_builder.h"

#include <fmt/format.h>

#include "stacks/lambda_function.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {

void PlanBuilder::Add(const Member& resource, const NodeRef& properties,
                      std::vector<BucketEvent> bucket_events) {
  const std::string& type = resource.value->Find("Type")->value->text;
  if (type == kVersionType) {
    AddVersion(resource.name, ReadVersion(resource, properties, plan_.functions, errors_));
  } else if (type == kAliasType) {
    AddAlias(ReadAlias(resource, properties, plan_.functions, errors_));
    const PlannedAlias& alias = plan_.aliases.back();
    const std::string arn = Arn(alias.function, alias.name);
    scope_.resources[resource.name] = ResourceValues{arn, {{"AliasArn", arn}}};
  } else if (type == kServerlessLayerType || type == kLayerType) {
    AddLayer(resource.name, ReadLayer(resource, properties, errors_));
  } else if (type == kQueueType) {
    AddQueue(ReadQueue(resource, properties, errors_));
  } else if (type == kQueuePolicyType) {
    AddQueuePolicies(resource.name,
                     ReadQueuePolicy(resource, properties, input_.account, plan_.queues, errors_));
  } else if (type == kBucketType) {
    AddBucket(ReadBucket(resource, properties, input_.stack_name, rules_[resource.name], errors_));
  } else if (type == kBucketPolicyType) {
    AddBucketPolicy(resource.name, ReadBucketPolicy(resource, properties, plan_.buckets, errors_));
  } else if (type == kUrlType || type == kPermissionType || type == kEventInvokeType ||
             type == kMappingType) {
    AddAttachment(
        ReadAttachment(resource, properties, input_.stack_name, plan_.functions, errors_));
  } else if (EventKindOf(type)) {
    AddEvent(ReadEventResource(resource, properties, input_.stack_name, input_.account, errors_));
  } else if (type == kLambdaFunctionType) {
    AddFunction(resource.name, ReadLambdaFunction(resource, properties, errors_, notices_));
  } else {
    PlannedFunction function = ReadFunction(resource, properties, errors_);
    function.bucket_events = std::move(bucket_events);
    AddFunction(resource.name, std::move(function));
  }
}

std::string PlanBuilder::Arn(const std::string& function, const std::string& qualifier) const {
  return invoker::FunctionArn(input_.account, function, qualifier);
}

void PlanBuilder::AddFunction(const std::string& logical_id, PlannedFunction planned) {
  plan_.order.push_back({ResourceKind::kFunction, plan_.functions.size()});
  plan_.functions.push_back(std::move(planned));
  const PlannedFunction& function = plan_.functions.back();
  const auto& name = function.settings.name;
  ResourceValues values{name, {{"Arn", Arn(name)}}};
  if (!function.publication.alias.empty()) {
    const PlannedVersion version = VersionOf(function);
    values.attributes["Version"] = Arn(name, version.wanted.token);
    values.attributes["Version.Version"] = version.wanted.token;
    values.attributes["Alias"] = Arn(name, function.publication.alias);
    plan_.order.push_back({ResourceKind::kVersion, plan_.versions.size()});
    plan_.versions.push_back(version);
    AddAlias(AliasOf(function));
  }
  scope_.resources[logical_id] = std::move(values);
  auto brought = BroughtBy(function, input_.stack_name, input_.account, errors_);
  for (auto& queue : brought.queues) AddQueue(std::move(queue));
  for (auto& policy : brought.queue_policies) {
    const std::string id = policy.logical_id;
    AddQueuePolicies(id, {std::move(policy)});
  }
  for (auto& attachment : brought.attachments) AddAttachment(std::move(attachment));
  for (auto& event : brought.events) AddEvent(std::move(event));
  for (auto& [bucket, rule] : brought.rules) rules_[bucket].push_back(std::move(rule));
}

void PlanBuilder::AddAttachment(PlannedAttachment attachment) {
  ResourceValues values;
  if (attachment.kind == ResourceKind::kPermission) {
    values.ref = attachment.told.value("StatementId", "");
    values.attributes["Id"] = values.ref;
  } else if (attachment.kind == ResourceKind::kMapping) {
    values.ref = MappingToken(attachment.logical_id);
    values.attributes = {
        {"Id", values.ref},
        {"EventSourceMappingArn", invoker::MappingArn(input_.account, values.ref)}};
  } else {
    values.ref = Arn(attachment.function, attachment.qualifier);
  }
  if (attachment.kind == ResourceKind::kUrl) {
    values.attributes = {{"FunctionArn", values.ref},
                         {"FunctionUrl", UrlToken(attachment.logical_id)}};
  }
  scope_.resources[attachment.logical_id] = std::move(values);
  plan_.order.push_back({attachment.kind, plan_.attachments.size()});
  plan_.attachments.push_back(std::move(attachment));
}

void PlanBuilder::AddVersion(const std::string& logical_id, PlannedVersion version) {
  plan_.order.push_back({ResourceKind::kVersion, plan_.versions.size()});
  const std::string& token = version.wanted.token;
  const std::string arn = Arn(version.function, token);
  scope_.resources[logical_id] = ResourceValues{arn, {{"Version", token}, {"FunctionArn", arn}}};
  plan_.versions.push_back(std::move(version));
}

void PlanBuilder::AddAlias(PlannedAlias alias) {
  plan_.order.push_back({ResourceKind::kAlias, plan_.aliases.size()});
  plan_.aliases.push_back(std::move(alias));
}

void PlanBuilder::AddLayer(const std::string& logical_id, PlannedLayer planned) {
  const std::string arn =
      invoker::LayerArn(input_.account, planned.layer.name, LayerToken(logical_id));
  scope_.resources[logical_id] = ResourceValues{arn, {{"LayerVersionArn", arn}}};
  plan_.order.push_back({ResourceKind::kLayer, plan_.layers.size()});
  plan_.layers.push_back(std::move(planned));
}

void PlanBuilder::AddQueue(PlannedQueue queue) {
  const std::string url = sqs::QueueUrl(input_.account, input_.address, queue.name);
  scope_.resources[queue.logical_id] =
      ResourceValues{url,
                     {{"Arn", sqs::QueueArn(input_.account, queue.name)},
                      {"QueueName", queue.name},
                      {"QueueUrl", url}}};
  plan_.order.push_back({ResourceKind::kQueue, plan_.queues.size()});
  plan_.queues.push_back(std::move(queue));
}

void PlanBuilder::AddQueuePolicies(const std::string& logical_id,
                                   std::vector<PlannedQueuePolicy> policies) {
  const std::string id = fmt::format("{}-{}", input_.stack_name, logical_id);
  scope_.resources[logical_id] = ResourceValues{id, {{"Id", id}}};
  for (auto& policy : policies) {
    plan_.order.push_back({ResourceKind::kQueuePolicy, plan_.queue_policies.size()});
    plan_.queue_policies.push_back(std::move(policy));
  }
}

void PlanBuilder::AddBucket(PlannedBucket bucket) {
  scope_.resources[bucket.logical_id] = BucketValues(input_.account, bucket.name);
  plan_.order.push_back({ResourceKind::kBucket, plan_.buckets.size()});
  plan_.buckets.push_back(std::move(bucket));
}

void PlanBuilder::AddEvent(PlannedEventResource resource) {
  scope_.resources[resource.logical_id] = EventValues(input_.account, resource);
  plan_.order.push_back({resource.kind, plan_.events.size()});
  plan_.events.push_back(std::move(resource));
}

void PlanBuilder::AddBucketPolicy(const std::string& logical_id, PlannedBucketPolicy policy) {
  scope_.resources[logical_id] = ResourceValues{policy.bucket, {}};
  plan_.order.push_back({ResourceKind::kBucketPolicy, plan_.bucket_policies.size()});
  plan_.bucket_policies.push_back(std::move(policy));
}

}  // namespace hearth::stacks
