#include "triggers/events/event.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "base/id.h"

namespace hearth::events {
namespace {

using base::Json;
using base::Result;

constexpr double kYear10000 = 253'402'300'800;  // Seconds since 1970.
constexpr size_t kMaxDetailDepth = 511;         // Ours: an event is read again (base/json.cc).
constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// Empty: absent, or null.
std::string_view TextOf(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || !found->is_string()
             ? std::string_view()
             : std::string_view(found->get_ref<const std::string&>());
}

bool IsDeeper(const Json& value, size_t levels) {
  if (!value.is_structured()) return false;
  if (levels == 0) return true;
  return std::ranges::any_of(value, [&](const Json& each) { return IsDeeper(each, levels - 1); });
}

// Whether it may stand within an event as it is written: the parser passes over a mark of the order
// of bytes, and the event is one level deeper.
bool IsDetail(const Json& detail, std::string_view text) {
  if (!detail.is_object() || text.front() != '{') return false;
  return text.size() <= 2 * kMaxDetailDepth || !IsDeeper(detail, kMaxDetailDepth);
}

// What an event is made of.
struct Parts {
  std::string_view id;
  std::string_view detail_type;
  std::string_view source;
  std::string_view account;
  std::string_view region;
  std::string time;
  Json resources;
  std::string_view detail_text;
  Json detail;
};

std::string TextOf(const Parts& parts) {
  std::string out;
  out.reserve(256 + parts.detail_text.size());
  const auto member = [&out](std::string_view name, std::string_view value) {
    out.append(",\"").append(name).append("\":").append(base::JsonQuote(value));
  };
  out.append("{\"version\":\"0\"");
  member("id", parts.id);
  member("detail-type", parts.detail_type);
  member("source", parts.source);
  member("account", parts.account);
  member("time", parts.time);
  member("region", parts.region);
  out.append(",\"resources\":").append(base::ToJsonText(parts.resources));
  out.append(",\"detail\":").append(parts.detail_text).append("}");
  return out;
}

Json JsonOf(Parts&& parts) {
  Json::object_t out;
  out.emplace("version", "0");
  out.emplace("id", parts.id);
  out.emplace("detail-type", parts.detail_type);
  out.emplace("source", parts.source);
  out.emplace("account", parts.account);
  out.emplace("time", parts.time);
  out.emplace("region", parts.region);
  out.emplace("resources", std::move(parts.resources));
  out.emplace("detail", std::move(parts.detail));
  return out;
}

EntryFault Required(std::string_view name) {
  return {"InvalidArgument", "Parameter " + std::string(name) + " is not valid. Reason: " +
                                 std::string(name) + " is a required argument."};
}

std::optional<int> Digits(std::string_view text) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && text.front() != '-'
             ? std::optional(out)
             : std::nullopt;
}

// "2026-11-28T17:38:05Z"
std::optional<int64_t> ReadTime(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return std::nullopt;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return std::nullopt;
  }
  const std::array<std::optional<int>, 6> parts = {
      Digits(text.substr(0, 4)),  Digits(text.substr(5, 2)),  Digits(text.substr(8, 2)),
      Digits(text.substr(11, 2)), Digits(text.substr(14, 2)), Digits(text.substr(17, 2))};
  for (const auto& part : parts) {
    if (!part) return std::nullopt;
  }
  const year_month_day date{year(*parts[0]), month(static_cast<unsigned>(*parts[1])),
                            day(static_cast<unsigned>(*parts[2]))};
  if (!date.ok() || *parts[3] > 23 || *parts[4] > 59 || *parts[5] > 60) return std::nullopt;
  // Of days, which do not overflow as a count of nanoseconds would.
  const int64_t days = sys_days(date).time_since_epoch().count();
  return (days * 86'400 + *parts[3] * 3'600 + *parts[4] * 60 + *parts[5]) * 1'000;
}

}  // namespace

std::string EventTime(int64_t time_ms) {
  using namespace std::chrono;
  const sys_seconds moment{floor<seconds>(milliseconds(time_ms))};
  const auto day = floor<days>(moment);
  const year_month_day date(day);
  const hh_mm_ss time(moment - day);
  std::array<char, 40> out;
  const int size = std::snprintf(
      out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  return {out.data(), static_cast<size_t>(size)};
}

size_t EntryBytes(const Json& entry) {
  if (!entry.is_object()) return 0;
  const auto time = entry.find("Time");
  size_t out = time == entry.end() || time->is_null() ? 0 : 14;
  for (const char* name : {"Source", "DetailType", "Detail"}) out += TextOf(entry, name).size();
  const auto resources = entry.find("Resources");
  if (resources == entry.end() || !resources->is_array()) return out;
  for (const Json& each : *resources) {
    if (each.is_string()) out += each.get_ref<const std::string&>().size();
  }
  return out;
}

std::expected<Event, EntryFault> EventMaker::FromEntry(const Json& entry) const {
  Parts parts;
  parts.source = TextOf(entry, "Source");
  parts.detail_type = TextOf(entry, "DetailType");
  parts.detail_text = Trimmed(TextOf(entry, "Detail"));
  if (parts.source.empty()) return std::unexpected(Required("Source"));
  if (parts.detail_type.empty()) return std::unexpected(Required("DetailType"));
  if (TextOf(entry, "Detail").empty()) return std::unexpected(Required("Detail"));
  if (parts.source.starts_with("aws.")) {
    return std::unexpected(
        EntryFault{"NotAuthorizedForSourceException", "Not authorized for the source."});
  }
  auto detail = base::ParseJson(parts.detail_text);
  if (!detail || !IsDetail(*detail, parts.detail_text)) {
    return std::unexpected(EntryFault{"MalformedDetail", "Detail is malformed."});
  }
  parts.detail = std::move(*detail);
  const auto resources = entry.find("Resources");
  parts.resources =
      resources == entry.end() || !resources->is_array() ? Json::array() : Json(*resources);
  Event event;
  event.id = base::NewUuid();
  event.time_ms = now_ms;
  const auto time = entry.find("Time");
  if (time != entry.end() && time->is_number()) {
    const double seconds = time->get<double>();
    if (!(seconds >= 0 && seconds < kYear10000)) {
      return std::unexpected(EntryFault{
          "InvalidArgument", "Parameter Time is not valid. Reason: It is of no year up to 9999."});
    }
    event.time_ms = static_cast<int64_t>(seconds * 1000);
  }
  event.trace_header = TextOf(entry, "TraceHeader");
  parts.id = event.id;
  parts.account = account.id;
  parts.region = account.region;
  parts.time = EventTime(event.time_ms);
  event.text = TextOf(parts);
  event.json = JsonOf(std::move(parts));
  return event;
}

Result<Event> EventMaker::FromService(std::string bus, const invoker::Destinations::BusEvent& head,
                                      std::string_view detail_text) const {
  auto detail = base::ParseJson(detail_text);
  if (!detail) return std::unexpected(detail.error());
  if (!IsDetail(*detail, Trimmed(detail_text))) {
    return base::Invalid("make an event", "its detail is no JSON object, or nested too deep");
  }
  Event event;
  event.bus = std::move(bus);
  event.id = base::NewUuid();
  event.time_ms = now_ms;
  Parts parts{.id = event.id,
              .detail_type = head.detail_type,
              .source = head.source,
              .account = account.id,
              .region = account.region,
              .time = EventTime(now_ms),
              .resources = head.resources,
              .detail_text = Trimmed(detail_text),
              .detail = std::move(*detail)};
  event.text = TextOf(parts);
  event.json = JsonOf(std::move(parts));
  return event;
}

Event EventMaker::Scheduled(const std::string& rule_arn, int64_t due_ms) const {
  EventMaker maker{account, due_ms};
  return MUST(maker.FromService("default", {"aws.events", "Scheduled Event", {rule_arn}}, "{}"));
}

Result<Event> ReadEvent(std::string bus, std::string text) {
  auto json = base::ParseJson(text);
  if (!json) return std::unexpected(json.error());
  const auto invalid = [](std::string what) { return base::Invalid("read an event", what); };
  if (!json->is_object()) return invalid("it is no JSON object");
  for (const char* name : {"id", "source", "detail-type", "time"}) {
    if (TextOf(*json, name).empty()) return invalid(std::string(name) + " is no text");
  }
  if (!json->contains("detail")) return invalid("it has no detail");
  const auto time = ReadTime(TextOf(*json, "time"));
  if (!time) return invalid("its time is not like 2026-11-28T17:38:05Z");
  Event event;
  event.bus = std::move(bus);
  event.id = TextOf(*json, "id");
  event.time_ms = *time;
  const std::string_view trimmed = Trimmed(text);
  // A mark of the order of bytes, which the parser passes over.
  if (trimmed.front() != '{') return invalid("it does not begin with '{'");
  event.text = trimmed.size() == text.size() ? std::move(text) : std::string(trimmed);
  event.json = std::move(*json);
  return event;
}

Event Replayed(Event event, const std::string& replay) {
  event.json["replay-name"] = replay;
  // An event has members: there is always one behind it.
  event.text = "{\"replay-name\":" + base::JsonQuote(replay) + "," + event.text.substr(1);
  return event;
}

}  // namespace hearth::events
