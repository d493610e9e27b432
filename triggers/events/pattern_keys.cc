#include "triggers/events/pattern_keys.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <string_view>
#include <tuple>

namespace hearth::events {
namespace {

using base::Json;
using expressions::IpAddress;
using expressions::PatternCondition;
using Kind = KeyForm::Kind;
using Operator = PatternCondition::Operator;

constexpr size_t kMaxEnd = 64;  // Bytes of a prefix or suffix that are looked at.
constexpr uint32_t kV6 = 256;   // What is added to the bits of an IPv6 address.
enum class Type : uint64_t { kText = 1, kNumber, kLargeNumber, kLiteral };

uint64_t Mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

uint64_t Hash(KeyForm form, uint64_t of) {
  return Mix(of +
             0x9E3779B97F4A7C15ULL * (form.length * 16 + static_cast<uint64_t>(form.kind) + 1));
}
uint64_t Hash(KeyForm form, std::string_view text) {
  return Hash(form, std::hash<std::string_view>()(text));
}
uint64_t HashWhole(Type type, uint64_t of) {
  return Hash({}, Mix(of) + static_cast<uint64_t>(type));
}
uint64_t HashText(std::string_view text) {
  return HashWhole(Type::kText, std::hash<std::string_view>()(text));
}
uint64_t HashLarge(const Json& number) {
  return HashWhole(Type::kLargeNumber, std::bit_cast<uint64_t>(number.get<double>()));
}
uint64_t HashLiteral(const Json& value) {
  return HashWhole(Type::kLiteral, value.is_null() ? 2 : (value.get<bool>() ? 1 : 0));
}

uint64_t HashAddress(KeyForm form, const IpAddress& address) {
  const uint32_t bits = form.length % kV6;
  uint64_t hash = 0;
  for (uint32_t i = 0; i * 8 < bits; ++i) {
    const uint32_t left = bits - i * 8;
    const auto mask = left >= 8 ? 0xFFU : (0xFF00U >> left) & 0xFFU;
    hash = Mix(hash * 257 + (address.bytes[i] & mask) + 1);
  }
  return Hash(form, hash);
}

PatternKey HashKey(KeyForm form, uint64_t hash) {
  return {.kind = PatternKey::Kind::kHash, .form = form, .hash = hash, .range = {}};
}

PatternKey EndKey(Kind kind, std::string_view text) {
  const size_t length = std::min(text.size(), kMaxEnd);
  const bool is_prefix = kind == Kind::kPrefix || kind == Kind::kFoldedPrefix;
  const KeyForm form{.kind = kind, .length = static_cast<uint32_t>(length)};
  const std::string_view end =
      is_prefix ? text.substr(0, length) : text.substr(text.size() - length);
  return HashKey(form, Hash(form, end));
}

PatternKey RangeKey(const expressions::IpRange& range) {
  // What the first and the last have in common is what all between them have.
  uint32_t bits = 0;
  const auto width = static_cast<uint32_t>(range.first.size) * 8;
  const auto bit = [](const IpAddress& address, uint32_t i) {
    return (address.bytes[i / 8] >> (7 - i % 8)) & 1;
  };
  while (bits < width && bit(range.first, bits) == bit(range.last, bits)) ++bits;
  const KeyForm form{.kind = Kind::kAddress, .length = bits + (width == 128 ? kV6 : 0)};
  return HashKey(form, HashAddress(form, range.first));
}

void AddText(Operator what, std::string_view text, std::vector<PatternKey>& to) {
  switch (what) {
    case Operator::kEquals:
      return to.push_back(HashKey({}, HashText(text)));
    case Operator::kEqualsIgnoreCase: {
      const KeyForm form{.kind = Kind::kFolded, .length = 0};
      return to.push_back(HashKey(form, Hash(form, text)));
    }
    case Operator::kPrefix:
      return to.push_back(EndKey(Kind::kPrefix, text));
    case Operator::kSuffix:
      return to.push_back(EndKey(Kind::kSuffix, text));
    case Operator::kPrefixIgnoreCase:
      return to.push_back(EndKey(Kind::kFoldedPrefix, text));
    case Operator::kSuffixIgnoreCase:
      return to.push_back(EndKey(Kind::kFoldedSuffix, text));
    default:
      return to.push_back({});
  }
}

void AddWildcard(const expressions::Wildcard& wildcard, std::vector<PatternKey>& to) {
  const auto& pieces = wildcard.pieces();
  if (pieces.size() == 1) return AddText(Operator::kEquals, pieces.front(), to);
  if (!pieces.front().empty()) return AddText(Operator::kPrefix, pieces.front(), to);
  if (!pieces.back().empty()) return AddText(Operator::kSuffix, pieces.back(), to);
  to.push_back({});
}

void AddCondition(const PatternCondition& condition, std::vector<PatternKey>& to) {
  if (condition.is_anything_but || condition.what == Operator::kExists) return to.push_back({});
  if (condition.what == Operator::kLiteral) {
    to.push_back(HashKey({}, HashLiteral(condition.literal)));
  }
  for (const std::string& text : condition.texts) {
    if (condition.what != Operator::kCidr) AddText(condition.what, text, to);
  }
  for (const auto& wildcard : condition.wildcards) AddWildcard(wildcard, to);
  for (const auto& range : condition.addresses) to.push_back(RangeKey(range));
  for (const auto& range : condition.ranges) {
    const auto point = static_cast<uint64_t>(range.first);
    to.push_back(range.first == range.last
                     ? HashKey({}, HashWhole(Type::kNumber, point))
                     : PatternKey{.kind = PatternKey::Kind::kRange, .form = {}, .range = range});
  }
  if (!condition.ranges.empty()) return;
  for (const Json& number : condition.numbers) to.push_back(HashKey({}, HashLarge(number)));
}

auto Tie(const PatternKey& key) {
  return std::tuple(key.kind, key.form.kind, key.form.length, key.hash, key.range.first,
                    key.range.last);
}

}  // namespace

bool PatternKey::operator==(const PatternKey& other) const { return Tie(*this) == Tie(other); }
bool PatternKey::operator<(const PatternKey& other) const { return Tie(*this) < Tie(other); }

std::vector<PatternKey> KeysOf(const expressions::EventPattern::Field& field) {
  std::vector<PatternKey> keys;
  for (const PatternCondition& condition : field.conditions) {
    if (condition.what == Operator::kAbsent) return {};
    AddCondition(condition, keys);
  }
  std::ranges::sort(keys, std::less<>());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  // Whatever is there has the first of these: it makes the others needless.
  if (!keys.empty() && keys.front().kind == PatternKey::Kind::kPresent) keys.resize(1);
  return keys;
}

EventValue::EventValue(const Json& json)
    : json_(&json), text_(json.get_ptr<const std::string*>()), whole_(0) {
  if (text_ != nullptr) {
    whole_ = HashText(*text_);
  } else if (json.is_number()) {
    number_ = expressions::ComparableNumber(json.get<double>());
    whole_ = number_ ? HashWhole(Type::kNumber, static_cast<uint64_t>(*number_)) : HashLarge(json);
  } else {
    whole_ = HashLiteral(json);
  }
}

std::optional<uint64_t> EventValue::Key(KeyForm form) const {
  if (form.kind == Kind::kWhole) return whole_;
  if (text_ == nullptr) return std::nullopt;
  if (form.kind == Kind::kAddress) {
    if (!address_) address_ = IpAddress::Read(*text_);
    const int size = form.length < kV6 ? 4 : 16;
    if (!*address_ || (*address_)->size != size) return std::nullopt;
    return HashAddress(form, **address_);
  }
  std::string_view text = *text_;
  if (form.kind >= Kind::kFolded) {
    if (!folded_) folded_ = expressions::FoldCase(text);
    text = *folded_;
  }
  if (form.kind == Kind::kFolded) return Hash(form, text);
  if (text.size() < form.length) return std::nullopt;
  const bool is_prefix = form.kind == Kind::kPrefix || form.kind == Kind::kFoldedPrefix;
  return Hash(form,
              is_prefix ? text.substr(0, form.length) : text.substr(text.size() - form.length));
}

}  // namespace hearth::events
