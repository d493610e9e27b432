// StacksApi: what a plan changes of what there is.
#include <algorithm>

#include "aws/arn.h"
#include "invoker/uploaded_code.h"
#include "stacks/stacks_api.h"
#include "stacks/stacks_request.h"
#include "stacks/version_steps.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {
namespace {

// Of what is told as a whole: queues, buckets and their policies, rules, buses, schedules. `owner`
// is whose it is.
Change ToldChange(ResourceKind kind, const std::string& logical_id, const std::string& owner,
                  std::optional<base::Json> before, std::optional<base::Json> after) {
  Change change{.logical_id = logical_id,
                .function = owner,
                .before = {},
                .after = {},
                .kind = kind,
                .version = {},
                .alias = {}};
  change.told_before = std::move(before);
  change.told_after = std::move(after);
  return change;
}

}  // namespace

void AddCleanUp(const StackResource& resource, std::vector<Change>& changes) {
  Change change{.logical_id = resource.logical_id,
                .function = {},
                .before = {},
                .after = {},
                .kind = ResourceKind::kLayer,
                .version = {},
                .alias = {}};
  if (resource.type == kQueueType || resource.type == kBucketType) {
    const auto arn = aws::ParseArn(resource.physical_id);
    if (!arn) return;
    change.kind = resource.type == kQueueType ? ResourceKind::kQueue : ResourceKind::kBucket;
    change.function = arn->resource;
  } else {
    const auto name = invoker::ParseLayerVersionArn(resource.physical_id);
    if (resource.type != kLayerType || !name) return;
    change.function = name->name;
    change.version.number = std::to_string(*name->number);
  }
  changes.push_back(std::move(change));
}

void StacksApi::AddPolicyRemoval(const std::string& stack, const StackResource& resource,
                                 std::vector<Change>& changes) const {
  const auto arn = aws::ParseArn(resource.physical_id);
  const bool is_of_bucket = resource.type == kBucketPolicyType;
  if ((resource.type != kQueuePolicyType && !is_of_bucket) || !arn) return;
  // Somebody else's may have the bucket's name by now.
  if (is_of_bucket && StackOfBucket(options_.objects, arn->resource) != stack) return;
  Change change{.logical_id = resource.logical_id,
                .function = arn->resource,
                .before = {},
                .after = {},
                .kind = is_of_bucket ? ResourceKind::kBucketPolicy : ResourceKind::kQueuePolicy,
                .version = {},
                .alias = {}};
  change.told_before = is_of_bucket
                           ? CurrentBucket(options_.objects, {change.kind, change.function})
                           : CurrentQueue(options_.queues, {change.kind, change.function});
  if (change.told_before) changes.push_back(std::move(change));
}

std::vector<EventKey> StacksApi::EventsOf(const std::string& stack) const {
  std::vector<EventKey> out;
  const StackRecord* record = stacks_->Find(stack);
  if (record == nullptr) return out;
  for (const StackResource& resource : record->resources) {
    const auto kind = EventKindOf(resource.type);
    const auto name = kind ? EventNameOfArn(*kind, resource.physical_id) : std::nullopt;
    if (name) out.push_back({*kind, *name});
  }
  return out;
}

void StacksApi::AddEventRemoval(const std::string& stack, const FoundEvents& found,
                                const StackResource& resource, std::vector<Change>& changes) const {
  const auto kind = EventKindOf(resource.type);
  const auto name = kind ? EventNameOfArn(*kind, resource.physical_id) : std::nullopt;
  if (!name) return;
  const auto now = found.find({*kind, *name});
  // Somebody else has taken it away, or has its name by now.
  if (now == found.end() || !IsOfStack(events(), *kind, now->second, stack, now->second)) return;
  changes.push_back(ToldChange(*kind, resource.logical_id, *name, now->second, std::nullopt));
}

void StacksApi::AddBucketRemoval(const std::string& stack, const StackResource& resource,
                                 std::vector<Change>& changes) const {
  if (resource.type == kBucketPolicyType) return AddPolicyRemoval(stack, resource, changes);
  if (resource.type != kBucketType || resource.retain) return;
  std::vector<Change> removal;
  AddCleanUp(resource, removal);
  Change& change = removal.front();
  if (StackOfBucket(options_.objects, change.function) != stack) return;
  change.told_before = CurrentBucket(options_.objects, {change.kind, change.function});
  changes.push_back(std::move(change));
}

void StacksApi::AddBucketSilence(const std::string& stack, const StackResource& resource,
                                 std::vector<Change>& changes) const {
  std::vector<Change> silence;
  AddCleanUp(resource, silence);
  Change& change = silence.front();
  if (StackOfBucket(options_.objects, change.function) != stack) return;
  change.told_before = CurrentBucket(options_.objects, {change.kind, change.function});
  change.told_after = WithoutNotifications(*change.told_before);
  if (change.told_after != change.told_before) changes.push_back(std::move(change));
}

// What hangs on a function goes before it, so that a rollback finds the function; what hangs on a
// version or an alias of a function that goes cannot be brought back, as they cannot.
void StacksApi::AddAttachmentRemoval(const StackResource& resource,
                                     const std::set<std::string>& functions,
                                     std::vector<Change>& changes) const {
  ResourceKind kind{};
  if (resource.type == kUrlType) {
    kind = ResourceKind::kUrl;
  } else if (resource.type == kEventInvokeType) {
    kind = ResourceKind::kEventInvoke;
  } else if (resource.type == kPermissionType) {
    kind = ResourceKind::kPermission;
  } else if (resource.type == kMappingType) {
    kind = ResourceKind::kMapping;
  } else {
    return;
  }
  const size_t bar = std::min(resource.physical_id.find('|'), resource.physical_id.size());
  const auto name = aws::ParseFunctionName(resource.physical_id.substr(0, bar));
  if (!name) return;
  // A mapping does not go with its function.
  const bool goes_along =
      kind != ResourceKind::kMapping && !name->qualifier.empty() && !functions.contains(name->name);
  if (goes_along) return;
  Change change{.logical_id = resource.logical_id,
                .function = name->name,
                .before = {},
                .after = {},
                .kind = kind,
                .version = {},
                .alias = name->qualifier};
  const std::string which =
      bar < resource.physical_id.size() ? resource.physical_id.substr(bar + 1) : "";
  change.told_before =
      CurrentAttachment(attachments(), {kind, {change.function, change.alias}, which});
  if (change.told_before) changes.push_back(std::move(change));
}

std::vector<Change> StacksApi::ChangesOf(const Request& request,
                                         const std::vector<std::string>& digests) {
  std::vector<Change> changes;
  std::set<std::string> kept;
  std::set<std::string> functions;
  Made made;  // Numbers that are known already.
  const auto key = [](std::string_view type, const std::string& physical_id) {
    return std::string(type) + " " + physical_id;
  };
  for (const PlannedStep& step : request.plan.order) {
    changes.push_back(ChangeOf(request, step, digests, made));
    const Change& change = changes.back();
    if (!change.version.number.empty()) made[change.version.token] = change.version.number;
    kept.insert(key(TypeOf(change.kind), PhysicalId(change)));
    if (step.kind == ResourceKind::kFunction) functions.insert(change.function);
  }
  // What vanished goes last, and in the reverse of the order in which it came. A function takes its
  // versions and aliases with it; a version stays as long as its function.
  const StackRecord* record = stacks_->Find(request.stack);
  if (record == nullptr) return changes;
  for (auto it = record->resources.rbegin(); it != record->resources.rend(); ++it) {
    if (kept.contains(key(it->type, it->physical_id)) || it->type == kVersionType) continue;
    if (it->type == kFunctionType) {
      changes.push_back({it->logical_id, it->physical_id,
                         CurrentState(options_.registry, it->physical_id), std::nullopt});
      continue;
    }
    if (it->type == kLayerType) {
      const auto planned =
          std::ranges::find(request.plan.layers, it->logical_id, &PlannedLayer::logical_id);
      const bool is_gone = planned == request.plan.layers.end();
      if (is_gone ? !it->retain : !planned->retain_replaced) AddCleanUp(*it, changes);
      continue;
    }
    if (it->type == kQueueType) {
      const auto planned =
          std::ranges::find(request.plan.queues, it->logical_id, &PlannedQueue::logical_id);
      const bool is_gone = planned == request.plan.queues.end();
      if (is_gone ? !it->retain : !planned->retain_replaced) AddCleanUp(*it, changes);
      continue;
    }
    if (it->type == kBucketType) {
      const auto planned =
          std::ranges::find(request.plan.buckets, it->logical_id, &PlannedBucket::logical_id);
      const bool is_gone = planned == request.plan.buckets.end();
      if (is_gone ? it->retain : planned->retain_replaced) continue;
      AddBucketSilence(request.stack, *it, changes);
      AddCleanUp(*it, changes);
      continue;
    }
    if (EventKindOf(it->type)) {
      const auto planned =
          std::ranges::find(request.plan.events, it->logical_id, &PlannedEventResource::logical_id);
      const bool is_gone = planned == request.plan.events.end();
      if (is_gone ? it->retain : planned->retain_replaced) continue;
      AddEventRemoval(request.stack, request.found, *it, changes);
      continue;
    }
    AddPolicyRemoval(request.stack, *it, changes);
    AddAttachmentRemoval(*it, functions, changes);
    if (it->type != kAliasType) continue;
    const auto name = aws::ParseFunctionName(it->physical_id);
    if (!name || !functions.contains(name->name)) continue;
    changes.push_back(
        {.logical_id = it->logical_id,
         .function = name->name,
         .before = {},
         .after = {},
         .kind = ResourceKind::kAlias,
         .version = {},
         .alias = name->qualifier,
         .alias_before = CurrentAlias(options_.registry, name->name, name->qualifier)});
  }
  return changes;
}

Change StacksApi::ChangeOf(const Request& request, const PlannedStep& step,
                           const std::vector<std::string>& digests, const Made& made) {
  const Plan& plan = request.plan;
  switch (step.kind) {
    case ResourceKind::kFunction: {
      const auto& function = plan.functions[step.index];
      const std::string& name = function.settings.name;
      return {function.logical_id, name, CurrentState(options_.registry, name),
              FunctionState{function.settings, digests[step.index]}};
    }
    case ResourceKind::kVersion: {
      const auto& version = plan.versions[step.index];
      const auto function =
          std::ranges::find(plan.functions, version.function,
                            [](const PlannedFunction& planned) { return planned.settings.name; });
      const std::string& digest = digests[static_cast<size_t>(function - plan.functions.begin())];
      // Another layer is another content, which its token does not tell.
      Made contents;
      for (size_t i = 0; i < plan.layers.size(); ++i) {
        contents[LayerToken(plan.layers[i].logical_id)] = digests[plan.functions.size() + i];
      }
      const FunctionState published = WithMade({function->settings, digest}, contents);
      Change change{.logical_id = VersionLogicalId(version, published),
                    .function = version.function,
                    .before = {},
                    .after = {},
                    .kind = ResourceKind::kVersion,
                    .version = version.wanted,
                    .alias = {}};
      change.version.number = PublishedNumber(request.stack, change);
      return change;
    }
    case ResourceKind::kAlias: {
      const auto& alias = plan.aliases[step.index];
      return {.logical_id = alias.logical_id,
              .function = alias.function,
              .before = {},
              .after = {},
              .kind = ResourceKind::kAlias,
              .version = {},
              .alias = alias.name,
              .alias_before = CurrentAlias(options_.registry, alias.function, alias.name),
              .alias_after = alias.state};
    }
    case ResourceKind::kLayer: {
      const auto& planned = plan.layers[step.index];
      Change change{.logical_id = planned.logical_id,
                    .function = planned.layer.name,
                    .before = {},
                    .after = {},
                    .kind = ResourceKind::kLayer,
                    .version = {},
                    .alias = {}};
      change.layer = planned.layer;
      change.layer->code_digest = digests[plan.functions.size() + step.index];
      change.layer->code_sha256 = invoker::CodeSha256(change.layer->code_digest);
      change.layer->created = base::FormatLambdaTime(options_.clock.WallNow());
      change.version.token = LayerToken(planned.logical_id);
      change.version.number = PublishedLayer(request.stack, change);
      return change;
    }
    case ResourceKind::kUrl:
    case ResourceKind::kEventInvoke:
    case ResourceKind::kPermission:
    case ResourceKind::kMapping: {
      const auto& planned = plan.attachments[step.index];
      Change change{.logical_id = planned.logical_id,
                    .function = planned.function,
                    .before = {},
                    .after = {},
                    .kind = planned.kind,
                    .version = {},
                    .alias = WithMade(planned.qualifier, made)};
      if (planned.kind == ResourceKind::kUrl) change.version.token = UrlToken(planned.logical_id);
      if (planned.kind == ResourceKind::kMapping) {
        change.version.token = MappingToken(planned.logical_id);
      }
      change.told_after = planned.told;
      change.told_before = CurrentAttachment(attachments(), KeyOf(change));
      return change;
    }
    case ResourceKind::kQueue: {
      const auto& planned = plan.queues[step.index];
      return ToldChange(step.kind, planned.logical_id, planned.name,
                        CurrentQueue(options_.queues, {step.kind, planned.name}), planned.told);
    }
    case ResourceKind::kQueuePolicy: {
      const auto& planned = plan.queue_policies[step.index];
      return ToldChange(step.kind, planned.logical_id, planned.queue,
                        CurrentQueue(options_.queues, {step.kind, planned.queue}), planned.told);
    }
    case ResourceKind::kBucket: {
      const auto& planned = plan.buckets[step.index];
      return ToldChange(step.kind, planned.logical_id, planned.name,
                        CurrentBucket(options_.objects, {step.kind, planned.name}), planned.told);
    }
    case ResourceKind::kBucketPolicy: {
      const auto& planned = plan.bucket_policies[step.index];
      return ToldChange(step.kind, planned.logical_id, planned.bucket,
                        CurrentBucket(options_.objects, {step.kind, planned.bucket}), planned.told);
    }
    case ResourceKind::kRule:
    case ResourceKind::kEventBus:
    case ResourceKind::kBusPolicy:
    case ResourceKind::kArchive:
    case ResourceKind::kSchedule:
    case ResourceKind::kScheduleGroup: {
      const auto& planned = plan.events[step.index];
      const auto now = request.found.find({step.kind, planned.name});
      return ToldChange(step.kind, planned.logical_id, planned.name,
                        now == request.found.end() ? std::nullopt : std::optional(now->second),
                        planned.told);
    }
  }
  return {};
}

// The number of the version that the stack has for this resource already, where that is still
// there and says the same; empty: it is to be published.
std::string StacksApi::PublishedNumber(const std::string& stack, const Change& change) const {
  const StackRecord* record = stacks_->Find(stack);
  const auto function = options_.registry.Record(change.function);
  if (record == nullptr || function == nullptr) return "";
  for (const auto& resource : record->resources) {
    if (resource.type != kVersionType || resource.logical_id != change.logical_id) continue;
    const auto name = aws::ParseFunctionName(resource.physical_id);
    if (!name || name->name != change.function) continue;
    const auto version = invoker::FindVersion(*function, name->qualifier);
    const std::string& description = change.version.description;
    if (version == nullptr || (!description.empty() && version->description != description)) {
      continue;
    }
    return name->qualifier;
  }
  return "";
}

// The number of the layer version that the stack has for this resource already, where that is still
// there and is the same; empty: it is to be published.
std::string StacksApi::PublishedLayer(const std::string& stack, const Change& change) const {
  const StackRecord* record = stacks_->Find(stack);
  if (record == nullptr) return "";
  for (const auto& resource : record->resources) {
    if (resource.type != kLayerType || resource.logical_id != change.logical_id) continue;
    const auto name = invoker::ParseLayerVersionArn(resource.physical_id);
    if (!name) continue;
    const auto found = options_.control.layers().Find(name->name, *name->number);
    if (found != nullptr && IsSameLayer(*found, *change.layer)) {
      return std::to_string(found->number);
    }
  }
  return "";
}

std::string StacksApi::PhysicalId(const Change& change) const {
  const auto& account = options_.account;
  switch (change.kind) {
    case ResourceKind::kFunction:
      return change.function;
    case ResourceKind::kVersion:
      return invoker::FunctionArn(account, change.function, change.version.token);
    case ResourceKind::kAlias:
      return invoker::FunctionArn(account, change.function, change.alias);
    case ResourceKind::kLayer:
      return invoker::LayerArn(
          account, change.function,
          change.version.number.empty() ? change.version.token : change.version.number);
    case ResourceKind::kUrl:
    case ResourceKind::kEventInvoke:
    case ResourceKind::kPermission:
    case ResourceKind::kMapping:
      return AttachmentName(invoker::FunctionArn(account, change.function), change.alias,
                            change.told_after ? *change.told_after : *change.told_before);
    case ResourceKind::kQueue:
    case ResourceKind::kQueuePolicy:
      return sqs::QueueArn(account, change.function);
    case ResourceKind::kBucket:
    case ResourceKind::kBucketPolicy:
      return BucketArn(change.function);
    case ResourceKind::kRule:
    case ResourceKind::kEventBus:
    case ResourceKind::kBusPolicy:
    case ResourceKind::kArchive:
    case ResourceKind::kSchedule:
    case ResourceKind::kScheduleGroup:
      return EventArn(account, change.kind, change.function);
  }
  return "";
}

}  // namespace hearth::stacks
