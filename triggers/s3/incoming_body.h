// IncomingBody: the body of an object or a part, from the wire to the disk, and what the request
// promised of it: its length, aws-chunked framing, Content-MD5, x-amz-content-sha256, checksums in
// headers or trailers. Made at the request's head, fed as its body comes, finished once.
//
// Owner: the request. Destroyed before its end: nothing is left. Source: S3 user guide, "Checking
// object integrity"; SigV4, "Transferring payload in multiple chunks".
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "triggers/s3/chunked_body.h"
#include "triggers/s3/object_store.h"

namespace hearth::s3 {

// What S3 computes where nobody asks for anything.
inline constexpr std::string_view kUsualChecksum = "CRC64NVME";

class IncomingBody {
 public:
  explicit IncomingBody(ObjectStore& store) : store_(store) {}

  // Before anything else: refuses what cannot end well, before any of it is read. `room`: as
  // ObjectStore::Write. `upload`: the checksum of the upload whose part it is, nullptr: of none.
  std::optional<ApiError> Begin(const io::HttpHeaders& head, const ObjectChecksum* upload,
                                std::function<void()> room);
  bool Feed(std::string_view bytes);
  struct Whole {
    StagedBody body;
    ObjectChecksum checksum{};  // Which is kept: the upload's, that promised, or the usual one.
  };
  // `end` has the trailers. What was staged is the receiver's, who keeps this one until then; of a
  // body that broke a promise nothing is left. `done` may run inside the call.
  void Finish(const io::HttpRequest& end, Done<Whole> done);

 private:
  struct Promise {
    PayloadForm form;
    std::optional<uint64_t> size;
    std::string md5;     // Hexadecimal; empty: none.
    std::string sha256;  // Raw; empty: none.
    std::string algorithm;
    std::string checksum;  // base64; empty: in the trailers, or nowhere.
    std::string trailers;  // Announced, with commas between them.
    bool is_in_trailers = false;
  };
  static Answer<Promise> ReadPromise(const io::HttpHeaders& headers);
  static std::optional<ApiError> Broken(const Promise& promise, const StagedBody& body);

  ObjectStore& store_;
  Promise promise_;
  std::string kept_;  // The algorithm whose checksum is kept.
  std::optional<ChunkedBody> chunked_;
  std::unique_ptr<BodyWriter> writer_;
  uint64_t size_ = 0;
  std::optional<ApiError> failure_;
};

// The algorithms that a request for an object may name.
Answer<std::string> ReadAlgorithm(std::string_view name);

}  // namespace hearth::s3
