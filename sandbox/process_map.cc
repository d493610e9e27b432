#include "sandbox/process_map.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace hearth::sandbox {
namespace {

constexpr char kStep[] = "read a process's memory map";
// Of /proc/<pid>/pagemap: is in memory, is in swap, belongs to a file or is shared.
constexpr uint64_t kPresent = 1ull << 63;
constexpr uint64_t kSwapped = 1ull << 62;
constexpr uint64_t kOfFile = 1ull << 61;

// Takes digits of `base` and the character after them.
template <typename Number>
bool TakeNumber(std::string_view& text, int base, char after, Number& out) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out, base);
  if (error != std::errc() || at == end || *at != after) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()) + 1);
  return true;
}

bool ParseLine(std::string_view line, MemoryRegion& out) {
  if (!TakeNumber(line, 16, '-', out.start) || !TakeNumber(line, 16, ' ', out.end) ||
      out.start >= out.end || out.start % kPageSize != 0 || out.end % kPageSize != 0 ||
      line.size() < 5 || line[4] != ' ') {
    return false;
  }
  out.protection = (line[0] == 'r' ? PROT_READ : 0u) | (line[1] == 'w' ? PROT_WRITE : 0u) |
                   (line[2] == 'x' ? PROT_EXEC : 0u);
  out.shared = line[3] == 's';
  line.remove_prefix(5);
  if (!TakeNumber(line, 16, ' ', out.offset) || !TakeNumber(line, 16, ':', out.device_major) ||
      !TakeNumber(line, 16, ' ', out.device_minor) || !TakeNumber(line, 10, ' ', out.inode)) {
    return false;
  }
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  out.name = line;
  return true;
}

}  // namespace

base::Result<std::vector<MemoryRegion>> ParseMaps(std::string_view text) {
  std::vector<MemoryRegion> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    MemoryRegion region;
    if (!ParseLine(text.substr(0, end), region)) {
      return base::MakeError(base::ErrorKind::kCorrupt, kStep,
                             "unexpected line: " + std::string(text.substr(0, end)));
    }
    out.push_back(std::move(region));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

base::Result<std::vector<PageRun>> OwnPages(int pagemap, const MemoryRegion& region,
                                            uint64_t max_gap) {
  std::vector<PageRun> out;
  std::array<uint64_t, 4096> entries;
  uint64_t at = region.start;
  while (at < region.end) {
    const size_t want = std::min<uint64_t>(entries.size(), (region.end - at) / kPageSize);
    const ssize_t got = ::pread(pagemap, entries.data(), want * sizeof(uint64_t),
                                static_cast<off_t>(at / kPageSize * sizeof(uint64_t)));
    if (got <= 0 || got % static_cast<ssize_t>(sizeof(uint64_t)) != 0) {
      return base::SystemError("read a pagemap", got < 0 ? errno : EIO);
    }
    const size_t count = static_cast<size_t>(got) / sizeof(uint64_t);
    for (size_t i = 0; i < count; ++i, at += kPageSize) {
      const bool own = (entries[i] & (kPresent | kSwapped)) != 0 && (entries[i] & kOfFile) == 0;
      if (!own) continue;
      if (out.empty() || at - out.back().end > max_gap * kPageSize) {
        if (out.size() == kMaxPageRuns) {
          return base::MakeError(base::ErrorKind::kUnsupported, kStep,
                                 "its pages are too scattered");
        }
        out.push_back({at, at});
      }
      out.back().end = at + kPageSize;
    }
  }
  return out;
}

std::string_view StatusField(std::string_view status, std::string_view name) {
  while (!status.empty()) {
    const size_t end = std::min(status.find('\n'), status.size());
    std::string_view line = status.substr(0, end);
    status.remove_prefix(std::min(end + 1, status.size()));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    line.remove_prefix(name.size() + 1);
    const size_t first = line.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view() : line.substr(first);
  }
  return {};
}

base::Result<std::vector<uint64_t>> ParseStat(std::string_view text) {
  // The name in parentheses is the process's own to choose; the last one closes it.
  const size_t close = text.rfind(')');
  std::vector<uint64_t> out;
  if (close == std::string_view::npos || text.size() < close + 4) {
    return base::MakeError(base::ErrorKind::kCorrupt, kStep, "unexpected stat line");
  }
  text.remove_prefix(close + 3);  // ") S"
  out.push_back(0);
  while (!text.empty() && text[0] == ' ') {
    text.remove_prefix(1);
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    uint64_t value = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) break;
    out.push_back(negative ? 0 : value);
    text.remove_prefix(static_cast<size_t>(at - text.data()));
  }
  return out;
}

}  // namespace hearth::sandbox
