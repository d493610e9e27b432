#include "invoker/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "invoker/log_line.h"

namespace hearth::invoker {
namespace {

namespace fs = std::filesystem;

constexpr char kGroupFile[] = "group.json";
constexpr base::Bytes kMaxGroupFile = base::Bytes::MiB(8);
// Of a line, and of what a crash may have left behind it.
constexpr size_t kMaxLineBytes = 2 * limits::kMaxLogLine + 2048;

using File = LogFiles::File;

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

std::vector<LogEvent> ParseFile(const File& file) {
  std::vector<LogEvent> out;
  VisitLogLines(LogFiles::Text(file), [&](const LogLine& line) {
    out.push_back(line.ToEvent());
    return true;
  });
  return out;
}

struct LastLine {
  uint64_t sequence = 0;
  int64_t timestamp_ms = 0;
  int64_t ingested_ms = 0;
};

// The last whole line, looked for in the file's last `most` bytes. Nothing where there is none.
base::Result<std::optional<LastLine>> LastOf(const File& file, size_t most) {
  base::UniqueFd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return base::SystemError("open " + file.path);
  std::string text(std::min(file.size, most), '\0');
  const ssize_t got =
      ::pread(fd.get(), text.data(), text.size(), static_cast<off_t>(file.size - text.size()));
  if (got < 0) return base::SystemError("read " + file.path);
  std::string_view rest(text.data(), static_cast<size_t>(got));
  // What stands first is the end of a line.
  if (text.size() < file.size && !rest.empty()) {
    rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
  }
  std::optional<LastLine> last;
  VisitLogLines(rest, [&](const LogLine& line) {
    last = {line.sequence, line.timestamp_ms, line.ingested_ms};
    return true;
  });
  return last;
}

base::Result<std::optional<LastLine>> LastOf(const File& file) {
  const auto last = TRY(LastOf(file, 65536));
  return last ? last : LastOf(file, kMaxLineBytes);
}

// Whether nothing in the file happened since. Events are dated as who put them says, but the file
// grows by when they came in, and none is dated far ahead of that.
base::Result<bool> IsBefore(const File& file, int64_t before_ms) {
  const auto last = TRY(LastOf(file));
  if (!last) return true;
  if (last->ingested_ms >= before_ms) return false;
  if (last->ingested_ms + kLogEventAhead / std::chrono::milliseconds(1) < before_ms) {
    return true;
  }
  return std::ranges::all_of(ParseFile(file),
                             [&](const LogEvent& event) { return event.timestamp_ms < before_ms; });
}

// Where names of groups cannot be names of folders, their digests are. '@' is in no group's name.
std::string FolderName(const std::string& group) {
  if (group.size() > 200 || group.starts_with('.')) {
    return "@" + base::ToHex(base::Sha256Of(group));
  }
  std::string name = group;
  std::ranges::replace(name, '/', '%');
  return name;
}

}  // namespace

std::string LogFiles::FolderOf(const std::string& group) const {
  return root_ + "/" + FolderName(group);
}

std::vector<File> LogFiles::List(const std::string& group) const {
  return FilesIn(FolderOf(group));
}

std::string LogFiles::Text(const File& file) {
  // A batch is written whole: it may be larger than a file by its last line, escaped.
  return base::ReadFile(file.path,
                        base::Bytes(2 * limits::kMaxLogFile + limits::kMaxLogBytesUnwritten))
      .value_or(std::string());
}

std::string LogFiles::Head(const File& file) {
  base::UniqueFd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(4096, '\0');
  const ssize_t got = fd.valid() ? ::pread(fd.get(), text.data(), text.size(), 0) : 0;
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

size_t LogFiles::StoredBytes(const std::string& group) const {
  size_t total = 0;
  for (const File& file : List(group)) total += file.size;
  return total;
}

base::Result<std::vector<LogGroup>> LogFiles::ReadGroups() const {
  std::vector<LogGroup> out;
  TRY(base::MakeFolders(root_, 0700));
  std::error_code error;
  for (auto entry = fs::directory_iterator(root_, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    LogGroup group;
    if (const auto text =
            base::ReadFile(entry->path().string() + "/" + kGroupFile, kMaxGroupFile)) {
      if (auto read = ParseLogGroup(*text)) group = std::move(*read);
    }
    if (group.name.empty()) {
      group.name = entry->path().filename().string();
      std::ranges::replace(group.name, '%', '/');
    }
    // One of a folder that is not its own, or that nobody knows the name of, is none.
    if (FolderName(group.name) == entry->path().filename()) out.push_back(std::move(group));
  }
  if (error) return base::SystemError("read " + root_, error.value());
  return out;
}

base::Result<std::vector<LogGroup>> LogFiles::Scan() const {
  std::vector<LogGroup> out = TRY(ReadGroups());
  for (LogGroup& group : out) {
    const auto files = List(group.name);
    // The newest may hold only half a line, where the process died in its first write.
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      group.next_sequence = std::max(group.next_sequence, file->first_sequence + 1);
      const auto last = LastOf(*file).value_or(std::nullopt);
      if (!last) continue;
      group.next_sequence = std::max(group.next_sequence, last->sequence + 1);
      if (group.creation_ms == 0) group.creation_ms = last->timestamp_ms;
      break;
    }
  }
  return out;
}

base::Result<void> LogFiles::SaveGroup(const LogGroup& group) const {
  TRY(base::MakeFolders(FolderOf(group.name), 0700));
  return base::WriteFileAtomically(FolderOf(group.name) + "/" + kGroupFile, LogGroupText(group),
                                   0600);
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

// Each file that has lines of the stream is written anew without them.
base::Result<void> LogFiles::RemoveStream(const std::string& group, const std::string& stream) {
  for (const File& file : List(group)) {
    const std::string text = Text(file);
    std::string kept;
    bool found = false;
    VisitLogLines(text, [&](const LogLine& line) {
      found = found || line.stream == stream;
      if (line.stream != stream) kept.append(line.whole).push_back('\n');
      return true;
    });
    // One that is left with nothing still says where the sequence stood.
    if (found) TRY(base::WriteFileAtomically(file.path, kept, 0600));
  }
  return {};
}

base::Result<void> LogFiles::RemoveBefore(const LogGroup& group, int64_t before_ms) {
  bool saved = false;
  for (const File& file : List(group.name)) {
    if (!TRY(IsBefore(file, before_ms))) continue;
    // The sequence goes on, also where no file is left to say how far it was.
    if (!std::exchange(saved, true)) TRY(SaveGroup(group));
    TRY(Unlink(group.name, file));
  }
  return {};
}

base::Result<void> LogFiles::Unlink(const std::string& group, const File& file) {
  if (::unlink(file.path.c_str()) != 0) return base::SystemError("remove " + file.path);
  const auto current = current_.find(group);
  if (current != current_.end() && current->second.path == file.path) current_.erase(current);
  return {};
}

base::Result<std::vector<std::string>> LogFiles::Bound(size_t max_bytes, size_t max_groups) {
  struct Written {
    fs::file_time_type at;
    std::string group;
    File file;
  };
  std::vector<Written> files;
  std::map<std::string, fs::file_time_type> groups;
  size_t total = 0;
  for (const LogGroup& group : TRY(ReadGroups())) {
    auto& newest = groups[group.name];
    newest = fs::file_time_type::min();
    for (File& file : List(group.name)) {
      std::error_code error;
      const auto at = fs::last_write_time(file.path, error);
      if (error) continue;
      total += file.size;
      newest = std::max(newest, at);
      files.push_back({at, group.name, std::move(file)});
    }
  }
  std::ranges::sort(files, {}, &Written::at);
  for (const auto& [at, group, file] : files) {
    if (total <= max_bytes) break;
    TRY(Unlink(group, file));
    total -= file.size;
  }
  std::vector<std::pair<fs::file_time_type, std::string>> oldest;
  for (const auto& [name, at] : groups) oldest.emplace_back(at, name);
  std::ranges::sort(oldest);
  std::vector<std::string> removed;
  for (size_t i = 0; i + max_groups < oldest.size(); ++i) {
    TRY(Remove(oldest[i].second));
    removed.push_back(oldest[i].second);
  }
  return removed;
}

}  // namespace hearth::invoker
