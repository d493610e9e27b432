// What a function's answer makes of an HTTP response: payload format 2.0, and the prelude of an
// answer in pieces.
//
// What a function says is hostile: anything malformed is nullopt, for which the caller gets a 502.
// Source: developer guide, "Invoking Lambda function URLs", response payload format; aws-facts 4.7.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "io/http_message.h"

namespace hearth::invoker {

constexpr char kHttpIntegration[] = "application/vnd.awslambda.http-integration-response";

// {"statusCode", "headers", "cookies"} to the head of a response; statusCode is 200 where there is
// none. Fields that are the host's own are passed on as "x-amzn-Remapped-NAME", as AWS does.
std::optional<io::HttpResponse> UrlResponseHead(const base::Json& said);
// Of a whole payload: such an object with "body" and "isBase64Encoded", or, without a statusCode,
// any JSON, which then is the body.
std::optional<io::HttpResponse> UrlResponseOf(std::string payload);

// Collects the prelude of an answer in pieces: the object, then eight NULs.
class PreludeReader {
 public:
  enum class State { kReading, kDone, kBroken };
  // Uses some of `piece`, all where it has not found the end.
  State Feed(std::string_view& piece);
  // After kDone, once.
  io::HttpResponse TakeHead() { return std::move(*head_); }

 private:
  std::string text_;
  std::optional<io::HttpResponse> head_;
};

}  // namespace hearth::invoker
