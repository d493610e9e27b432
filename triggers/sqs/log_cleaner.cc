// LogEngine: what of its log goes, and when.
#include <algorithm>

#include "base/log.h"
#include "triggers/sqs/log_engine_queue.h"

namespace hearth::sqs {

using base::Result;

namespace {

// The log may be twice what lives, and so much: then its oldest segment is worth copying.
constexpr size_t kSpareSegments = 4;
// What is copied on a full disk too, in what is kept for receives: it makes more room than it
// takes.
constexpr size_t kSmallCopy = 1 << 20;

}  // namespace

// Only ever from its old end: a record that tells of a message stands behind the message's own, so
// what a removed segment said of others has been said of what is gone.
void LogEngine::CleanSoon() {
  if (cleaning_ || log_->segments() == 1) return;
  const bool is_dead = !uses_.contains(log_->oldest());
  const size_t spare = log_->bytes() / log_->segments() * kSpareSegments;
  if (!is_dead && log_->bytes() < 2 * live_bytes_ + spare) return;
  cleaning_ = true;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Clean();
  });
}

void LogEngine::Clean() {
  const uint32_t oldest = log_->oldest();
  if (uses_.contains(oldest)) return CleanOldest();
  deduplication_.Expire(NowMs(), SIZE_MAX);
  if (deduplication_.HasIn(oldest)) return KeepDeduplications(oldest);
  log_->RemoveOldest();
  cleaning_ = false;
  CleanSoon();
}

// What FIFO queues still have to know of messages that are gone.
void LogEngine::KeepDeduplications(uint32_t segment) {
  constexpr size_t kMost = 2000;
  constexpr size_t kEntrySize = 72;  // At most, encoded.
  auto known =
      deduplication_.InSegment(segment, std::min(kMost, log_->max_payload() / 2 / kEntrySize));
  std::string payload = Encode(DeduplicationRecord{known});
  log_->Append({std::move(payload)}, SegmentLog::Need::kLittle,
               [this, known = std::move(known)](Result<std::vector<LogPosition>> written) {
                 cleaning_ = false;
                 if (!written) return;
                 for (const auto& each : known) {
                   deduplication_.Place(each.key, each.sequence, written->front().segment);
                 }
                 CleanSoon();
               });
}

// A part of it a turn of the loop.
void LogEngine::CleanOldest() {
  const uint32_t oldest = log_->oldest();
  if (cleaned_.segment != oldest) cleaned_ = {.segment = oldest};
  log_->ReadOldest(cleaned_.offset, [this](Result<SegmentLog::Part> part) {
    if (part) return CopyLiving(std::move(*part));
    cleaning_ = false;
    HLOG_ERROR("{}", part.error().ToString());
  });
}

void LogEngine::CopyLiving(SegmentLog::Part part) {
  std::vector<std::pair<uint64_t, LogPosition>> from;
  std::vector<std::string> copies;
  for (const auto& [payload, at] : part.records) {
    const auto decoded = IsMessage(payload) ? Decode(payload) : Result<LogRecord>(DeleteRecord{});
    const auto* const record = decoded ? std::get_if<MessageRecord>(&*decoded) : nullptr;
    if (record == nullptr) continue;
    const Message* const message = index_.Find(record->sequence);
    if (message == nullptr || message->at != at) continue;
    // A copy behind a record that says something else would unsay it: when that is durable.
    if (message->state == MessageState::kMoving || OwnerOf(*message).state.IsHeld(*message)) {
      continue;
    }
    MessageRecord copy = *record;
    copy.is_copy = true;
    copy.replaces = 0;
    copy.queue = message->queue;
    copy.source_queue = message->source_queue;
    copy.sent_ms = message->sent_ms;
    copy.visible_at_ms = message->visible_at_ms;
    copy.first_receive_ms = message->first_receive_ms;
    copy.receive_count = message->receive_count;
    copy.receipt = message->receipt;
    copies.push_back(Encode(copy));
    from.emplace_back(message->sequence, at);
  }
  if (copies.empty()) {
    // At its end: what lives there still is on its way out, which a later look, from its beginning,
    // will find.
    cleaned_.offset = part.next;
    if (part.next != 0) return CleanOldest();
    cleaning_ = false;
    return;
  }
  const auto use = uses_.find(log_->oldest());
  const bool makes_room = use != uses_.end() && use->second.bytes <= kSmallCopy;
  log_->Append(
      std::move(copies), makes_room ? SegmentLog::Need::kLittle : SegmentLog::Need::kRoom,
      [this, from = std::move(from), next = part.next](Result<std::vector<LogPosition>> written) {
        cleaning_ = false;
        if (!written) return;  // A full disk: what is deleted will make room.
        for (size_t i = 0; i < from.size(); ++i) {
          Message* const message = index_.Find(from[i].first);
          if (message != nullptr && message->at == from[i].second) {
            Locate(*message, (*written)[i]);
          }
        }
        cleaned_.offset = next;
        CleanSoon();
      });
}

}  // namespace hearth::sqs
