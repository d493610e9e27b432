#include "io/http_message.h"

#include <strings.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace hearth::io {
namespace {

// Room for what most messages have.
constexpr size_t kUsualFields = 12;
constexpr size_t kUsualBytes = 512;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view HttpHeaders::Get(std::string_view name) const {
  const size_t at = Find(name);
  return at < fields_.size() ? (*this)[at].second : std::string_view();
}

bool HttpHeaders::Has(std::string_view name) const { return Find(name) < fields_.size(); }

// By size first: most names differ in it, and a call asks for many that are not there.
size_t HttpHeaders::Find(std::string_view name) const {
  size_t at = 0;
  while (at < fields_.size() &&
         (fields_[at].name_size != name.size() ||
          ::strncasecmp(lines_.data() + fields_[at].at, name.data(), name.size()) != 0)) {
    ++at;
  }
  return at;
}

void HttpHeaders::Add(std::string_view name, std::string_view value) {
  CHECK(name.size() <= UINT32_MAX && value.size() <= UINT32_MAX);
  if (fields_.empty()) {
    fields_.reserve(kUsualFields);
    lines_.reserve(kUsualBytes);  // Never in the string itself: views survive a move.
  }
  fields_.push_back(
      {lines_.size(), static_cast<uint32_t>(name.size()), static_cast<uint32_t>(value.size())});
  lines_.append(name).append(": ").append(value);
  char* const written = lines_.data() + lines_.size() - value.size();
  for (const char ending : {'\r', '\n', '\0'}) {
    if (std::memchr(written, ending, value.size()) == nullptr) continue;
    std::replace(written, written + value.size(), ending, ' ');
  }
  lines_.append("\r\n");
}

void HttpHeaders::Set(std::string_view name, std::string_view value) {
  Remove(name);
  Add(name, value);
}

void HttpHeaders::Remove(std::string_view name) {
  if (!Has(name)) return;
  HttpHeaders kept;
  for (size_t i = 0; i < fields_.size(); ++i) {
    const auto [field, value] = (*this)[i];
    if (!SameName(field, name)) kept.Add(field, value);
  }
  *this = std::move(kept);
}

HttpHeaders::Field HttpHeaders::operator[](size_t index) const {
  const Place& place = fields_[index];
  const std::string_view lines(lines_);
  return {lines.substr(place.at, place.name_size),
          lines.substr(place.at + place.name_size + 2, place.value_size)};
}

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view HttpRequest::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

QueryValue QueryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const auto equals = part.find('=');
    if (PercentDecode(part.substr(0, equals)) != name) continue;
    return {true, equals == std::string_view::npos ? "" : PercentDecode(part.substr(equals + 1))};
  }
  return {};
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

}  // namespace hearth::io
