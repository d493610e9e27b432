#include "triggers/s3/multipart_assembly.h"

#include <charconv>

#include "base/digest.h"
#include "base/limits.h"
#include "base/md5.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

std::string RawOfHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    int byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    out += static_cast<char>(byte);
  }
  return out;
}

std::optional<ApiError> CheckPart(const CompletedPart& wanted, const PartRecord* part) {
  const auto invalid = [&wanted](const std::string& upload_etag) {
    return Refusal("InvalidPart", {{"PartNumber", std::to_string(wanted.number)},
                                   {"ETag", wanted.etag},
                                   {"StoredETag", upload_etag}});
  };
  if (part == nullptr) return invalid("");
  if (wanted.etag != part->etag) return invalid(part->etag);
  for (const auto& [kind, value] : wanted.checksums) {
    if (ChecksumName(kind) != part->checksum.algorithm || value != part->checksum.value) {
      return invalid(part->etag);
    }
  }
  return {};
}

Answer<ObjectChecksum> ChecksumOfParts(const UploadRecord& upload,
                                       const std::vector<const PartRecord*>& parts) {
  ObjectChecksum out{.algorithm = upload.checksum.algorithm,
                     .is_composite = upload.checksum.is_composite};
  const auto kind = ParseChecksumKind(out.algorithm);
  if (!kind) return ObjectChecksum{};
  std::vector<std::string> raw;
  for (const PartRecord* const part : parts) {
    auto value = base::Base64Decode(part->checksum.value);
    // What parts have of a checksum is their upload's.
    if (part->checksum.algorithm != out.algorithm || !value) {
      return std::unexpected(Refusal("InternalError"));
    }
    raw.push_back(std::move(*value));
  }
  if (out.is_composite) {
    out.value = base::Base64Encode(CompositeOf(*kind, raw)) + "-" + std::to_string(raw.size());
    return out;
  }
  std::string whole = raw.front();
  for (size_t i = 1; i < raw.size(); ++i) {
    whole = CombinedCrc(*kind, whole, raw[i], parts[i]->size);
  }
  out.value = base::Base64Encode(whole);
  return out;
}

}  // namespace

Answer<int> ReadPartNumber(const std::string& text) {
  const auto number = ReadNumber(text);
  if (!number || *number < 1 || *number > limits::kMaxObjectParts) {
    return std::unexpected(RefusalBecause(
        "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive",
        {{"ArgumentName", "partNumber"}, {"ArgumentValue", text}}));
  }
  return static_cast<int>(*number);
}

Answer<ObjectRecord> AssembleObject(const Assembly& assembly, const UploadRecord& upload,
                                    std::vector<PartRecord> parts) {
  std::map<int, const PartRecord*> stored;
  for (const PartRecord& part : parts) stored[part.number] = &part;
  std::vector<const PartRecord*> chosen;
  ObjectRecord out{.key = upload.key, .headers = upload.headers, .tags = upload.tags};
  std::string digests;
  for (const CompletedPart& wanted : assembly.wanted) {
    const auto found = stored.find(wanted.number);
    const PartRecord* const part = found == stored.end() ? nullptr : found->second;
    if (auto error = CheckPart(wanted, part)) return std::unexpected(*error);
    const bool is_last = &wanted == &assembly.wanted.back();
    if (!is_last && part->size < limits::kMinObjectPart) {
      return std::unexpected(
          Refusal("EntityTooSmall", {{"ProposedSize", std::to_string(part->size)},
                                     {"MinSizeAllowed", std::to_string(limits::kMinObjectPart)},
                                     {"PartNumber", std::to_string(part->number)},
                                     {"ETag", part->etag}}));
    }
    chosen.push_back(part);
    digests += RawOfHex(part->etag);
    out.size += part->size;
    out.extents.insert(out.extents.end(), part->extents.begin(), part->extents.end());
  }
  if (out.size > limits::kMaxObject) return std::unexpected(Refusal("EntityTooLarge"));
  if (assembly.size && *assembly.size != out.size) {
    return std::unexpected(
        RefusalBecause("InvalidRequest",
                       "The provided 'x-amz-mp-object-size' header does not match what was "
                       "computed."));
  }
  out.etag = base::Md5Hex(digests) + "-" + std::to_string(chosen.size());
  out.checksum = TRY(ChecksumOfParts(upload, chosen));
  const auto bare = [](const std::string& value) { return value.substr(0, value.find('-')); };
  if (!assembly.checksum.empty() && bare(assembly.checksum) != bare(out.checksum.value)) {
    return std::unexpected(ChecksumMismatch(out.checksum.algorithm));
  }
  return out;
}

}  // namespace hearth::s3
