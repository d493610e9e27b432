// What a function and a stranger say of a URL: a streamed answer's prelude is the same however its
// pieces are cut, a whole answer is a response or none, and a signature is whole or none.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "aws/sigv4.h"
#include "base/check.h"
#include "invoker/url_response.h"

namespace {

using hearth::invoker::PreludeReader;

struct Seen {
  PreludeReader::State state = PreludeReader::State::kReading;
  hearth::io::HttpResponse head;
  std::string rest;
};

Seen Read(std::string_view bytes, size_t step) {
  PreludeReader reader;
  Seen seen;
  while (!bytes.empty() && seen.state == PreludeReader::State::kReading) {
    std::string_view piece = bytes.substr(0, step);
    const size_t given = piece.size();
    seen.state = reader.Feed(piece);
    CHECK(piece.size() < given);
    bytes.remove_prefix(given - piece.size());
  }
  if (seen.state == PreludeReader::State::kDone) {
    seen.head = reader.TakeHead();
    seen.rest = bytes;
  }
  return seen;
}

void CheckHead(const hearth::io::HttpResponse& head) {
  CHECK(head.status >= 200 && head.status <= 599);
  CHECK(head.headers.lines().find("\r\n\r\n") == std::string::npos);
  CHECK(static_cast<size_t>(std::ranges::count(head.headers.lines(), '\n')) ==
        head.headers.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Seen whole = Read(bytes, bytes.size());
  const Seen cut = Read(bytes, 1 + data[0]);
  CHECK(whole.state == cut.state);
  CHECK(whole.rest == cut.rest);
  CHECK(whole.head.status == cut.head.status && whole.head.headers == cut.head.headers);
  if (whole.state == PreludeReader::State::kDone) CheckHead(whole.head);
  if (const auto response = hearth::invoker::UrlResponseOf(std::string(bytes))) {
    CheckHead(*response);
  }
  hearth::io::HttpRequest request;
  request.target = "/?" + std::string(bytes);
  request.headers.Add("X-Amz-Date", "20260806T123456Z");
  request.headers.Add("Authorization", bytes);
  if (const auto signature = hearth::aws::ReadSignature(request)) {
    CHECK(!signature->access_key.empty() && !signature->service.empty());
  }
  return 0;
}
