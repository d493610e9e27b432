// MoveTasks: messages of a dead-letter queue on their way back, at a rate.
//
// One task a source queue at a time. Tasks are not durable: after a restart a task is gone, and
// what it had not moved waits in its source; every message it moved is moved. Owner: host; after
// the engine. Source: SQS API, StartMessageMoveTask.
#pragma once

#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/timer.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::sqs {

struct MoveOrder {
  std::string source;
  std::string source_arn;
  std::string target;  // Empty: each message's own source.
  std::string target_arn;
  std::optional<int64_t> rate;  // Messages a second; nullopt: as fast as it goes.
};

struct MoveTask {
  std::string handle;
  MoveOrder order;
  std::string status;  // RUNNING, COMPLETED, CANCELLED, FAILED
  std::string failure;
  int64_t moved = 0;
  int64_t to_move = 0;
  int64_t started_ms = 0;
};

class MoveTasks {
 public:
  MoveTasks(io::Loop& loop, QueueEngine& engine);
  ~MoveTasks();

  // The handle; the error is AWS's text.
  std::expected<std::string, std::string> Start(MoveOrder order);
  enum class Fault { kMalformed, kUnknown };
  // How many were moved so far.
  std::expected<int64_t, Fault> Cancel(const std::string& handle);
  std::vector<MoveTask> List(const std::string& source, size_t most) const;  // Newest first.
  bool IsQuiet() const;

 private:
  struct Running;
  void Move(const std::shared_ptr<Running>& running);
  void OnMoved(const std::shared_ptr<Running>& running, const base::Result<bool>& moved);

  io::Loop& loop_;
  QueueEngine& engine_;
  // By source; of each, the newest first and at most ten.
  std::map<std::string, std::deque<std::shared_ptr<Running>>> tasks_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::sqs
