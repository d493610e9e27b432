#include "triggers/s3/post_form.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "io/http_message.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

constexpr size_t kMaxBoundary = 70;  // RFC 2046.
constexpr size_t kMaxPadding = 64;   // Ours: of white space behind a boundary.

ApiError Malformed() { return Refusal("MalformedPOSTRequest"); }

// A parameter of a field's value: `; name="a b"`. A quote within is escaped by a backslash; any
// other backslash is one, as in the paths that some browsers send.
std::optional<std::string> Parameter(std::string_view value, std::string_view name) {
  size_t at = value.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = Trimmed(value.substr(at + 1));
    const size_t equals = rest.find_first_of("=;");
    if (equals == std::string_view::npos) return std::nullopt;
    const bool is_it = rest[equals] == '=' && io::SameName(Trimmed(rest.substr(0, equals)), name);
    if (rest[equals] == ';') {
      value = rest;
      at = equals;
      continue;
    }
    rest = Trimmed(rest.substr(equals + 1));
    std::string text;
    size_t end = 0;
    if (rest.starts_with('"')) {
      for (end = 1; end < rest.size() && rest[end] != '"'; ++end) {
        if (rest[end] == '\\' && end + 1 < rest.size() && rest[end + 1] == '"') ++end;
        text += rest[end];
      }
      if (end >= rest.size()) return std::nullopt;
    } else {
      end = std::min(rest.find(';'), rest.size());
      text = Trimmed(rest.substr(0, end));
    }
    if (is_it) return text;
    value = rest;
    at = rest.find(';', end);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> BoundaryOf(std::string_view content_type) {
  if (!io::SameName(Trimmed(content_type.substr(0, content_type.find(';'))),
                    "multipart/form-data")) {
    return std::nullopt;
  }
  auto boundary = Parameter(content_type, "boundary");
  const bool is_good = boundary && !boundary->empty() && boundary->size() <= kMaxBoundary &&
                       !boundary->ends_with(' ') &&
                       std::ranges::all_of(*boundary, [](char c) { return c >= ' ' && c <= '~'; });
  return is_good ? boundary : std::nullopt;
}

// The first boundary may be the very first bytes: as if a line had ended before it.
PostForm::PostForm(std::string boundary) : delimiter_("\r\n--" + boundary), held_("\r\n") {}

template <typename Take>
bool PostForm::UpToBoundary(std::string_view& bytes, const Take& take) {
  if (!held_.empty()) {
    // A delimiter that begins in what is held ends within its own length behind that.
    const size_t held = held_.size();
    const bool is_all = bytes.size() <= delimiter_.size();
    held_ += bytes.substr(0, delimiter_.size());
    const size_t found = held_.find(delimiter_);
    if (found != std::string::npos) {
      take(std::string_view(held_).substr(0, found));
      bytes.remove_prefix(found + delimiter_.size() - held);
      held_.clear();
      return true;
    }
    if (is_all) {
      const size_t keep = std::min(held_.size(), delimiter_.size() - 1);
      take(std::string_view(held_).substr(0, held_.size() - keep));
      held_.erase(0, held_.size() - keep);
      bytes = {};
      return false;
    }
    take(std::string_view(held_).substr(0, held));
    held_.clear();
  }
  const auto* const found = static_cast<const char*>(
      ::memmem(bytes.data(), bytes.size(), delimiter_.data(), delimiter_.size()));
  if (found != nullptr) {
    const auto before = static_cast<size_t>(found - bytes.data());
    take(bytes.substr(0, before));
    bytes.remove_prefix(before + delimiter_.size());
    return true;
  }
  const size_t keep = std::min(bytes.size(), delimiter_.size() - 1);
  held_ = bytes.substr(bytes.size() - keep);
  take(bytes.substr(0, bytes.size() - keep));
  bytes = {};
  return false;
}

bool PostForm::HasRoom(size_t more) {
  before_file_ += more;
  return before_file_ <= limits::kMaxPostFields;
}

std::optional<ApiError> PostForm::Feed(std::string_view bytes, const FileData& file_data) {
  bool has_room = true;
  while (!bytes.empty() && state_ != State::kDone) {
    switch (state_) {
      case State::kPreamble:
        if (UpToBoundary(bytes,
                         [&](std::string_view piece) { has_room = HasRoom(piece.size()); })) {
          state_ = State::kBoundaryEnd;
        }
        break;
      case State::kField:
        if (UpToBoundary(bytes, [&](std::string_view piece) {
              has_room = HasRoom(piece.size());
              if (has_room) field_value_ += piece;
            })) {
          fields_[field_name_] = std::move(field_value_);
          field_value_.clear();
          state_ = State::kBoundaryEnd;
        }
        break;
      case State::kFile:
        if (UpToBoundary(bytes, [&](std::string_view piece) {
              if (!piece.empty()) file_data(piece);
            })) {
          state_ = State::kBoundaryEnd;
        }
        break;
      case State::kBehind:
        if (UpToBoundary(bytes, [](std::string_view) {})) state_ = State::kBoundaryEnd;
        break;
      case State::kBoundaryEnd:
        held_ += bytes.front();
        bytes.remove_prefix(1);
        if (auto error = OnBoundaryEnd()) return error;
        break;
      case State::kHeaders: {
        held_ += bytes.front();
        bytes.remove_prefix(1);
        has_room = HasRoom(1);
        if (!held_.ends_with("\r\n\r\n")) break;
        const std::string head = std::move(held_);
        held_.clear();
        if (auto error = OnHeaders(head)) return error;
        break;
      }
      case State::kDone:
        break;
    }
    if (!has_room) return Refusal("MaxPostPreDataLengthExceededError");
  }
  return std::nullopt;
}

// Behind a boundary: "--" ends the form, the line's end begins a part.
std::optional<ApiError> PostForm::OnBoundaryEnd() {
  if (held_ == "--") {
    held_.clear();
    state_ = State::kDone;
    return std::nullopt;
  }
  if (held_.ends_with("\r\n")) {
    if (!Trimmed(held_.substr(0, held_.size() - 2)).empty()) return Malformed();
    held_ = "\r\n";  // As if a line had ended, for a part without headers.
    state_ = has_file_ ? State::kBehind : State::kHeaders;
    return std::nullopt;
  }
  if (held_.size() > kMaxPadding) return Malformed();
  return std::nullopt;
}

std::optional<ApiError> PostForm::OnHeaders(std::string_view head) {
  std::optional<std::string> name;
  std::optional<std::string> file_name;
  std::string_view type;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view() : head.substr(end + 2);
    const size_t colon = line.find(':');
    if (line.empty()) continue;
    if (colon == std::string_view::npos) return Malformed();
    const std::string_view value = Trimmed(line.substr(colon + 1));
    const std::string_view field = line.substr(0, colon);
    if (io::SameName(field, "Content-Disposition")) {
      if (!io::SameName(Trimmed(value.substr(0, value.find(';'))), "form-data")) {
        return Malformed();
      }
      name = Parameter(value, "name");
      file_name = Parameter(value, "filename");
    } else if (io::SameName(field, "Content-Type")) {
      type = value;
    } else if (io::SameName(field, "Content-Transfer-Encoding") && !io::SameName(value, "binary") &&
               !io::SameName(value, "8bit") && !io::SameName(value, "7bit")) {
      return RefusalBecause("NotImplemented", "Content-Transfer-Encoding '" + std::string(value) +
                                                  "' is not implemented");
    }
  }
  if (!name) return Malformed();
  field_name_ = LowerCase(*name);
  if (field_name_ == "file") {
    has_file_ = true;
    file_type_ = type;
    file_name_ = file_name.value_or("");
    file_name_.erase(0, file_name_.find_last_of("/\\") + 1);
    state_ = State::kFile;
    return std::nullopt;
  }
  if (fields_.contains(field_name_)) {
    return RefusalBecause("InvalidArgument", "A form field may be given once only.",
                          {{"ArgumentName", field_name_}});
  }
  state_ = State::kField;
  return std::nullopt;
}

std::optional<ApiError> PostForm::Finish() {
  if (state_ != State::kDone) return Malformed();
  if (!has_file_) {
    return RefusalBecause("InvalidArgument", "POST requires exactly one file upload per request.",
                          {{"ArgumentName", "file"}, {"ArgumentValue", "0"}});
  }
  return std::nullopt;
}

}  // namespace hearth::s3
