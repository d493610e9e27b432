#include "stacks/plan_names.h"

#include <fmt/format.h>

#include <map>
#include <string>

namespace hearth::stacks {

void CheckPlanNames(const Plan& plan, Diagnostics& errors) {
  std::map<std::string, std::string> owners;
  for (const auto& function : plan.functions) {
    const auto [owner, is_new] = owners.emplace(function.settings.name, function.logical_id);
    if (is_new) continue;
    const auto found = function.properties.find("FunctionName");
    errors.Add(found != function.properties.end() ? found->second : function.position,
               fmt::format("the function name '{}' of '{}' is also that of '{}'",
                           function.settings.name, function.logical_id, owner->second));
  }
  for (const auto& alias : plan.aliases) {
    const auto [owner, is_new] =
        owners.emplace(alias.function + ":" + alias.name, alias.logical_id);
    if (is_new) continue;
    errors.Add(alias.position, fmt::format("the alias '{}' of '{}' is also that of '{}'",
                                           alias.name, alias.logical_id, owner->second));
  }
  for (const auto& queue : plan.queues) {
    const auto [owner, is_new] = owners.emplace("queue " + queue.name, queue.logical_id);
    if (is_new) continue;
    const auto found = queue.properties.find("QueueName");
    errors.Add(found != queue.properties.end() ? found->second : queue.position,
               fmt::format("the queue name '{}' of '{}' is also that of '{}'", queue.name,
                           queue.logical_id, owner->second));
  }
  for (const auto& policy : plan.queue_policies) {
    const auto [owner, is_new] =
        owners.emplace("policy of queue " + policy.queue, policy.logical_id);
    if (is_new) continue;
    errors.Add(policy.position, fmt::format("'{}' is for the queue {}, for which '{}' is already",
                                            policy.logical_id, policy.queue, owner->second));
  }
  for (const auto& one : plan.attachments) {
    const std::string name = AttachmentName(one.function, one.qualifier, one.told);
    const auto [owner, is_new] =
        owners.emplace(fmt::format("{} {}", static_cast<int>(one.kind), name), one.logical_id);
    if (is_new || one.function.empty()) continue;
    errors.Add(one.position, fmt::format("'{}' is for {}, for which '{}' is already",
                                         one.logical_id, name, owner->second));
  }
  for (const auto& bucket : plan.buckets) {
    const auto [owner, is_new] = owners.emplace("bucket " + bucket.name, bucket.logical_id);
    if (is_new) continue;
    const auto found = bucket.properties.find("BucketName");
    errors.Add(found != bucket.properties.end() ? found->second : bucket.position,
               fmt::format("the bucket name '{}' of '{}' is also that of '{}'", bucket.name,
                           bucket.logical_id, owner->second));
  }
  for (const auto& one : plan.events) {
    const auto [owner, is_new] =
        owners.emplace(fmt::format("{} {}", static_cast<int>(one.kind), one.name), one.logical_id);
    if (is_new) continue;
    errors.Add(one.position, fmt::format("the name '{}' of '{}' is also that of '{}'", one.name,
                                         one.logical_id, owner->second));
  }
  for (const auto& policy : plan.bucket_policies) {
    const auto [owner, is_new] =
        owners.emplace("policy of bucket " + policy.bucket, policy.logical_id);
    if (is_new) continue;
    errors.Add(policy.position, fmt::format("'{}' is for the bucket {}, for which '{}' is already",
                                            policy.logical_id, policy.bucket, owner->second));
  }
}

}  // namespace hearth::stacks
