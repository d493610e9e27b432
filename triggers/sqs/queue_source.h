// QueueSource: queues as sources of event source mappings: a poller for each mapping that runs.
//
// Owner: host; destroyed before the engine, the invoker and the mappings.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "invoker/event_source.h"
#include "triggers/sqs/queue_poller.h"

namespace hearth::sqs {

class QueueSource final : public invoker::EventSource {
 public:
  struct Parts {
    io::Loop& loop;
    QueueEngine& engine;
    const invoker::Registry& registry;
    invoker::Invoker& invoker;
    invoker::Account account;
    // EventSourceMappings::Report.
    std::function<void(const std::string& uuid, std::string result)> report;
    size_t most_bytes = limits::kMaxQueueEventBytes;  // Of events, all mappings together.
  };
  explicit QueueSource(Parts parts);

  std::expected<invoker::SourceRules, aws::ApiError> Find(const std::string& arn) const override;
  void Start(invoker::MappingRef mapping) override;
  void Stop(const std::string& uuid, std::function<void()> stopped) override;

  // The host's end: no call begins any more; `drained` runs, never inside this call, when those
  // that run have ended and are settled.
  void Drain(std::function<void()> drained);
  // All wait for messages or for time.
  bool IsQuiet() const;
  size_t bytes_held() const { return budget_.used(); }
  // nullptr: the mapping does not run.
  const QueuePoller* Poller(const std::string& uuid) const;

 private:
  void PumpAllLater();

  const Parts parts_;
  EventBudget budget_;
  std::map<std::string, std::unique_ptr<QueuePoller>> pollers_;  // By the mapping's UUID.
  std::string last_admitted_;  // The last time that there was room again.
  bool is_draining_ = false;
  bool has_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::sqs
