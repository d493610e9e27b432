// What a deployment does to queues and their policies (queue_resource.h).
//
// Each step's callback runs once, never inside the call. Owner: none; the host outlives it.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "invoker/function.h"
#include "io/offload.h"
#include "stacks/stack_store.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::stacks {

struct QueueHost {
  sqs::QueueEngine& queues;
  io::Offload& disk;  // For answers on a later turn.
  const base::Clock& clock;
  const invoker::Account& account;
};

// kQueue or kQueuePolicy, of the queue called `name`.
struct QueueKey {
  ResourceKind kind;
  std::string name;
};
bool IsOfQueue(ResourceKind kind);

// As it is now, as its API would be told; nothing where there is none.
std::optional<base::Json> CurrentQueue(const sqs::QueueEngine& queues, const QueueKey& key);
// The stack that the queue's tag names; empty: none, or no such queue.
std::string StackOfQueue(const sqs::QueueEngine& queues, const std::string& name);

// kApply refuses what the API would: a dead-letter queue that is not there, or is of another kind.
enum class QueueStep { kApply, kRestore };
// Makes it what `told` says, whatever was there before; nothing: it is taken away. A queue's policy
// is none of the queue's own, and stays.
void BringQueue(const QueueHost& host, const QueueKey& key, const std::optional<base::Json>& told,
                QueueStep step, std::function<void(std::expected<void, std::string>)> done);

}  // namespace hearth::stacks
