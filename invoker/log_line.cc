#include "invoker/log_line.h"

#include <algorithm>
#include <charconv>

namespace hearth::invoker {
namespace {

template <typename Number>
bool ReadNumber(std::string_view text, Number& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

void AppendNumber(std::string& to, auto number) {
  char digits[24];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// Nearly every message has nothing to escape, and is copied whole.
void AppendEscaped(std::string& to, std::string_view text) {
  while (!text.empty()) {
    size_t plain = std::min(text.find('\n'), text.size());
    plain = std::min(text.substr(0, plain).find('\\'), plain);
    to.append(text.substr(0, plain));
    if (plain == text.size()) return;
    to.append(text[plain] == '\n' ? "\\n" : "\\\\");
    text.remove_prefix(plain + 1);
  }
}

}  // namespace

void AppendLogLine(std::string& to, uint64_t sequence, int64_t timestamp_ms, int64_t ingested_ms,
                   std::string_view stream, std::string_view message) {
  AppendNumber(to, sequence);
  to.push_back('\t');
  AppendNumber(to, timestamp_ms);
  if (ingested_ms != timestamp_ms) {
    to.push_back(',');
    AppendNumber(to, ingested_ms);
  }
  to.push_back('\t');
  to.append(stream).push_back('\t');
  AppendEscaped(to, message);
  to.push_back('\n');
}

std::optional<LogLine> ParseLogLine(std::string_view line) {
  const std::string_view whole = line;
  std::string_view fields[3];
  for (auto& field : fields) {
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    field = line.substr(0, tab);
    line.remove_prefix(tab + 1);
  }
  LogLine out{.stream = fields[2], .escaped = line, .whole = whole};
  const auto comma = fields[1].find(',');
  if (!ReadNumber(fields[0], out.sequence) ||
      !ReadNumber(fields[1].substr(0, comma), out.timestamp_ms)) {
    return std::nullopt;
  }
  out.ingested_ms = out.timestamp_ms;
  if (comma != std::string_view::npos &&
      !ReadNumber(fields[1].substr(comma + 1), out.ingested_ms)) {
    return std::nullopt;
  }
  return out;
}

std::string LogLine::Message() const {
  std::string out;
  out.reserve(escaped.size());
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] == '\\' && i + 1 < escaped.size()) {
      out += escaped[++i] == 'n' ? '\n' : escaped[i];
    } else {
      out += escaped[i];
    }
  }
  return out;
}

LogEvent LogLine::ToEvent() const {
  return {sequence, timestamp_ms, ingested_ms, std::string(stream), Message()};
}

}  // namespace hearth::invoker
