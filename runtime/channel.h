// The channel: binary frames between hearthd and Hearth's own bootstraps, on two socketpairs:
// events go down on the bootstrap's descriptor 3, answers come up on its 4. (On one pair, the
// host's read of an answer would wake the bootstrap that already waits for its next event: unix(7)
// sockets signal free room to every sleeper.)
//
// A frame is a header of 8 bytes, then its body. Little endian.
//
//   u32 length   of the body
//   u8  type     FrameType
//   u8[3]        zero
//
// Bodies hold fields, each a u32 length and its bytes; the last field is the payload.
//   kInvoke    request id, deadline (8 bytes, epoch ms), function ARN, trace id, client context,
//              Cognito identity, tenant id, payload              host -> bootstrap
//   kLoad      environment, as NAME=value joined by NUL          host -> bootstrap, to a stem cell
//   kPrepare   (none): be written down (sandbox/image.h)         host -> bootstrap, while ready
//              (none): rehearse, while there is time             host -> a stem cell
//   kReady     (none)                                            bootstrap -> host
//   kInitError error type, payload                               bootstrap -> host
//   kResponse  request id, content type, payload                 bootstrap -> host
//   kError     request id, error type, payload                   bootstrap -> host
//   kLastError the same, from a runtime that is about to exit: no further event may follow
//   kStreamBegin request id, content type: an answer in pieces   bootstrap -> host
//   kStreamPiece no fields: the body is the piece                bootstrap -> host
//   kStreamEnd   (none); a kError or kLastError ends it too      bootstrap -> host
//
// What comes from a sandbox is hostile: a frame that breaks these rules ends the sandbox.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/session.h"

namespace hearth::runtime {

enum class FrameType : uint8_t {
  kInvoke = 1,
  kReady = 2,
  kInitError = 3,
  kResponse = 4,
  kError = 5,
  kLastError = 6,
  kLoad = 7,
  kPrepare = 8,
  kStreamBegin = 9,
  kStreamPiece = 10,
  kStreamEnd = 11,
};

constexpr size_t kFrameHeader = 8;
// A response at its limit, with room for the other fields. Bootstraps check the response's size.
constexpr size_t kMaxFrameBody = 6 * 1024 * 1024 + 65536;

// Of one kStreamPiece: so much lies here of each stream.
constexpr size_t kMaxStreamPiece = 65536;

struct FrameHeader {
  uint32_t length = 0;
  FrameType type = FrameType::kReady;
};

// Refuses unknown types, lengths over kMaxFrameBody (a piece's: kMaxStreamPiece), and bytes that
// should be zero and are not.
base::Result<FrameHeader> DecodeFrameHeader(std::string_view bytes);
// The fields of a body, exactly `count` of them, which fill it exactly. Views into `body`.
base::Result<std::vector<std::string_view>> DecodeFields(std::string_view body, size_t count);

// A whole kLoad frame.
std::string EncodeLoad(const std::vector<std::string>& environment);
std::string EncodePrepare();
// Everything of a kInvoke frame but the payload's own bytes, which follow it on the wire.
std::string EncodeInvokeHead(const InvocationEvent& event);

}  // namespace hearth::runtime
