#include "triggers/sqs/log_engine.h"

#include <algorithm>

#include "triggers/sqs/log_engine_queue.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

namespace {

// Messages looked at in one turn of the loop; some milliseconds.
constexpr size_t kSlice = 5000;

}  // namespace

LogEngine::Queue::Queue(LogEngine& engine, QueueRecord made)
    : record(std::move(made)),
      state(engine.index_, record.id, record.settings.is_fifo),
      timer(engine.loop_, io::Time::kService) {}

int64_t LogEngine::NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

LogEngine::Queue* LogEngine::FindQueue(std::string_view name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second.get();
}

LogEngine::Queue* LogEngine::FindQueue(uint32_t id) const {
  const auto found = queues_by_id_.find(id);
  return found == queues_by_id_.end() || found->second->is_removed ? nullptr : found->second;
}

const QueueRecord* LogEngine::Find(std::string_view name) const {
  const Queue* const queue = FindQueue(name);
  return queue == nullptr ? nullptr : &queue->record;
}

std::vector<const QueueRecord*> LogEngine::List() const {
  std::vector<const QueueRecord*> out;
  out.reserve(queues_.size());
  for (const auto& [_, queue] : queues_) out.push_back(&queue->record);
  return out;
}

LogEngine::Queue& LogEngine::Enter(QueueRecord record) {
  auto queue = std::make_unique<Queue>(*this, std::move(record));
  Queue& entered = *queue;
  queues_by_id_[entered.record.id] = &entered;
  queues_[entered.record.name] = std::move(queue);
  return entered;
}

void LogEngine::Create(QueueRecord record, Done done) {
  if (queues_.size() + storing_ >= limits::kMaxQueues) {
    return Fail<void>(std::move(done), ErrorKind::kLimit, "there are too many queues");
  }
  record.created_ms = record.modified_ms = NowMs();
  ++storing_;
  writer_.Run([this, record] { return store_.Insert(record); },
              [this, alive = std::weak_ptr<bool>(alive_), record,
               done = std::move(done)](Result<uint32_t> id) mutable {
                if (alive.expired()) return;
                --storing_;
                if (!id) return done(std::unexpected(id.error()));
                record.id = *id;
                const std::string name = record.name;
                Enter(std::move(record));
                if (created_) created_(name);
                done({});
              });
}

// One after the other: each sees what the one before has made.
void LogEngine::Change(const std::string& name, std::function<bool(QueueRecord&)> change,
                       Done done) {
  changes_.push_back({name, std::move(change), std::move(done)});
  if (!changing_) {
    changing_ = true;
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) StartNextChange();
    });
  }
}

void LogEngine::StartNextChange() {
  PendingChange next;
  QueueRecord changed;
  do {
    if (changes_.empty()) {
      changing_ = false;
      return;
    }
    next = std::move(changes_.front());
    changes_.pop_front();
    if (const Queue* const queue = FindQueue(next.name)) {
      changed = queue->record;
      if (next.change(changed)) break;
      next.done({});
    } else {
      next.done(base::MakeError(ErrorKind::kNotFound, "change a queue", next.name));
    }
  } while (true);
  Queue& queue = *FindQueue(next.name);
  // What is over by the time that is being raised stays so, whatever a start would think.
  if (changed.settings.retention_s <= queue.record.settings.retention_s) {
    return WriteChange(std::move(changed), std::move(next.done));
  }
  const int64_t sent_by_ms = ExpiredByMs(queue);
  if (!EraseExpired(queue, sent_by_ms)) {  // Then it is looked at anew.
    changes_.push_front(std::move(next));
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) StartNextChange();
    });
    return;
  }
  queue.raised_retention_s = changed.settings.retention_s;
  log_->Append({Encode(ExpiryRecord{changed.id, sent_by_ms})}, SegmentLog::Need::kLeast,
               [this, changed,
                done = std::move(next.done)](Result<std::vector<LogPosition>> written) mutable {
                 if (written) return WriteChange(std::move(changed), std::move(done));
                 if (Queue* const found = FindQueue(changed.id)) found->raised_retention_s = 0;
                 done(std::unexpected(written.error()));
                 StartNextChange();
               });
}

void LogEngine::WriteChange(QueueRecord changed, Done done) {
  writer_.Run([this, changed] { return store_.Update(changed); },
              [this, alive = std::weak_ptr<bool>(alive_), changed,
               done = std::move(done)](Result<void> result) mutable {
                if (alive.expired()) return;
                if (Queue* const found = FindQueue(changed.id)) {
                  found->raised_retention_s = 0;
                  if (result) found->record = std::move(changed);
                  found->armed_ms.reset();
                  Tick(*found);
                }
                done(std::move(result));
                StartNextChange();
              });
}

void LogEngine::Remove(const std::string& name, Done done) {
  Queue* const queue = FindQueue(name);
  if (queue == nullptr) return Fail<void>(std::move(done), ErrorKind::kNotFound, name);
  ++storing_;
  writer_.Run(
      [this, id = queue->record.id] { return store_.Delete(id); },
      [this, alive = std::weak_ptr<bool>(alive_), name, id = queue->record.id,
       done = std::move(done)](Result<void> result) {
        if (alive.expired()) return;
        --storing_;
        const auto found = queues_.find(name);
        if (result && found != queues_.end() && found->second->record.id == id) {
          auto removed = std::move(found->second);
          queues_.erase(found);
          const int64_t rested =
              NowMs() - std::chrono::milliseconds(limits::kQueueNameRest).count();
          std::erase_if(removed_ms_, [rested](const auto& each) { return each.second < rested; });
          removed_ms_[name] = NowMs();
          removed->is_removed = true;
          removed->timer.Cancel();
          for (Queue::Waiter& waiter : removed->waiters) {
            waiting_.erase(waiter.number);
            Fail(std::move(waiter.received), ErrorKind::kNotFound, name);
          }
          removed->waiters.clear();
          removed_.push_back(std::move(removed));
          const auto erase = [this](Message& message) {
            // What is on its way to another queue arrives there.
            if (message.state != MessageState::kMoving) Erase(message.sequence);
          };
          Walk(id, UINT64_MAX, 0, erase, [this, id] {
            queues_by_id_.erase(id);
            std::erase_if(removed_, [id](const auto& each) { return each->record.id == id; });
          });
        }
        done(std::move(result));
      });
}

void LogEngine::Walk(uint32_t queue, uint64_t before, uint64_t from,
                     std::function<void(Message&)> visit, std::function<void()> ended) {
  std::vector<uint64_t> found;
  const uint64_t next = index_.ForSome(from, kSlice, [&](const Message& message) {
    if (message.queue == queue && message.sequence < before) found.push_back(message.sequence);
  });
  for (const uint64_t sequence : found) visit(*index_.Find(sequence));
  if (const auto owner = queues_by_id_.find(queue); owner != queues_by_id_.end()) {
    owner->second->state.Trim(found.size() + 1);
  }
  if (next == 0 || next >= before) {
    ended();
    return CleanSoon();
  }
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), queue, before, next,
              visit = std::move(visit), ended = std::move(ended)]() mutable {
    if (!alive.expired()) Walk(queue, before, next, std::move(visit), std::move(ended));
  });
}

std::optional<int64_t> LogEngine::RemovedMs(std::string_view name) const {
  const auto found = removed_ms_.find(name);
  return found == removed_ms_.end() ? std::nullopt : std::optional(found->second);
}

void LogEngine::Purge(const std::string& name, Done done) {
  Queue* const queue = FindQueue(name);
  if (queue == nullptr) return Fail<void>(std::move(done), ErrorKind::kNotFound, name);
  if (queue->state.is_purging()) {
    return Fail<void>(std::move(done), ErrorKind::kConflict, "a purge of it goes on");
  }
  const PurgeRecord purge{queue->record.id, next_sequence_};
  queue->purged_ms = NowMs();
  queue->is_purge_durable = false;
  queue->state.StartPurge(purge.before);
  log_->Append({Encode(purge)}, SegmentLog::Need::kLeast,
               [this, purge, done = std::move(done)](Result<std::vector<LogPosition>> written) {
                 FinishPurge(purge, written.has_value());
                 done(written ? Result<void>() : std::unexpected(written.error()));
               });
}

void LogEngine::FinishPurge(const PurgeRecord& purge, bool is_written) {
  Queue* const queue = FindQueue(purge.queue);
  if (queue == nullptr) return;
  const auto tick = [this, id = purge.queue] {
    if (Queue* const found = FindQueue(id)) Tick(*found);
  };
  if (!is_written) {
    queue->purged_ms.reset();
    queue->state.EndPurge();
    const auto release = [this](Message& message) {
      if (message.state != MessageState::kMoving) OwnerOf(message).state.Release(message);
    };
    return Walk(purge.queue, purge.before, 0, release, tick);
  }
  queue->is_purge_durable = true;
  const auto erase = [this](Message& message) {
    if (OwnerOf(message).state.IsPurged(message)) Erase(message.sequence);
  };
  Walk(purge.queue, purge.before, 0, erase, [this, id = purge.queue, tick] {
    if (Queue* const found = FindQueue(id)) found->state.EndPurge();
    tick();
  });
}

std::optional<int64_t> LogEngine::PurgedMs(const std::string& name) const {
  const Queue* const queue = FindQueue(name);
  return queue == nullptr ? std::nullopt : queue->purged_ms;
}

QueueCounts LogEngine::Counts(const std::string& name) {
  Queue* const queue = FindQueue(name);
  if (queue == nullptr) return {};
  Refresh(*queue);
  return queue->state.counts();
}

void LogEngine::EndWaits() {
  waits_ended_ = true;
  for (const auto& [_, queue] : queues_) {
    for (Queue::Waiter& waiter : queue->waiters) {
      loop_.Post([received = std::move(waiter.received)] { received({}); });
    }
    queue->waiters.clear();
  }
  waiting_.clear();
}

bool LogEngine::IsQuiet() const {
  return log_->is_idle() && !changing_ && storing_ == 0 && delivering_ == 0 && !cleaning_;
}

int64_t LogEngine::ExpiredByMs(const Queue& queue) const {
  return NowMs() - std::max(queue.record.settings.retention_s, queue.raised_retention_s) * 1000;
}

bool LogEngine::EraseExpired(Queue& queue, int64_t sent_by_ms) {
  // No record of it: after a crash a start finds it as old as it is.
  return queue.state.OfferSentBy(sent_by_ms, kSlice,
                                 [this](Message& message) { Erase(message.sequence); });
}

void LogEngine::Refresh(Queue& queue) {
  const bool is_visible = queue.state.Advance(NowMs(), kSlice);
  const bool is_erased = EraseExpired(queue, ExpiredByMs(queue));
  queue.state.Trim(kSlice);
  if (!is_visible || !is_erased) RefreshSoon(queue);
}

void LogEngine::RefreshSoon(Queue& queue) {
  if (std::exchange(queue.is_refresh_posted, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_), id = queue.record.id] {
    Queue* const found = alive.expired() ? nullptr : FindQueue(id);
    if (found == nullptr) return;
    found->is_refresh_posted = false;
    Tick(*found);
  });
}

void LogEngine::Rearm(Queue& queue) {
  std::optional<int64_t> next;
  if (const auto oldest = queue.state.oldest_sent_ms()) {
    next = *oldest + queue.record.settings.retention_s * 1000;
  }
  // Where nobody waits, timeouts are looked at when somebody asks.
  if (!queue.waiters.empty()) {
    const auto ready = queue.state.next_ready_ms();
    if (ready && (!next || *ready < *next)) next = ready;
  }
  if (!next || (queue.armed_ms && *queue.armed_ms <= *next)) return;
  queue.armed_ms = next;
  const int64_t wait_ms = std::max<int64_t>(0, *next - NowMs());
  queue.timer.Start(std::chrono::milliseconds(wait_ms), [this, &queue] {
    queue.armed_ms.reset();
    Tick(queue);
  });
}

void LogEngine::Insert(Message message, std::string_view group) {
  Queue* const queue = FindQueue(message.queue);
  CHECK(queue != nullptr);
  message.group = queue->record.settings.is_fifo ? queue->state.GroupNumber(group) : 0;
  const LogPosition at = std::exchange(message.at, {});
  Message& kept = index_.Insert(message);
  Locate(kept, at);
  queue->state.Add(kept, NowMs());
}

void LogEngine::EndRecord(uint64_t sequence) {
  Message* const message = index_.Find(sequence);
  if (message == nullptr) return;
  CHECK(message->under_way > 0);
  --message->under_way;
  if (message->state != MessageState::kMoving) OwnerOf(*message).state.Release(*message);
}

void LogEngine::Erase(uint64_t sequence) {
  Message* const message = index_.Find(sequence);
  CHECK(message != nullptr);
  if (message->state != MessageState::kMoving) OwnerOf(*message).state.Remove(*message);
  Locate(*message, {});
  index_.Erase(sequence);
}

// Where its record stands now; segment 0: nowhere.
void LogEngine::Locate(Message& message, LogPosition at) {
  if (message.at.segment != 0) {
    const auto use = uses_.find(message.at.segment);
    --use->second.messages;
    use->second.bytes -= message.at.size;
    live_bytes_ -= message.at.size;
    if (use->second.messages == 0) uses_.erase(use);
  }
  message.at = at;
  if (at.segment != 0) {
    Use& use = uses_[at.segment];
    ++use.messages;
    use.bytes += at.size;
    live_bytes_ += at.size;
  }
}

}  // namespace hearth::sqs
