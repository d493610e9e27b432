// DiskBodyWriter: takes one body to the disk and digests it on the way.
//
// Pieces gather in a buffer; whole buffers are written and digested on threads beside the loop, at
// the same time. A body that fits one buffer is one single job. What is held of a body is bounded
// (ObjectDisk::BufferOfOne). A full disk is SlowDown. Loop's thread. Owner: whoever sends the body.
#pragma once

#include <memory>

#include "triggers/s3/object_disk.h"
#include "triggers/s3/object_store.h"

namespace hearth::s3 {

class DiskBodyWriter final : public BodyWriter {
 public:
  // `checksums`: names, as StagedBody has them; each is one of checksum.h.
  DiskBodyWriter(ObjectDisk& disk, std::vector<std::string> checksums, std::function<void()> room);
  ~DiskBodyWriter() override;
  bool Write(std::string_view piece) override;
  void Finish(Done<StagedBody> done) override;

 private:
  struct Body;
  std::shared_ptr<Body> body_;
};

}  // namespace hearth::s3
