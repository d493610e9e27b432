#include "invoker/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/limits.h"

namespace hearth::invoker {
namespace {

namespace fs = std::filesystem;

struct File {
  uint64_t first_sequence = 0;  // Its name.
  std::string path;
  size_t size = 0;
};

std::optional<uint64_t> ToNumber(std::string_view text) {
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// A group's files, oldest first.
std::vector<File> FilesIn(const std::string& folder) {
  std::vector<File> out;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() != ".log") continue;
    const auto first = ToNumber(entry->path().stem().string());
    std::error_code no_size;
    const auto size = entry->file_size(no_size);
    if (first && !no_size) out.push_back({*first, entry->path().string(), size});
  }
  std::ranges::sort(out, {}, &File::first_sequence);
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      out += text[++i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return out;
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

std::optional<LogEvent> ParseLine(std::string_view line) {
  std::string_view fields[3];
  for (auto& field : fields) {
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    field = line.substr(0, tab);
    line.remove_prefix(tab + 1);
  }
  const auto sequence = ToNumber(fields[0]);
  const auto timestamp = ToNumber(fields[1]);
  if (!sequence || !timestamp) return std::nullopt;
  return LogEvent{*sequence, static_cast<int64_t>(*timestamp), std::string(fields[2]),
                  Unescape(line)};
}

std::vector<LogEvent> ParseFile(const File& file) {
  std::vector<LogEvent> out;
  // A batch is written whole: it may be larger than a file by its last line, escaped.
  const auto text = base::ReadFile(
      file.path, base::Bytes(2 * limits::kMaxLogFile + limits::kMaxLogBytesUnwritten));
  if (!text) return out;
  std::string_view rest = *text;
  while (true) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return out;  // What follows is half a line, or nothing.
    if (auto event = ParseLine(rest.substr(0, end))) out.push_back(std::move(*event));
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

std::string LogFiles::FolderOf(const std::string& group) const {
  std::string name = group;
  std::ranges::replace(name, '/', '%');
  return root_ + "/" + name;
}

void LogFiles::AppendLine(std::string& to, uint64_t sequence, int64_t timestamp_ms,
                          std::string_view stream, std::string_view message) {
  char number[24];
  auto end = std::to_chars(number, number + sizeof number, sequence).ptr;
  to.append(number, end).push_back('\t');
  end = std::to_chars(number, number + sizeof number, timestamp_ms).ptr;
  to.append(number, end).push_back('\t');
  to.append(stream).push_back('\t');
  AppendEscaped(to, message);
  to.push_back('\n');
}

base::Result<std::map<std::string, uint64_t>> LogFiles::Scan() const {
  std::map<std::string, uint64_t> out;
  TRY(base::MakeFolders(root_, 0700));
  std::error_code error;
  for (auto entry = fs::directory_iterator(root_, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::string group = entry->path().filename().string();
    std::ranges::replace(group, '%', '/');
    const auto files = FilesIn(entry->path().string());
    // The newest may hold only half a line, where the process died in its first write.
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      const auto events = ParseFile(*file);
      out[group] = std::max(out[group], file->first_sequence);
      if (events.empty()) continue;
      out[group] = std::max(out[group], events.back().sequence);
      break;
    }
  }
  if (error) return base::SystemError("read " + root_, error.value());
  return out;
}

base::Result<void> LogFiles::Append(const std::string& group, uint64_t first_sequence,
                                    std::string_view text) {
  Current& current = current_[group];
  if (current.path.empty() || current.size + text.size() > limits::kMaxLogFile) {
    current = {};
    TRY(base::MakeFolders(FolderOf(group), 0700));
    TRY(RemoveOldest(group, std::max(text.size(), limits::kMaxLogFile)));
    current = {FolderOf(group) + "/" + std::to_string(first_sequence) + ".log", 0};
  }
  base::UniqueFd fd(::open(current.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    const std::string path = std::exchange(current, {}).path;  // Its folder may have to be made.
    return base::SystemError("open " + path);
  }
  auto written = base::WriteAll(fd.get(), text);
  if (!written) {
    current = {};  // The file may end in half a line: the next batch starts another.
    return written;
  }
  current.size += text.size();
  return {};
}

base::Result<void> LogFiles::RemoveOldest(const std::string& group, size_t room) const {
  std::vector<File> files = FilesIn(FolderOf(group));
  size_t total = 0;
  for (const File& file : files) total += file.size;
  for (size_t i = 0; i < files.size() && (files.size() - i >= limits::kMaxLogFiles ||
                                          total > limits::kMaxLogBytes - room);
       ++i) {
    if (::unlink(files[i].path.c_str()) != 0) return base::SystemError("remove " + files[i].path);
    total -= files[i].size;
  }
  return {};
}

std::vector<LogEvent> LogFiles::Read(const std::string& group, uint64_t after_sequence,
                                     size_t limit) const {
  std::vector<LogEvent> out;
  const auto files = FilesIn(FolderOf(group));
  // The first file that can hold a later event is the last that starts at or before it.
  auto file = std::ranges::upper_bound(files, after_sequence + 1, {}, &File::first_sequence);
  if (file != files.begin()) --file;
  size_t bytes = 0;
  for (; file != files.end() && out.size() < limit && bytes < kMaxReadBytes; ++file) {
    for (auto& event : ParseFile(*file)) {
      if (event.sequence <= after_sequence) continue;
      if (out.size() >= limit || bytes >= kMaxReadBytes) break;
      bytes += event.message.size();
      out.push_back(std::move(event));
    }
  }
  return out;
}

std::vector<LogEvent> LogFiles::Tail(const std::string& group, uint64_t before_sequence,
                                     size_t count) const {
  std::vector<LogEvent> newest_first;
  const auto files = FilesIn(FolderOf(group));
  size_t bytes = 0;
  const auto enough = [&] { return newest_first.size() >= count || bytes >= kMaxReadBytes; };
  for (auto file = files.rbegin(); file != files.rend() && !enough(); ++file) {
    auto events = ParseFile(*file);
    for (auto event = events.rbegin(); event != events.rend() && !enough(); ++event) {
      if (event->sequence >= before_sequence) continue;
      bytes += event->message.size();
      newest_first.push_back(std::move(*event));
    }
  }
  std::ranges::reverse(newest_first);
  return newest_first;
}

base::Result<void> LogFiles::Remove(const std::string& group) {
  current_.erase(group);
  return base::RemoveTree(FolderOf(group));
}

}  // namespace hearth::invoker
