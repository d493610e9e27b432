#include "triggers/sqs/segment_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/crc.h"
#include "base/file.h"

namespace hearth::sqs {
namespace {

using base::ErrorKind;
using base::Result;
using base::UniqueFd;

constexpr std::string_view kMagic = "hearthq1";

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
  head.resize(kSegmentHead, '\0');
  return head;
}

uint32_t FrameCrc(uint32_t size, std::string_view payload) {
  const std::string_view head(reinterpret_cast<const char*>(&size), sizeof size);
  return base::Crc32c(payload, base::Crc32c(head));
}

bool IsFull(int error) { return error == ENOSPC || error == EDQUOT; }

std::unexpected<base::Error> Full() {
  return base::MakeError(ErrorKind::kLimit, "write the queues' log", "the disk is full");
}

}  // namespace

std::string SegmentPath(const std::string& folder, uint32_t segment) {
  std::string number = std::to_string(segment);
  number.insert(0, 10 - number.size(), '0');
  return folder + "/" + number + ".log";
}

Result<void> PreallocateOnDisk(int fd, size_t from, size_t to) {
  if (from >= to) return {};
  // Asked first: to try takes, for a moment, what is left for others.
  struct statvfs disk{};
  struct stat file{};
  if (::fstatvfs(fd, &disk) == 0 && ::fstat(fd, &file) == 0) {
    const auto has = static_cast<size_t>(file.st_blocks) * 512;
    if (disk.f_bavail * disk.f_frsize + has < to) return Full();
  }
  if (::fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) == 0) return {};
  if (IsFull(errno)) return Full();
  if (errno != EOPNOTSUPP) return base::SystemError("fallocate the queues' log");
  // A file system without it: zeros are as good.
  const std::string zeros(1 << 20, '\0');
  for (size_t at = from; at < to; at += zeros.size()) {
    const auto part = std::string_view(zeros).substr(0, std::min(zeros.size(), to - at));
    if (auto wrote = WriteAt(fd, part, at); !wrote) {
      return IsFull(wrote.error().error_number) ? Full() : std::move(wrote);
    }
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

Result<UniqueFd> MakeSegment(const std::string& folder, uint32_t segment, uint64_t floor,
                             size_t bytes, const Preallocate& preallocate) {
  const std::string path = SegmentPath(folder, segment);
  const std::string making = path + ".new";
  UniqueFd fd(::open(making.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    if (IsFull(errno)) return Full();
    return base::SystemError("open " + making);
  }
  const auto fill = [&]() -> Result<void> {
    TRY(preallocate(fd.get(), 0, bytes));
    TRY(WriteAt(fd.get(), MakeHead(floor), 0));
    if (::fsync(fd.get()) != 0) return base::SystemError("sync " + making);
    if (::rename(making.c_str(), path.c_str()) != 0) return base::SystemError("rename " + making);
    return base::SyncFolder(folder);
  };
  if (const auto done = fill(); !done) {
    ::unlink(making.c_str());
    if (IsFull(done.error().error_number)) return Full();
    return std::unexpected(done.error());
  }
  return fd;
}

size_t AppendRecord(std::string_view payload, std::string& out) {
  const auto size = static_cast<uint32_t>(payload.size());
  Put(out, size);
  Put(out, FrameCrc(size, payload));
  const size_t begins = out.size();
  out.append(payload);
  return begins;
}

size_t FirstRecordSize(std::string_view part) {
  return part.size() < kRecordFrame ? 0 : kRecordFrame + Get<uint32_t>(part, 0);
}

size_t ReadRecords(std::string_view part, uint32_t segment, size_t from,
                   const OnLogRecord& on_record) {
  size_t at = 0;
  while (part.size() - at > kRecordFrame) {
    const auto size = Get<uint32_t>(part, at);
    if (size == 0 || size > part.size() - at - kRecordFrame) break;
    const std::string_view payload = part.substr(at + kRecordFrame, size);
    if (Get<uint32_t>(part, at + 4) != FrameCrc(size, payload)) break;
    on_record(payload, {segment, static_cast<uint32_t>(from + at + kRecordFrame), size});
    at += kRecordFrame + size;
  }
  return from + at;
}

Result<size_t> ReadSegment(std::string_view bytes, uint32_t segment, SegmentHead& head,
                           const OnLogRecord& on_record) {
  if (bytes.size() < kSegmentHead || !bytes.starts_with(kMagic) ||
      Get<uint32_t>(bytes, kMagic.size() + 8) != base::Crc32c(bytes.substr(0, kMagic.size() + 8))) {
    return base::Invalid("read the queues' log", "a segment's head is not whole");
  }
  head.floor = Get<uint64_t>(bytes, kMagic.size());
  return ReadRecords(bytes.substr(kSegmentHead), segment, kSegmentHead, on_record);
}

bool IsZero(std::string_view bytes) {
  // Each byte is the one before it, and the first is zero.
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace hearth::sqs
