#include "triggers/sqs/log_engine.h"

#include <algorithm>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

namespace {

// Messages erased in one turn of the loop; some milliseconds.
constexpr size_t kEraseSlice = 5000;

uint32_t RandomReceipt() {
  return static_cast<uint32_t>(std::strtoul(base::NewHexId(7).c_str(), nullptr, 16));
}

}  // namespace

LogEngine::Queue::Queue(LogEngine& engine, QueueRecord made)
    : record(std::move(made)),
      state(engine.index_, record.id, record.settings.is_fifo),
      timer(engine.loop_, io::Time::kService) {}

LogEngine::LogEngine(io::Loop& loop, store::Database& database, io::Offload& writer,
                     ReceiptHandles handles)
    : loop_(loop),
      writer_(writer),
      store_(database),
      handles_(std::move(handles)),
      next_receipt_(RandomReceipt()) {}

LogEngine::~LogEngine() = default;

Result<std::unique_ptr<LogEngine>> LogEngine::Open(io::Loop& loop, store::Database& database,
                                                   io::Offload& writer, const std::string& folder,
                                                   SegmentLogOptions options) {
  auto log_folder = folder + "/log";
  TRY(base::MakeFolders(log_folder, 0700));
  auto handles = TRY(ReceiptHandles::Open(folder + "/key"));
  std::unique_ptr<LogEngine> engine(new LogEngine(loop, database, writer, std::move(handles)));
  TRY(engine->Load(log_folder, options));
  return engine;
}

Result<void> LogEngine::Load(const std::string& folder, SegmentLogOptions options) {
  for (QueueRecord& record : TRY(store_.Load())) Enter(std::move(record));
  std::optional<base::Error> wrong;
  log_ = TRY(SegmentLog::Open(
      loop_, folder,
      [this, &wrong](std::string_view payload, LogPosition at) {
        const auto record = Decode(payload);
        if (record) {
          Replay(*record, at);
        } else if (!wrong) {
          wrong = record.error();
        }
      },
      options));
  if (wrong) return base::MakeError(ErrorKind::kCorrupt, "read the queues' log", wrong->text);
  next_sequence_ = std::max(next_sequence_, log_->recovered_floor());
  log_->set_floor(next_sequence_);
  const int64_t now = NowMs();
  index_.ForEach(
      [this, now](Message& message) { FindQueue(message.queue)->state.Add(message, now); });
  for (const auto& [_, queue] : queues_) {
    queue->state.DropEmptyGroups();
    Rearm(*queue);
  }
  CleanSoon();
  return {};
}

void LogEngine::ReplayMessage(const MessageRecord& message, LogPosition at) {
  next_sequence_ = std::max(next_sequence_, message.sequence + 1);
  if (message.replaces != 0) Forget(message.replaces);
  Queue* const queue = FindQueue(message.queue);
  if (queue == nullptr) return;
  const bool is_new = !message.is_copy && !message.deduplication_id.empty();
  const int64_t until =
      message.sent_ms + std::chrono::milliseconds(limits::kDeduplicationWindow).count();
  if (is_new && until > NowMs()) {
    const auto key = MakeDeduplicationKey(
        queue->record.id, queue->record.settings.deduplicates_by_group ? message.group : "",
        message.deduplication_id);
    Deduplication::Entry entry{
        .sequence = message.sequence, .until_ms = until, .segment = at.segment};
    std::ranges::copy(message.id, entry.message_id.begin());
    deduplication_.Add(key, entry);
  }
  Forget(message.sequence);  // A copy takes the place of what it is one of.
  Message kept{.sequence = message.sequence,
               .sent_ms = message.sent_ms,
               .visible_at_ms = message.visible_at_ms,
               .first_receive_ms = message.first_receive_ms,
               .at = {},
               .queue = message.queue,
               .source_queue = message.source_queue,
               .receive_count = message.receive_count,
               .receipt = message.receipt};
  if (queue->record.settings.is_fifo) kept.group = queue->state.GroupNumber(message.group);
  Locate(index_.Insert(kept), at);
}

void LogEngine::Forget(uint64_t sequence) {
  Message* const message = index_.Find(sequence);
  if (message == nullptr) return;
  Locate(*message, {});
  index_.Erase(sequence);
}

void LogEngine::Replay(const LogRecord& record, LogPosition at) {
  if (const auto* message = std::get_if<MessageRecord>(&record)) return ReplayMessage(*message, at);
  if (const auto* gone = std::get_if<DeleteRecord>(&record)) {
    for (const uint64_t sequence : gone->sequences) Forget(sequence);
  } else if (const auto* states = std::get_if<StateRecord>(&record)) {
    for (const auto& state : states->states) {
      Message* const message = index_.Find(state.sequence);
      if (message == nullptr) continue;
      message->visible_at_ms = state.visible_at_ms;
      message->first_receive_ms = state.first_receive_ms;
      message->receive_count = state.receive_count;
      message->receipt = state.receipt;
    }
  } else if (const auto* purge = std::get_if<PurgeRecord>(&record)) {
    std::vector<uint64_t> purged;
    index_.ForEach([&](const Message& message) {
      if (message.queue == purge->queue && message.sequence < purge->before) {
        purged.push_back(message.sequence);
      }
    });
    for (const uint64_t sequence : purged) Forget(sequence);
  } else if (const auto* moved = std::get_if<RelocationRecord>(&record)) {
    Message* const message = index_.Find(moved->sequence);
    if (message == nullptr) return;
    Queue* const queue = FindQueue(moved->queue);
    if (queue == nullptr) return Forget(moved->sequence);
    message->queue = moved->queue;
    message->source_queue = moved->source_queue;
    message->sent_ms = moved->sent_ms;
    message->visible_at_ms = 0;
    message->first_receive_ms = 0;
    message->receive_count = 0;
    message->group = queue->record.settings.is_fifo ? queue->state.GroupNumber(moved->group) : 0;
  } else if (const auto* known = std::get_if<DeduplicationRecord>(&record)) {
    for (const auto& entry : known->entries) {
      next_sequence_ = std::max(next_sequence_, entry.sequence + 1);
      deduplication_.Add(entry.key, {entry.message_id, entry.sequence, entry.until_ms, at.segment});
    }
  }
}

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
  writer_.Run([this, changed] { return store_.Update(changed); },
              [this, alive = std::weak_ptr<bool>(alive_), changed,
               done = std::move(next.done)](Result<void> result) mutable {
                if (alive.expired()) return;
                Queue* const found = FindQueue(changed.name);
                if (result && found != nullptr && found->record.id == changed.id) {
                  found->record = std::move(changed);
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
          for (Waiter& waiter : removed->waiters) {
            waiting_.erase(waiter.number);
            Fail(std::move(waiter.received), ErrorKind::kNotFound, name);
          }
          removed->waiters.clear();
          auto sequences = std::make_shared<std::vector<uint64_t>>(removed->state.Sequences());
          removed_.push_back(std::move(removed));
          EraseInSlices(id, std::move(sequences), [this, id] {
            queues_by_id_.erase(id);
            std::erase_if(removed_, [id](const auto& each) { return each->record.id == id; });
          });
        }
        done(std::move(result));
      });
}

void LogEngine::EraseInSlices(uint32_t queue, std::shared_ptr<std::vector<uint64_t>> sequences,
                              std::function<void()> erased) {
  for (size_t left = kEraseSlice; left > 0 && !sequences->empty(); --left) {
    const uint64_t sequence = sequences->back();
    sequences->pop_back();
    const Message* const message = index_.Find(sequence);
    if (message != nullptr && message->queue == queue) Erase(sequence);
  }
  if (!sequences->empty()) {
    loop_.Post([this, alive = std::weak_ptr<bool>(alive_), queue, sequences,
                erased = std::move(erased)]() mutable {
      if (!alive.expired()) EraseInSlices(queue, sequences, std::move(erased));
    });
    return;
  }
  erased();
  CleanSoon();
}

std::optional<int64_t> LogEngine::RemovedMs(std::string_view name) const {
  const auto found = removed_ms_.find(name);
  return found == removed_ms_.end() ? std::nullopt : std::optional(found->second);
}

void LogEngine::Purge(const std::string& name, Done done) {
  Queue* const queue = FindQueue(name);
  if (queue == nullptr) return Fail<void>(std::move(done), ErrorKind::kNotFound, name);
  queue->purged_ms = NowMs();
  queue->purge_before = next_sequence_;
  const PurgeRecord purge{queue->record.id, next_sequence_};
  log_->Append(
      {Encode(purge)}, SegmentLog::Need::kLittle,
      [this, purge, done = std::move(done)](Result<std::vector<LogPosition>> written) {
        Queue* const purged = FindQueue(purge.queue);
        if (!written) {
          if (purged != nullptr && purged->purge_before == purge.before) purged->purge_before = 0;
          return done(std::unexpected(written.error()));
        }
        if (purged != nullptr) {
          auto sequences = std::make_shared<std::vector<uint64_t>>(purged->state.Sequences());
          std::erase_if(*sequences, [&purge](uint64_t each) { return each >= purge.before; });
          EraseInSlices(purge.queue, std::move(sequences), [this, purge] {
            Queue* const emptied = FindQueue(purge.queue);
            if (emptied == nullptr) return;
            // Another purge may have begun since.
            if (emptied->purge_before == purge.before) emptied->purge_before = 0;
            Tick(*emptied);
          });
        }
        done({});
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
    for (Waiter& waiter : queue->waiters) {
      loop_.Post([received = std::move(waiter.received)] { received({}); });
    }
    queue->waiters.clear();
  }
  waiting_.clear();
}

bool LogEngine::IsQuiet() const {
  return log_->is_idle() && !changing_ && storing_ == 0 && delivering_ == 0 && !cleaning_;
}

void LogEngine::Refresh(Queue& queue) {
  const int64_t now = NowMs();
  queue.state.Advance(now);
  // No record of it: after a crash a start finds it as old as it is.
  queue.state.OfferSentBy(now - queue.record.settings.retention_s * 1000,
                          [this](Message& message) { Erase(message.sequence); });
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
  queue.timer.Start(std::chrono::milliseconds(*next - NowMs()), [this, &queue] {
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
