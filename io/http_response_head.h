// The head of an answer, as bytes; and who it goes to. Internal to io/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/http_message.h"

struct uv_stream_s;

namespace hearth::io {

enum class Framing { kNone, kLength, kChunked, kUntilClose };

struct ResponseHeadParts {
  int status = 200;
  std::string_view date;
  const HttpHeaders& headers;
  Framing framing = Framing::kLength;
  size_t content_length = 0;
  std::string_view connection;  // Empty: no such field.
  size_t room = 0;              // For what the caller will append.
};

std::string ResponseHead(const ResponseHeadParts& parts);
// Takes Content-Length out of the fields: its value, where that is one number.
std::optional<uint64_t> TakeLength(HttpHeaders& headers);
// True where an answer of this status never has a body.
bool HasNoBody(int status);
// "127.0.0.1:53124"; empty where the other end has no name.
std::string PeerName(uv_stream_s* stream);

}  // namespace hearth::io
