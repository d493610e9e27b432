// IncomingPost: a browser's form that uploads a file (POST to a bucket), from the wire to the disk.
// Made at the request's head, fed as it comes, finished once. Owner: the request.
// Source: S3 API reference, "POST Object".
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "triggers/s3/object_store.h"
#include "triggers/s3/post_form.h"

namespace hearth::s3 {

class IncomingPost {
 public:
  IncomingPost(ObjectStore& store, std::string boundary, std::function<void()> room)
      : store_(store), form_(std::move(boundary)), room_(std::move(room)) {}

  bool Feed(std::string_view bytes);
  struct Whole {
    StagedBody body;
    PostFields fields;
    std::string file_name;
    std::string file_type;
  };
  // As IncomingBody::Finish. Nothing is checked but that it is a form with a file.
  void Finish(Done<Whole> done);

 private:
  ObjectStore& store_;
  PostForm form_;
  std::function<void()> room_;
  std::unique_ptr<BodyWriter> writer_;
  uint64_t size_ = 0;
  std::optional<ApiError> failure_;
};

}  // namespace hearth::s3
