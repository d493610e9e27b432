#include "stacks/queue_steps.h"

#include <memory>

#include "stacks/deployment.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {
namespace {

using base::Json;
using Done = std::function<void(std::expected<void, std::string>)>;
using Tags = std::map<std::string, std::string>;

constexpr char kPolicy[] = "Policy";

std::string PolicyOf(const sqs::QueueSettings& settings) {
  const auto found = settings.set.find(kPolicy);
  return found == settings.set.end() ? "" : found->second;
}

// What `record` becomes; a refusal leaves it as it was.
std::optional<aws::ApiError> Become(const QueueHost& host, ResourceKind kind,
                                    const std::optional<Json>& told, QueueStep step,
                                    sqs::QueueRecord& record) {
  sqs::Attributes attributes;
  std::string policy = PolicyOf(record.settings);
  if (kind == ResourceKind::kQueue) {
    attributes = told->at("Attributes").get<sqs::Attributes>();
  } else {
    attributes = record.settings.set;
    policy = told ? told->at(kPolicy).get<std::string>() : "";
  }
  attributes.erase(kPolicy);
  if (!policy.empty()) attributes[kPolicy] = policy;
  auto settings = sqs::ReadSettings(attributes);
  if (!settings) return settings.error();
  if (step == QueueStep::kApply && kind == ResourceKind::kQueue) {
    const auto find = [&host](const std::string& name) {
      const sqs::QueueRecord* const target = host.queues.Find(name);
      return target == nullptr ? nullptr : &target->settings;
    };
    if (auto refusal = sqs::CheckRedrive(host.account, record.name, *settings, find)) {
      return refusal;
    }
  }
  record.settings = *std::move(settings);
  if (kind == ResourceKind::kQueue) record.tags = told->at("Tags").get<Tags>();
  record.modified_ms = base::EpochMillis(host.clock.WallNow());
  return std::nullopt;
}

}  // namespace

bool IsOfQueue(ResourceKind kind) {
  return kind == ResourceKind::kQueue || kind == ResourceKind::kQueuePolicy;
}

std::optional<Json> CurrentQueue(const sqs::QueueEngine& queues, const QueueKey& key) {
  const sqs::QueueRecord* const record = queues.Find(key.name);
  if (record == nullptr) return std::nullopt;
  if (key.kind == ResourceKind::kQueuePolicy) {
    const std::string policy = PolicyOf(record->settings);
    return policy.empty() ? std::nullopt : std::optional(Json{{kPolicy, policy}});
  }
  sqs::Attributes attributes = record->settings.set;
  attributes.erase(kPolicy);
  return Json{{"Attributes", attributes}, {"Tags", record->tags}};
}

std::string StackOfQueue(const sqs::QueueEngine& queues, const std::string& name) {
  const sqs::QueueRecord* const record = queues.Find(name);
  if (record == nullptr) return "";
  const auto tag = record->tags.find(kStackNameTag);
  return tag == record->tags.end() ? "" : tag->second;
}

void BringQueue(const QueueHost& host, const QueueKey& key, const std::optional<Json>& told,
                QueueStep step, Done done) {
  const auto later = [&host, &done](std::expected<void, std::string> result) {
    host.disk.Run([] { return true; }, [done, result = std::move(result)](bool) { done(result); });
  };
  if (CurrentQueue(host.queues, key) == told) return later({});
  const bool is_queue = key.kind == ResourceKind::kQueue;
  const bool is_there = host.queues.Find(key.name) != nullptr;
  // Somebody else took it away: that is as well.
  const auto removed = [done](const base::Result<void>& result) {
    if (result || result.error().kind == base::ErrorKind::kNotFound) return done({});
    done(std::unexpected(result.error().ToString()));
  };
  if (is_queue && !told) return host.queues.Remove(key.name, removed);
  if (!is_queue && !is_there) {
    if (!told) return later({});
    return later(std::unexpected("there is no queue '" + key.name + "'"));
  }
  if (!is_there) {
    sqs::QueueRecord record{.name = key.name};
    if (const auto refusal = Become(host, key.kind, told, step, record)) {
      return later(std::unexpected(refusal->message));
    }
    return host.queues.Create(std::move(record), [done](const base::Result<void>& result) {
      if (result) return done({});
      done(std::unexpected(result.error().ToString()));
    });
  }
  auto refusal = std::make_shared<std::optional<aws::ApiError>>();
  host.queues.Change(
      key.name,
      [host, kind = key.kind, told, step, refusal](sqs::QueueRecord& record) {
        *refusal = Become(host, kind, told, step, record);
        return !refusal->has_value();
      },
      [done, refusal](const base::Result<void>& result) {
        if (*refusal) return done(std::unexpected((*refusal)->message));
        if (result) return done({});
        done(std::unexpected(result.error().ToString()));
      });
}

}  // namespace hearth::stacks
