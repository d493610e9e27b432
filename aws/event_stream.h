// The event stream encoding: messages of headers and a payload, each with its checksums.
//
//   u32 total length, u32 length of the headers, u32 CRC-32 of these eight bytes
//   headers, payload
//   u32 CRC-32 of all before it
//
// Big endian. Source: Smithy's event stream specification (application/vnd.amazon.eventstream);
// CRC-32 as in ISO 3309.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::aws {

constexpr char kEventStreamType[] = "application/vnd.amazon.eventstream";

// One message of an operation's answer. `event`: "PayloadChunk"; a payload that is a blob member is
// "application/octet-stream", one that is the structure itself "application/json".
std::string EncodeEvent(std::string_view event, std::string_view content_type,
                        std::string_view payload);

// Of `bytes` behind bytes whose checksum is `before`.
uint32_t Crc32(std::string_view bytes, uint32_t before = 0);

}  // namespace hearth::aws
