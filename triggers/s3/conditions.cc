#include "triggers/s3/conditions.h"
#include "triggers/s3/words.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace hearth::s3 {
namespace {

constexpr std::string_view kCopyRange = "x-amz-copy-source-range";

struct AskedRange {
  std::optional<uint64_t> first;  // Neither: there is no number at all.
  std::optional<uint64_t> last;
};

// nullopt: no digits, or something else among them. A number too large is the largest.
std::optional<uint64_t> Number(std::string_view digits) {
  uint64_t out = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, out);
  if (end != last || digits.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<uint64_t>::max();
  return error == std::errc() ? std::optional(out) : std::nullopt;
}

// "bytes=A-B", "bytes=A-", "bytes=-B"; nullopt: it is no such range, or more than one.
std::optional<AskedRange> Parse(std::string_view header) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.size() < kUnit.size() || !io::SameName(header.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const AskedRange out{Number(header.substr(0, dash)), Number(header.substr(dash + 1))};
  const bool is_good = (out.first || dash == 0) && (out.last || dash + 1 == header.size()) &&
                       (out.first || out.last) &&
                       (!out.first || !out.last || *out.first <= *out.last);
  return is_good ? std::optional(out) : std::nullopt;
}

// Whether `etag` is among a field's list, or the field is "*". A weak one is like it only where
// `allows_weak`. Source: RFC 9110, 8.8.3.2.
bool Names(std::string_view list, std::string_view etag, bool allows_weak) {
  etag = Unquoted(etag);
  while (true) {
    while (!list.empty() && (list.front() == ' ' || list.front() == ',' || list.front() == '\t')) {
      list.remove_prefix(1);
    }
    if (list.empty()) return false;
    const bool is_weak = list.starts_with("W/");
    if (is_weak) list.remove_prefix(2);
    const bool is_quoted = list.starts_with('"');
    if (is_quoted) list.remove_prefix(1);
    const size_t end = list.find(is_quoted ? '"' : ',');
    std::string_view each = list.substr(0, end);
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
    while (!is_quoted && (each.ends_with(' ') || each.ends_with('\t'))) each.remove_suffix(1);
    if (!is_quoted && !is_weak && each == "*") return true;
    if (each == etag && (allows_weak || !is_weak)) return true;
  }
}

ApiError Failed(std::string_view condition) {
  return Refusal("PreconditionFailed", {{"Condition", std::string(condition)}});
}

}  // namespace

std::expected<std::optional<ByteRange>, ApiError> ReadRange(std::string_view header,
                                                            uint64_t size) {
  const auto asked = Parse(header);
  if (!asked) return std::nullopt;
  const auto unsatisfiable = [&] {
    return std::unexpected(Refusal(
        "InvalidRange", {{"RangeRequested", std::string(header)}, {"ActualObjectSize", size}}));
  };
  if (!asked->first) {  // The last bytes.
    if (*asked->last == 0 || size == 0) return unsatisfiable();
    return ByteRange{size - std::min(size, *asked->last), size - 1};
  }
  if (*asked->first >= size) return unsatisfiable();
  return ByteRange{*asked->first, std::min(asked->last.value_or(size - 1), size - 1)};
}

std::expected<std::optional<ByteRange>, ApiError> ReadCopyRange(std::string_view header,
                                                                uint64_t size) {
  if (header.empty()) return std::nullopt;
  const auto refused = [&](std::string message) {
    return std::unexpected(RefusalBecause(
        "InvalidArgument", std::move(message),
        {{"ArgumentName", std::string(kCopyRange)}, {"ArgumentValue", std::string(header)}}));
  };
  const auto asked = Parse(header);
  if (!asked || !asked->first || !asked->last) {
    return refused(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and "
        "last are the zero-based offsets of the first and last bytes to copy");
  }
  if (*asked->last >= size) {
    return refused("Range specified is not valid for source object of size: " +
                   std::to_string(size));
  }
  return ByteRange{*asked->first, *asked->last};
}

Conditions Conditions::Of(const io::HttpHeaders& headers, std::string_view prefix) {
  const auto field = [&](std::string_view name) {
    return headers.Get(std::string(prefix).append(name));
  };
  Conditions out;
  out.if_match = field("If-Match");
  out.if_none_match = field("If-None-Match");
  out.if_modified_since_s = ParseHttpDate(field("If-Modified-Since"));
  out.if_unmodified_since_s = ParseHttpDate(field("If-Unmodified-Since"));
  return out;
}

bool Conditions::any() const {
  return !if_match.empty() || !if_none_match.empty() || if_modified_since_s ||
         if_unmodified_since_s;
}

// An ETag, where there is one, counts instead of the date. Source: RFC 9110, 13.2.2.
std::optional<ApiError> Conditions::CheckRead(const std::string& etag, int64_t modified_ms,
                                              Use use) const {
  std::string prefix = use == Use::kCopy ? "x-amz-copy-source-" : "";
  const int64_t modified_s = modified_ms / 1000;
  if (!if_match.empty()) {
    if (!Names(if_match, etag, /*allows_weak=*/false)) return Failed(prefix + "If-Match");
  } else if (if_unmodified_since_s && modified_s > *if_unmodified_since_s) {
    return Failed(prefix + "If-Unmodified-Since");
  }
  std::string_view unchanged;
  if (!if_none_match.empty()) {
    if (Names(if_none_match, etag, /*allows_weak=*/true)) unchanged = "If-None-Match";
  } else if (if_modified_since_s && modified_s <= *if_modified_since_s) {
    unchanged = "If-Modified-Since";
  }
  if (unchanged.empty()) return std::nullopt;
  if (use == Use::kCopy) return Failed(prefix.append(unchanged));
  return Refusal("NotModified");
}

}  // namespace hearth::s3
