// LogEngine: what goes out: receives, long polls, dead letters.
#include <algorithm>

#include "aws/arn.h"
#include "base/log.h"
#include "triggers/sqs/log_engine.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

namespace {

constexpr base::Duration kGiveUpAgain = std::chrono::seconds(1);
constexpr size_t kMaxAttempts = 1000;  // Of a queue, remembered for five minutes.

}  // namespace

// A receive that has taken messages, while they are read and their record is written.
struct LogEngine::Delivery {
  uint32_t queue = 0;
  StateRecord record;
  std::vector<ReceivedMessage> messages;  // But for what is on disk.
  Result<std::vector<std::string>> payloads;
  Result<std::vector<LogPosition>> written;
  int waits_for = 2;
  Received received;
};

size_t LogEngine::InFlightLimit(const Queue& queue) const {
  return queue.record.settings.is_fifo ? limits::kMaxInFlightFifo : limits::kMaxInFlight;
}

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
  // AWS: a standard queue's letter keeps its age, a FIFO queue's does not.
  const RelocationRecord record{.sequence = message.sequence,
                                .queue = target.record.id,
                                .source_queue = queue.record.id,
                                .sent_ms = is_fifo ? NowMs() : message.sent_ms,
                                .group = group};
  log_->Append({Encode(record)}, SegmentLog::Need::kLittle,
               [this, record, group](Result<std::vector<LogPosition>> written) {
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
                 moved->queue = found->record.id;
                 found->state.Add(*moved, NowMs());
                 Tick(*found);
               });
}

std::vector<uint64_t> LogEngine::Take(Queue& queue, const ReceiveOptions& options) {
  const size_t limit = InFlightLimit(queue);
  const size_t in_flight = queue.state.counts().in_flight;
  const size_t most = std::min(options.most, limit - std::min(limit, in_flight));
  const int64_t now = NowMs();
  const int64_t until =
      now + options.visibility_s.value_or(queue.record.settings.visibility_s) * 1000;
  std::vector<uint64_t> taken;
  size_t bytes = 0;
  bool gave_up = true;
  while (gave_up && taken.size() < most) {
    gave_up = false;
    queue.state.OfferReady(most - taken.size(), [&](Message& message) {
      if (Queue* const target = DeadLetterQueueOf(queue, message)) {
        gave_up = true;
        GiveUp(queue, message, *target);
        return true;
      }
      if (!taken.empty() && bytes + message.at.size > options.most_bytes) return false;
      bytes += message.at.size;
      if (message.receive_count++ == 0) message.first_receive_ms = now;
      message.receipt = next_receipt_++;
      taken.push_back(message.sequence);
      queue.state.Take(message, until);
      return true;
    });
  }
  if (!options.attempt_id.empty() && !taken.empty() && queue.record.settings.is_fifo) {
    if (queue.attempts.size() >= kMaxAttempts) {
      std::erase_if(queue.attempts,
                    [now](const auto& each) { return each.second.until_ms <= now; });
    }
    Attempt attempt{.until_ms =
                        now + std::chrono::milliseconds(limits::kDeduplicationWindow).count()};
    for (const uint64_t sequence : taken) {
      attempt.messages.emplace_back(sequence, index_.Find(sequence)->receipt);
    }
    if (queue.attempts.size() < kMaxAttempts) {
      queue.attempts.insert_or_assign(options.attempt_id, std::move(attempt));
    }
  }
  return taken;
}

// The messages of the same attempt, hidden anew, as long as nothing has become of any of them.
std::vector<uint64_t> LogEngine::TakeAgain(Queue& queue, const ReceiveOptions& options) {
  const auto found = queue.attempts.find(options.attempt_id);
  if (options.attempt_id.empty() || found == queue.attempts.end()) return {};
  const int64_t now = NowMs();
  std::vector<uint64_t> out;
  for (const auto& [sequence, receipt] : found->second.messages) {
    const Message* const message = index_.Find(sequence);
    const bool holds = found->second.until_ms > now && message != nullptr &&
                       message->queue == queue.record.id &&
                       message->state == MessageState::kInFlight && message->receipt == receipt;
    if (!holds) {
      queue.attempts.erase(found);
      return {};
    }
    out.push_back(sequence);
  }
  for (const uint64_t sequence : out) {
    const int64_t until =
        now + options.visibility_s.value_or(queue.record.settings.visibility_s) * 1000;
    queue.state.ChangeVisibility(*index_.Find(sequence), std::max(until, now + 1), now);
  }
  return out;
}

uint64_t LogEngine::Receive(const std::string& name, ReceiveOptions options, Received received) {
  Queue* const queue = FindQueue(name);
  if (queue == nullptr) {
    Fail<std::vector<ReceivedMessage>>(std::move(received), ErrorKind::kNotFound, name);
    return 0;
  }
  Refresh(*queue);
  std::vector<uint64_t> taken = TakeAgain(*queue, options);
  if (taken.empty()) taken = Take(*queue, options);
  if (!taken.empty()) {
    Deliver(*queue, taken, std::move(received));
    return 0;
  }
  const bool has_room = queue->state.counts().in_flight < InFlightLimit(*queue);
  if (!has_room && options.wait <= base::Duration::zero()) {
    Fail<std::vector<ReceivedMessage>>(std::move(received), ErrorKind::kLimit,
                                       "too many messages are in flight");
    return 0;
  }
  if (options.wait <= base::Duration::zero() || waits_ended_ ||
      waiting_.size() >= limits::kMaxLongPolls) {
    loop_.Post([received = std::move(received)] { received({}); });
    return 0;
  }
  const uint64_t number = next_receive_++;
  Waiter& waiter = queue->waiters.emplace_back();
  waiter.number = number;
  waiter.options = std::move(options);
  waiter.received = std::move(received);
  waiter.patience = std::make_unique<io::Timer>(loop_, io::Time::kMachine);
  waiter.patience->Start(waiter.options.wait, [this, number] {
    Queue* const waited_at = waiting_.at(number);
    const auto mine = std::ranges::find(waited_at->waiters, number, &Waiter::number);
    const Received answer = std::move(mine->received);
    waiting_.erase(number);
    // Frees the timer whose callback this is: nothing of it is used below.
    waited_at->waiters.erase(mine);
    answer({});
  });
  waiting_[number] = queue;
  Rearm(*queue);
  return number;
}

bool LogEngine::StopWaiting(uint64_t receive) {
  const auto found = waiting_.find(receive);
  if (found == waiting_.end()) return false;
  std::erase_if(found->second->waiters,
                [receive](const Waiter& waiter) { return waiter.number == receive; });
  waiting_.erase(found);
  return true;
}

void LogEngine::Tick(Queue& queue) {
  Refresh(queue);
  while (!queue.waiters.empty() && queue.state.counts().ready > 0) {
    Waiter& first = queue.waiters.front();
    const std::vector<uint64_t> taken = Take(queue, first.options);
    if (taken.empty()) break;
    Received received = std::move(first.received);
    waiting_.erase(first.number);
    queue.waiters.pop_front();
    Deliver(queue, taken, std::move(received));
  }
  Rearm(queue);
  CleanSoon();  // Time may have taken what lived.
}

void LogEngine::Deliver(Queue& queue, const std::vector<uint64_t>& taken, Received received) {
  ++delivering_;
  auto delivery = std::make_shared<Delivery>();
  delivery->queue = queue.record.id;
  delivery->received = std::move(received);
  std::vector<LogPosition> positions;
  for (const uint64_t sequence : taken) {
    const Message& message = *index_.Find(sequence);
    positions.push_back(message.at);
    delivery->record.states.push_back({sequence, message.visible_at_ms, message.first_receive_ms,
                                       message.receive_count, message.receipt});
    const Queue* const source = FindQueue(message.source_queue);
    delivery->messages.push_back(
        {.receipt_handle = handles_.Make({queue.record.id, sequence, message.receipt}),
         .source_queue = source == nullptr ? std::string() : source->record.name,
         .sequence = sequence,
         .sent_ms = message.sent_ms,
         .first_receive_ms = message.first_receive_ms,
         .receive_count = message.receive_count});
  }
  log_->Append({Encode(delivery->record)}, SegmentLog::Need::kLittle,
               [this, delivery](Result<std::vector<LogPosition>> written) {
                 delivery->written = std::move(written);
                 if (--delivery->waits_for == 0) FinishDelivery(*delivery);
               });
  log_->Read(std::move(positions), [this, delivery](Result<std::vector<std::string>> payloads) {
    delivery->payloads = std::move(payloads);
    if (--delivery->waits_for == 0) FinishDelivery(*delivery);
  });
}

void LogEngine::FinishDelivery(Delivery& delivery) {
  --delivering_;
  Result<void> outcome;
  if (!delivery.written) outcome = std::unexpected(delivery.written.error());
  if (!delivery.payloads) outcome = std::unexpected(delivery.payloads.error());
  for (size_t i = 0; outcome && i < delivery.messages.size(); ++i) {
    const auto decoded = Decode((*delivery.payloads)[i]);
    const auto* const record = decoded ? std::get_if<MessageRecord>(&*decoded) : nullptr;
    auto attributes = record != nullptr ? DecodeAttributes(record->attributes)
                                        : Result<std::vector<MessageAttribute>>();
    if (record == nullptr || !attributes) {
      outcome = base::MakeError(ErrorKind::kCorrupt, "receive", "a message's record is none");
      break;
    }
    ReceivedMessage& message = delivery.messages[i];
    message.id = record->id;
    message.body = record->body;
    message.attributes = std::move(*attributes);
    message.trace_header = record->trace_header;
    message.group = record->group;
    message.deduplication_id = record->deduplication_id;
  }
  // Receives alone fill the log too.
  CleanSoon();
  if (outcome) return delivery.received(std::move(delivery.messages));
  HLOG_ERROR("a receive failed: {}", outcome.error().ToString());
  Queue* const queue = FindQueue(delivery.queue);
  for (const auto& state : delivery.record.states) {
    Message* const message = index_.Find(state.sequence);
    // Unless it was on its way for another reason since; what is written stays counted.
    const bool is_mine = queue != nullptr && message != nullptr &&
                         message->queue == delivery.queue && message->receipt == state.receipt &&
                         message->state == MessageState::kInFlight;
    if (!is_mine || delivery.written) continue;
    --message->receive_count;
    queue->state.ChangeVisibility(*message, 0, NowMs());
  }
  delivery.received(std::unexpected(outcome.error()));
}

}  // namespace hearth::sqs
