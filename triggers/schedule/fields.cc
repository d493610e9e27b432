#include "triggers/schedule/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace hearth::schedule {
namespace {

using base::Json;

// The years 1970 to 2199: nanoseconds since 1970 end in 2262.
constexpr int64_t kLatestMs = 7'258'118'400'000;

// 2026-11-28T12:00:00Z, with or without a fraction.
std::optional<int64_t> ReadIso(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int read = 0;
  if (text.size() > 40 || std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u%n", &year, &month,
                                      &day, &hour, &minute, &second, &read) != 6) {
    return std::nullopt;
  }
  int64_t millis = 0;
  std::string_view rest = std::string_view(text).substr(read);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    int64_t unit = 100;
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
      millis += (rest.front() - '0') * unit;
      unit /= 10;
      rest.remove_prefix(1);
    }
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if ((rest != "Z" && rest != "+00:00") || !date.ok() || hour > 23 || minute > 59 || second > 59) {
    return std::nullopt;
  }
  const std::chrono::sys_seconds at = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                      std::chrono::minutes(minute) + std::chrono::seconds(second);
  return int64_t{at.time_since_epoch().count()} * 1000 + millis;
}

}  // namespace

size_t Length(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](unsigned char c) { return (c & 0xc0) != 0x80; });
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object_.is_object()) {
    Refuse(WrongType(path_.empty() ? "body" : path_, "an object"));
  }
}

std::string Fields::PathOf(std::string_view name) const {
  std::string out = path_.empty() ? "" : path_ + ".";
  out += name;
  char& first = out[out.size() - name.size()];
  first = first >= 'A' && first <= 'Z' ? static_cast<char>(first - 'A' + 'a') : first;
  return out;
}

const Json* Fields::Find(std::string_view name) {
  known_.emplace(name);
  if (!object_.is_object()) {
    return nullptr;
  }
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::string> Fields::Text(std::string_view name, const TextRule& rule) {
  const Json* const value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::string path = PathOf(name);
  if (!value->is_string()) {
    Refuse(WrongType(path, "a string"));
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  const size_t length = Length(text);
  if (length < rule.least) {
    Refuse(
        Violates(text, path,
                 fmt::format("Member must have length greater than or equal to {}", rule.least)));
  } else if (length > rule.most) {
    Refuse(Violates(text, path,
                    fmt::format("Member must have length less than or equal to {}", rule.most)));
  } else if (rule.allows != nullptr && !rule.allows(text)) {
    Refuse(
        Violates(text, path,
                 fmt::format("Member must satisfy regular expression pattern: {}", rule.pattern)));
  }
  return text;
}

std::string Fields::RequiredText(std::string_view name, const TextRule& rule) {
  auto text = Text(name, rule);
  if (!text) {
    Refuse(Missing(PathOf(name)));
  }
  return std::move(text).value_or("");
}

std::optional<int64_t> Fields::Number(std::string_view name, int64_t least, int64_t most) {
  const Json* const value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::string path = PathOf(name);
  // Templates have 5.0, too.
  const double real = value->is_number() ? value->get<double>() : NAN;
  if (!(std::trunc(real) == real)) {
    Refuse(WrongType(path, "a whole number"));
    return std::nullopt;
  }
  if (real < static_cast<double>(least) || real > static_cast<double>(most)) {
    const bool is_less = real < static_cast<double>(least);
    Refuse(Violates(fmt::format("{:.0f}", real), path,
                    fmt::format("Member must have value {} than or equal to {}",
                                is_less ? "greater" : "less", is_less ? least : most)));
    return std::nullopt;
  }
  return static_cast<int64_t>(real);
}

std::optional<std::string> Fields::OneOf(std::string_view name,
                                         const std::vector<std::string>& values) {
  constexpr TextRule kAny{.least = 0, .most = 256};
  auto text = Text(name, kAny);
  if (text && std::ranges::find(values, *text) == values.end()) {
    Refuse(
        Violates(*text, PathOf(name),
                 fmt::format("Member must satisfy enum value set: [{}]", fmt::join(values, ", "))));
  }
  return text;
}

std::optional<int64_t> Fields::Moment(std::string_view name) {
  const Json* const value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  std::optional<int64_t> millis;
  if (value->is_number()) {
    const double real = value->get<double>() * 1000;
    if (real >= 0 && real < static_cast<double>(kLatestMs)) {
      millis = std::llround(real);
    }
  } else if (value->is_string()) {
    millis = ReadIso(value->get_ref<const std::string&>());
  }
  if (!millis || *millis < 0 || *millis >= kLatestMs) {
    Refuse(WrongType(PathOf(name), "a moment of the years 1970 to 2199, in seconds since 1970"));
    return std::nullopt;
  }
  return millis;
}

const Json* Fields::Object(std::string_view name) {
  const Json* const value = Find(name);
  if (value != nullptr && !value->is_object()) {
    Refuse(WrongType(PathOf(name), "an object"));
    return nullptr;
  }
  return value;
}

void Fields::MustBeAbsent(std::string_view name) {
  if (Find(name) != nullptr) {
    Refuse(NotServed(path_.empty() ? std::string(name) : fmt::format("{} of {}", name, path_)));
  }
}

void Fields::Refuse(ApiError error) {
  if (!error_) {
    error_ = std::move(error);
  }
}

void Fields::Refuse(std::optional<ApiError> error) {
  if (error) {
    Refuse(*std::move(error));
  }
}

std::optional<ApiError> Fields::Finish() {
  if (!error_ && object_.is_object()) {
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) {
        Refuse(NotServed(fmt::format("the member '{}'", PathOf(name.substr(0, 128)))));
        break;
      }
    }
  }
  return error_;
}

}  // namespace hearth::schedule
