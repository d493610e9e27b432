#include "triggers/s3/chunked_body.h"

#include <algorithm>
#include <charconv>

#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

constexpr uint64_t kMinChunk = 8192;  // AWS: but for the last one.
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";

ApiError Malformed() {
  return RefusalBecause("IncompleteBody", "The request body terminated unexpectedly");
}

}  // namespace

std::optional<PayloadForm> ReadPayloadForm(std::string_view content_sha256) {
  constexpr std::string_view kTrailer = "-TRAILER";
  if (!content_sha256.starts_with("STREAMING-")) return PayloadForm{};
  PayloadForm form{.is_chunked = true, .has_trailers = content_sha256.ends_with(kTrailer)};
  if (form.has_trailers) content_sha256.remove_suffix(kTrailer.size());
  if (content_sha256 == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" ||
      content_sha256 == "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" ||
      (content_sha256 == "STREAMING-UNSIGNED-PAYLOAD" && form.has_trailers)) {
    return form;
  }
  return std::nullopt;
}

ChunkedBody::ChunkedBody(uint64_t decoded_length, bool has_trailers)
    : decoded_length_(decoded_length), has_trailers_(has_trailers) {}

std::optional<ApiError> ChunkedBody::Feed(std::string_view bytes, const Data& data) {
  while (!bytes.empty()) {
    if (state_ == State::kDone) return Malformed();
    if (state_ == State::kData) {
      const std::string_view piece = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
      bytes.remove_prefix(piece.size());
      left_ -= piece.size();
      if (left_ == 0) state_ = State::kDataEnd;
      data(piece);
      continue;
    }
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > kMaxChunkLine) return Malformed();
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (end == std::string_view::npos || !line_.empty()) line_ += piece;
    if (end == std::string_view::npos) continue;
    const uint64_t before = size_;
    const bool is_good = OnLine(line_.empty() ? piece : std::string_view(line_));
    line_.clear();
    if (!is_good) return Malformed();
    if (state_ == State::kData && chunks_ > 1 && before < kMinChunk) {
      return Refusal("InvalidChunkSizeError", {{"Chunk", chunks_}, {"BadChunkSize", before}});
    }
  }
  return std::nullopt;
}

std::optional<ApiError> ChunkedBody::Finish() {
  const bool has_ended =
      state_ == State::kDone || (state_ == State::kTrailer && may_be_done_ && line_.empty());
  if (!has_ended || decoded_ != decoded_length_) return Malformed();
  return std::nullopt;
}

std::optional<ApiError> ChunkedBody::CheckTrailers(std::string_view announced) const {
  const auto malformed = [] {
    return RefusalBecause("MalformedTrailerError",
                          "The request contained trailing data that was not well-formed or did "
                          "not conform to our published schema.");
  };
  size_t expected = 0;
  while (!announced.empty()) {
    const size_t comma = announced.find(',');
    const std::string_view name = Trimmed(announced.substr(0, comma));
    announced = comma == std::string_view::npos ? std::string_view() : announced.substr(comma + 1);
    if (name.empty()) continue;
    if (!trailers_.Has(name)) return malformed();
    ++expected;
  }
  if (trailers_.Has(kTrailerSignature)) ++expected;
  return trailers_.size() == expected ? std::nullopt : std::optional(malformed());
}

bool ChunkedBody::OnLine(std::string_view line) {
  switch (state_) {
    case State::kSize:
      return OnSize(line);
    case State::kDataEnd:
      state_ = State::kSize;
      return line == "\r";
    case State::kTrailer:
      return OnTrailer(line);
    case State::kData:
    case State::kDone:
      break;
  }
  return false;
}

// "400;chunk-signature=…\r". A signature may be anything; other extensions have no meaning here.
bool ChunkedBody::OnSize(std::string_view line) {
  if (!line.ends_with('\r')) return false;
  line.remove_suffix(1);
  const std::string_view digits = Trimmed(line.substr(0, line.find(';')));
  uint64_t size = 0;
  const char* const last = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), last, size, 16);
  if (error != std::errc() || stop != last || digits.starts_with('-')) return false;
  if (size > decoded_length_ - decoded_) return false;
  ++chunks_;
  decoded_ += size;
  left_ = size;
  size_ = size;
  state_ = size == 0 ? State::kTrailer : State::kData;
  return true;
}

// "x-amz-checksum-crc32:…\r", or the empty line that ends them.
bool ChunkedBody::OnTrailer(std::string_view line) {
  const bool is_bare = !line.ends_with('\r');
  if (!is_bare) line.remove_suffix(1);
  may_be_done_ = false;
  if (line.empty()) {
    if (is_bare) return false;
    if (has_bare_end_) {
      has_bare_end_ = false;
      may_be_done_ = true;
    } else {
      state_ = State::kDone;
    }
    return true;
  }
  has_bare_end_ = is_bare;
  const size_t colon = line.find(':');
  trailer_bytes_ += line.size();
  if (!has_trailers_ || colon == std::string_view::npos || trailer_bytes_ > kMaxChunkTrailers) {
    return false;
  }
  const std::string_view name = Trimmed(line.substr(0, colon));
  if (name.empty() || trailers_.Has(name)) return false;
  trailers_.Add(name, Trimmed(line.substr(colon + 1)));
  return true;
}

}  // namespace hearth::s3
