#include "triggers/s3/incoming_body.h"

#include <set>

#include "base/digest.h"
#include "base/limits.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

constexpr size_t kMd5Size = 16;

ApiError BadChecksum(std::string_view header) {
  return RefusalBecause("InvalidRequest",
                        "Value for " + std::string(header) + " header is invalid.");
}

}  // namespace

Answer<std::string> ReadAlgorithm(std::string_view name) {
  const auto kind = ParseChecksumKind(name);
  if (!kind) {
    return std::unexpected(
        RefusalBecause("InvalidRequest",
                       "Checksum algorithm provided is unsupported. Please try again with any "
                       "of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"));
  }
  return std::string(ChecksumName(*kind));
}

Answer<IncomingBody::Promise> IncomingBody::ReadPromise(const io::HttpHeaders& headers) {
  Promise out;
  const std::string_view sha256 = headers.Get("x-amz-content-sha256");
  const std::string_view decoded = headers.Get("x-amz-decoded-content-length");
  out.trailers = headers.Get("x-amz-trailer");
  const auto form = ReadPayloadForm(sha256);
  if (!form) {
    return std::unexpected(RefusalBecause(
        "NotImplemented", "The " + std::string(sha256.substr(0, 100)) + " payload is not served."));
  }
  out.form = *form;
  out.size = ReadNumber(form->is_chunked ? decoded : headers.Get("Content-Length"));
  if (!out.size) return std::unexpected(Refusal("MissingContentLength"));
  if (const auto digest = base::FromHex(sha256); digest && sha256.size() == 64) {
    out.sha256 = base::AsBytes(*digest);
  }
  if (headers.Has("Content-MD5")) {
    const auto raw = base::Base64Decode(headers.Get("Content-MD5"));
    if (!raw || raw->size() != kMd5Size) {
      return std::unexpected(
          Refusal("InvalidDigest", {{"Content-MD5", std::string(headers.Get("Content-MD5"))}}));
    }
    out.md5 = HexOf(*raw);
  }
  for (const ChecksumKind kind : kChecksumKinds) {
    const std::string_view header = ChecksumHeader(kind);
    const bool trails = io::SameName(headers.Get("x-amz-trailer"), header);
    if (!headers.Has(header) && !trails) continue;
    if (!out.algorithm.empty()) {
      return std::unexpected(RefusalBecause(
          "InvalidRequest",
          "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."));
    }
    out.algorithm = ChecksumName(kind);
    out.is_in_trailers = trails;
    if (trails) continue;
    const auto raw = base::Base64Decode(headers.Get(header));
    if (!raw || raw->size() != RawSize(kind)) return std::unexpected(BadChecksum(header));
    out.checksum = headers.Get(header);
  }
  if (const auto named = headers.Get("x-amz-sdk-checksum-algorithm"); !named.empty()) {
    const std::string algorithm = TRY(ReadAlgorithm(named));
    if (!out.algorithm.empty() && out.algorithm != algorithm) {
      return std::unexpected(RefusalBecause("InvalidRequest",
                                            "Value for x-amz-sdk-checksum-algorithm header is "
                                            "invalid."));
    }
    out.algorithm = algorithm;
  }
  return out;
}

std::optional<ApiError> IncomingBody::Begin(const io::HttpHeaders& head,
                                            const ObjectChecksum* upload,
                                            std::function<void()> room) {
  auto promise = ReadPromise(head);
  if (!promise) return promise.error();
  promise_ = std::move(*promise);
  if (*promise_.size > limits::kMaxObjectPut) {
    return Refusal("EntityTooLarge", {{"ProposedSize", std::to_string(*promise_.size)},
                                      {"MaxSizeAllowed", std::to_string(limits::kMaxObjectPut)}});
  }
  if (upload != nullptr && upload->is_composite && promise_.algorithm != upload->algorithm) {
    return RefusalBecause(
        "InvalidRequest",
        "Checksum Type mismatch occurred, expected checksum Type: " + LowerCase(upload->algorithm) +
            ", actual checksum Type: " +
            (promise_.algorithm.empty() ? "null" : LowerCase(promise_.algorithm)));
  }
  kept_ = upload != nullptr            ? upload->algorithm
          : promise_.algorithm.empty() ? std::string(kUsualChecksum)
                                       : promise_.algorithm;
  if (promise_.form.is_chunked) chunked_.emplace(*promise_.size, promise_.form.has_trailers);
  std::set<std::string> wanted{kept_};
  if (!promise_.algorithm.empty()) wanted.insert(promise_.algorithm);
  if (!promise_.sha256.empty()) wanted.insert("SHA256");
  writer_ = store_.Write({wanted.begin(), wanted.end()}, std::move(room));
  return {};
}

bool IncomingBody::Feed(std::string_view bytes) {
  if (failure_) return true;
  bool has_room = true;
  const auto take = [this, &has_room](std::string_view data) {
    size_ += data.size();
    has_room = writer_->Write(data);
  };
  if (chunked_) {
    failure_ = chunked_->Feed(bytes, take);
    if (failure_) writer_.reset();
  } else {
    take(bytes);
  }
  return failure_ || has_room;
}

std::optional<ApiError> IncomingBody::Broken(const Promise& promise, const StagedBody& body) {
  if (!promise.md5.empty() && promise.md5 != body.md5) {
    return Refusal("BadDigest", {{"ExpectedDigest", promise.md5}, {"CalculatedDigest", body.md5}});
  }
  if (!promise.sha256.empty() && body.checksums.at("SHA256") != promise.sha256) {
    return Refusal("XAmzContentSHA256Mismatch",
                   {{"ClientComputedContentSHA256", HexOf(promise.sha256)},
                    {"S3ComputedContentSHA256", HexOf(body.checksums.at("SHA256"))}});
  }
  if (!promise.checksum.empty() &&
      base::Base64Encode(body.checksums.at(promise.algorithm)) != promise.checksum) {
    return ChecksumMismatch(promise.algorithm);
  }
  return {};
}

void IncomingBody::Finish(const io::HttpRequest& end, Done<Whole> done) {
  if (!failure_ && chunked_) failure_ = chunked_->Finish();
  if (!failure_ && chunked_) failure_ = chunked_->CheckTrailers(promise_.trailers);
  if (!failure_ && size_ != *promise_.size) failure_ = Refusal("IncompleteBody");
  if (!failure_ && promise_.is_in_trailers) {
    const std::string_view header = ChecksumHeader(*ParseChecksumKind(promise_.algorithm));
    const io::HttpHeaders& trailers = chunked_ ? chunked_->trailers() : end.trailers;
    promise_.checksum = trailers.Get(header);
    if (promise_.checksum.empty()) {
      failure_ = RefusalBecause("MalformedTrailerError",
                                "The request contained trailing data that was not well-formed or "
                                "did not conform to our published schema.");
    }
  }
  if (failure_) return done(std::unexpected(*failure_));
  const auto keep = [&store = store_, promise = promise_, kept = kept_,
                     done = std::move(done)](Answer<StagedBody> staged) {
    if (!staged) return done(std::unexpected(staged.error()));
    if (auto broken = Broken(promise, *staged)) {
      store.Discard(std::move(staged->extents));
      return done(std::unexpected(*broken));
    }
    Whole out{.body = std::move(*staged)};
    out.checksum = {.algorithm = kept, .value = base::Base64Encode(out.body.checksums.at(kept))};
    done(std::move(out));
  };
  writer_->Finish(keep);
}

}  // namespace hearth::s3
