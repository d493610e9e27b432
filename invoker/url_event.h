// What a function hears of a request to its URL: the payload format 2.0.
//
// Source: developer guide, "Invoking Lambda function URLs", request payload format; aws-facts 4.7.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/sigv4.h"
#include "base/clock.h"
#include "invoker/function.h"
#include "io/http_message.h"

namespace hearth::invoker {

struct UrlRequest {
  const io::HttpRequest& http;
  std::string_view url_id;
  std::string_view request_id;
  std::string_view trace_id;
  std::optional<aws::Signature> signature;  // Where the URL asks for one.
};

// JSON text. Header names are in lower case, fields of one name joined by commas; cookies go by
// themselves; a body that is not known to be text is in base64.
std::string MakeUrlEvent(const UrlRequest& request, const Account& account, base::WallTime now);

// "1.2.3.4" of "1.2.3.4:5678".
std::string_view AddressOf(std::string_view peer);

}  // namespace hearth::invoker
