#include "triggers/s3/byte_runs.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "triggers/s3/data_files.h"

namespace hearth::s3 {

using base::Result;

std::vector<ByteRun> RunsOf(const std::vector<Extent>& extents, Piece piece) {
  std::vector<ByteRun> out;
  uint64_t passed = 0;
  for (const Extent& extent : extents) {
    const uint64_t from = std::max(piece.first, passed);
    const uint64_t to = std::min(piece.first + piece.size, passed + extent.size);
    if (from < to) out.push_back({extent.file, from - passed, to - from});
    passed += extent.size;
  }
  return out;
}

Result<void> ReadTo(std::string& out, int fd, uint64_t at, size_t size) {
  const size_t before = out.size();
  out.resize(before + size);
  for (size_t got = 0; got < size;) {
    const ssize_t some =
        ::pread(fd, out.data() + before + got, size - got, static_cast<off_t>(at + got));
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) return base::SystemError("read an object");
    if (some == 0) {
      return base::MakeError(base::ErrorKind::kCorrupt, "read an object", "its file is cut");
    }
    got += static_cast<size_t>(some);
  }
  return {};
}

bool ReadCachedTo(std::string& out, int fd, uint64_t at, size_t size) {
  const size_t before = out.size();
  out.resize(before + size);
  const struct iovec to{out.data() + before, size};
  if (::preadv2(fd, &to, 1, static_cast<off_t>(at), RWF_NOWAIT) == static_cast<ssize_t>(size)) {
    return true;
  }
  out.resize(before);
  return false;
}

Result<void> WriteAt(int fd, std::string_view bytes, uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return DiskError("write an object");
    bytes.remove_prefix(static_cast<size_t>(put));
    at += static_cast<uint64_t>(put);
  }
  return {};
}

}  // namespace hearth::s3
