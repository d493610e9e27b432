// ObjectDisk: the half of DiskStore that knows bytes: the data files, their numbers, the threads
// that read and write them, and which of them are being read. Loop's thread. Owner: DiskStore.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/limits.h"
#include "io/offload.h"
#include "triggers/s3/data_files.h"
#include "triggers/s3/file_numbers.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

class ObjectDisk {
 public:
  // `wants_block` is called where GrantBlock is to be, sooner or later.
  ObjectDisk(io::Loop& loop, DataFiles files, std::function<void()> wants_block)
      : loop_(loop),
        files_(std::move(files)),
        wants_block_(std::move(wants_block)),
        writers_(loop, limits::kObjectThreads),
        readers_(loop, kReaders) {}

  // At the loop's next turn, unless this is gone by then.
  void Later(std::function<void()> task) {
    loop_.Post([task = std::move(task), alive = alive()] {
      if (!alive.expired()) task();
    });
  }
  const DataFiles& files() const { return files_; }
  io::Offload& writers() { return writers_; }
  io::Offload& readers() { return readers_; }

  // The number of a file that is to be made; at once, or when a block is granted. It is in flight
  // until it is settled: its row is committed, or there is no such file.
  void TakeNumbers(size_t count, std::function<void(base::Result<std::vector<int64_t>>)> taken);
  void GrantBlock(base::Result<int64_t> block);
  void Settle(const std::vector<Extent>& extents);
  // Removes files that no row tells of.
  void Discard(const std::vector<Extent>& extents);
  std::vector<int64_t> TakeRetiredBlocks() { return numbers_.TakeRetired(); }
  bool IsInUse(int64_t block) const { return numbers_.IsInUse(block); }

  // What is pinned stays where it is though no row tells of it any more.
  void Pin(int64_t file) { ++pins_[file]; }
  void Unpin(int64_t file);
  bool IsPinned(int64_t file) const { return pins_.contains(file); }

  // Expires with it: what a client's connection holds may live on.
  std::weak_ptr<bool> alive() const { return alive_; }

  // Set: no body is taken in, for what room there is belongs to deletes.
  const std::optional<base::Error>& full() const { return full_; }
  void set_full(std::optional<base::Error> full) { full_ = std::move(full); }

  // Of the buffers of all bodies on their way in, the part of one.
  void AddBody() { ++bodies_; }
  bool HasTooManyBodies() const { return bodies_ > limits::kUploadBuffers / kLeastBuffer; }
  void RemoveBody() { --bodies_; }
  size_t BufferOfOne() const {
    return std::clamp(limits::kUploadBuffers / std::max<size_t>(bodies_, 1), kLeastBuffer,
                      limits::kUploadBuffer);
  }

  bool IsQuiet() const {
    return writers_.pending() == 0 && readers_.pending() == 0 && waiting_.empty();
  }

 private:
  static constexpr int kReaders = 2;             // Beside the writers, whose syncs take long.
  static constexpr size_t kLeastBuffer = 16384;  // Ours: of each body, however many there are.
  struct Waiting {
    size_t count = 0;
    std::function<void(base::Result<std::vector<int64_t>>)> taken;
  };
  void AskForBlock();
  void Serve();

  io::Loop& loop_;
  const DataFiles files_;
  const std::function<void()> wants_block_;
  FileNumbers numbers_;
  std::deque<Waiting> waiting_;
  bool has_asked_ = false;
  std::map<int64_t, int> pins_;
  size_t bodies_ = 0;
  std::optional<base::Error> full_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  io::Offload writers_;
  io::Offload readers_;
};

}  // namespace hearth::s3
