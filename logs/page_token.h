// Page tokens: where the next page begins, as text that clients hand back and do not read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::logs {

// Of a listing: what its last entry was.
std::string EncodeToken(std::string_view last);
std::optional<std::string> DecodeToken(std::string_view token);

// Of events: a sequence, of which a page goes on forward or backward. "f/<56 digits>/s", "b/…".
struct EventToken {
  bool forward = true;
  uint64_t sequence = 0;
};
std::string EncodeEventToken(const EventToken& token);
std::optional<EventToken> DecodeEventToken(std::string_view token);

// 56 digits, unique within a group.
std::string EventId(int64_t timestamp_ms, uint64_t sequence);

}  // namespace hearth::logs
