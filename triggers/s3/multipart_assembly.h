// Making an object of its parts, as CompleteMultipartUpload asks for it. Pure.
// Source: S3 API reference, CompleteMultipartUpload; user guide, "Checking object integrity".
#pragma once

#include "triggers/s3/object_store.h"
#include "triggers/s3/xml_input.h"

namespace hearth::s3 {

// Of a query. InvalidArgument: none of 1 to limits::kMaxObjectParts.
Answer<int> ReadPartNumber(const std::string& text);

struct Assembly {
  std::vector<CompletedPart> wanted;  // Ascending.
  std::optional<uint64_t> size{};     // x-amz-mp-object-size
  std::string checksum{};             // x-amz-checksum-…, base64; empty: none.
};

// InvalidPart, EntityTooSmall (all but the last part have their least size), EntityTooLarge,
// BadDigest, InvalidRequest.
Answer<ObjectRecord> AssembleObject(const Assembly& assembly, const UploadRecord& upload,
                                    std::vector<PartRecord> parts);

}  // namespace hearth::s3
