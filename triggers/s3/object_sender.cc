#include "triggers/s3/object_sender.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/log.h"
#include "triggers/s3/byte_runs.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {
namespace {

using base::Result;
using base::UniqueFd;

// Up to here an answer is read whole.
constexpr uint64_t kSmall = 65536;
constexpr uint64_t kPiece = 262144;

// A small piece, where nothing must be waited for; another thread would cost more than it.
std::optional<std::string> ReadCached(const DataFiles& files, const std::vector<ByteRun>& runs) {
  std::string out;
  for (const ByteRun& run : runs) {
    const UniqueFd fd = files.OpenCached(run.file);
    if (!fd.valid() || !ReadCachedTo(out, fd.get(), run.at, run.left)) return std::nullopt;
  }
  return out;
}

// An answer under way. Lives as long as a read or a callback of the responder.
class Sending : public std::enable_shared_from_this<Sending> {
 public:
  Sending(ObjectDisk& disk, std::vector<ByteRun> runs, uint64_t size, int status,
          io::HttpHeaders headers, io::HttpResponder responder)
      : disk_(disk),
        alive_(disk.alive()),
        runs_(std::move(runs)),
        total_(size),
        left_(size),
        is_small_(size <= kSmall),
        status_(status),
        headers_(std::move(headers)),
        responder_(std::move(responder)) {
    for (const ByteRun& run : runs_) pinned_.push_back(run.file);
    for (const int64_t file : pinned_) disk_.Pin(file);
  }
  ~Sending() {
    if (alive_.expired()) return;
    for (const int64_t file : pinned_) disk_.Unpin(file);
  }

  void Read() {
    disk_.readers().Run(
        [self = shared_from_this()] { return self->NextPiece(); },
        [self = shared_from_this()](Result<std::string> piece) { self->Take(std::move(piece)); });
  }

 private:
  // A reader's thread.
  Result<std::string> NextPiece() {
    std::string out;
    const uint64_t most = std::min(left_, is_small_ ? kSmall : kPiece);
    out.reserve(most);
    while (out.size() < most) {
      ByteRun& run = runs_.at(at_);
      if (!fd_.valid()) {
        fd_ = TRY(disk_.files().OpenFile(run.file));
        if (!is_small_) ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
      }
      const uint64_t size = std::min(run.left, most - out.size());
      TRY(ReadTo(out, fd_.get(), run.at, size));
      run.at += size;
      run.left -= size;
      if (run.left > 0) continue;
      ++at_;
      fd_.Reset();
    }
    left_ -= most;
    return out;
  }

  void Take(Result<std::string> piece) {
    if (!piece) {
      HLOG_ERROR("{}", piece.error().ToString());
      const std::string id(headers_.Get("x-amz-request-id"));
      if (!has_begun_) responder_.Send(ErrorAnswer(HostFailure(piece.error()), "", id));
      responder_ = {};  // What has begun is cut: the client sees that it is short.
      return;
    }
    if (is_small_) {
      responder_.Send({status_, std::move(headers_), std::move(*piece)});
      return;
    }
    if (!std::exchange(has_begun_, true)) {
      headers_.Set("Content-Length", std::to_string(total_));
      responder_.Begin(status_, std::move(headers_));
      // The connection keeps this until the answer has ended or the client has left.
      responder_.OnRoom([self = shared_from_this()] { self->Room(); });
    }
    ready_ = std::move(*piece);
    if (!is_full_) Write();
  }

  void Room() {
    if (alive_.expired()) return;
    is_full_ = false;
    if (!ready_.empty()) Write();
  }

  void Write() {
    if (responder_.client_gone()) return;
    const bool is_last = left_ == 0;
    const std::string piece = std::exchange(ready_, {});
    if (!is_last) Read();  // While this one goes out.
    is_full_ = responder_.Write(piece) > limits::kStreamQueue;
    if (is_last) responder_.End();
  }

  ObjectDisk& disk_;
  const std::weak_ptr<bool> alive_;
  std::vector<ByteRun> runs_;
  std::vector<int64_t> pinned_;
  size_t at_ = 0;  // Of the runs.
  const uint64_t total_;
  uint64_t left_ = 0;
  UniqueFd fd_;
  const bool is_small_;
  bool has_begun_ = false;
  bool is_full_ = false;
  std::string ready_;
  int status_;
  io::HttpHeaders headers_;
  io::HttpResponder responder_;
};

}  // namespace

void SendObject(ObjectDisk& disk, const ObjectRecord& object, Piece piece, int status,
                io::HttpHeaders headers, io::HttpResponder responder) {
  auto runs = RunsOf(object.extents, piece);
  if (runs.empty()) {
    responder.Send({status, std::move(headers), {}});
    return;
  }
  if (piece.size <= kSmall) {
    if (auto bytes = ReadCached(disk.files(), runs)) {
      responder.Send({status, std::move(headers), std::move(*bytes)});
      return;
    }
  }
  std::make_shared<Sending>(disk, std::move(runs), piece.size, status, std::move(headers),
                            std::move(responder))
      ->Read();
}

void ReadObject(ObjectDisk& disk, const ObjectRecord& object, Done<std::string> done) {
  auto runs = RunsOf(object.extents, {.first = 0, .size = object.size});
  for (const ByteRun& run : runs) disk.Pin(run.file);
  disk.readers().Run(
      [&files = disk.files(), runs]() -> Result<std::string> {
        std::string out;
        for (const ByteRun& run : runs) {
          const UniqueFd fd = TRY(files.OpenFile(run.file));
          TRY(ReadTo(out, fd.get(), run.at, run.left));
        }
        return out;
      },
      [&disk, runs, done = std::move(done)](Result<std::string> bytes) {
        for (const ByteRun& run : runs) disk.Unpin(run.file);
        if (!bytes) return done(std::unexpected(HostFailure(bytes.error())));
        done(std::move(*bytes));
      });
}

}  // namespace hearth::s3
