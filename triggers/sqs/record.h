// Records of the queues' log, as bytes: a kind, then its fields, little-endian; texts with a u32
// length before them. What is read is checked: foreign bytes give kInvalid, never a crash.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth::sqs {

// A message attribute, as its sender gave it.
struct MessageAttribute {
  std::string name;
  std::string type;  // "String", "Number.float", "Binary", ...
  std::string value;
  bool is_binary() const { return type.starts_with("Binary"); }
};

// A message with all that it is: as it was sent, or (is_copy) as a cleaner or a move found it.
// Views into the record or into what is to be written.
struct MessageRecord {
  bool is_copy = false;
  uint64_t sequence = 0;
  uint64_t replaces = 0;  // The message that goes with this record; 0: none.
  uint32_t queue = 0;
  uint32_t source_queue = 0;
  int64_t sent_ms = 0;
  int64_t visible_at_ms = 0;
  int64_t first_receive_ms = 0;
  uint32_t receive_count = 0;
  uint32_t receipt = 0;
  std::string_view id;  // 36 characters.
  std::string_view group;
  std::string_view deduplication_id;
  std::string_view trace_header;
  std::string_view attributes;  // EncodeAttributes.
  std::string_view body;
};

struct DeleteRecord {
  std::vector<uint64_t> sequences;
};
// What a receive or a change of visibility left.
struct StateRecord {
  struct State {
    uint64_t sequence = 0;
    int64_t visible_at_ms = 0;
    int64_t first_receive_ms = 0;
    uint32_t receive_count = 0;
    uint32_t receipt = 0;
  };
  std::vector<State> states;
};
struct PurgeRecord {
  uint32_t queue = 0;
  uint64_t before = 0;  // A sequence.
};
// What was sent by then had stayed for the queue's whole time when that was raised.
struct ExpiryRecord {
  uint32_t queue = 0;
  int64_t sent_by_ms = 0;
};
// A dead letter: the message goes on in another queue, as never received.
struct RelocationRecord {
  uint64_t sequence = 0;
  uint32_t queue = 0;
  uint32_t source_queue = 0;
  int64_t sent_ms = 0;
  std::string_view group;
};
using DeduplicationKey = std::array<char, 16>;
struct DeduplicationRecord {
  struct Entry {
    DeduplicationKey key{};
    std::array<char, 36> message_id{};
    uint64_t sequence = 0;
    int64_t until_ms = 0;
  };
  std::vector<Entry> entries;
};

using LogRecord = std::variant<MessageRecord, DeleteRecord, StateRecord, PurgeRecord,
                               RelocationRecord, DeduplicationRecord, ExpiryRecord>;

std::string Encode(const LogRecord& record);
// Of an encoded record, without a look at the rest.
bool IsMessage(std::string_view bytes);
// Views point into `bytes`.
base::Result<LogRecord> Decode(std::string_view bytes);

std::string EncodeAttributes(const std::vector<MessageAttribute>& attributes);
base::Result<std::vector<MessageAttribute>> DecodeAttributes(std::string_view bytes);

}  // namespace hearth::sqs
