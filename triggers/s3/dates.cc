#include "triggers/s3/dates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "base/clock.h"

namespace hearth::s3 {
namespace {

constexpr size_t kLongestDate = 64;  // Ours: none of the forms has more.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

struct Parsed {
  std::tm parts{};
  std::string_view rest;  // Behind what the form takes.
};

std::optional<Parsed> Parse(std::string_view text, const char* form) {
  if (text.size() > kLongestDate || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  Parsed out;
  const char* const end = ::strptime(terminated.c_str(), form, &out.parts);
  if (end == nullptr) return std::nullopt;
  out.rest = text.substr(static_cast<size_t>(end - terminated.c_str()));
  return out;
}

// nullopt for a day that its month does not have.
std::optional<int64_t> Seconds(const std::tm& parts) {
  std::tm normal = parts;
  const std::time_t seconds = ::timegm(&normal);
  if (normal.tm_mday != parts.tm_mday || normal.tm_mon != parts.tm_mon) return std::nullopt;
  return seconds;
}

// ".5Z", "+01:00": the milliseconds that they add; nullopt: it is neither.
std::optional<int64_t> FractionAndZone(std::string_view text) {
  int64_t out = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (text.empty() || !IsDigit(text.front())) return std::nullopt;
    for (int64_t weight = 100; !text.empty() && IsDigit(text.front()); weight /= 10) {
      out += weight * (text.front() - '0');
      text.remove_prefix(1);
    }
  }
  if (text == "Z" || text == "z") return out;
  const bool is_east = text.starts_with('+');
  if ((!is_east && !text.starts_with('-')) || text.size() != 6 || text[3] != ':' ||
      !IsDigit(text[1]) || !IsDigit(text[2]) || !IsDigit(text[4]) || !IsDigit(text[5])) {
    return std::nullopt;
  }
  const int64_t hours = 10 * (text[1] - '0') + text[2] - '0';
  const int64_t minutes = 10 * (text[4] - '0') + text[5] - '0';
  if (hours > 23 || minutes > 59) return std::nullopt;
  const int64_t offset_ms = (hours * 60 + minutes) * 60'000;
  return is_east ? out - offset_ms : out + offset_ms;
}

}  // namespace

std::string HttpDate(int64_t epoch_s) {
  const std::time_t seconds = epoch_s;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, kLongestDate> text;
  const size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::optional<int64_t> ParseHttpDate(std::string_view text) {
  constexpr std::array<const char*, 3> kForms = {
      "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
  for (const char* form : kForms) {
    const auto parsed = Parse(text, form);
    if (parsed && parsed->rest.empty()) return Seconds(parsed->parts);
  }
  const auto iso = ParseIsoTime(text);
  if (!iso) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(std::chrono::milliseconds(*iso)).count();
}

std::string IsoTime(int64_t epoch_ms) {
  using std::chrono::milliseconds;
  constexpr auto kFirst = std::chrono::ceil<milliseconds>(base::Duration::min()).count();
  constexpr auto kLast = std::chrono::floor<milliseconds>(base::Duration::max()).count();
  const milliseconds within(std::clamp<int64_t>(epoch_ms, kFirst, kLast));
  return base::FormatIso8601(base::WallTime(within));
}

std::optional<int64_t> ParseIsoTime(std::string_view text) {
  if (!std::ranges::all_of(text.substr(0, 4), IsDigit)) return std::nullopt;
  if (const auto parsed = Parse(text, "%Y-%m-%dT%H:%M:%S")) {
    const auto seconds = Seconds(parsed->parts);
    const auto more_ms = FractionAndZone(parsed->rest);
    if (!seconds || !more_ms) return std::nullopt;
    return *seconds * 1000 + *more_ms;
  }
  const auto day = Parse(text, "%Y-%m-%d");
  if (!day || !day->rest.empty()) return std::nullopt;
  const auto seconds = Seconds(day->parts);
  if (!seconds) return std::nullopt;
  return *seconds * 1000;
}

std::optional<int64_t> ParseBasicTime(std::string_view text) {
  constexpr std::string_view kForm = "00000000T000000Z";
  if (!std::ranges::equal(text, kForm,
                          [](char c, char f) { return f == '0' ? IsDigit(c) : c == f; })) {
    return std::nullopt;
  }
  const auto parsed = Parse(text, "%Y%m%dT%H%M%SZ");
  if (!parsed || !parsed->rest.empty()) return std::nullopt;
  return Seconds(parsed->parts);
}

}  // namespace hearth::s3
