#include "invoker/url_event.h"

#include <simdjson.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "base/digest.h"
#include "base/json.h"

namespace hearth::invoker {
namespace {

using base::Json;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return out;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "06/Aug/2026:12:34:56 +0000"
std::string FormatClf(base::WallTime now) {
  const std::time_t seconds = base::EpochMillis(now) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &parts);
  return text;
}

bool IsText(const io::HttpHeaders& headers, std::string_view body) {
  if (headers.Has("Content-Encoding")) return false;
  const std::string_view field = headers.Get("Content-Type");
  const std::string type = Lower(Trim(field.substr(0, field.find(';'))));
  const bool is_text = type.starts_with("text/") || type == "application/json" ||
                       type == "application/javascript" || type == "application/xml" ||
                       type.ends_with("+json") || type.ends_with("+xml");
  // Bytes that are no UTF-8 would not survive as text, whatever they are called.
  return is_text && simdjson::validate_utf8(body.data(), body.size());
}

// Joined by commas where a name comes again.
void Join(std::map<std::string, std::string>& into, std::string name, std::string_view value) {
  const auto [at, is_new] = into.try_emplace(std::move(name), value);
  if (!is_new) at->second.append(",").append(value);
}

std::map<std::string, std::string> QueryParameters(std::string_view query) {
  std::map<std::string, std::string> out;
  const auto decode = [](std::string_view text) {
    std::string plain(text);
    std::ranges::replace(plain, '+', ' ');
    return io::PercentDecode(plain);
  };
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const std::string value =
        equals == std::string_view::npos ? std::string() : decode(part.substr(equals + 1));
    Join(out, decode(part.substr(0, equals)), value);
  }
  return out;
}

std::string_view PortOf(std::string_view host) {
  const size_t colon = host.rfind(':');
  return colon == std::string_view::npos ? "80" : host.substr(colon + 1);
}

Json Authorizer(const aws::Signature& signature, const Account& account) {
  return {{"iam",
           {{"accessKey", signature.access_key},
            {"accountId", account.id},
            {"callerId", signature.access_key},
            {"cognitoIdentity", nullptr},
            {"principalOrgId", nullptr},
            {"userArn", "arn:aws:iam::" + account.id + ":root"},
            {"userId", signature.access_key}}}};
}

}  // namespace

std::string_view AddressOf(std::string_view peer) {
  const size_t colon = peer.rfind(':');
  std::string_view address = peer.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return address;
}

std::string MakeUrlEvent(const UrlRequest& request, const Account& account, base::WallTime now) {
  const io::HttpRequest& http = request.http;
  std::map<std::string, std::string> headers;
  Json cookies = Json::array();
  for (size_t i = 0; i < http.headers.size(); ++i) {
    const auto [name, value] = http.headers[i];
    std::string lower = Lower(name);
    if (lower != "cookie") {
      Join(headers, std::move(lower), value);
      continue;
    }
    for (std::string_view rest = value; !rest.empty();) {
      const size_t end = rest.find(';');
      if (const auto cookie = Trim(rest.substr(0, end)); !cookie.empty()) cookies.push_back(cookie);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
  const std::string host(http.headers.Get("Host"));
  const std::string address(AddressOf(http.peer));
  headers["x-forwarded-for"] = address;
  headers["x-forwarded-proto"] = "http";
  headers["x-forwarded-port"] = PortOf(host);
  headers["x-amzn-trace-id"] = request.trace_id;
  const std::string path = io::PercentDecode(http.path());
  Json context{{"accountId", request.signature ? account.id : "anonymous"},
               {"apiId", request.url_id},
               {"domainName", host.substr(0, host.rfind(':'))},
               {"domainPrefix", request.url_id},
               {"http",
                {{"method", http.method},
                 {"path", path},
                 {"protocol", "HTTP/1.1"},
                 {"sourceIp", address},
                 {"userAgent", http.headers.Get("User-Agent")}}},
               {"requestId", request.request_id},
               {"routeKey", "$default"},
               {"stage", "$default"},
               {"time", FormatClf(now)},
               {"timeEpoch", base::EpochMillis(now)}};
  if (request.signature) context["authorizer"] = Authorizer(*request.signature, account);
  Json event{{"version", "2.0"},        {"routeKey", "$default"},
             {"rawPath", path},         {"rawQueryString", http.query()},
             {"headers", headers},      {"requestContext", std::move(context)},
             {"isBase64Encoded", false}};
  if (!cookies.empty()) event["cookies"] = std::move(cookies);
  if (auto parameters = QueryParameters(http.query()); !parameters.empty()) {
    event["queryStringParameters"] = std::move(parameters);
  }
  if (!http.body.empty()) {
    const bool is_text = IsText(http.headers, http.body);
    event["body"] = is_text ? http.body : base::Base64Encode(http.body);
    event["isBase64Encoded"] = !is_text;
  }
  return base::ToJsonText(event);
}

}  // namespace hearth::invoker
