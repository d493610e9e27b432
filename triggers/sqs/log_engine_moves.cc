// LogEngine: messages that go on to another queue: dead letters, and back.
#include "aws/arn.h"
#include "base/id.h"
#include "triggers/sqs/log_engine_queue.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

namespace {

constexpr base::Duration kGiveUpAgain = std::chrono::seconds(1);

}  // namespace

// One message on its way to another queue, as a new one.
struct LogEngine::Move {
  std::string from;
  std::string to;  // As MoveOne was asked.
  std::string group;
  uint64_t sequence = 0;  // What it was.
  Message message;        // What it will be.
  std::function<void(Result<bool>)> moved;
};

LogEngine::Queue* LogEngine::DeadLetterQueueOf(const Queue& queue, const Message& message) const {
  const auto& redrive = queue.record.settings.redrive;
  if (!redrive || message.receive_count < redrive->max_receives) return nullptr;
  const auto arn = aws::ParseArn(redrive->target_arn);
  if (!arn) return nullptr;
  // Where it is gone, or is of the other kind, the message stays.
  Queue* const target = FindQueue(arn->resource);
  if (target == nullptr || target == &queue) return nullptr;
  return target->record.settings.is_fifo == queue.record.settings.is_fifo ? target : nullptr;
}

void LogEngine::GiveUp(Queue& queue, Message& message, Queue& target) {
  const bool is_fifo = queue.record.settings.is_fifo;
  const std::string group = is_fifo ? queue.state.GroupName(message.group) : std::string();
  queue.state.Remove(message);
  ++message.under_way;
  // AWS: a standard queue's letter keeps its age, a FIFO queue's does not.
  const RelocationRecord record{.sequence = message.sequence,
                                .queue = target.record.id,
                                .source_queue = queue.record.id,
                                .sent_ms = is_fifo ? NowMs() : message.sent_ms,
                                .group = {}};
  RelocationRecord written_record = record;
  written_record.group = group;
  log_->Append({Encode(written_record)}, SegmentLog::Need::kLittle,
               [this, record, group](Result<std::vector<LogPosition>> written) {
                 EndRecord(record.sequence);
                 // Offered again at once, it would be given up at once, and fail again.
                 if (!written) return PutBack(record.sequence, group, kGiveUpAgain);
                 Message* const moved = index_.Find(record.sequence);
                 if (moved == nullptr || moved->state != MessageState::kMoving) return;
                 Queue* const found = FindQueue(record.queue);
                 if (found == nullptr) return Erase(record.sequence);
                 moved->source_queue = record.source_queue;
                 moved->sent_ms = record.sent_ms;
                 moved->visible_at_ms = moved->first_receive_ms = 0;
                 moved->receive_count = 0;
                 moved->group =
                     found->record.settings.is_fifo ? found->state.GroupNumber(group) : 0;
                 // Its record is behind that of the purge.
                 if (found->is_purge_durable) found->state.Spare(record.sequence);
                 found->state.Add(*moved, NowMs());
                 Tick(*found);
               });
}

void LogEngine::MoveOne(const std::string& from, const std::string& to,
                        std::function<void(Result<bool>)> moved) {
  Queue* const source = FindQueue(from);
  if (source == nullptr) return Fail<bool>(std::move(moved), ErrorKind::kNotFound, from);
  Refresh(*source);
  auto move = std::make_shared<Move>(Move{.from = from, .to = to});
  LogPosition at;
  bool has_target = true;
  source->state.OfferReady(1, [&](Message& message) {
    const Queue* const target = to.empty() ? FindQueue(message.source_queue) : FindQueue(to);
    has_target = target != nullptr;
    if (!has_target) return false;
    move->sequence = message.sequence;
    move->message.queue = target->record.id;
    at = message.at;
    if (source->record.settings.is_fifo) move->group = source->state.GroupName(message.group);
    ++message.under_way;
    source->state.Remove(message);
    return true;
  });
  if (!has_target) return Fail<bool>(std::move(moved), ErrorKind::kNotFound, to);
  if (move->sequence == 0) {
    loop_.Post([moved = std::move(moved)] { moved(false); });
    return;
  }
  move->moved = std::move(moved);
  log_->Read({at}, [this, move](Result<std::vector<std::string>> read) {
    WriteMove(move, read ? Result<std::string>(std::move(read->front()))
                         : Result<std::string>(std::unexpected(read.error())));
  });
}

void LogEngine::WriteMove(const std::shared_ptr<Move>& move, Result<std::string> payload) {
  Message* const was = index_.Find(move->sequence);
  const Queue* const source = was == nullptr ? nullptr : FindQueue(was->queue);
  const bool is_purged = source != nullptr && source->state.IsPurged(*was);
  if (was == nullptr || was->under_way > 1 || is_purged) {
    // It is gone, or about to be: a record behind that one would bring it back.
    EndRecord(move->sequence);
    PutBack(move->sequence, move->group);
    return MoveOne(move->from, move->to, std::move(move->moved));
  }
  const auto decoded = payload ? Decode(*payload) : Result<LogRecord>(DeleteRecord{});
  const auto* const old = decoded ? std::get_if<MessageRecord>(&*decoded) : nullptr;
  Message& message = move->message;
  const bool has_target = FindQueue(message.queue) != nullptr;
  if (old == nullptr || !has_target) {
    EndRecord(move->sequence);
    PutBack(move->sequence, move->group);
    return move->moved(base::MakeError(has_target ? ErrorKind::kCorrupt : ErrorKind::kNotFound,
                                       "move a message", "it cannot be moved"));
  }
  message.sequence = next_sequence_++;
  message.sent_ms = NowMs();
  const std::string id = base::NewUuid();
  MessageRecord record = *old;
  record.is_copy = true;
  record.sequence = message.sequence;
  record.replaces = move->sequence;
  record.queue = message.queue;
  record.source_queue = 0;
  record.sent_ms = message.sent_ms;
  record.visible_at_ms = record.first_receive_ms = 0;
  record.receive_count = record.receipt = 0;
  record.id = id;
  log_->set_floor(next_sequence_);
  successors_[move->sequence] = message.sequence;
  log_->Append({Encode(record)}, SegmentLog::Need::kRoom,
               [this, move](Result<std::vector<LogPosition>> written) {
                 FinishMove(*move, std::move(written));
               });
}

void LogEngine::FinishMove(Move& move, Result<std::vector<LogPosition>> written) {
  successors_.erase(move.sequence);
  EndRecord(move.sequence);
  if (!written) {
    PutBack(move.sequence, move.group);
    return move.moved(std::unexpected(written.error()));
  }
  if (const Message* const was = index_.Find(move.sequence)) {
    // Deletes whose records are behind this one: nobody is to be offered it before they are done.
    move.message.under_way = was->under_way;
    Erase(move.sequence);
  }
  if (Queue* const target = FindQueue(move.message.queue)) {
    move.message.at = written->front();
    Insert(move.message, move.group);
    Tick(*target);
  }
  CleanSoon();
  move.moved(true);
}

// A message that was to go elsewhere stays where it was, hidden for `wait`.
void LogEngine::PutBack(uint64_t sequence, std::string_view group, base::Duration wait) {
  Message* const message = index_.Find(sequence);
  if (message == nullptr || message->state != MessageState::kMoving) return;
  Queue* const queue = FindQueue(message->queue);
  if (queue == nullptr) return Erase(sequence);
  message->group = queue->record.settings.is_fifo ? queue->state.GroupNumber(group) : 0;
  const int64_t wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  if (wait_ms > 0) message->visible_at_ms = NowMs() + wait_ms;
  queue->state.Add(*message, NowMs());
  Tick(*queue);
}

}  // namespace hearth::sqs
