// Queues as sources of event source mappings, from which nothing ever comes.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "aws/arn.h"
#include "fake_queues.h"
#include "invoker/event_source.h"
#include "io/loop.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {

class FakeSource final : public invoker::EventSource {
 public:
  FakeSource(io::Loop& loop, FakeQueues& queues) : loop_(loop), queues_(queues) {}

  std::expected<invoker::SourceRules, aws::ApiError> Find(const std::string& arn) const override {
    const auto parsed = aws::ParseArn(arn);
    const auto* queue = parsed ? queues_.Find(parsed->resource) : nullptr;
    if (queue == nullptr) return std::unexpected(invoker::NoSuchSource(arn));
    return sqs::MappingRules(queue->settings);
  }
  void Start(invoker::MappingRef mapping) override { running[mapping->uuid] = mapping; }
  void Stop(const std::string& uuid, std::function<void()> stopped) override {
    running.erase(uuid);
    if (holds) {
      held.push_back(std::move(stopped));
    } else {
      loop_.Post(std::move(stopped));
    }
  }

  std::map<std::string, invoker::MappingRef> running;  // By UUID.
  bool holds = false;                                  // A batch never ends.
  std::vector<std::function<void()>> held;             // What Stop was to run then.

 private:
  io::Loop& loop_;
  FakeQueues& queues_;
};

}  // namespace hearth::stacks
