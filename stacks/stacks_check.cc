// StacksApi: what the control plane would refuse of a plan, before anything is changed.
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "invoker/event_invoke_api.h"
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

void StacksApi::CheckQueues(Request& request, Diagnostics& errors) const {
  const auto find = [&](const std::string& name) -> const sqs::QueueSettings* {
    const auto planned = std::ranges::find(request.plan.queues, name, &PlannedQueue::name);
    if (planned != request.plan.queues.end()) return &planned->settings;
    const sqs::QueueRecord* const record = options_.queues.Find(name);
    return record == nullptr ? nullptr : &record->settings;
  };
  for (auto& queue : request.plan.queues) {
    queue.told["Tags"][kStackNameTag] = request.stack;
    queue.told["Tags"][kLogicalIdTag] = queue.logical_id;
    if (const auto refusal =
            sqs::CheckRedrive(options_.account, queue.name, queue.settings, find)) {
      errors.Add(PlaceOf(queue.properties, queue.position, refusal->message),
                 queue.logical_id + ": " + refusal->message);
    }
    if (options_.queues.Find(queue.name) == nullptr) continue;
    const std::string owner = stacks_->OwnerOf(sqs::QueueArn(options_.account, queue.name));
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

void StacksApi::CheckAttachments(const Request& request, Diagnostics& errors) const {
  const auto is_planned = [&request](const std::string& arn) {
    const auto name = aws::ParseFunctionName(arn);
    return name && std::ranges::any_of(request.plan.functions, [&](const auto& function) {
             return function.settings.name == name->name;
           });
  };
  for (const auto& one : request.plan.attachments) {
    const auto refuse = [&](const std::string& message) {
      errors.Add(PlaceOf(one.properties, one.position, message), one.logical_id + ": " + message);
    };
    if (one.kind == ResourceKind::kPermission && one.qualifier == "$LATEST") {
      refuse("We currently do not support adding policies for $LATEST.");
    }
    if (const auto refusal = CheckAttachment(one.kind, one.told)) refuse(refusal->message);
    const auto config = one.told.find("DestinationConfig");
    if (one.kind != ResourceKind::kEventInvoke || config == one.told.end()) continue;
    for (const char* end : {"OnSuccess", "OnFailure"}) {
      const auto to = config->find(end);
      const std::string arn = to == config->end() ? "" : to->value("Destination", "");
      // What this template makes is not there yet; a token stands for a version of it.
      const bool is_itself =
          aws::ParseFunctionName(arn) && aws::ParseFunctionName(arn)->name == one.function;
      if (arn.empty() || HasToken(arn) || (is_planned(arn) && !is_itself)) continue;
      const auto refusal =
          invoker::CheckDestinationOf(options_.registry, options_.destinations, options_.account,
                                      {one.function, one.qualifier}, arn);
      if (refusal) {
        const auto place = one.properties.find(end);
        errors.Add(place != one.properties.end() ? place->second : one.position,
                   one.logical_id + ": " + refusal->message);
      }
    }
  }
}

}  // namespace hearth::stacks
