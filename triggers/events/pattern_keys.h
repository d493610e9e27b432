// PatternKeys: what a pattern's conditions, and an event's values, are looked up by.
//
// A value that a condition holds of has the condition's key; one that it does not hold of may have
// it too. Keys are numbers: of a text, or its beginning or end, a hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "expressions/event_pattern.h"

namespace hearth::events {

// How a value is looked at to find its key.
struct KeyForm {
  enum class Kind : uint8_t {
    kWhole,  // A text, a number, true, false or null.
    kPrefix,
    kSuffix,
    kFolded,  // As equals-ignore-case has it.
    kFoldedPrefix,
    kFoldedSuffix,
    kAddress,  // Its network.
  };
  Kind kind = Kind::kWhole;
  uint32_t length = 0;  // Bytes of a prefix or suffix; bits of an address, and 256 more of IPv6's.

  bool operator==(const KeyForm&) const = default;
};

struct PatternKey {
  enum class Kind : uint8_t { kPresent, kHash, kRange };
  Kind kind = Kind::kPresent;
  KeyForm form;  // Of a hash.
  uint64_t hash = 0;
  expressions::NumberRange range;

  bool operator==(const PatternKey& other) const;
  bool operator<(const PatternKey& other) const;
};

// Of a field's values one has one of these. None: the field may not be there at all.
std::vector<PatternKey> KeysOf(const expressions::EventPattern::Field& field);

// A value of an event, which outlives it.
class EventValue {
 public:
  explicit EventValue(const base::Json& json);

  // nullopt: it has none of that form.
  std::optional<uint64_t> Key(KeyForm form) const;
  const std::optional<int64_t>& number() const { return number_; }

 private:
  const base::Json* json_;
  const std::string* text_;
  std::optional<int64_t> number_;
  uint64_t whole_;
  // Found when first asked for.
  mutable std::optional<std::string> folded_;
  mutable std::optional<std::optional<expressions::IpAddress>> address_;
};

}  // namespace hearth::events
