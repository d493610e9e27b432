#include "cli/ndjson.h"

namespace hearth::cli {

base::Result<void> NdjsonReader::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (partial_.size() + piece.size() > kMaxLine) {
      return base::MakeError(base::ErrorKind::kLimit, "read the host's events",
                             "a line is longer than " + std::to_string(kMaxLine) + " bytes");
    }
    if (end == std::string_view::npos) {
      partial_ += piece;
      return {};
    }
    bytes.remove_prefix(end + 1);
    if (partial_.empty()) {
      TRY(TakeLine(piece));
    } else {
      partial_ += piece;
      const std::string line = std::exchange(partial_, {});
      TRY(TakeLine(line));
    }
  }
  return {};
}

base::Result<void> NdjsonReader::Finish() {
  const std::string line = std::exchange(partial_, {});
  return TakeLine(line);
}

base::Result<void> NdjsonReader::TakeLine(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return {};
  const auto value = TRY(base::ParseJson(line));
  on_value_(value);
  return {};
}

}  // namespace hearth::cli
