#include "triggers/sqs/segment_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/log.h"

namespace hearth::sqs {
namespace {

using base::ErrorKind;
using base::Result;
using base::UniqueFd;

constexpr std::string_view kMagic = "hearthq1";
constexpr size_t kHead = 32;  // Magic, floor, CRC of both; the rest is zero.
constexpr size_t kFrame = 8;  // Size and CRC before a payload.
constexpr uint32_t kFirst = 1;

template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <typename T>
T Get(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string MakeHead(uint64_t floor) {
  std::string head(kMagic);
  Put(head, floor);
  Put(head, base::Crc32c(head));
  head.resize(kHead, '\0');
  return head;
}

uint32_t FrameCrc(uint32_t size, std::string_view payload) {
  std::string head;
  Put(head, size);
  return base::Crc32c(payload, base::Crc32c(head));
}

std::string PathOf(const std::string& folder, uint32_t segment) {
  std::string number = std::to_string(segment);
  number.insert(0, 10 - number.size(), '0');
  return folder + "/" + number + ".log";
}

// Made with its whole size, so that a write into it finds its room.
Result<void> Preallocate(int fd, size_t from, size_t to, const std::string& path) {
  if (::fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) == 0) return {};
  if (errno == ENOSPC || errno == EDQUOT) {
    return base::MakeError(ErrorKind::kLimit, "make " + path, "the disk is full");
  }
  if (errno != EOPNOTSUPP) return base::SystemError("fallocate " + path);
  // A file system without it: zeros are as good.
  const std::string zeros(1 << 20, '\0');
  for (size_t at = from; at < to;) {
    const size_t part = std::min(zeros.size(), to - at);
    const ssize_t wrote = ::pwrite(fd, zeros.data(), part, static_cast<off_t>(at));
    if (wrote < 0 && errno == ENOSPC) {
      return base::MakeError(ErrorKind::kLimit, "make " + path, "the disk is full");
    }
    if (wrote <= 0) return base::SystemError("write " + path);
    at += static_cast<size_t>(wrote);
  }
  return {};
}

Result<void> WriteAt(int fd, std::string_view data, size_t at) {
  while (!data.empty()) {
    const ssize_t wrote = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(at));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return base::SystemError("write the queues' log");
    data.remove_prefix(static_cast<size_t>(wrote));
    at += static_cast<size_t>(wrote);
  }
  return {};
}

Result<std::string> ReadAt(int fd, size_t at, size_t size) {
  std::string out(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(fd, out.data() + have, size - have, static_cast<off_t>(at + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::SystemError("read the queues' log");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  out.resize(have);
  return out;
}

// Under a name that no start takes for a segment until its head is durable.
Result<UniqueFd> MakeSegment(const std::string& folder, uint32_t segment, uint64_t floor,
                             size_t bytes) {
  const std::string path = PathOf(folder, segment);
  const std::string making = path + ".new";
  UniqueFd fd(::open(making.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    if (errno == ENOSPC || errno == EDQUOT) {
      return base::MakeError(ErrorKind::kLimit, "make " + making, "the disk is full");
    }
    return base::SystemError("open " + making);
  }
  const auto fill = [&]() -> Result<void> {
    TRY(Preallocate(fd.get(), 0, bytes, making));
    TRY(WriteAt(fd.get(), MakeHead(floor), 0));
    if (::fsync(fd.get()) != 0) return base::SystemError("sync " + making);
    if (::rename(making.c_str(), path.c_str()) != 0) return base::SystemError("rename " + making);
    return base::SyncFolder(folder);
  };
  if (const auto done = fill(); !done) {
    ::unlink(making.c_str());
    if (done.error().error_number == ENOSPC) {
      return base::MakeError(ErrorKind::kLimit, "make " + path, "the disk is full");
    }
    return std::unexpected(done.error());
  }
  return fd;
}

}  // namespace

Result<size_t> ReadSegment(std::string_view bytes, uint32_t segment, SegmentHead& head,
                           const SegmentLog::OnRecord& on_record) {
  if (bytes.size() < kHead || !bytes.starts_with(kMagic) ||
      Get<uint32_t>(bytes, kMagic.size() + 8) != base::Crc32c(bytes.substr(0, kMagic.size() + 8))) {
    return base::Invalid("read the queues' log", "a segment's head is not whole");
  }
  head.floor = Get<uint64_t>(bytes, kMagic.size());
  size_t at = kHead;
  while (bytes.size() - at > kFrame) {
    const auto size = Get<uint32_t>(bytes, at);
    if (size == 0 || size > bytes.size() - at - kFrame) break;
    const std::string_view payload = bytes.substr(at + kFrame, size);
    if (Get<uint32_t>(bytes, at + 4) != FrameCrc(size, payload)) break;
    on_record(payload, {segment, static_cast<uint32_t>(at + kFrame), size});
    at += kFrame + size;
  }
  return at;
}

// What the writing thread has: the newest segment and where its next record goes.
struct SegmentLog::Writer {
  std::string folder;
  SegmentLogOptions options;
  std::shared_ptr<UniqueFd> file;
  uint32_t segment = 0;
  size_t end = 0;
  bool is_broken = false;
  // The file has its whole size. A log that nothing was written to takes no room.
  bool has_room = false;

  std::string buffer;  // Of records that go behind `end`.

  Result<void> TakeRoom() {
    if (has_room) return {};
    TRY(Preallocate(file->get(), end, std::max(end, options.segment_bytes),
                    PathOf(folder, segment)));
    if (::fsync(file->get()) != 0) return base::SystemError("sync the queues' log");
    has_room = true;
    return {};
  }

  Result<void> WriteBuffer() {
    if (buffer.empty()) return {};
    TRY(WriteAt(file->get(), buffer, end));
    end += buffer.size();
    buffer.clear();
    if (::fdatasync(file->get()) != 0) return base::SystemError("sync the queues' log");
    return {};
  }

  Result<void> Rotate(uint64_t floor, Files& opened) {
    // Whole before there is a newer one: only the newest may end in a torn record.
    TRY(WriteBuffer());
    auto made = TRY(MakeSegment(folder, segment + 1, floor, options.segment_bytes));
    // Gives back what of the file was not used; a failure costs disk, nothing else.
    if (::ftruncate(file->get(), static_cast<off_t>(end)) != 0) {
      HLOG_WARN("{}", base::SystemError("shorten a segment").error().ToString());
    }
    file = std::make_shared<UniqueFd>(std::move(made));
    ++segment;
    end = kHead;
    has_room = true;
    opened.emplace(segment, file);
    return {};
  }

  std::vector<LogPosition> Frame(const std::vector<std::string>& payloads) {
    std::vector<LogPosition> out;
    out.reserve(payloads.size());
    for (const std::string& payload : payloads) {
      const auto size = static_cast<uint32_t>(payload.size());
      Put(buffer, size);
      Put(buffer, FrameCrc(size, payload));
      out.push_back({segment, static_cast<uint32_t>(end + buffer.size()), size});
      buffer.append(payload);
    }
    return out;
  }
};

struct SegmentLog::Batch {
  std::vector<Entry> entries;
  std::vector<Result<std::vector<LogPosition>>> results;
  Files opened;
  uint64_t floor = 0;

  // On the writing thread.
  void Write(Writer& writer) {
    std::optional<base::Error> full;
    Result<void> written;
    if (const auto taken = writer.TakeRoom(); !taken) {
      full = taken.error();
      if (full->kind != ErrorKind::kLimit) written = taken;
    }
    for (const Entry& entry : entries) {
      if (writer.is_broken) {
        results.emplace_back(base::MakeError(ErrorKind::kSystem, "append to the queues' log",
                                             "an earlier write failed; restart hearthd"));
        continue;
      }
      const size_t kept = entry.need == Need::kRoom ? writer.options.reserve_bytes : 0;
      const auto fits = [&] {
        return writer.has_room && writer.end + writer.buffer.size() + entry.size + kept + kFrame <=
                                      writer.options.segment_bytes;
      };
      if (!fits() && !full) {
        if (const auto rotated = writer.Rotate(floor, opened); !rotated) {
          full = rotated.error();
          if (full->kind != ErrorKind::kLimit) written = rotated;
        }
      }
      if (!written || !fits()) {
        results.emplace_back(std::unexpected(*full));
        continue;
      }
      results.emplace_back(writer.Frame(entry.payloads));
    }
    if (written) written = writer.is_broken ? Result<void>() : writer.WriteBuffer();
    if (written) return;
    HLOG_ERROR("{}; sends to queues are refused until a restart", written.error().ToString());
    writer.is_broken = true;
    writer.buffer.clear();
    for (auto& result : results) result = std::unexpected(written.error());
  }
};

SegmentLog::SegmentLog(io::Loop& loop, std::string folder, SegmentLogOptions options)
    : loop_(loop),
      folder_(std::move(folder)),
      options_(options),
      writer_(std::make_shared<Writer>()),
      writing_thread_(loop, 1),
      reading_thread_(loop, 1) {
  writer_->folder = folder_;
  writer_->options = options_;
}

SegmentLog::~SegmentLog() = default;

Result<std::unique_ptr<SegmentLog>> SegmentLog::Open(io::Loop& loop, const std::string& folder,
                                                     const OnRecord& on_record,
                                                     SegmentLogOptions options) {
  TRY(base::MakeFolders(folder, 0700));
  std::unique_ptr<SegmentLog> log(new SegmentLog(loop, folder, options));
  TRY(log->Recover(on_record));
  return log;
}

Result<void> SegmentLog::Recover(const OnRecord& on_record) {
  std::vector<uint32_t> found;
  DIR* const listing = ::opendir(folder_.c_str());
  if (listing == nullptr) return base::SystemError("open " + folder_);
  while (const struct dirent* entry = ::readdir(listing)) {
    const std::string name = entry->d_name;
    if (name.ends_with(".new")) ::unlink((folder_ + "/" + name).c_str());
    if (name.size() == 14 && name.ends_with(".log")) {
      found.push_back(static_cast<uint32_t>(std::strtoul(name.c_str(), nullptr, 10)));
    }
  }
  ::closedir(listing);
  std::ranges::sort(found);
  if (found.empty()) {
    auto made = TRY(MakeSegment(folder_, kFirst, 0, kHead));
    segments_.emplace(kFirst, std::make_shared<UniqueFd>(std::move(made)));
    writer_->end = kHead;
  }
  for (const uint32_t segment : found) {
    const std::string path = PathOf(folder_, segment);
    // What it said of the older ones would be unsaid: the deleted would come back.
    if (!segments_.empty() && segments_.rbegin()->first + 1 != segment) {
      return base::MakeError(ErrorKind::kCorrupt, "read " + path,
                             "the segment before it is missing");
    }
    auto fd = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd->valid()) return base::SystemError("open " + path);
    struct stat info{};
    if (::fstat(fd->get(), &info) != 0) return base::SystemError("stat " + path);
    const std::string bytes = TRY(ReadAt(fd->get(), 0, static_cast<size_t>(info.st_size)));
    SegmentHead head;
    const auto end = ReadSegment(bytes, segment, head, on_record);
    if (!end) return base::MakeError(ErrorKind::kCorrupt, "read " + path, end.error().text);
    recovered_floor_ = std::max(recovered_floor_, head.floor);
    const bool is_newest = segment == found.back();
    const bool ends_clean = std::all_of(bytes.begin() + static_cast<ptrdiff_t>(*end), bytes.end(),
                                        [](char byte) { return byte == '\0'; });
    if (!is_newest && !ends_clean) {
      return base::MakeError(ErrorKind::kCorrupt, "read " + path,
                             "a record at byte " + std::to_string(*end) + " is not whole");
    }
    if (is_newest) {
      if (!ends_clean) HLOG_WARN("{}: an unfinished write at byte {} is dropped", path, *end);
      // What was torn must not be taken for the tail of what comes after it.
      if (::ftruncate(fd->get(), static_cast<off_t>(*end)) != 0) {
        return base::SystemError("shorten " + path);
      }
      if (::fsync(fd->get()) != 0) return base::SystemError("sync " + path);
      writer_->end = *end;
      // As long as it is there to be had: deletes are to find it.
      const bool is_used = *end > kHead;
      if (is_used) {
        writer_->segment = segment;
        writer_->file = fd;
        const auto taken = writer_->TakeRoom();
        if (!taken && taken.error().kind != ErrorKind::kLimit) return taken;
      }
    }
    segments_.emplace(segment, std::move(fd));
  }
  writer_->segment = segments_.rbegin()->first;
  writer_->file = segments_.rbegin()->second;
  return {};
}

void SegmentLog::Append(std::vector<std::string> payloads, Need need, Appended done) {
  Entry entry{std::move(payloads), need, std::move(done)};
  for (const std::string& payload : entry.payloads) {
    CHECK(!payload.empty() && payload.size() <= max_payload());
    entry.size += kFrame + payload.size();
  }
  CHECK(entry.size <= max_payload() + kFrame);
  if (need == Need::kRoom) unwritten_ += entry.size;
  pending_.push_back(std::move(entry));
  FlushSoon();
}

// At the end of this turn of the loop: what its other requests bring shares the sync.
void SegmentLog::FlushSoon() {
  if (writing_ || std::exchange(flush_posted_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    flush_posted_ = false;
    if (!writing_ && !pending_.empty()) Flush();
  });
}

void SegmentLog::Flush() {
  writing_ = true;
  auto batch = std::make_shared<Batch>();
  batch->entries = std::move(pending_);
  batch->floor = floor_;
  pending_.clear();
  writing_thread_.Run(
      [batch, writer = writer_] {
        batch->Write(*writer);
        return true;
      },
      [this, batch, alive = std::weak_ptr<bool>(alive_)](bool) {
        if (alive.expired()) return;
        writing_ = false;
        segments_.merge(batch->opened);
        for (size_t i = 0; i < batch->entries.size(); ++i) {
          Entry& entry = batch->entries[i];
          if (entry.need == Need::kRoom) unwritten_ -= entry.size;
          entry.done(std::move(batch->results[i]));
          if (alive.expired()) return;
        }
        if (!pending_.empty() && !writing_) Flush();
      });
}

void SegmentLog::Read(std::vector<LogPosition> positions, Reading done) {
  std::vector<std::pair<std::shared_ptr<UniqueFd>, LogPosition>> parts;
  parts.reserve(positions.size());
  for (const LogPosition& at : positions) parts.emplace_back(segments_.at(at.segment), at);
  reading_thread_.Run(
      [parts = std::move(parts)]() -> Result<std::vector<std::string>> {
        std::vector<std::string> out;
        out.reserve(parts.size());
        for (const auto& [file, at] : parts) {
          out.push_back(TRY(ReadAt(file->get(), at.offset, at.size)));
          if (out.back().size() == at.size) continue;
          return base::MakeError(ErrorKind::kCorrupt, "read the queues' log", "a record is cut");
        }
        return out;
      },
      [done = std::move(done),
       alive = std::weak_ptr<bool>(alive_)](Result<std::vector<std::string>> result) {
        if (!alive.expired()) done(std::move(result));
      });
}

void SegmentLog::ReadOldest(std::function<void(Result<std::vector<Record>>)> done) {
  reading_thread_.Run(
      [file = segments_.begin()->second, segment = oldest(),
       size = options_.segment_bytes]() -> Result<std::vector<Record>> {
        const std::string bytes = TRY(ReadAt(file->get(), 0, size));
        std::vector<Record> out;
        SegmentHead head;
        TRY(ReadSegment(bytes, segment, head, [&out](std::string_view payload, LogPosition at) {
          out.push_back({std::string(payload), at});
        }));
        return out;
      },
      [done = std::move(done),
       alive = std::weak_ptr<bool>(alive_)](Result<std::vector<Record>> result) {
        if (!alive.expired()) done(std::move(result));
      });
}

void SegmentLog::RemoveOldest() {
  CHECK(segments_.size() > 1);
  const std::string path = PathOf(folder_, oldest());
  segments_.erase(segments_.begin());
  writing_thread_.Run(
      [path] {
        if (::unlink(path.c_str()) != 0) {
          HLOG_WARN("{}", base::SystemError("remove " + path).error().ToString());
        }
        return true;
      },
      [](bool) {});
}

}  // namespace hearth::sqs
