#include "triggers/s3/incoming_post.h"

#include "base/limits.h"
#include "triggers/s3/incoming_body.h"

namespace hearth::s3 {

bool IncomingPost::Feed(std::string_view bytes) {
  if (failure_) return true;
  bool has_room = true;
  failure_ = form_.Feed(bytes, [this, &has_room](std::string_view data) {
    size_ += data.size();
    if (size_ > limits::kMaxObjectPut) return;
    if (writer_ == nullptr) writer_ = store_.Write({std::string(kUsualChecksum)}, room_);
    has_room = writer_->Write(data);
  });
  if (size_ > limits::kMaxObjectPut) failure_ = Refusal("EntityTooLarge");
  if (failure_) writer_.reset();
  return failure_ || has_room;
}

void IncomingPost::Finish(Done<Whole> done) {
  if (!failure_) failure_ = form_.Finish();
  if (failure_) return done(std::unexpected(*failure_));
  // An empty file is one too.
  if (writer_ == nullptr) writer_ = store_.Write({std::string(kUsualChecksum)}, room_);
  writer_->Finish([this, done = std::move(done)](Answer<StagedBody> staged) {
    if (!staged) return done(std::unexpected(staged.error()));
    done(Whole{.body = std::move(*staged),
               .fields = form_.fields(),
               .file_name = form_.file_name(),
               .file_type = form_.file_type()});
  });
}

}  // namespace hearth::s3
