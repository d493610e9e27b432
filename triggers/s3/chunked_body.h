// ChunkedBody: a body in AWS's chunks, as it comes in. Signatures are read and not verified: this
// host knows no secret keys.
//
// Of what comes, no more than a line is held. After an error it is spent. Source: S3 API reference,
// "Signature calculations for the Authorization header: transferring payload in multiple chunks"
// and "… including trailing headers".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "io/http_message.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {

inline constexpr size_t kMaxChunkLine = 4096;      // Ours: a size with its signature; a trailer.
inline constexpr size_t kMaxChunkTrailers = 8192;  // Ours: all trailers' lines.

// What x-amz-content-sha256 says of how a body comes.
struct PayloadForm {
  bool is_chunked = false;
  bool has_trailers = false;
};
// nullopt: STREAMING-… of a kind that is not known. A digest and UNSIGNED-PAYLOAD are not chunked.
std::optional<PayloadForm> ReadPayloadForm(std::string_view content_sha256);

class ChunkedBody {
 public:
  using Data = std::function<void(std::string_view)>;

  // `decoded_length` is x-amz-decoded-content-length.
  ChunkedBody(uint64_t decoded_length, bool has_trailers);

  // Gives `data` what the bytes hold of the body. IncompleteBody for what is no chunk, and where
  // more comes than was announced; InvalidChunkSizeError for a short chunk before another.
  std::optional<ApiError> Feed(std::string_view bytes, const Data& data);
  // IncompleteBody where the last chunk is missing, or less came than was announced.
  std::optional<ApiError> Finish();

  const io::HttpHeaders& trailers() const { return trailers_; }
  // `announced` is x-amz-trailer. MalformedTrailerError where something else came, or less.
  std::optional<ApiError> CheckTrailers(std::string_view announced) const;

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };

  // `line` is without its line feed.
  bool OnLine(std::string_view line);
  bool OnSize(std::string_view line);
  bool OnTrailer(std::string_view line);

  State state_ = State::kSize;
  uint64_t decoded_length_;
  bool has_trailers_;
  uint64_t decoded_ = 0;  // Of the chunks announced so far.
  uint64_t left_ = 0;     // Of this chunk.
  uint64_t chunks_ = 0;
  uint64_t size_ = 0;  // Of the chunk before.
  std::string line_;   // As far as it has come.
  size_t trailer_bytes_ = 0;
  // The last trailer ended with a line feed alone: an empty line behind it is a part of its end.
  bool has_bare_end_ = false;
  bool may_be_done_ = false;  // That empty line was the last that came.
  io::HttpHeaders trailers_;
};

}  // namespace hearth::s3
