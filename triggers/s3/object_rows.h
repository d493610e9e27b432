// How records stand in the index's columns: as texts of any bytes. Malformed: nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/s3/object_record.h"

namespace hearth::s3 {

std::string EncodeWords(const Words& words);
std::optional<Words> DecodeWords(std::string_view text);
std::string EncodeChecksum(const ObjectChecksum& checksum);
std::optional<ObjectChecksum> DecodeChecksum(std::string_view text);
std::string EncodeExtents(const std::vector<Extent>& extents);
std::optional<std::vector<Extent>> DecodeExtents(std::string_view text);

// 32 hexadecimal digits: the number, so that ids sort and are found by it, and as many random ones.
std::string MakeId(int64_t number);
// The number of such an id.
std::optional<int64_t> NumberOf(std::string_view id);

// The least string of bytes above all keys that begin with it; where there is none, one that is
// above all keys. No key has more than limits::kMaxObjectKey bytes.
std::string Above(std::string_view prefix);

}  // namespace hearth::s3
