// DiskReserve: room on the disk that only what makes room may use: the commits of deletes need some
// before they free any. Blocking; the thread that commits. Owner: DiskStore.
#pragma once

#include <fcntl.h>

#include <string>

#include "base/unique_fd.h"
#include "triggers/s3/data_files.h"

namespace hearth::s3 {

class DiskReserve {
 public:
  DiskReserve(std::string path, size_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  // Takes the room where it is to be had, wholly or not at all.
  base::Result<void> Take() {
    if (fd_.valid()) return {};
    base::UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd.valid()) return DiskError("make " + path_);
    errno = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes_));
    if (errno != 0) {
      auto failure = DiskError("reserve " + path_);
      ::unlink(path_.c_str());
      return failure;
    }
    fd_ = std::move(fd);
    return {};
  }
  void Give() {
    ::unlink(path_.c_str());
    fd_.Reset();
  }

 private:
  const std::string path_;
  const size_t bytes_;
  base::UniqueFd fd_;  // Valid: it is taken.
};

}  // namespace hearth::s3
