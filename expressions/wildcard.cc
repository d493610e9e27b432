#include "expressions/wildcard.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include <fmt/format.h>

namespace hearth::expressions {
namespace {

constexpr size_t kMaxPlaces = 10;  // AWS, as its refusals show.
constexpr size_t kMaxSets = 1000;  // Ours: what is not decided by then is too complex.
constexpr uint16_t kStar = 256;

// The symbols of some wildcards, one after the other, and where one can be in them. Place i: symbol
// i was the last that was read; a star's place is kept by any byte.
class Places {
 public:
  using Set = std::vector<uint32_t>;

  void Add(const std::vector<std::string>& pieces) {
    starts_.push_back(static_cast<uint32_t>(symbols_.size()));
    Put('"');
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i > 0) Put(kStar);
      for (const char c : pieces[i]) Put(static_cast<unsigned char>(c));
    }
    Put('"');
    ends_.push_back(static_cast<uint32_t>(symbols_.size()));
  }

  // After the quote that every text begins with.
  Set Begin() const {
    Set set;
    for (const uint32_t start : starts_) Enter(start, set);
    return Sorted(std::move(set));
  }

  // kStar: a byte that none of them names.
  Set After(const Set& from, uint16_t byte) const {
    Set set;
    for (const uint32_t place : from) {
      if (symbols_[place] == kStar) Enter(place, set);
      const uint32_t next = place + 1;
      const bool is_last = std::ranges::find(ends_, next) != ends_.end();
      if (!is_last && byte != kStar && symbols_[next] == byte) Enter(next, set);
    }
    return Sorted(std::move(set));
  }

  // What tells from `from` on one byte from another; kStar: all others.
  std::vector<uint16_t> BytesAfter(const Set& from) const {
    std::vector<uint16_t> bytes = {kStar};
    for (const uint32_t place : from) {
      if (place + 1 < symbols_.size()) bytes.push_back(symbols_[place + 1]);
    }
    std::ranges::sort(bytes);
    bytes.erase(std::ranges::unique(bytes).begin(), bytes.end());
    return bytes;
  }

  size_t size() const { return symbols_.size(); }

 private:
  void Put(uint16_t symbol) { symbols_.push_back(symbol); }

  // A star that follows is entered too: it may stand for nothing.
  void Enter(uint32_t place, Set& set) const {
    set.push_back(place);
    if (place + 1 < symbols_.size() && symbols_[place + 1] == kStar) set.push_back(place + 1);
  }

  static Set Sorted(Set set) {
    std::ranges::sort(set);
    set.erase(std::ranges::unique(set).begin(), set.end());
    return set;
  }

  std::vector<uint16_t> symbols_;
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> ends_;
};

}  // namespace

std::expected<Wildcard, std::string> Wildcard::Read(std::string_view text) {
  Wildcard out;
  out.pieces_.emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    // Positions are of the text in quotes: the first character is at 1.
    if (text[i] == '*') {
      if (text.substr(i + 1).starts_with('*')) {
        return std::unexpected(fmt::format("Consecutive wildcard characters at pos {}", i + 1));
      }
      out.pieces_.emplace_back();
      continue;
    }
    if (text[i] == '\\') {
      const bool is_known = i + 1 < text.size() && (text[i + 1] == '*' || text[i + 1] == '\\');
      if (!is_known) {
        return std::unexpected(fmt::format("Invalid escape character at pos {}", i + 1));
      }
      ++i;
    }
    out.pieces_.back() += text[i];
  }
  return out;
}

bool Wildcard::Matches(std::string_view text) const {
  if (pieces_.size() == 1) return text == pieces_.front();
  if (text.size() < pieces_.front().size() + pieces_.back().size()) return false;
  if (!text.starts_with(pieces_.front()) || !text.ends_with(pieces_.back())) return false;
  text.remove_prefix(pieces_.front().size());
  text.remove_suffix(pieces_.back().size());
  // The first place where a piece stands leaves the most for those after it.
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    const size_t found = text.find(pieces_[i]);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + pieces_[i].size());
  }
  return true;
}

bool AreTooComplex(std::span<const Wildcard* const> wildcards) {
  if (wildcards.empty()) return false;
  Places places;
  for (const Wildcard* wildcard : wildcards) places.Add(wildcard->pieces());
  const auto begin = places.Begin();
  const size_t most = kMaxSets + places.size();
  std::set<Places::Set> seen = {begin};
  std::vector<Places::Set> left = {begin};
  while (!left.empty()) {
    const auto from = std::move(left.back());
    left.pop_back();
    if (from.size() > kMaxPlaces || seen.size() > most) return true;
    for (const uint16_t byte : places.BytesAfter(from)) {
      auto next = places.After(from, byte);
      if (!next.empty() && seen.insert(next).second) left.push_back(std::move(next));
    }
  }
  return false;
}

}  // namespace hearth::expressions
