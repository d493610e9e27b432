#include "triggers/s3/body_writer.h"

#include <fcntl.h>

#include <optional>

#include "triggers/s3/body_digest.h"
#include "triggers/s3/byte_runs.h"

namespace hearth::s3 {
namespace {

using base::Result;

// Of a body's buffer: one part gathers while others are written and digested.
constexpr size_t kPartsOfBuffer = 4;
// So much is sent on to the disk at once while more comes: the sync at the end finds little left.
constexpr uint64_t kWriteBehind = 8 << 20;

// Some bytes on their way to the disk and into the digest.
struct Chunk {
  std::string bytes;
  int users = 2;
};
using Chunks = std::vector<std::shared_ptr<Chunk>>;

}  // namespace

// Lives as long as the writer or a job of it. The file and the digest are a job's while one runs
// on their lane, else the loop's.
struct DiskBodyWriter::Body : std::enable_shared_from_this<Body> {
  struct Lane {
    Chunks waiting;
    bool is_running = false;
    bool is_idle() const { return !is_running && waiting.empty(); }
  };

  Body(ObjectDisk& on, const std::vector<std::string>& checksums, std::function<void()> when_room)
      : disk(on), digest(checksums), room(std::move(when_room)) {
    disk.AddBody();
    if (!disk.HasTooManyBodies()) return;
    error = base::MakeError(base::ErrorKind::kLimit, "take an object",
                            "too many are on their way in at once")
                .error();
  }

  bool Take(std::string_view piece) {
    if (!error) error = disk.full();
    if (error) return true;
    const size_t buffer = disk.BufferOfOne();
    if (gathering.empty() && !spare.empty()) {
      gathering = std::move(spare.back());
      spare.pop_back();
      spare_bytes -= gathering.capacity();
    }
    gathering += piece;
    held += piece.size();
    if (gathering.size() >= buffer / kPartsOfBuffer) Dispatch();
    wants_room = held >= buffer;
    return !wants_room;
  }

  void Dispatch() {
    auto chunk = std::make_shared<Chunk>();
    chunk->bytes = std::exchange(gathering, {});
    writing.waiting.push_back(chunk);
    digesting.waiting.push_back(std::move(chunk));
    RunLane(writing, &Body::WriteChunk);
    RunLane(digesting, &Body::DigestChunk);
  }

  void RunLane(Lane& lane, Result<void> (Body::*work)(const std::string&)) {
    if (lane.is_idle() || lane.is_running) return;
    lane.is_running = true;
    auto chunks = std::make_shared<Chunks>(std::exchange(lane.waiting, {}));
    disk.writers().Run(
        [self = shared_from_this(), chunks, work]() -> Result<void> {
          for (const auto& chunk : *chunks) TRY((self.get()->*work)(chunk->bytes));
          return {};
        },
        [self = shared_from_this(), chunks, &lane, work](Result<void> result) {
          lane.is_running = false;
          if (!result && !self->error) self->error = std::move(result.error());
          for (const auto& chunk : *chunks) self->Release(*chunk);
          if (self->is_abandoned) return;
          self->RunLane(lane, work);
          // One that has paused may do so for long.
          if (self->writing.is_idle() && self->digesting.is_idle()) self->DropSpare();
          self->SealWhenIdle();
          // What is still gathered no job will release: it must not keep the body stopped.
          const bool has_room = self->held - self->gathering.size() <= self->disk.BufferOfOne() / 2;
          if (self->wants_room && (has_room || self->error)) {
            self->wants_room = false;
            const auto run = self->room;  // It may destroy the writer.
            if (run) run();
          }
        });
  }

  void Release(Chunk& chunk) {
    if (--chunk.users > 0) return;
    held -= chunk.bytes.size();
    // A new one costs a page fault every 4 KiB: while the body flows, as many are kept as its share
    // has room for beside what it holds.
    const size_t room_of_it = chunk.bytes.capacity();
    if (is_abandoned || held + spare_bytes + room_of_it > disk.BufferOfOne()) return;
    chunk.bytes.clear();
    spare.push_back(std::move(chunk.bytes));
    spare_bytes += room_of_it;
  }

  void DropSpare() {
    spare.clear();
    spare_bytes = 0;
  }

  Result<void> WriteChunk(const std::string& bytes) {
    if (!file) file.emplace(TRY(disk.files().Create()));
    TRY(WriteAt(file->fd(), bytes, size));
    size += bytes.size();
    if (size - sent >= kWriteBehind) {
      ::sync_file_range(file->fd(), static_cast<off_t>(sent), static_cast<off_t>(size - sent),
                        SYNC_FILE_RANGE_WRITE);
      sent = size;
    }
    return {};
  }

  Result<void> DigestChunk(const std::string& bytes) {
    digest.Update(bytes);
    return {};
  }

  // The rest of the body, its digest, and where there are bytes, their number.
  Result<StagedBody> Seal(int64_t number) {
    StagedBody out;
    digest.Update(gathering);
    if (number != 0) {
      if (!file) file.emplace(TRY(disk.files().Create()));
      TRY(WriteAt(file->fd(), gathering, size));
      size += gathering.size();
      TRY(disk.files().Keep(*file, number));
      out.extents.push_back({number, size});
    }
    out.size = size;
    digest.FinishTo(out);
    return out;
  }

  void SealWhenIdle() {
    if (!done || is_sealing || !writing.is_idle() || !digesting.is_idle()) return;
    is_sealing = true;
    if (error) {
      disk.Later([self = shared_from_this()] { self->End(std::unexpected(*self->error)); });
    } else if (size == 0 && gathering.empty()) {
      RunSeal(0);
    } else {
      disk.TakeNumbers(1, [self = shared_from_this()](Result<std::vector<int64_t>> numbers) {
        if (numbers)
          self->RunSeal(numbers->front());
        else
          self->Fail(numbers.error());
      });
    }
  }

  void Fail(base::Error failure) {
    error = std::move(failure);
    disk.Later([self = shared_from_this()] { self->End(std::unexpected(*self->error)); });
  }

  void RunSeal(int64_t number) {
    disk.writers().Run([self = shared_from_this(), number] { return self->Seal(number); },
                       [self = shared_from_this(), number](Result<StagedBody> result) {
                         if (!result && number != 0) self->disk.Settle({{number, 0}});
                         self->End(std::move(result));
                       });
  }

  void End(Result<StagedBody> result) {
    if (is_abandoned) {
      if (result) disk.Discard(result->extents);
      return;
    }
    const auto call = std::exchange(done, nullptr);  // It may destroy the writer.
    if (result)
      call(std::move(*result));
    else
      call(std::unexpected(HostFailure(result.error())));
  }

  ObjectDisk& disk;
  const std::weak_ptr<bool> alive = disk.alive();
  // The lanes'.
  std::optional<NewFile> file;
  uint64_t size = 0;
  uint64_t sent = 0;  // Of it, to the disk itself.
  BodyDigest digest;
  // The loop's.
  std::function<void()> room;
  std::string gathering;
  std::vector<std::string> spare;  // Empty, with room.
  size_t spare_bytes = 0;          // Of that room.
  size_t held = 0;
  Lane writing;
  Lane digesting;
  std::optional<base::Error> error;
  Done<StagedBody> done;
  bool wants_room = false;
  bool is_sealing = false;
  bool is_abandoned = false;
};

DiskBodyWriter::DiskBodyWriter(ObjectDisk& disk, std::vector<std::string> checksums,
                               std::function<void()> room)
    : body_(std::make_shared<Body>(disk, checksums, std::move(room))) {}

DiskBodyWriter::~DiskBodyWriter() {
  body_->is_abandoned = true;
  body_->room = nullptr;
  body_->done = nullptr;
  if (!body_->alive.expired()) body_->disk.RemoveBody();
}

bool DiskBodyWriter::Write(std::string_view piece) { return body_->Take(piece); }

void DiskBodyWriter::Finish(Done<StagedBody> done) {
  body_->done = std::move(done);
  body_->SealWhenIdle();
}

}  // namespace hearth::s3
