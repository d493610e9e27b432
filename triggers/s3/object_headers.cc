#include "triggers/s3/object_headers.h"

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/limits.h"
#include "base/md5.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/tags.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

constexpr std::array<std::string_view, 10> kUnserved = {
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-write-offset-bytes",
    "x-amz-grant-read",
    "x-amz-grant-full-control",
    "x-amz-bucket-object-lock-enabled"};

constexpr std::array<std::string_view, 7> kKept = {"cache-control",
                                                   "content-disposition",
                                                   "content-encoding",
                                                   "content-language",
                                                   "content-type",
                                                   "expires",
                                                   "x-amz-website-redirect-location"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOverrides = {{
    {"response-cache-control", "Cache-Control"},
    {"response-content-disposition", "Content-Disposition"},
    {"response-content-encoding", "Content-Encoding"},
    {"response-content-language", "Content-Language"},
    {"response-content-type", "Content-Type"},
    {"response-expires", "Expires"},
}};

// Classes whose objects are read like any other's. They are labels here: there is one disk.
constexpr std::array<std::string_view, 6> kClasses = {"STANDARD",           "STANDARD_IA",
                                                      "ONEZONE_IA",         "INTELLIGENT_TIERING",
                                                      "REDUCED_REDUNDANCY", "GLACIER_IR"};

constexpr std::string_view kMeta = "x-amz-meta-";
constexpr std::string_view kUsualType = "binary/octet-stream";

// "aws-chunked,gzip" -> "gzip": how a body came is not what it is.
std::string WithoutChunked(std::string_view encoding) {
  std::string out;
  while (!encoding.empty()) {
    const auto comma = std::min(encoding.find(','), encoding.size());
    const std::string_view one = Trimmed(encoding.substr(0, comma));
    encoding.remove_prefix(std::min(comma + 1, encoding.size()));
    if (one.empty() || io::SameName(one, "aws-chunked")) continue;
    if (!out.empty()) out += ",";
    out += one;
  }
  return out;
}

std::optional<ApiError> AddMetadata(const io::HttpHeaders& headers, Words& out) {
  size_t size = 0;
  for (size_t i = 0; i < headers.size(); ++i) {
    const std::string name = LowerCase(headers[i].first);
    if (!name.starts_with(kMeta)) continue;
    size += name.size() - kMeta.size() + headers[i].second.size();
    std::string& kept = out[name];
    if (!kept.empty()) kept += ",";
    kept += headers[i].second;
  }
  if (size <= limits::kMaxUserMetadata) return {};
  return Refusal("MetadataTooLarge",
                 {{"Size", std::to_string(size)},
                  {"MaxSizeAllowed", std::to_string(limits::kMaxUserMetadata)}});
}

}  // namespace

std::string HexOf(std::string_view raw) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : raw) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::optional<ApiError> CheckHeaders(const io::HttpHeaders& headers) {
  for (const std::string_view name : kUnserved) {
    if (headers.Has(name)) return Refusal("NotImplemented", {{"Header", std::string(name)}});
  }
  const std::string_view encryption = headers.Get("x-amz-server-side-encryption");
  if (!encryption.empty() && encryption != "AES256") {
    return Refusal("NotImplemented", {{"Header", "x-amz-server-side-encryption"}});
  }
  const std::string_view acl = headers.Get("x-amz-acl");
  if (!acl.empty() && acl != "private" && acl != "bucket-owner-full-control") {
    return RefusalBecause("AccessControlListNotSupported", "The bucket does not allow ACLs");
  }
  return {};
}

Answer<Described> Describe(const io::HttpHeaders& headers) {
  Described out;
  for (const std::string_view name : kKept) {
    std::string value(headers.Get(name));
    if (name == "content-encoding") value = WithoutChunked(value);
    if (!value.empty()) out.headers[std::string(name)] = std::move(value);
  }
  if (auto error = AddMetadata(headers, out.headers)) return std::unexpected(*error);
  if (const auto wanted = headers.Get("x-amz-storage-class"); !wanted.empty()) {
    if (std::ranges::find(kClasses, wanted) == kClasses.end()) {
      return std::unexpected(
          Refusal("InvalidStorageClass", {{"StorageClassRequested", std::string(wanted)}}));
    }
    if (wanted != kClasses.front()) out.headers["x-amz-storage-class"] = wanted;
  }
  if (headers.Has("x-amz-tagging")) {
    out.tags = TRY(ReadTagHeader(headers.Get("x-amz-tagging"), limits::kMaxObjectTags));
  }
  return out;
}

Answer<PutCondition> ReadPutCondition(const io::HttpHeaders& headers) {
  PutCondition out;
  if (headers.Has("If-None-Match")) {
    if (headers.Get("If-None-Match") != "*") {
      return std::unexpected(Refusal("NotImplemented", {{"Header", "If-None-Match"}}));
    }
    out.if_none_match = true;
  }
  out.if_match = Unquoted(headers.Get("If-Match"));
  if (out.if_none_match && !out.if_match.empty()) {
    return std::unexpected(Refusal("NotImplemented", {{"Header", "If-Match, If-None-Match"}}));
  }
  return out;
}

std::optional<ApiError> CheckBodyDigest(const io::HttpRequest& request) {
  const io::HttpHeaders& headers = request.headers;
  if (headers.Has("Content-MD5")) {
    const auto raw = base::Base64Decode(headers.Get("Content-MD5"));
    if (!raw || raw->size() != 16) return Refusal("InvalidDigest");
    if (HexOf(*raw) != base::Md5Hex(request.body)) return Refusal("BadDigest");
  }
  const std::string_view sha256 = headers.Get("x-amz-content-sha256");
  if (const auto digest = base::FromHex(sha256);
      digest && *digest != base::Sha256Of(request.body)) {
    return Refusal("XAmzContentSHA256Mismatch");
  }
  for (const ChecksumKind kind : kChecksumKinds) {
    const std::string_view header = ChecksumHeader(kind);
    if (headers.Has(header) &&
        headers.Get(header) != base::Base64Encode(ChecksumOf(kind, request.body))) {
      return ChecksumMismatch(ChecksumName(kind));
    }
  }
  return {};
}

void AddChecksum(const ObjectChecksum& checksum, io::HttpHeaders& out) {
  const auto kind = ParseChecksumKind(checksum.algorithm);
  if (!kind) return;
  out.Add(ChecksumHeader(*kind), checksum.value);
  out.Add("x-amz-checksum-type", ChecksumType(checksum));
}

std::string_view ChecksumType(const ObjectChecksum& checksum) {
  return checksum.is_composite ? "COMPOSITE" : "FULL_OBJECT";
}

std::string_view StorageClassOf(const Words& headers) {
  const auto label = headers.find("x-amz-storage-class");
  return label == headers.end() ? kClasses.front() : std::string_view(label->second);
}

void AddObjectHeaders(const ObjectRecord& object, bool with_checksum, io::HttpHeaders& out) {
  out.Add("ETag", Quoted(object.etag));
  out.Add("Last-Modified", HttpDate(object.modified_ms / 1000));
  out.Add("Accept-Ranges", "bytes");
  if (!object.headers.contains("content-type")) out.Add("Content-Type", kUsualType);
  for (const auto& [name, value] : object.headers) out.Add(name, value);
  if (!object.tags.empty()) out.Add("x-amz-tagging-count", std::to_string(object.tags.size()));
  if (with_checksum) AddChecksum(object.checksum, out);
}

void OverrideHeaders(const Address& address, io::HttpHeaders& out) {
  for (const auto& [parameter, header] : kOverrides) {
    if (const std::string* const value = address.Find(parameter)) out.Set(header, *value);
  }
}

std::string Quoted(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

}  // namespace hearth::s3
