#include "triggers/sqs/queue_source.h"

#include <algorithm>

#include "aws/arn.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::sqs {

QueueSource::QueueSource(Parts parts)
    : parts_(std::move(parts)), budget_(parts_.most_bytes, [this] { PumpAllLater(); }) {
  parts_.engine.OnCreated([this, alive = std::weak_ptr<bool>(alive_)](const std::string& name) {
    if (alive.expired()) return;
    for (const auto& [_, poller] : pollers_) poller->OnQueueCreated(name);
  });
}

std::expected<invoker::SourceRules, aws::ApiError> QueueSource::Find(const std::string& arn) const {
  const auto parsed = aws::ParseArn(arn);
  const bool is_ours =
      parsed && parsed->region == parts_.account.region && parsed->account == parts_.account.id;
  const QueueRecord* const queue = is_ours ? parts_.engine.Find(parsed->resource) : nullptr;
  if (queue == nullptr) return std::unexpected(invoker::NoSuchSource(arn));
  return MappingRules(queue->settings);
}

void QueueSource::Start(invoker::MappingRef mapping) {
  if (is_draining_) return;
  const PollerParts parts{.loop = parts_.loop,
                          .engine = parts_.engine,
                          .registry = parts_.registry,
                          .invoker = parts_.invoker,
                          .account = parts_.account,
                          .budget = budget_,
                          .report = parts_.report};
  auto& poller = pollers_[mapping->uuid];
  poller = std::make_unique<QueuePoller>(parts, mapping);
  poller->Pump();
}

void QueueSource::Stop(const std::string& uuid, std::function<void()> stopped) {
  const auto found = pollers_.find(uuid);
  if (is_draining_ || found == pollers_.end()) return parts_.loop.Post(std::move(stopped));
  found->second->Stop(
      [this, alive = std::weak_ptr<bool>(alive_), uuid, stopped = std::move(stopped)] {
        if (alive.expired()) return;
        pollers_.erase(uuid);
        stopped();
      });
}

void QueueSource::Drain(std::function<void()> drained) {
  is_draining_ = true;
  // One more: this call's own.
  auto left = std::make_shared<size_t>(pollers_.size() + 1);
  const auto one_ended = [left, drained = std::move(drained)] {
    if (--*left == 0) drained();
  };
  for (const auto& [_, poller] : pollers_) poller->Stop(one_ended);
  parts_.loop.Post(one_ended);
}

bool QueueSource::IsQuiet() const {
  return !has_posted_ &&
         std::ranges::all_of(pollers_, [](const auto& each) { return each.second->IsQuiet(); });
}

const QueuePoller* QueueSource::Poller(const std::string& uuid) const {
  const auto found = pollers_.find(uuid);
  return found == pollers_.end() ? nullptr : found->second.get();
}

void QueueSource::PumpAllLater() {
  if (std::exchange(has_posted_, true)) return;
  parts_.loop.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    has_posted_ = false;
    budget_.AdmitAgain();
    // Those that had none of the room last time are the first to have it now.
    auto at = pollers_.upper_bound(last_admitted_);
    for (size_t left = pollers_.size(); left > 0; --left, ++at) {
      if (at == pollers_.end()) at = pollers_.begin();
      const size_t used = budget_.used();
      at->second->Pump();
      if (budget_.used() > used) last_admitted_ = at->first;
    }
  });
}

}  // namespace hearth::sqs
