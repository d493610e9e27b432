#include "invoker/url_response.h"

#include <algorithm>
#include <array>

#include "base/digest.h"
#include "base/limits.h"
#include "io/http_parser.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr size_t kMaxPrelude = limits::kMaxHeaderBytes;  // It is the head of a message.
constexpr std::string_view kPreludeEnd("\0\0\0\0\0\0\0\0", 8);

constexpr std::array<std::string_view, 10> kOwnFields = {
    "Connection", "Content-Length",    "Date",   "Keep-Alive", "Proxy-Connection", "Server", "TE",
    "Trailer",    "Transfer-Encoding", "Upgrade"};

// Nothing where it cannot be a field's value.
std::optional<std::string> FieldText(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return base::ToJsonText(value);
  return std::nullopt;
}

bool AddFields(const Json& given, io::HttpHeaders& into) {
  if (given.is_null()) return true;
  if (!given.is_object() || given.size() > limits::kMaxHeaders) return false;
  size_t bytes = 0;
  for (const auto& [name, value] : given.items()) {
    const auto text = FieldText(value);
    if (!io::IsToken(name) || !text) return false;
    bytes += name.size() + text->size();
    if (bytes > limits::kMaxHeaderBytes) return false;
    const bool is_own = std::ranges::any_of(
        kOwnFields, [&](std::string_view own) { return io::SameName(name, own); });
    into.Add(is_own ? "x-amzn-Remapped-" + name : name, *text);
  }
  return true;
}

bool AddCookies(const Json& given, io::HttpHeaders& into) {
  if (given.is_null()) return true;
  if (!given.is_array() || given.size() > limits::kMaxHeaders) return false;
  size_t bytes = 0;
  for (const Json& cookie : given) {
    if (!cookie.is_string()) return false;
    const auto text = cookie.get<std::string>();
    bytes += text.size();
    if (bytes > limits::kMaxHeaderBytes) return false;
    into.Add("Set-Cookie", text);
  }
  return true;
}

}  // namespace

std::optional<io::HttpResponse> UrlResponseHead(const Json& said) {
  if (!said.is_object()) return std::nullopt;
  io::HttpResponse out{.status = 200, .headers = {}, .body = {}};
  const Json status = said.value("statusCode", Json());
  if (!status.is_null()) {
    // An interim status would leave the client waiting for another.
    if (!status.is_number_integer() || status < 200 || status > 599) return std::nullopt;
    out.status = status.get<int>();
  }
  if (!AddFields(said.value("headers", Json()), out.headers) ||
      !AddCookies(said.value("cookies", Json()), out.headers)) {
    return std::nullopt;
  }
  return out;
}

std::optional<io::HttpResponse> UrlResponseOf(std::string payload) {
  const auto said = base::ParseJson(payload);
  if (!said) return std::nullopt;
  if (!said->is_object() || !said->contains("statusCode")) {
    io::HttpResponse out{.status = 200, .headers = {}, .body = std::move(payload)};
    out.headers.Add("Content-Type", "application/json");
    return out;
  }
  auto out = UrlResponseHead(*said);
  if (!out || (*said)["statusCode"].is_null()) return std::nullopt;
  if (!out->headers.Has("Content-Type")) out->headers.Add("Content-Type", "application/json");
  const Json body = said->value("body", Json());
  const Json is_base64 = said->value("isBase64Encoded", Json());
  if ((!body.is_null() && !body.is_string()) || (!is_base64.is_null() && !is_base64.is_boolean())) {
    return std::nullopt;
  }
  if (body.is_string()) out->body = body.get<std::string>();
  if (is_base64 == true) {
    auto bytes = base::Base64Decode(out->body);
    if (!bytes) return std::nullopt;
    out->body = std::move(*bytes);
  }
  return out;
}

PreludeReader::State PreludeReader::Feed(std::string_view& piece) {
  const size_t before = text_.size();
  // The end may lie across two pieces; what is behind it is not ours.
  const size_t room = kMaxPrelude + kPreludeEnd.size() - before;
  const std::string_view taken = piece.substr(0, room);
  text_ += taken;
  const size_t from = before < kPreludeEnd.size() ? 0 : before - (kPreludeEnd.size() - 1);
  const size_t end = text_.find(kPreludeEnd, from);
  if (end == std::string::npos) {
    piece.remove_prefix(taken.size());
    return text_.size() < kMaxPrelude + kPreludeEnd.size() ? State::kReading : State::kBroken;
  }
  piece.remove_prefix(end + kPreludeEnd.size() - before);
  text_.resize(end);
  const auto said = base::ParseJson(text_);
  if (said) head_ = UrlResponseHead(*said);
  return head_ ? State::kDone : State::kBroken;
}

}  // namespace hearth::invoker
