#include "triggers/s3/object_rows.h"

#include <charconv>

#include "base/id.h"
#include "base/limits.h"

namespace hearth::s3 {
namespace {

constexpr size_t kIdHalf = 16;

template <typename T>
std::optional<T> TakeNumber(std::string_view& text, char end, int base = 10) {
  T value{};
  const char* const last = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc() || at == last || *at != end) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(at - text.data()) + 1);
  return value;
}

// "5:hello", whatever its bytes are.
void Append(std::string& out, std::string_view word) {
  out += std::to_string(word.size());
  out += ':';
  out += word;
}

std::optional<std::string> TakeWord(std::string_view& text) {
  const auto size = TakeNumber<size_t>(text, ':');
  if (!size || *size > text.size()) return std::nullopt;
  std::string word(text.substr(0, *size));
  text.remove_prefix(*size);
  return word;
}

}  // namespace

std::string EncodeWords(const Words& words) {
  std::string out;
  for (const auto& [name, value] : words) {
    Append(out, name);
    Append(out, value);
  }
  return out;
}

std::optional<Words> DecodeWords(std::string_view text) {
  Words out;
  while (!text.empty()) {
    auto name = TakeWord(text);
    if (!name) return std::nullopt;
    auto value = TakeWord(text);
    if (!value) return std::nullopt;
    out.emplace(std::move(*name), std::move(*value));
  }
  return out;
}

std::string EncodeChecksum(const ObjectChecksum& checksum) {
  if (checksum.algorithm.empty()) return {};
  std::string out;
  Append(out, checksum.algorithm);
  Append(out, checksum.value);
  out += checksum.is_composite ? 'c' : 'w';
  return out;
}

std::optional<ObjectChecksum> DecodeChecksum(std::string_view text) {
  if (text.empty()) return ObjectChecksum();
  auto algorithm = TakeWord(text);
  if (!algorithm) return std::nullopt;
  auto value = TakeWord(text);
  if (!value || text.size() != 1) return std::nullopt;
  return ObjectChecksum{std::move(*algorithm), std::move(*value), text[0] == 'c'};
}

std::string EncodeExtents(const std::vector<Extent>& extents) {
  std::string out;
  for (const Extent& extent : extents) {
    out += std::to_string(extent.file) + ":" + std::to_string(extent.size) + ";";
  }
  return out;
}

std::optional<std::vector<Extent>> DecodeExtents(std::string_view text) {
  std::vector<Extent> out;
  while (!text.empty()) {
    const auto file = TakeNumber<int64_t>(text, ':');
    if (!file) return std::nullopt;
    const auto size = TakeNumber<uint64_t>(text, ';');
    if (!size) return std::nullopt;
    out.push_back({*file, *size});
  }
  return out;
}

std::string MakeId(int64_t number) {
  std::string out(kIdHalf, '0');
  for (size_t i = 0; i < kIdHalf; ++i) {
    out[i] = "0123456789abcdef"[(number >> (4 * (kIdHalf - 1 - i))) & 15];
  }
  return out + base::NewHexId(kIdHalf);
}

std::optional<int64_t> NumberOf(std::string_view id) {
  if (id.size() != 2 * kIdHalf) return std::nullopt;
  int64_t number = 0;
  const char* const end = id.data() + kIdHalf;
  const auto [at, error] = std::from_chars(id.data(), end, number, 16);
  if (error != std::errc() || at != end || number < 0) return std::nullopt;
  return number;
}

std::string Above(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && static_cast<unsigned char>(out.back()) == 0xff) out.pop_back();
  if (out.empty()) return std::string(limits::kMaxObjectKey + 1, '\xff');
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
  return out;
}

}  // namespace hearth::s3
