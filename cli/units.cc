#include "cli/units.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace hearth::cli {
namespace {

constexpr struct {
  std::string_view suffix;
  double nanoseconds;
} kUnits[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};

// Three significant digits, no exponent.
std::string ThreeDigits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

base::Result<base::Duration> ParseDuration(std::string_view text, std::chrono::hours longest) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  if (error == std::errc()) {
    for (const auto& unit : kUnits) {
      if (suffix != unit.suffix) continue;
      const double nanoseconds = number * unit.nanoseconds;
      if (!(nanoseconds >= 1) ||
          nanoseconds > static_cast<double>(base::Duration(longest).count())) {
        break;
      }
      return base::Duration(static_cast<int64_t>(std::llround(nanoseconds)));
    }
  }
  return base::Invalid("duration", fmt::format("'{}' is not a duration from 1us to {}h; write a "
                                               "number and its unit: 500ms, 10s, 2m, 1h",
                                               text, longest.count()));
}

std::string FormatLatency(base::Duration duration) {
  const auto nanoseconds = static_cast<double>(duration.count());
  if (nanoseconds < 999.5e3) return ThreeDigits(nanoseconds / 1e3) + " us";
  if (nanoseconds < 999.5e6) return ThreeDigits(nanoseconds / 1e6) + " ms";
  return ThreeDigits(nanoseconds / 1e9) + " s";
}

std::string FormatAge(base::Duration age) {
  const auto s = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86400, s / 3600 % 24);
}

std::string FormatSize(base::Bytes size) {
  const auto count = static_cast<double>(size.count());
  if (count < 1024) return fmt::format("{} B", size.count());
  if (count < 1023.5 * 1024) return ThreeDigits(count / 1024) + " KiB";
  if (count < 1023.5 * 1024 * 1024) return ThreeDigits(count / 1024 / 1024) + " MiB";
  return ThreeDigits(count / 1024 / 1024 / 1024) + " GiB";
}

}  // namespace hearth::cli
