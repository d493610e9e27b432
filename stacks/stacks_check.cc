// StacksApi: what the control plane would refuse of a plan, before anything is changed.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "invoker/api_errors.h"
#include "invoker/event_invoke_api.h"
#include "invoker/tags_api.h"
#include "stacks/attachment_steps.h"
#include "stacks/stacks_api.h"
#include "stacks/stacks_request.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {

void StacksApi::CheckFunctions(Request& request, Diagnostics& errors) const {
  for (auto& function : request.plan.functions) {
    function.settings.tags[kStackNameTag] = request.stack;
    function.settings.tags[kLogicalIdTag] = function.logical_id;
    // SAM makes a role for a function without one; here its name alone is of use.
    if (function.settings.role.empty()) {
      function.settings.role = fmt::format("arn:aws:iam::{}:role/{}-{}Role", options_.account.id,
                                           request.stack, function.logical_id);
    }
    // A layer that this very template publishes is not there yet.
    auto settings = function.settings;
    std::erase_if(settings.layers, HasToken);
    const auto checked = options_.control.Check(settings);
    if (!checked) {
      errors.Add(PlaceOf(function, checked.error().message),
                 fmt::format("{}: {}", function.logical_id, checked.error().message));
      continue;
    }
    for (const auto& notice : checked->notices) {
      request.plan.notices.push_back(
          {PlaceOf(function, notice), function.logical_id + ": " + notice});
    }
    if (const std::string& arn = settings.dead_letter_arn; !arn.empty()) {
      if (const auto refusal = CheckDeadLetter(request, arn)) {
        errors.Add(PlaceOf(function, "DeadLetterQueue, DeadLetterConfig"),
                   function.logical_id + ": " + refusal->message);
      }
    }
    const std::string& name = function.settings.name;
    const std::string owner = stacks_->OwnerOf(name);
    for (const auto& [stack, functions] : busy_) {
      if (stack != request.stack && functions.contains(name)) {
        errors.Add(
            PlaceOf(function, "FunctionName"),
            fmt::format("the function '{}' is being changed by the stack '{}'", name, stack));
      }
    }
    if (options_.registry.Find(name) == nullptr || owner == request.stack) continue;
    const auto intent = stacks_->intents().find(request.stack);
    const bool is_left_over =
        intent != stacks_->intents().end() &&
        std::ranges::find(intent->second, name, &Change::function) != intent->second.end();
    if (is_left_over) continue;  // Of this stack's own unfinished deployment, which ends first.
    errors.Add(
        PlaceOf(function, "FunctionName"),
        fmt::format("the function '{}' exists already and belongs to {}: set another "
                    "FunctionName, or delete it first",
                    name, owner.empty() ? "no stack" : fmt::format("the stack '{}'", owner)));
  }
}

const sqs::QueueSettings* StacksApi::FindQueue(const Request& request,
                                               const std::string& name) const {
  const auto planned = std::ranges::find(request.plan.queues, name, &PlannedQueue::name);
  if (planned != request.plan.queues.end()) return &planned->settings;
  const sqs::QueueRecord* const record = options_.queues.Find(name);
  return record == nullptr ? nullptr : &record->settings;
}

void StacksApi::CheckQueues(Request& request, Diagnostics& errors) const {
  const auto find = [&](const std::string& name) { return FindQueue(request, name); };
  for (auto& queue : request.plan.queues) {
    queue.told["Tags"][kStackNameTag] = request.stack;
    queue.told["Tags"][kLogicalIdTag] = queue.logical_id;
    if (const auto refusal =
            sqs::CheckRedrive(options_.account, queue.name, queue.settings, find)) {
      errors.Add(PlaceOf(queue.properties, queue.position, refusal->message),
                 queue.logical_id + ": " + refusal->message);
    }
    const std::string owner = stacks_->OwnerOf(sqs::QueueArn(options_.account, queue.name));
    if (owner.empty() && options_.queues.Find(queue.name) == nullptr) continue;
    // One that a stack of this name left behind is taken up again.
    const bool is_left_over =
        owner.empty() && StackOfQueue(options_.queues, queue.name) == request.stack;
    if (owner == request.stack || is_left_over) continue;
    errors.Add(
        PlaceOf(queue.properties, queue.position, "QueueName"),
        fmt::format("the queue '{}' exists already and belongs to {}: set another QueueName, or "
                    "delete it first",
                    queue.name, owner.empty() ? "no stack" : fmt::format("the stack '{}'", owner)));
  }
}

// What this template makes is not there yet, nor what lets the store call it; the deployment looks.
std::string StacksApi::CheckNotified(const Request& request,
                                     const s3::NotificationRule& rule) const {
  const std::string arn = WithPlaceholders(rule.arn);
  if (rule.target == s3::NotificationRule::Target::kFunction) {
    const auto function = aws::ParseFunctionName(arn);
    const bool is_planned =
        function && std::ranges::any_of(request.plan.functions, [&](const auto& planned) {
          return planned.settings.name == function->name;
        });
    const bool is_there = function && options_.registry.Find(function->name) != nullptr;
    return is_planned || is_there ? "" : "there is no such function";
  }
  const auto name = sqs::NameOfArn(options_.account, arn);
  const sqs::QueueSettings* const queue = name ? FindQueue(request, *name) : nullptr;
  if (queue == nullptr) return "The destination queue does not exist";
  return queue->is_fifo ? "FIFO SQS queues are not supported" : "";
}

void StacksApi::CheckBuckets(Request& request, Diagnostics& errors) const {
  for (auto& bucket : request.plan.buckets) {
    bucket.told["Tags"][kStackNameTag] = request.stack;
    bucket.told["Tags"][kLogicalIdTag] = bucket.logical_id;
    const Position notified =
        PlaceOf(bucket.properties, bucket.position, "NotificationConfiguration");
    if (bucket.notifications.event_bridge &&
        !options_.destinations.Serves(fmt::format("arn:aws:events:{}:{}:event-bus/default",
                                                  options_.account.region, options_.account.id))) {
      errors.Add(notified, bucket.logical_id + ": Hearth does not serve EventBridge (events) yet");
    }
    for (const s3::NotificationRule& rule : bucket.notifications.rules) {
      const std::string wrong = CheckNotified(request, rule);
      if (wrong.empty()) continue;
      errors.Add(notified,
                 fmt::format("{}: Unable to validate the following destination configurations: {}: "
                             "{}",
                             bucket.logical_id, WithoutTokens(rule.arn), wrong));
    }
    const std::string owner = stacks_->OwnerOf(BucketArn(bucket.name));
    if (owner.empty() && options_.objects.Find(bucket.name) == nullptr) continue;
    // One that a stack of this name left behind is taken up again.
    const bool is_left_over =
        owner.empty() && StackOfBucket(options_.objects, bucket.name) == request.stack;
    if (owner == request.stack || is_left_over) continue;
    errors.Add(PlaceOf(bucket.properties, bucket.position, "BucketName"),
               fmt::format(
                   "the bucket '{}' exists already and belongs to {}: set another BucketName, or "
                   "delete it first",
                   bucket.name, owner.empty() ? "no stack" : fmt::format("the stack '{}'", owner)));
  }
}

void StacksApi::CheckEvents(Request& request, Diagnostics& errors) const {
  for (auto& one : request.plan.events) {
    const auto place = [&one](const char* property) {
      return PlaceOf(one.properties, one.position, property);
    };
    if (HasTags(one.kind)) {
      one.told["Tags"][kStackNameTag] = request.stack;
      one.told["Tags"][kLogicalIdTag] = one.logical_id;
    }
    if (one.kind == ResourceKind::kRule || one.kind == ResourceKind::kBusPolicy) {
      const std::string bus = SplitEventName(one.kind, one.name).first;
      const auto is_it = [&bus](const PlannedEventResource& other) {
        return other.kind == ResourceKind::kEventBus && other.name == bus;
      };
      if (options_.buses.FindBus(bus) == nullptr &&
          std::ranges::none_of(request.plan.events, is_it)) {
        errors.Add(place("EventBusName"),
                   fmt::format("{}: Event bus {} does not exist.", one.logical_id, bus));
      }
    }
    base::Json targets = one.told.value("Targets", base::Json::array());
    if (one.told.contains("Target")) targets.push_back(one.told["Target"]);
    for (const base::Json& target : targets) {
      const std::string arn = target.value("Arn", "");
      if (arn.empty() || options_.destinations.Serves(WithPlaceholders(arn))) continue;
      errors.Add(place("Targets"), fmt::format("{}: Hearth does not serve the target {} yet",
                                               one.logical_id, WithoutTokens(arn)));
    }
  }
}

void StacksApi::CheckFound(const Request& request, Diagnostics& errors) const {
  for (const auto& one : request.plan.events) {
    const auto now = request.found.find({one.kind, one.name});
    const std::string owner = stacks_->OwnerOf(EventArn(options_.account, one.kind, one.name));
    if (owner.empty() && now == request.found.end()) continue;
    // One that a stack of this name left behind is taken up again.
    const bool is_left_over =
        owner.empty() && IsOfStack(events(), one.kind, now->second, request.stack, one.told);
    if (owner == request.stack || is_left_over) continue;
    errors.Add(PlaceOf(one.properties, one.position, "Name"),
               fmt::format("'{}' ({}) exists already and belongs to {}: give another name, or "
                           "delete it first",
                           one.name, EventTypeOf(one.kind),
                           owner.empty() ? "no stack" : fmt::format("the stack '{}'", owner)));
  }
}

std::optional<aws::ApiError> StacksApi::CheckMapping(const Request& request,
                                                     const PlannedAttachment& mapping) const {
  const std::string arn = mapping.told.value("EventSourceArn", "");
  const auto name = sqs::NameOfArn(options_.account, arn);
  const sqs::QueueSettings* const queue = name ? FindQueue(request, *name) : nullptr;
  if (queue == nullptr) return invoker::NoSuchSource(arn);
  const auto rules = sqs::MappingRules(*queue);
  const auto applied =
      invoker::ApplyMapping({}, mapping.told, invoker::MappingBody::kCreate, rules);
  if (!applied) return applied.error();
  if (mapping.told.contains("Tags")) {
    if (auto refusal = invoker::CheckUsersTags(mapping.told.at("Tags"))) return refusal;
  }
  const auto function =
      std::ranges::find(request.plan.functions, mapping.function,
                        [](const PlannedFunction& planned) { return planned.settings.name; });
  if (function == request.plan.functions.end()) return std::nullopt;
  return invoker::CheckVisibility(rules, function->settings.timeout_s);
}

// What this template makes is not there yet; a token stands for a version of it.
std::optional<aws::ApiError> StacksApi::CheckDestination(const Request& request,
                                                         const PlannedAttachment& settings,
                                                         const std::string& arn) const {
  if (arn.empty() || HasToken(arn)) return std::nullopt;
  const auto function = aws::ParseFunctionName(arn);
  const bool is_planned =
      function && std::ranges::any_of(request.plan.functions, [&](const auto& planned) {
        return planned.settings.name == function->name;
      });
  if (is_planned && function->name != settings.function) return std::nullopt;
  auto refusal =
      invoker::CheckDestinationOf(options_.registry, options_.destinations, options_.account,
                                  {settings.function, settings.qualifier}, arn);
  const auto parsed = aws::ParseArn(arn);
  if (refusal || !parsed) return refusal;
  if (parsed->service == "sqs") return CheckDeadLetter(request, arn);
  if (parsed->service != "events") return std::nullopt;
  const auto bus = EventNameOfArn(ResourceKind::kEventBus, arn);
  const auto is_it = [&bus](const PlannedEventResource& planned) {
    return planned.kind == ResourceKind::kEventBus && planned.name == bus;
  };
  if (bus && (options_.buses.FindBus(*bus) != nullptr ||
              std::ranges::any_of(request.plan.events, is_it))) {
    return std::nullopt;
  }
  return invoker::InvalidParameter("The ARN " + arn + " is invalid: there is no such event bus.");
}

// The queue is there, or will be, and takes what is given up.
std::optional<aws::ApiError> StacksApi::CheckDeadLetter(const Request& request,
                                                        const std::string& arn) const {
  const auto name = sqs::NameOfArn(options_.account, arn);
  const sqs::QueueSettings* const queue = name ? FindQueue(request, *name) : nullptr;
  if (queue != nullptr && !queue->is_fifo) return std::nullopt;
  return invoker::InvalidParameter(
      "The ARN " + arn +
      " is invalid: " + (queue == nullptr ? "there is no such queue." : "it is of a FIFO queue."));
}

void StacksApi::CheckAttachments(const Request& request, Diagnostics& errors) const {
  for (const auto& one : request.plan.attachments) {
    const auto refuse = [&](const std::string& message) {
      errors.Add(PlaceOf(one.properties, one.position, message), one.logical_id + ": " + message);
    };
    if (one.kind == ResourceKind::kPermission && one.qualifier == "$LATEST") {
      refuse("We currently do not support adding policies for $LATEST.");
    }
    if (const auto refusal = CheckAttachment(one.kind, one.told)) refuse(refusal->message);
    if (one.kind == ResourceKind::kMapping) {
      if (const auto refusal = CheckMapping(request, one)) refuse(refusal->message);
    }
    const auto config = one.told.find("DestinationConfig");
    if (one.kind != ResourceKind::kEventInvoke || config == one.told.end()) continue;
    for (const char* end : {"OnSuccess", "OnFailure"}) {
      const auto to = config->find(end);
      const auto refusal =
          CheckDestination(request, one, to == config->end() ? "" : to->value("Destination", ""));
      if (!refusal) continue;
      const auto place = one.properties.find(end);
      errors.Add(place != one.properties.end() ? place->second : one.position,
                 one.logical_id + ": " + refusal->message);
    }
  }
}

}  // namespace hearth::stacks
