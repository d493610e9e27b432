// HTTP from anybody: however the bytes are cut, the parser sees the same messages.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "io/http_parser.h"

namespace {

using hearth::io::HttpKind;
using hearth::io::HttpParser;
using hearth::io::HttpRequest;

constexpr size_t kMaxBody = 500;
constexpr size_t kMaxHeaders = 20;

struct Seen {
  std::vector<HttpRequest> messages;
  std::vector<bool> kept_alive;
  std::vector<std::string> streamed;  // The body of each, where it was taken as it came.
  HttpParser::State last = HttpParser::State::kIdle;
  HttpParser::State at_end = HttpParser::State::kIdle;
};

// Takes the body of every request that is no GET as it comes.
struct Reader final : hearth::io::HttpBodyReader {
  bool TakesBody(const HttpRequest& head) override { return head.method != "GET"; }
  void OnPiece(std::string_view piece) override { body += piece; }
  std::string body;
};

// `cuts` gives the sizes of the pieces, over and over; empty: all in one.
Seen Parse(HttpKind kind, bool streams, std::string_view bytes, std::string_view cuts) {
  Reader reader;
  HttpParser parser({.kind = kind,
                     .max_body = kMaxBody,
                     .max_header_bytes = 1000,
                     .max_headers = kMaxHeaders,
                     .max_target = 200,
                     .reader = streams ? &reader : nullptr});
  Seen seen;
  size_t cut = 0;
  while (!bytes.empty()) {
    const size_t size =
        cuts.empty() ? bytes.size() : 1 + static_cast<uint8_t>(cuts[cut++ % cuts.size()]) % 16;
    std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      const size_t used = parser.Feed(piece);
      CHECK(used <= piece.size());
      piece.remove_prefix(used);
      if (parser.state() == HttpParser::State::kRefused) {
        CHECK(parser.refused_status() >= 400 && parser.refused_status() < 600);
        CHECK(!parser.refused_reason().empty());
        seen.last = seen.at_end = parser.state();
        return seen;
      }
      if (parser.state() != HttpParser::State::kComplete) {
        CHECK(piece.empty());
        break;
      }
      seen.messages.push_back(parser.TakeRequest());
      seen.streamed.push_back(std::exchange(reader.body, {}));
      seen.kept_alive.push_back(parser.keep_alive());
      const HttpRequest& message = seen.messages.back();
      CHECK(message.body.size() <= kMaxBody);
      CHECK(message.headers.size() <= kMaxHeaders);
      CHECK(message.trailers.size() <= kMaxHeaders);
      CHECK(streams || message.trailers.size() == 0);
      CHECK(message.body.empty() || seen.streamed.back().empty());
      CHECK(message.target.size() <= 200);
    }
  }
  seen.last = parser.state();
  parser.FeedEnd();
  seen.at_end = parser.state();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const HttpKind kind = data[0] == 'R' ? HttpKind::kResponse : HttpKind::kRequest;
  const std::string_view bytes = all.substr(3);
  const bool streams = data[0] == 'S';
  const Seen whole = Parse(kind, streams, bytes, "");
  const Seen cut = Parse(kind, streams, bytes, all.substr(0, 3));
  CHECK(whole.streamed == cut.streamed);
  CHECK(whole.last == cut.last);
  CHECK(whole.at_end == cut.at_end);
  CHECK(whole.kept_alive == cut.kept_alive);
  CHECK(whole.messages.size() == cut.messages.size());
  for (size_t i = 0; i < whole.messages.size(); ++i) {
    CHECK(whole.messages[i].method == cut.messages[i].method);
    CHECK(whole.messages[i].target == cut.messages[i].target);
    CHECK(whole.messages[i].headers == cut.messages[i].headers);
    CHECK(whole.messages[i].body == cut.messages[i].body);
    CHECK(whole.messages[i].trailers == cut.messages[i].trailers);
  }
  return 0;
}
