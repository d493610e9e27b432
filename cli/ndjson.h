// NdjsonReader: cuts a stream of bytes, however it is split, into one JSON value a line.
//
// A line that is not JSON, or longer than the limit, is an error; the reader is then spent.
// Source: github.com/ndjson/ndjson-spec.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace hearth::cli {

class NdjsonReader {
 public:
  static constexpr size_t kMaxLine = 1024 * 1024;  // A host's event is a few hundred bytes.

  explicit NdjsonReader(std::function<void(const base::Json&)> on_value)
      : on_value_(std::move(on_value)) {}
  base::Result<void> Feed(std::string_view bytes);
  // The stream has ended: a last line without its newline counts.
  base::Result<void> Finish();

 private:
  base::Result<void> TakeLine(std::string_view line);
  std::function<void(const base::Json&)> on_value_;
  std::string partial_;
};

}  // namespace hearth::cli
