// LogEngine: what comes in, and what is done with a receipt handle.
#include <algorithm>

#include "base/id.h"
#include "triggers/sqs/log_engine_queue.h"

namespace hearth::sqs {

using base::ErrorKind;
using base::Result;

// One send's messages, while their records are written.
struct LogEngine::Arrival {
  struct Part {
    std::string id;
    uint64_t sequence = 0;
    Message message;  // sequence 0: it repeats an earlier one.
    std::string group;
    std::optional<DeduplicationKey> key;
  };
  uint32_t queue = 0;
  int64_t now_ms = 0;
  std::vector<Part> parts;
  std::vector<std::string> payloads;
  Sent sent;
};

namespace {

// Of what a send forgets of earlier ones: more than it adds.
constexpr size_t kExpireSlice = 1000;

// At most so much, encoded.
size_t RecordSize(const OutgoingMessage& message) {
  constexpr size_t kFixed = 256;
  size_t size = kFixed + message.body.size() + message.trace_header.size() + message.group.size() +
                message.deduplication_id.size();
  for (const MessageAttribute& each : message.attributes) {
    size += each.name.size() + each.type.size() + each.value.size() + 16;
  }
  return size;
}

}  // namespace

void LogEngine::Prepare(Queue& queue, const std::vector<OutgoingMessage>& messages,
                        Arrival& arrival) {
  const QueueSettings& settings = queue.record.settings;
  const int64_t now = arrival.now_ms;
  for (const OutgoingMessage& message : messages) {
    Arrival::Part part{.id = base::NewUuid(), .group = message.group};
    if (settings.is_fifo) {
      part.key =
          MakeDeduplicationKey(queue.record.id, settings.deduplicates_by_group ? message.group : "",
                               message.deduplication_id);
      if (const auto* known = deduplication_.Find(*part.key, now)) {
        part.id.assign(known->message_id.data(), known->message_id.size());
        part.sequence = known->sequence;
        arrival.parts.push_back(std::move(part));
        continue;
      }
    }
    part.sequence = next_sequence_++;
    const int64_t delay_s = message.delay_s.value_or(settings.delay_s);
    part.message = {.sequence = part.sequence,
                    .sent_ms = now,
                    .visible_at_ms = delay_s > 0 ? now + delay_s * 1000 : 0,
                    .queue = queue.record.id};
    if (part.key) {
      Deduplication::Entry entry{
          .sequence = part.sequence,
          .until_ms = now + std::chrono::milliseconds(limits::kDeduplicationWindow).count()};
      std::ranges::copy(part.id, entry.message_id.begin());
      deduplication_.Add(*part.key, entry);
    }
    const std::string attributes = EncodeAttributes(message.attributes);
    arrival.payloads.push_back(Encode(MessageRecord{.sequence = part.sequence,
                                                    .queue = queue.record.id,
                                                    .sent_ms = now,
                                                    .visible_at_ms = part.message.visible_at_ms,
                                                    .id = part.id,
                                                    .group = message.group,
                                                    .deduplication_id = message.deduplication_id,
                                                    .trace_header = message.trace_header,
                                                    .attributes = attributes,
                                                    .body = message.body}));
    arrival.parts.push_back(std::move(part));
  }
}

void LogEngine::Send(const std::string& name, std::vector<OutgoingMessage> messages, Sent sent) {
  Queue* const queue = FindQueue(name);
  if (queue == nullptr) {
    return Fail<std::vector<SentMessage>>(std::move(sent), ErrorKind::kNotFound, name);
  }
  size_t bytes = 0;
  for (const OutgoingMessage& message : messages) bytes += RecordSize(message);
  // What was sent of late to FIFO queues is remembered, whatever has become of it.
  const size_t held = index_.size() + deduplication_.size() + arriving_;
  if (bytes > log_->max_payload() || log_->unwritten() > limits::kMaxQueueBytesUnwritten ||
      held + messages.size() > limits::kMaxMessagesOfAll) {
    return Fail<std::vector<SentMessage>>(std::move(sent), ErrorKind::kLimit,
                                          "the host has no room for more messages");
  }
  auto arrival = std::make_shared<Arrival>(
      Arrival{.queue = queue->record.id, .now_ms = NowMs(), .sent = std::move(sent)});
  deduplication_.Expire(arrival->now_ms, kExpireSlice);
  Prepare(*queue, messages, *arrival);
  arriving_ += arrival->payloads.size();
  log_->set_floor(next_sequence_);
  // Also with nothing to write: what a message repeats may not be durable yet, and is before this.
  log_->Append(std::move(arrival->payloads), SegmentLog::Need::kRoom,
               [this, arrival](Result<std::vector<LogPosition>> written) {
                 Arrive(*arrival, std::move(written));
               });
}

void LogEngine::Arrive(Arrival& arrival, Result<std::vector<LogPosition>> written) {
  Queue* const queue = FindQueue(arrival.queue);
  std::vector<SentMessage> out;
  size_t at = 0;
  bool is_whole = written.has_value() && queue != nullptr;
  for (auto& part : arrival.parts) {
    const bool is_new = part.message.sequence != 0;
    if (is_new) --arriving_;
    out.push_back({part.id, part.sequence});
    if (!written || queue == nullptr) {
      if (is_new && part.key) deduplication_.Remove(*part.key, part.sequence);
      continue;
    }
    if (!is_new) {
      // What it repeats was not written after all; by now the client may try again.
      const auto* known = deduplication_.Find(*part.key, arrival.now_ms);
      if (known == nullptr || known->sequence != part.sequence) is_whole = false;
      continue;
    }
    part.message.at = (*written)[at++];
    if (part.key) deduplication_.Place(*part.key, part.sequence, part.message.at.segment);
    Insert(part.message, part.group);
  }
  if (is_whole) {
    Tick(*queue);
    arrival.sent(std::move(out));
  } else if (!written) {
    arrival.sent(std::unexpected(written.error()));
  } else {
    if (queue != nullptr) Tick(*queue);
    arrival.sent(base::MakeError(queue == nullptr ? ErrorKind::kNotFound : ErrorKind::kSystem,
                                 "send", "the message it repeats was not written"));
  }
}

void LogEngine::Delete(const std::string& name, std::vector<std::string> handles,
                       Outcomes outcomes) {
  Queue* const queue = FindQueue(name);
  auto results = std::make_shared<std::vector<HandleOutcome>>(handles.size(), HandleOutcome::kDone);
  DeleteRecord record;
  std::vector<size_t> written_for;
  if (queue != nullptr) Refresh(*queue);
  for (size_t i = 0; i < handles.size() && queue != nullptr; ++i) {
    const auto receipt = handles_.Read(handles[i]);
    if (!receipt || receipt->queue != queue->record.id) {
      (*results)[i] = HandleOutcome::kInvalid;
      continue;
    }
    Message* const message = index_.Find(receipt->sequence);
    if (message == nullptr || message->queue != queue->record.id) continue;
    const bool is_latest = message->receipt == receipt->receipt;
    // A standard queue takes an old handle and does nothing; the latest holds after its timeout.
    if (queue->record.settings.is_fifo &&
        (!is_latest || message->state != MessageState::kInFlight)) {
      (*results)[i] = HandleOutcome::kExpired;
    } else if (is_latest) {
      ++message->under_way;
      record.sequences.push_back(receipt->sequence);
      // On its way to another queue, it is deleted as what it becomes there.
      const auto successor = successors_.find(receipt->sequence);
      if (successor != successors_.end()) record.sequences.push_back(successor->second);
      written_for.push_back(i);
    }
  }
  if (record.sequences.empty()) {
    loop_.Post([results, outcomes = std::move(outcomes)] { outcomes(std::move(*results)); });
    return;
  }
  log_->Append({Encode(record)}, SegmentLog::Need::kLeast,
               [this, record, results, written_for, id = queue->record.id,
                outcomes = std::move(outcomes)](Result<std::vector<LogPosition>> written) {
                 for (const size_t i : written_for) {
                   if (!written) (*results)[i] = HandleOutcome::kFailed;
                 }
                 for (const uint64_t sequence : record.sequences) {
                   if (!written) {
                     EndRecord(sequence);
                   } else if (index_.Find(sequence) != nullptr) {
                     Erase(sequence);
                   }
                 }
                 // A group's next may have become free.
                 if (Queue* const found = FindQueue(id)) Tick(*found);
                 CleanSoon();
                 outcomes(std::move(*results));
               });
}

// Nobody else was offered it meanwhile.
void LogEngine::ApplyVisibility(Queue& queue, const StateRecord::State& state) {
  Message* const message = index_.Find(state.sequence);
  if (message == nullptr || message->state == MessageState::kMoving) return;
  const int64_t now = NowMs();
  message->first_receive_ms = state.first_receive_ms;
  message->receive_count = state.receive_count;
  if (message->state == MessageState::kInFlight) {
    queue.state.ChangeVisibility(*message, state.visible_at_ms, now);
  } else if (state.visible_at_ms > now) {  // Its time was over while the record was written.
    queue.state.Take(*message, state.visible_at_ms);
  }
}

void LogEngine::ChangeVisibility(const std::string& name, std::vector<Visibility> changes,
                                 Outcomes outcomes) {
  ChangeStates(name, Undo::kNothing, changes, std::move(outcomes));
}

void LogEngine::GiveBack(const std::string& name, std::vector<std::string> handles,
                         Outcomes outcomes) {
  std::vector<Visibility> changes;
  changes.reserve(handles.size());
  for (std::string& handle : handles) changes.push_back({.handle = std::move(handle)});
  ChangeStates(name, Undo::kReceive, changes, std::move(outcomes));
}

void LogEngine::ChangeStates(const std::string& name, Undo undo,
                             const std::vector<Visibility>& changes, Outcomes outcomes) {
  Queue* const queue = FindQueue(name);
  auto results = std::make_shared<std::vector<HandleOutcome>>(changes.size(), HandleOutcome::kDone);
  StateRecord record;
  std::vector<size_t> written_for;
  const int64_t now = NowMs();
  if (queue != nullptr) Refresh(*queue);
  for (size_t i = 0; i < changes.size() && queue != nullptr; ++i) {
    const auto receipt = handles_.Read(changes[i].handle);
    if (!receipt || receipt->queue != queue->record.id) {
      (*results)[i] = HandleOutcome::kInvalid;
      continue;
    }
    Message* const message = index_.Find(receipt->sequence);
    if (message == nullptr || message->queue != queue->record.id ||
        message->receipt != receipt->receipt) {
      (*results)[i] = HandleOutcome::kGone;
    } else if (message->state != MessageState::kInFlight) {
      (*results)[i] = HandleOutcome::kNotInFlight;
    } else {
      ++message->under_way;
      record.states.push_back({message->sequence, now + changes[i].seconds * 1000,
                               message->first_receive_ms, message->receive_count,
                               message->receipt});
      StateRecord::State& state = record.states.back();
      if (undo == Undo::kReceive && --state.receive_count == 0) state.first_receive_ms = 0;
      written_for.push_back(i);
    }
  }
  if (record.states.empty()) {
    loop_.Post([results, outcomes = std::move(outcomes)] { outcomes(std::move(*results)); });
    return;
  }
  log_->Append({Encode(record)}, SegmentLog::Need::kLittle,
               [this, record, results, written_for, id = queue->record.id,
                outcomes = std::move(outcomes)](Result<std::vector<LogPosition>> written) {
                 Queue* const found = FindQueue(id);
                 for (const size_t i : written_for) {
                   if (!written) (*results)[i] = HandleOutcome::kFailed;
                 }
                 for (const auto& state : record.states) {
                   if (written && found != nullptr) ApplyVisibility(*found, state);
                   EndRecord(state.sequence);
                 }
                 if (found != nullptr) Tick(*found);
                 outcomes(std::move(*results));
               });
}

}  // namespace hearth::sqs
