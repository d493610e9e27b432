// LogEngine: what a start finds in the log.
//
// Records of queues that are gone are replayed too: a dead letter's record tells of a message that
// came to another queue, which may have been removed since.
#include <algorithm>

#include "base/file.h"
#include "base/id.h"
#include "triggers/sqs/log_engine_queue.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

namespace {

uint32_t RandomReceipt() {
  return static_cast<uint32_t>(std::strtoul(base::NewHexId(7).c_str(), nullptr, 16));
}

}  // namespace

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
  ForgetAll([this](const Message& message) { return FindQueue(message.queue) == nullptr; });
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
  const bool is_new = !message.is_copy && !message.deduplication_id.empty();
  const int64_t until =
      message.sent_ms + std::chrono::milliseconds(limits::kDeduplicationWindow).count();
  if (is_new && queue != nullptr && until > NowMs()) {
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
  if (queue != nullptr && queue->record.settings.is_fifo) {
    kept.group = queue->state.GroupNumber(message.group);
  }
  Locate(index_.Insert(kept), at);
}

void LogEngine::ReplayRelocation(const RelocationRecord& moved) {
  Message* const message = index_.Find(moved.sequence);
  if (message == nullptr) return;
  Queue* const queue = FindQueue(moved.queue);
  message->queue = moved.queue;
  message->source_queue = moved.source_queue;
  message->sent_ms = moved.sent_ms;
  message->visible_at_ms = 0;
  message->first_receive_ms = 0;
  message->receive_count = 0;
  const bool is_fifo = queue != nullptr && queue->record.settings.is_fifo;
  message->group = is_fifo ? queue->state.GroupNumber(moved.group) : 0;
}

void LogEngine::Forget(uint64_t sequence) {
  Message* const message = index_.Find(sequence);
  if (message == nullptr) return;
  Locate(*message, {});
  index_.Erase(sequence);
}

void LogEngine::ForgetAll(const std::function<bool(const Message&)>& is_gone) {
  std::vector<uint64_t> gone;
  index_.ForEach([&](const Message& message) {
    if (is_gone(message)) gone.push_back(message.sequence);
  });
  for (const uint64_t sequence : gone) Forget(sequence);
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
    ForgetAll([purge](const Message& message) {
      return message.queue == purge->queue && message.sequence < purge->before;
    });
  } else if (const auto* expiry = std::get_if<ExpiryRecord>(&record)) {
    ForgetAll([expiry](const Message& message) {
      return message.queue == expiry->queue && message.sent_ms <= expiry->sent_by_ms;
    });
  } else if (const auto* moved = std::get_if<RelocationRecord>(&record)) {
    ReplayRelocation(*moved);
  } else if (const auto* known = std::get_if<DeduplicationRecord>(&record)) {
    for (const auto& entry : known->entries) {
      next_sequence_ = std::max(next_sequence_, entry.sequence + 1);
      deduplication_.Add(entry.key, {entry.message_id, entry.sequence, entry.until_ms, at.segment});
    }
  }
}

}  // namespace hearth::sqs
