// LogEngine: what goes out: receives and long polls.
#include <algorithm>

#include "base/log.h"
#include "triggers/sqs/log_engine_queue.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

namespace {

constexpr size_t kMaxAttempts = 1000;  // Of a queue, remembered for five minutes.
// Messages that a receive looks at: expired ones and dead letters too.
constexpr size_t kMaxLooked = 1000;

}  // namespace

// A receive that has taken messages, while they are read and their record is written.
struct LogEngine::Delivery {
  uint32_t queue = 0;
  Taken how = Taken::kNew;
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

std::vector<uint64_t> LogEngine::Take(Queue& queue, const ReceiveOptions& options) {
  const size_t limit = InFlightLimit(queue);
  const size_t in_flight = queue.state.counts().in_flight;
  const size_t most = std::min(options.most, limit - std::min(limit, in_flight));
  const int64_t now = NowMs();
  const int64_t until =
      now + options.visibility_s.value_or(queue.record.settings.visibility_s) * 1000;
  const int64_t expired_by = ExpiredByMs(queue);
  std::vector<uint64_t> taken, expired;
  size_t bytes = 0;
  size_t looked = 0, passed = 1;
  while (passed > 0 && taken.size() < most && looked < kMaxLooked) {
    passed = 0;
    queue.state.OfferReady(most - taken.size(), [&](Message& message) {
      ++looked;
      if (message.sent_ms <= expired_by) {
        ++passed;
        expired.push_back(message.sequence);
        queue.state.Remove(message);
        return true;
      }
      if (Queue* const target = DeadLetterQueueOf(queue, message)) {
        ++passed;
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
  for (const uint64_t sequence : expired) Erase(sequence);
  if (looked >= kMaxLooked) RefreshSoon(queue);
  if (!options.attempt_id.empty() && !taken.empty() && queue.record.settings.is_fifo) {
    if (queue.attempts.size() >= kMaxAttempts) {
      std::erase_if(queue.attempts,
                    [now](const auto& each) { return each.second.until_ms <= now; });
    }
    Queue::Attempt attempt{
        .until_ms = now + std::chrono::milliseconds(limits::kDeduplicationWindow).count()};
    for (const uint64_t sequence : taken) {
      attempt.messages.emplace_back(sequence, index_.Find(sequence)->receipt);
    }
    if (queue.attempts.size() < kMaxAttempts) {
      queue.attempts.insert_or_assign(options.attempt_id, std::move(attempt));
    }
  }
  return taken;
}

// The messages of the same attempt, hidden anew, as long as nothing has become of any of them; none
// yet where that is not known, as a record of one is under way.
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
    if (!holds) queue.attempts.erase(found);
    if (!holds || message->under_way > 0) return {};
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
  const Taken how = taken.empty() ? Taken::kNew : Taken::kAgain;
  if (how == Taken::kNew) taken = Take(*queue, options);
  if (!taken.empty()) {
    Deliver(*queue, taken, how, std::move(received));
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
  Queue::Waiter& waiter = queue->waiters.emplace_back();
  waiter.number = number;
  waiter.options = std::move(options);
  waiter.received = std::move(received);
  waiter.patience = std::make_unique<io::Timer>(loop_, io::Time::kMachine);
  waiter.patience->Start(waiter.options.wait, [this, number] {
    Queue* const waited_at = waiting_.at(number);
    const auto mine = std::ranges::find(waited_at->waiters, number, &Queue::Waiter::number);
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
                [receive](const Queue::Waiter& waiter) { return waiter.number == receive; });
  waiting_.erase(found);
  return true;
}

void LogEngine::Tick(Queue& queue) {
  Refresh(queue);
  while (!queue.waiters.empty() && queue.state.counts().ready > 0) {
    Queue::Waiter& first = queue.waiters.front();
    const std::vector<uint64_t> taken = Take(queue, first.options);
    if (taken.empty()) break;
    Received received = std::move(first.received);
    waiting_.erase(first.number);
    queue.waiters.pop_front();
    Deliver(queue, taken, Taken::kNew, std::move(received));
  }
  Rearm(queue);
  CleanSoon();  // Time may have taken what lived.
}

void LogEngine::Deliver(Queue& queue, const std::vector<uint64_t>& taken, Taken how,
                        Received received) {
  ++delivering_;
  auto delivery = std::make_shared<Delivery>();
  delivery->queue = queue.record.id;
  delivery->how = how;
  delivery->received = std::move(received);
  std::vector<LogPosition> positions;
  for (const uint64_t sequence : taken) {
    Message& message = *index_.Find(sequence);
    ++message.under_way;
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
                 OnDeliveryWritten(*delivery, std::move(written));
                 if (--delivery->waits_for == 0) FinishDelivery(*delivery);
               });
  log_->Read(std::move(positions), [this, delivery](Result<std::vector<std::string>> payloads) {
    delivery->payloads = std::move(payloads);
    if (--delivery->waits_for == 0) FinishDelivery(*delivery);
  });
}

void LogEngine::OnDeliveryWritten(Delivery& delivery, Result<std::vector<LogPosition>> written) {
  delivery.written = std::move(written);
  Queue* const queue = FindQueue(delivery.queue);
  for (const auto& state : delivery.record.states) {
    Message* const message = index_.Find(state.sequence);
    if (message == nullptr) continue;
    const bool is_undone = !delivery.written && delivery.how == Taken::kNew && queue != nullptr;
    if (is_undone) --message->receive_count;
    if (is_undone && message->state == MessageState::kInFlight) {
      queue->state.ChangeVisibility(*message, 0, NowMs());
    }
    EndRecord(state.sequence);
  }
  if (queue != nullptr && delivery.written) Tick(*queue);
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
  if (outcome) {
    // What a purge, or time, has taken while it was read is delivered no more.
    std::erase_if(delivery.messages, [this, &delivery](const ReceivedMessage& each) {
      const Message* const message = index_.Find(each.sequence);
      const Queue* const queue = FindQueue(delivery.queue);
      return message == nullptr || queue == nullptr || message->queue != delivery.queue ||
             (queue->is_purge_durable && queue->state.IsPurged(*message));
    });
    return delivery.received(std::move(delivery.messages));
  }
  base::Error error = std::move(outcome.error());
  // Not the queue's limit, which is the caller's to see to.
  if (error.kind == ErrorKind::kLimit) error = {ErrorKind::kSystem, "receive", ENOSPC, error.text};
  delivery.received(std::unexpected(std::move(error)));
}

}  // namespace hearth::sqs
