#include "triggers/sqs/segment_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/log.h"

namespace hearth::sqs {
namespace {

using base::ErrorKind;
using base::Result;
using base::UniqueFd;

constexpr uint32_t kFirst = 1;
// Of the oldest segment, read at a time.
constexpr size_t kPart = 256 << 10;

}  // namespace

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
  // The disk was full: it is not asked again before then, or before a file is removed.
  base::MonoTime asks_at{};
  base::MonoTime now{};

  std::string buffer;  // Of records that go behind `end`.

  Result<void> AskDisk(const std::function<Result<void>()>& ask) {
    if (now < asks_at) {
      return base::MakeError(ErrorKind::kLimit, "write the queues' log", "the disk is full");
    }
    auto done = ask();
    if (!done && done.error().kind == ErrorKind::kLimit) asks_at = now + options.full_pause;
    return done;
  }

  Result<void> TakeRoom() {
    if (has_room) return {};
    return AskDisk([this]() -> Result<void> {
      TRY(options.preallocate(file->get(), end, std::max(end, options.segment_bytes)));
      if (::fsync(file->get()) != 0) return base::SystemError("sync the queues' log");
      has_room = true;
      return {};
    });
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
    UniqueFd made;
    TRY(AskDisk([&]() -> Result<void> {
      made =
          TRY(MakeSegment(folder, segment + 1, floor, options.segment_bytes, options.preallocate));
      return {};
    }));
    // Gives back what of the file was not used; a failure costs disk, nothing else.
    if (::ftruncate(file->get(), static_cast<off_t>(end)) != 0) {
      HLOG_WARN("{}", base::SystemError("shorten a segment").error().ToString());
    }
    file = std::make_shared<UniqueFd>(std::move(made));
    ++segment;
    end = kSegmentHead;
    has_room = true;
    opened.emplace(segment, file);
    return {};
  }

  // What a record of that need leaves to others.
  size_t Kept(Need need) const {
    switch (need) {
      case Need::kRoom:
        return options.reserve_bytes;
      case Need::kLittle:
        return options.reserve_bytes / 2;
      case Need::kLeast:
        return 0;
    }
    return 0;
  }

  std::vector<LogPosition> Frame(const std::vector<std::string>& payloads) {
    std::vector<LogPosition> out;
    out.reserve(payloads.size());
    for (const std::string& payload : payloads) {
      const size_t begins = end + AppendRecord(payload, buffer);
      out.push_back(
          {segment, static_cast<uint32_t>(begins), static_cast<uint32_t>(payload.size())});
    }
    return out;
  }
};

struct SegmentLog::Batch {
  std::vector<Entry> entries;
  std::vector<Result<std::vector<LogPosition>>> results;
  Files opened;
  uint64_t floor = 0;
  base::MonoTime now{};

  // On the writing thread.
  void Write(Writer& writer) {
    writer.now = now;
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
      const auto fits = [&] {
        return writer.has_room && writer.end + writer.buffer.size() + entry.size +
                                          writer.Kept(entry.need) + kRecordFrame <=
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
  if (!options_.preallocate) options_.preallocate = PreallocateOnDisk;
  writer_->folder = folder_;
  writer_->options = options_;
}

SegmentLog::~SegmentLog() = default;

Result<std::unique_ptr<SegmentLog>> SegmentLog::Open(io::Loop& loop, const std::string& folder,
                                                     const OnLogRecord& on_record,
                                                     SegmentLogOptions options) {
  TRY(base::MakeFolders(folder, 0700));
  std::unique_ptr<SegmentLog> log(new SegmentLog(loop, folder, options));
  TRY(log->Recover(on_record));
  return log;
}

Result<void> SegmentLog::Recover(const OnLogRecord& on_record) {
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
    auto made = TRY(MakeSegment(folder_, kFirst, 0, 0, options_.preallocate));
    segments_.emplace(kFirst, std::make_shared<UniqueFd>(std::move(made)));
    writer_->end = kSegmentHead;
  }
  for (const uint32_t segment : found) {
    TRY(RecoverSegment(segment, segment == found.back(), on_record));
  }
  writer_->segment = segments_.rbegin()->first;
  writer_->file = segments_.rbegin()->second;
  // As long as it is there to be had: deletes are to find it.
  const bool is_used = writer_->end > kSegmentHead;
  const auto taken = is_used ? writer_->TakeRoom() : Result<void>();
  if (!taken && taken.error().kind != ErrorKind::kLimit) return taken;
  return {};
}

Result<void> SegmentLog::RecoverSegment(uint32_t segment, bool is_newest,
                                        const OnLogRecord& on_record) {
  const std::string path = SegmentPath(folder_, segment);
  // What it said of the older ones would be unsaid: the deleted would come back.
  if (!segments_.empty() && segments_.rbegin()->first + 1 != segment) {
    return base::MakeError(ErrorKind::kCorrupt, "read " + path, "the segment before it is missing");
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
  const std::string_view rest = std::string_view(bytes).substr(*end);
  const bool ends_clean = IsZero(rest);
  if (!is_newest && !ends_clean) {
    return base::MakeError(ErrorKind::kCorrupt, "read " + path,
                           "a record at byte " + std::to_string(*end) + " is not whole");
  }
  if (!ends_clean) {
    HLOG_WARN("{}: an unfinished write at byte {} is dropped", path, *end);
    // What was torn must not be taken for the tail of what comes after it. The file keeps its size:
    // what it has of a full disk would not come back.
    const size_t torn = rest.find_last_not_of('\0') + 1;
    TRY(WriteAt(fd->get(), std::string(torn, '\0'), *end));
    if (::fsync(fd->get()) != 0) return base::SystemError("sync " + path);
  }
  writer_->end = *end;
  segments_.emplace(segment, std::move(fd));
  return {};
}

void SegmentLog::Append(std::vector<std::string> payloads, Need need, Appended done) {
  Entry entry{std::move(payloads), need, std::move(done)};
  for (const std::string& payload : entry.payloads) {
    CHECK(!payload.empty() && payload.size() <= max_payload());
    entry.size += kRecordFrame + payload.size();
  }
  CHECK(entry.size <= max_payload() + kRecordFrame);
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
  batch->now = loop_.clock().Now();
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

void SegmentLog::ReadOldest(uint32_t from, std::function<void(Result<Part>)> done) {
  reading_thread_.Run(
      [file = segments_.begin()->second, segment = oldest(),
       from = std::max<size_t>(from, kSegmentHead), most = std::min(kPart, max_payload() / 2),
       segment_bytes = options_.segment_bytes]() -> Result<Part> {
        Part out;
        const auto keep = [&out](std::string_view payload, LogPosition at) {
          out.records.push_back({std::string(payload), at});
        };
        std::string bytes = TRY(ReadAt(file->get(), from, most));
        size_t end = ReadRecords(bytes, segment, from, keep);
        if (out.records.empty() && bytes.size() == most) {  // The first is larger than that.
          const size_t size = std::min(FirstRecordSize(bytes), segment_bytes);
          bytes = TRY(ReadAt(file->get(), from, size));
          end = ReadRecords(bytes, segment, from, keep);
        }
        out.next = out.records.empty() ? 0 : static_cast<uint32_t>(end);
        return out;
      },
      [done = std::move(done), alive = std::weak_ptr<bool>(alive_)](Result<Part> result) {
        if (!alive.expired()) done(std::move(result));
      });
}

void SegmentLog::RemoveOldest() {
  CHECK(segments_.size() > 1);
  const std::string path = SegmentPath(folder_, oldest());
  segments_.erase(segments_.begin());
  writing_thread_.Run(
      [path, writer = writer_] {
        if (::unlink(path.c_str()) != 0) {
          HLOG_WARN("{}", base::SystemError("remove " + path).error().ToString());
        }
        writer->asks_at = {};
        return true;
      },
      [](bool) {});
}

}  // namespace hearth::sqs
