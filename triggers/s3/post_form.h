// PostForm: an upload as a browser's form sends it, multipart/form-data, as it comes in.
//
// Fields before the file are kept; the file goes on as it comes; what stands behind it is passed
// over. Of the file, no more than a boundary's length is held. After an error it is spent.
// Source: S3 API reference, "POST Object"; RFC 7578; RFC 2046, 5.1.1.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "triggers/s3/errors.h"

namespace hearth::s3 {

// Names in lower case.
using PostFields = std::map<std::string, std::string>;

// Of a Content-Type of multipart/form-data; nullopt: it is none, or has none that RFC 2046 allows.
std::optional<std::string> BoundaryOf(std::string_view content_type);

class PostForm {
 public:
  using FileData = std::function<void(std::string_view)>;

  explicit PostForm(std::string boundary);

  // MalformedPOSTRequest for what is no such form; MaxPostPreDataLengthExceededError for more
  // before the file than limits::kMaxPostFields.
  std::optional<ApiError> Feed(std::string_view bytes, const FileData& file_data);
  // MalformedPOSTRequest where the form has not ended; InvalidArgument where it had no file.
  std::optional<ApiError> Finish();

  const PostFields& fields() const { return fields_; }
  const std::string& file_name() const { return file_name_; }  // Without folders.
  const std::string& file_type() const { return file_type_; }  // The part's own Content-Type.
  bool in_file() const { return has_file_; }  // From its first byte on, and ever after.

 private:
  // What stands before the first boundary counts as a field that nobody asked for.
  enum class State { kPreamble, kBoundaryEnd, kHeaders, kField, kFile, kBehind, kDone };

  std::optional<ApiError> OnBoundaryEnd();
  std::optional<ApiError> OnHeaders(std::string_view head);
  // Takes from `bytes` what comes before the next boundary; true: that has come.
  template <typename Take>
  bool UpToBoundary(std::string_view& bytes, const Take& take);
  bool HasRoom(size_t more);

  State state_ = State::kPreamble;
  std::string delimiter_;  // "\r\n--boundary"
  std::string held_;       // What may be a delimiter's beginning, or a head as far as it has come.
  size_t before_file_ = 0;
  PostFields fields_;
  std::string field_name_;
  std::string field_value_;
  std::string file_name_;
  std::string file_type_;
  bool has_file_ = false;
};

}  // namespace hearth::s3
