// floor: what Hearth is measured against. The least that an HTTP front and a worker process behind
// a Unix socket can cost, with no sandbox, no limits, no state and no log.
//
//   floor --worker native|python|node --port N [--workers N]   each call goes to a worker
//   floor --front --port N                                     the front answers by itself
#include <charconv>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>

#include "bench/front.h"

namespace hearth::bench {
namespace {

constexpr size_t kMaxWorkers = 1024;

std::optional<size_t> ParseNumber(std::string_view text, size_t max) {
  size_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 1 ||
      value > max) {
    return std::nullopt;
  }
  return value;
}

std::optional<FrontOptions> ParseOptions(std::span<char* const> arguments) {
  FrontOptions options;
  bool has_kind = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--front") {
      has_kind = true;
      continue;
    }
    if (++i == arguments.size()) return std::nullopt;
    if (name == "--worker") {
      const auto kind = ParseWorkerKind(arguments[i]);
      if (!kind) return std::nullopt;
      options.worker = *kind;
      has_kind = true;
      continue;
    }
    const auto number = ParseNumber(arguments[i], name == "--port" ? 65535 : kMaxWorkers);
    if (!number) return std::nullopt;
    if (name == "--port") {
      options.port = static_cast<uint16_t>(*number);
    } else if (name == "--workers") {
      options.max_workers = *number;
    } else {
      return std::nullopt;
    }
  }
  if (!has_kind || options.port == 0) return std::nullopt;
  return options;
}

int Main(std::span<char* const> arguments) {
  const auto options = ParseOptions(arguments);
  if (!options) {
    std::fputs(
        "usage: floor --worker native|python|node --port N [--workers N]\n"
        "       floor --front --port N\n",
        stderr);
    return 2;
  }
  const auto front = Front::Create(*options);
  const auto served = front ? (*front)->Serve() : std::unexpected(front.error());
  std::fprintf(stderr, "floor: %s\n", served.error().ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) {
  return hearth::bench::Main(std::span(argv, static_cast<size_t>(argc)).subspan(1));
}
