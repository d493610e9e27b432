// LogEngine: what of its log goes, and when.
#include <algorithm>

#include "base/log.h"
#include "triggers/sqs/log_engine.h"

namespace hearth::sqs {

using base::Result;

namespace {

// The log may be twice what lives, and so much: then its oldest segment is worth copying.
constexpr size_t kSpareSegments = 4;
// Of one write of copies.
constexpr size_t kCopyBytes = 4 << 20;

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
  if (uses_.contains(oldest)) {
    log_->ReadOldest([this](Result<std::vector<SegmentLog::Record>> records) {
      if (!records) {
        cleaning_ = false;
        HLOG_ERROR("{}", records.error().ToString());
        return;
      }
      CopyOldest(std::move(*records));
    });
    return;
  }
  deduplication_.Expire(NowMs());
  auto known = deduplication_.InSegment(oldest);
  if (known.empty()) {
    log_->RemoveOldest();
    cleaning_ = false;
    return CleanSoon();
  }
  // What FIFO queues still have to know of messages that are gone.
  constexpr size_t kEntrySize = 72;  // At most, encoded.
  known.resize(std::min(known.size(), log_->max_payload() / 2 / kEntrySize));
  std::string payload = Encode(DeduplicationRecord{known});
  log_->Append({std::move(payload)}, SegmentLog::Need::kRoom,
               [this, known = std::move(known)](Result<std::vector<LogPosition>> written) {
                 cleaning_ = false;
                 if (!written) return;
                 for (const auto& each : known) {
                   auto* const entry = deduplication_.Find(each.key, 0);
                   if (entry != nullptr && entry->sequence == each.sequence) {
                     entry->segment = written->front().segment;
                   }
                 }
                 CleanSoon();
               });
}

void LogEngine::CopyOldest(std::vector<SegmentLog::Record> records) {
  std::vector<uint64_t> sequences;
  std::vector<LogPosition> from;
  std::vector<std::string> copies;
  size_t bytes = 0;
  for (const auto& [payload, at] : records) {
    if (bytes > kCopyBytes) break;
    const auto decoded = Decode(payload);
    const auto* const record = decoded ? std::get_if<MessageRecord>(&*decoded) : nullptr;
    if (record == nullptr) continue;
    const Message* const message = index_.Find(record->sequence);
    if (message == nullptr || message->at != at || message->state == MessageState::kMoving) {
      continue;
    }
    // A copy behind the record of its end would bring it back.
    if (deleting_.contains(message->sequence) ||
        message->sequence < OwnerOf(*message).purge_before) {
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
    bytes += copies.back().size();
    sequences.push_back(message->sequence);
    from.push_back(at);
  }
  if (copies.empty()) {  // What lives there is on its way out: a later look.
    cleaning_ = false;
    return;
  }
  log_->Append(std::move(copies), SegmentLog::Need::kRoom,
               [this, sequences = std::move(sequences),
                from = std::move(from)](Result<std::vector<LogPosition>> written) mutable {
                 FinishCopy(std::move(sequences), std::move(from), std::move(written));
               });
}

void LogEngine::FinishCopy(std::vector<uint64_t> sequences, std::vector<LogPosition> from,
                           Result<std::vector<LogPosition>> written) {
  cleaning_ = false;
  if (!written) return;  // A full disk: what is deleted will make room.
  for (size_t i = 0; i < sequences.size(); ++i) {
    Message* const message = index_.Find(sequences[i]);
    if (message != nullptr && message->at == from[i]) Locate(*message, (*written)[i]);
  }
  CleanSoon();
}

}  // namespace hearth::sqs
