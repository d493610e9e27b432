#include "stacks/queue_resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/limits.h"
#include "invoker/tags_api.h"
#include "stacks/body.h"
#include "stacks/function_resource.h"
#include "stacks/properties.h"
#include "stacks/resource_members.h"
#include "stacks/tokens.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr std::array<std::string_view, 16> kOfQueue = {"ContentBasedDeduplication",
                                                       "DeduplicationScope",
                                                       "DelaySeconds",
                                                       "FifoQueue",
                                                       "FifoThroughputLimit",
                                                       "KmsDataKeyReusePeriodSeconds",
                                                       "KmsMasterKeyId",
                                                       "MaximumMessageSize",
                                                       "MessageRetentionPeriod",
                                                       "QueueName",
                                                       "ReceiveMessageWaitTimeSeconds",
                                                       "RedriveAllowPolicy",
                                                       "RedrivePolicy",
                                                       "SqsManagedSseEnabled",
                                                       "Tags",
                                                       "VisibilityTimeout"};
constexpr std::array<std::string_view, 2> kOfPolicy = {"PolicyDocument", "Queues"};

constexpr std::array<std::string_view, 3> kFlags = {"ContentBasedDeduplication", "FifoQueue",
                                                    "SqsManagedSseEnabled"};
constexpr std::array<std::string_view, 2> kPolicies = {"RedriveAllowPolicy", "RedrivePolicy"};

// A map of the template as the JSON text that the API takes; empty: it is none.
std::string JsonText(const Properties& properties, std::string_view name, Diagnostics& errors) {
  const Node* value = properties.Find(name);
  if (value == nullptr) return "";
  if (value->is_map()) return base::ToJsonText(ToJson(*value));
  errors.Add(value->position, fmt::format("'{}' is a map, not {}", name, Describe(*value)));
  return "";
}

sqs::Attributes ReadAttributes(const Properties& properties, Diagnostics& errors) {
  sqs::Attributes out;
  for (const std::string_view name : kOfQueue) {
    if (name == "QueueName" || name == "Tags" || properties.Find(name) == nullptr) continue;
    std::string text;
    if (std::ranges::find(kFlags, name) != kFlags.end()) {
      text = properties.Flag(name) ? "true" : "false";
    } else if (std::ranges::find(kPolicies, name) != kPolicies.end()) {
      text = JsonText(properties, name, errors);
      if (text.empty()) continue;
    } else {
      text = properties.Text(name);
    }
    // The API takes no other word for FIFO; a template may say that a queue is none.
    if (name != "FifoQueue" || text == "true") out[std::string(name)] = std::move(text);
  }
  return out;
}

void ReadName(const Properties& properties, PlannedQueue& queue, Diagnostics& errors) {
  queue.name = properties.Text("QueueName");
  const bool is_given = !queue.name.empty();
  if (!is_given) queue.name = queue.logical_id + (queue.settings.is_fifo ? ".fifo" : "");
  if (sqs::IsQueueName(queue.name, queue.settings.is_fifo)) return;
  errors.Add(
      is_given ? queue.properties.at("QueueName") : queue.position,
      fmt::format("{}'{}' is no name of a {}: letters, digits, '-' and '_'{}, at most {} "
                  "characters",
                  is_given ? "'QueueName' " : "", WithoutTokens(queue.name),
                  queue.settings.is_fifo ? "FIFO queue" : "queue without FifoQueue",
                  queue.settings.is_fifo ? ", and '.fifo' at the end" : "", limits::kMaxQueueName));
}

// "http://host/000000000000/Jobs": the queue of this template that it names, or nullptr.
const PlannedQueue* FindByUrl(std::string_view url, const invoker::Account& account,
                              std::span<const PlannedQueue> queues) {
  const auto found = std::ranges::find_if(queues, [&](const PlannedQueue& queue) {
    return url.starts_with("http") && url.ends_with("/" + account.id + "/" + queue.name);
  });
  return found == queues.end() ? nullptr : &*found;
}

}  // namespace

PlannedQueue BroughtQueue(std::string logical_id, Position position, std::string_view instead,
                          Diagnostics& errors) {
  PlannedQueue queue;
  queue.logical_id = std::move(logical_id);
  queue.position = position;
  queue.name = queue.logical_id;
  queue.told = {{"Attributes", Json::object()}, {"Tags", Json::object()}};
  if (!sqs::IsQueueName(queue.name, false)) {
    errors.Add(position,
               fmt::format("the queue '{}', which would be made, has no name of a queue (too long, "
                           "perhaps): give {}",
                           queue.name, instead));
  }
  return queue;
}

void CheckQueueProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  const std::span<const std::string_view> known =
      type == kQueueType ? std::span<const std::string_view>(kOfQueue) : kOfPolicy;
  CheckPropertyNames(type, *properties, known, {}, errors);
}

PlannedQueue ReadQueue(const Member& resource, const NodeRef& node, Diagnostics& errors) {
  PlannedQueue queue;
  queue.logical_id = resource.name;
  queue.position = resource.position;
  for (const auto& member : node->members) queue.properties[member.name] = member.position;
  const Properties properties(*node, "", errors);
  const sqs::Attributes attributes = ReadAttributes(properties, errors);
  const auto tags = properties.TagList("Tags");
  const auto refuse = [&](const aws::ApiError& refusal) {
    errors.Add(PlaceOf(queue.properties, queue.position, refusal.message),
               fmt::format("{}: {}", queue.logical_id, WithoutTokens(refusal.message)));
  };
  const size_t errors_before = errors.size();
  if (auto settings = sqs::ReadSettings(attributes)) {
    queue.settings = *std::move(settings);
  } else if (errors.size() == errors_before) {
    refuse(settings.error());
    queue.settings.is_fifo = attributes.contains("FifoQueue");
  }
  ReadName(properties, queue, errors);
  auto refusal = sqs::CheckTags(queue.name, tags);
  if (!refusal) refusal = invoker::CheckUsersTags(tags);
  if (refusal) errors.Add(queue.properties["Tags"], queue.logical_id + ": " + refusal->message);
  queue.told = {{"Attributes", attributes}, {"Tags", tags}};
  queue.retain = IsRetained(resource, "DeletionPolicy");
  queue.retain_replaced = IsRetained(resource, "UpdateReplacePolicy");
  return queue;
}

std::vector<PlannedQueuePolicy> ReadQueuePolicy(const Member& resource, const NodeRef& node,
                                                const invoker::Account& account,
                                                std::span<const PlannedQueue> queues,
                                                Diagnostics& errors) {
  std::vector<PlannedQueuePolicy> out;
  const Properties properties(*node, "", errors);
  for (const std::string_view name : kOfPolicy) {
    if (properties.Find(name) != nullptr || node->Find(name) != nullptr) continue;
    errors.Add(resource.position, fmt::format("'{}' has no {}", resource.name, name));
  }
  const std::string text = JsonText(properties, "PolicyDocument", errors);
  if (!text.empty()) {
    if (const auto settings = sqs::ReadSettings({{"Policy", text}}); !settings) {
      errors.Add(node->Find("PolicyDocument")->position,
                 fmt::format("{}: {} It is a map of at most {} bytes as JSON.", resource.name,
                             settings.error().message, limits::kMaxPolicy));
    }
  }
  for (const std::string& url : properties.TextList("Queues")) {
    const PlannedQueue* queue = FindByUrl(url, account, queues);
    if (queue == nullptr) {
      errors.Add(node->Find("Queues")->position,
                 fmt::format("'Queues': '{}' is the URL of no queue of this template (!Ref "
                             "MyQueue): only those are served",
                             WithoutTokens(url)));
      continue;
    }
    out.push_back({.logical_id = resource.name,
                   .position = resource.position,
                   .queue = queue->name,
                   .told = {{"Policy", text}}});
  }
  return out;
}

}  // namespace hearth::stacks
