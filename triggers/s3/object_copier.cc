#include "triggers/s3/object_copier.h"

#include <unistd.h>

#include <memory>
#include <optional>

#include "triggers/s3/body_digest.h"
#include "triggers/s3/byte_runs.h"

namespace hearth::s3 {
namespace {

using base::Result;

constexpr size_t kReadAtOnce = 256 << 10;
// Of copy_file_range: what a job does before another one may run.
constexpr uint64_t kSlice = 64 << 20;

// One body being copied. Lives as long as its jobs.
class Copying : public std::enable_shared_from_this<Copying> {
 public:
  Copying(ObjectDisk& disk, const ObjectRecord& from, Piece piece, bool is_whole,
          std::unique_ptr<BodyDigest> digest, Done<StagedBody> done)
      : disk_(disk),
        extents_(from.extents),
        runs_(RunsOf(from.extents, piece)),
        is_whole_(is_whole),
        digest_(std::move(digest)),
        alive_(disk.alive()),
        done_(std::move(done)) {
    for (const Extent& extent : extents_) disk_.Pin(extent.file);
  }
  ~Copying() {
    if (alive_.expired()) return;
    for (const Extent& extent : extents_) disk_.Unpin(extent.file);
  }

  void Start() {
    if (is_whole_ && !digest_)
      TakeNumbers(extents_.size(), &Copying::Link);
    else
      Copy();
  }

 private:
  using Numbers = std::vector<int64_t>;

  void TakeNumbers(size_t count, Result<StagedBody> (Copying::*work)(const Numbers&)) {
    disk_.TakeNumbers(count, [self = shared_from_this(), work](Result<Numbers> numbers) {
      if (!numbers) {
        self->disk_.Later([self, error = numbers.error()] { self->End({}, error); });
        return;
      }
      self->disk_.writers().Run(
          [self, numbers = *numbers, work] { return (self.get()->*work)(numbers); },
          [self, numbers = *numbers](Result<StagedBody> result) {
            if (result) {
              self->End(std::move(*result), std::nullopt);
              return;
            }
            std::vector<Extent> made;  // Some of them, perhaps.
            for (const int64_t number : numbers) made.push_back({number, 0});
            self->disk_.Discard(made);
            // Too many links of one file, or a file system without them.
            const int number = result.error().error_number;
            if (self->is_whole_ && (number == EMLINK || number == EPERM || number == EXDEV)) {
              self->is_whole_ = false;
              self->Copy();
            } else {
              self->End({}, std::move(result.error()));
            }
          });
    });
  }

  // A writer's thread, as all that follows with a Result.
  Result<StagedBody> Link(const Numbers& numbers) {
    StagedBody out;
    for (size_t i = 0; i < extents_.size(); ++i) {
      TRY(disk_.files().Link(extents_[i].file, numbers[i]));
      out.extents.push_back({numbers[i], extents_[i].size});
      out.size += extents_[i].size;
    }
    return out;
  }

  void Copy() {
    disk_.writers().Run([self = shared_from_this()] { return self->CopySlice(); },
                        [self = shared_from_this()](Result<void> result) {
                          if (!result) {
                            self->End({}, std::move(result.error()));
                          } else if (self->at_ < self->runs_.size()) {
                            self->Copy();
                          } else {
                            self->TakeNumbers(self->size_ > 0 ? 1 : 0, &Copying::Seal);
                          }
                        });
  }

  Result<void> CopySlice() {
    for (uint64_t left = kSlice; left > 0 && at_ < runs_.size();) {
      if (!file_) file_.emplace(TRY(disk_.files().Create()));
      ByteRun& run = runs_[at_];
      if (!from_.valid()) from_ = TRY(disk_.files().OpenFile(run.file));
      const uint64_t size = std::min(run.left, left);
      const uint64_t moved = TRY(digest_ ? MoveDigested(run, size) : Move(run, size));
      run.at += moved;
      run.left -= moved;
      size_ += moved;
      left -= moved;
      if (run.left > 0) continue;
      ++at_;
      from_.Reset();
    }
    return {};
  }

  Result<uint64_t> MoveDigested(const ByteRun& run, uint64_t size) {
    std::string bytes;
    TRY(ReadTo(bytes, from_.get(), run.at, std::min<uint64_t>(size, kReadAtOnce)));
    digest_->Update(bytes);
    TRY(WriteAt(file_->fd(), bytes, size_));
    return bytes.size();
  }

  Result<uint64_t> Move(const ByteRun& run, uint64_t size) {
    auto from = static_cast<off_t>(run.at);
    auto to = static_cast<off_t>(size_);
    const ssize_t moved = ::copy_file_range(from_.get(), &from, file_->fd(), &to, size, 0);
    if (moved < 0) return DiskError("copy an object");
    if (moved == 0) {
      return base::MakeError(base::ErrorKind::kCorrupt, "copy an object", "its file is cut");
    }
    return static_cast<uint64_t>(moved);
  }

  Result<StagedBody> Seal(const Numbers& numbers) {
    StagedBody out{.size = size_};
    if (!numbers.empty()) {
      TRY(disk_.files().Keep(*file_, numbers[0]));
      out.extents.push_back({numbers[0], size_});
    }
    if (digest_) digest_->FinishTo(out);
    return out;
  }

  // The loop's.
  void End(StagedBody body, std::optional<base::Error> error) {
    if (error)
      done_(std::unexpected(HostFailure(*error)));
    else
      done_(std::move(body));
  }

  ObjectDisk& disk_;
  const std::vector<Extent> extents_;
  std::vector<ByteRun> runs_;
  size_t at_ = 0;  // Of the runs.
  uint64_t size_ = 0;
  base::UniqueFd from_;
  std::optional<NewFile> file_;
  bool is_whole_;
  std::unique_ptr<BodyDigest> digest_;
  const std::weak_ptr<bool> alive_;  // The disk.
  Done<StagedBody> done_;
};

}  // namespace

void CopyObject(ObjectDisk& disk, const ObjectRecord& from, Piece piece,
                std::vector<std::string> checksums, bool needs_md5, Done<StagedBody> done) {
  const bool is_whole = piece.first == 0 && piece.size == from.size;
  auto digest = needs_md5 || !checksums.empty() ? std::make_unique<BodyDigest>(checksums) : nullptr;
  std::make_shared<Copying>(disk, from, piece, is_whole, std::move(digest), std::move(done))
      ->Start();
}

}  // namespace hearth::s3
