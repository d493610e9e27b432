#include "triggers/sqs/record.h"

#include <cstring>
#include <type_traits>

namespace hearth::sqs {
namespace {

using base::Result;

enum class Kind : uint8_t {
  kMessage = 1,
  kDelete = 2,
  kState = 3,
  kPurge = 4,
  kRelocation = 5,
  kDeduplication = 6,
  kExpiry = 7,
};

class Writer {
 public:
  template <typename T>
  Writer& Put(T value) {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Writer& Text(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    out_.append(text);
    return *this;
  }
  Writer& Raw(std::string_view bytes) {
    out_.append(bytes);
    return *this;
  }
  void Reserve(size_t size) { out_.reserve(size); }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// After the first read beyond the end, everything reads as zero and `ok` is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  T Get() {
    T value{};
    const std::string_view raw = Raw(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::string_view Text() { return Raw(Get<uint32_t>()); }
  std::string_view Raw(size_t size) {
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  template <size_t N>
  std::array<char, N> Bytes() {
    std::array<char, N> out{};
    const std::string_view raw = Raw(N);
    if (ok_) std::memcpy(out.data(), raw.data(), N);
    return out;
  }
  // A number of entries of at least so many bytes each.
  uint32_t Count(size_t least) {
    const auto count = Get<uint32_t>();
    if (count > bytes_.size() / least) ok_ = false;
    return ok_ ? count : 0;
  }
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

void Write(Writer& out, const MessageRecord& message) {
  out.Reserve(160 + message.group.size() + message.deduplication_id.size() +
              message.trace_header.size() + message.attributes.size() + message.body.size());
  out.Put(Kind::kMessage)
      .Put(static_cast<uint8_t>(message.is_copy ? 1 : 0))
      .Put(message.sequence)
      .Put(message.replaces)
      .Put(message.queue)
      .Put(message.source_queue)
      .Put(message.sent_ms)
      .Put(message.visible_at_ms)
      .Put(message.first_receive_ms)
      .Put(message.receive_count)
      .Put(message.receipt)
      .Text(message.id)
      .Text(message.group)
      .Text(message.deduplication_id)
      .Text(message.trace_header)
      .Text(message.attributes)
      .Text(message.body);
}

void Write(Writer& out, const DeleteRecord& record) {
  out.Put(Kind::kDelete).Put(static_cast<uint32_t>(record.sequences.size()));
  for (const uint64_t sequence : record.sequences) out.Put(sequence);
}

void Write(Writer& out, const StateRecord& record) {
  out.Put(Kind::kState).Put(static_cast<uint32_t>(record.states.size()));
  for (const auto& state : record.states) {
    out.Put(state.sequence)
        .Put(state.visible_at_ms)
        .Put(state.first_receive_ms)
        .Put(state.receive_count)
        .Put(state.receipt);
  }
}

void Write(Writer& out, const PurgeRecord& record) {
  out.Put(Kind::kPurge).Put(record.queue).Put(record.before);
}

void Write(Writer& out, const RelocationRecord& record) {
  out.Put(Kind::kRelocation)
      .Put(record.sequence)
      .Put(record.queue)
      .Put(record.source_queue)
      .Put(record.sent_ms)
      .Text(record.group);
}

void Write(Writer& out, const DeduplicationRecord& record) {
  out.Put(Kind::kDeduplication).Put(static_cast<uint32_t>(record.entries.size()));
  for (const auto& entry : record.entries) {
    out.Raw({entry.key.data(), entry.key.size()})
        .Raw({entry.message_id.data(), entry.message_id.size()})
        .Put(entry.sequence)
        .Put(entry.until_ms);
  }
}

void Write(Writer& out, const ExpiryRecord& record) {
  out.Put(Kind::kExpiry).Put(record.queue).Put(record.sent_by_ms);
}

MessageRecord ReadMessage(Reader& in) {
  MessageRecord out;
  out.is_copy = in.Get<uint8_t>() != 0;
  out.sequence = in.Get<uint64_t>();
  out.replaces = in.Get<uint64_t>();
  out.queue = in.Get<uint32_t>();
  out.source_queue = in.Get<uint32_t>();
  out.sent_ms = in.Get<int64_t>();
  out.visible_at_ms = in.Get<int64_t>();
  out.first_receive_ms = in.Get<int64_t>();
  out.receive_count = in.Get<uint32_t>();
  out.receipt = in.Get<uint32_t>();
  out.id = in.Text();
  out.group = in.Text();
  out.deduplication_id = in.Text();
  out.trace_header = in.Text();
  out.attributes = in.Text();
  out.body = in.Text();
  return out;
}

LogRecord ReadKind(Kind kind, Reader& in) {
  switch (kind) {
    case Kind::kMessage:
      return ReadMessage(in);
    case Kind::kDelete: {
      DeleteRecord out;
      for (uint32_t left = in.Count(8); left > 0; --left) {
        out.sequences.push_back(in.Get<uint64_t>());
      }
      return out;
    }
    case Kind::kState: {
      StateRecord out;
      for (uint32_t left = in.Count(32); left > 0; --left) {
        StateRecord::State state;
        state.sequence = in.Get<uint64_t>();
        state.visible_at_ms = in.Get<int64_t>();
        state.first_receive_ms = in.Get<int64_t>();
        state.receive_count = in.Get<uint32_t>();
        state.receipt = in.Get<uint32_t>();
        out.states.push_back(state);
      }
      return out;
    }
    case Kind::kPurge: {
      PurgeRecord out;
      out.queue = in.Get<uint32_t>();
      out.before = in.Get<uint64_t>();
      return out;
    }
    case Kind::kRelocation: {
      RelocationRecord out;
      out.sequence = in.Get<uint64_t>();
      out.queue = in.Get<uint32_t>();
      out.source_queue = in.Get<uint32_t>();
      out.sent_ms = in.Get<int64_t>();
      out.group = in.Text();
      return out;
    }
    case Kind::kDeduplication: {
      DeduplicationRecord out;
      for (uint32_t left = in.Count(68); left > 0; --left) {
        DeduplicationRecord::Entry entry;
        entry.key = in.Bytes<16>();
        entry.message_id = in.Bytes<36>();
        entry.sequence = in.Get<uint64_t>();
        entry.until_ms = in.Get<int64_t>();
        out.entries.push_back(entry);
      }
      return out;
    }
    case Kind::kExpiry: {
      ExpiryRecord out;
      out.queue = in.Get<uint32_t>();
      out.sent_by_ms = in.Get<int64_t>();
      return out;
    }
  }
  return DeleteRecord{};
}

}  // namespace

std::string Encode(const LogRecord& record) {
  Writer out;
  std::visit([&out](const auto& each) { Write(out, each); }, record);
  return out.Take();
}

bool IsMessage(std::string_view bytes) {
  return bytes.starts_with(static_cast<char>(Kind::kMessage));
}

Result<LogRecord> Decode(std::string_view bytes) {
  Reader in(bytes);
  const auto kind = in.Get<uint8_t>();
  if (!in.ok() || kind < static_cast<uint8_t>(Kind::kMessage) ||
      kind > static_cast<uint8_t>(Kind::kExpiry)) {
    return base::Invalid("read a queue record", "its kind is unknown");
  }
  LogRecord record = ReadKind(static_cast<Kind>(kind), in);
  if (!in.AtEnd()) return base::Invalid("read a queue record", "its length is wrong");
  const auto* const message = std::get_if<MessageRecord>(&record);
  if (message != nullptr &&
      (message->sequence == 0 || message->queue == 0 || message->id.size() != 36)) {
    return base::Invalid("read a queue record", "a message has no sequence, queue or id");
  }
  return record;
}

std::string EncodeAttributes(const std::vector<MessageAttribute>& attributes) {
  if (attributes.empty()) return {};
  Writer out;
  out.Put(static_cast<uint32_t>(attributes.size()));
  for (const MessageAttribute& each : attributes) {
    out.Text(each.name).Text(each.type).Text(each.value);
  }
  return out.Take();
}

Result<std::vector<MessageAttribute>> DecodeAttributes(std::string_view bytes) {
  std::vector<MessageAttribute> out;
  if (bytes.empty()) return out;
  Reader in(bytes);
  for (uint32_t left = in.Count(12); left > 0; --left) {
    MessageAttribute each;
    each.name = in.Text();
    each.type = in.Text();
    each.value = in.Text();
    out.push_back(std::move(each));
  }
  if (!in.AtEnd()) return base::Invalid("read message attributes", "their length is wrong");
  return out;
}

}  // namespace hearth::sqs
