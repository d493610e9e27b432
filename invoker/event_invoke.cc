#include "invoker/event_invoke.h"

#include <algorithm>

#include "invoker/api_call.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Refusal = std::optional<aws::ApiError>;

struct Range {
  const char* member;      // Of the body.
  const char* constraint;  // What AWS's model calls it.
  int64_t least;
  int64_t most;
};

Refusal ReadNumber(const Json& body, const Range& range, std::optional<int64_t>& into) {
  const Json given = body.value(range.member, Json());
  if (given.is_null()) return std::nullopt;
  if (!given.is_number_integer()) return WrongType(range.member, "an integer");
  const auto value = given.get<int64_t>();
  const auto refuse = [&](const char* bound, int64_t limit) {
    return ValidationError(std::to_string(value), range.constraint,
                           std::string("Member must have value ") + bound + " than or equal to " +
                               std::to_string(limit));
  };
  if (value < range.least) return refuse("greater", range.least);
  if (value > range.most) return refuse("less", range.most);
  into = value;
  return std::nullopt;
}

Refusal ReadDestination(const Json& config, const char* member, const CheckDestination& check,
                        std::string& into) {
  const Json given = config.value(member, Json());
  if (given.is_null()) return std::nullopt;
  if (!given.is_object()) return WrongType(std::string("DestinationConfig.") + member, "an object");
  std::optional<std::string> arn;
  if (auto refusal = ReadText(given, "Destination", arn)) return refusal;
  into = arn.value_or("");
  return into.empty() ? std::nullopt : check(into);
}

// As it is text in the record: a response of a `provided` runtime can be anything.
std::string AsJson(std::string_view payload) {
  if (payload.empty()) return "null";
  return base::ParseJson(payload) ? std::string(payload) : base::JsonQuote(payload);
}

}  // namespace

std::expected<EventInvokeConfig, aws::ApiError> ApplyEventInvoke(EventInvokeConfig current,
                                                                 const Json& body,
                                                                 const CheckDestination& check) {
  constexpr Range kRetries{"MaximumRetryAttempts", "maximumRetryAttempts", 0, kDefaultEventRetries};
  constexpr Range kAge{"MaximumEventAgeInSeconds", "maximumEventAgeInSeconds", 60,
                       kDefaultEventAgeSeconds};
  if (auto refusal = ReadNumber(body, kRetries, current.max_retries)) {
    return std::unexpected(*refusal);
  }
  if (auto refusal = ReadNumber(body, kAge, current.max_age_s)) return std::unexpected(*refusal);
  const Json destinations = body.value("DestinationConfig", Json());
  if (!destinations.is_null()) {
    if (!destinations.is_object()) {
      return std::unexpected(WrongType("DestinationConfig", "an object"));
    }
    for (const auto& [member, into] : {std::pair("OnSuccess", &current.on_success),
                                       std::pair("OnFailure", &current.on_failure)}) {
      if (auto refusal = ReadDestination(destinations, member, check, *into)) {
        return std::unexpected(*refusal);
      }
    }
  }
  if (!current.max_retries && !current.max_age_s && destinations.is_null()) {
    return std::unexpected(InvalidParameter(
        "You must specify at least one of error handling or destination setting."));
  }
  return current;
}

Json EventInvokeJson(const std::string& arn, const EventInvokeConfig& config) {
  const auto destination = [](const std::string& to) {
    return to.empty() ? Json::object() : Json{{"Destination", to}};
  };
  Json out{{"FunctionArn", arn},
           {"LastModified", static_cast<double>(config.last_modified_ms) / 1000},
           {"DestinationConfig",
            {{"OnSuccess", destination(config.on_success)},
             {"OnFailure", destination(config.on_failure)}}}};
  if (config.max_retries) out["MaximumRetryAttempts"] = *config.max_retries;
  if (config.max_age_s) out["MaximumEventAgeInSeconds"] = *config.max_age_s;
  return out;
}

Json ToStored(const EventInvokeConfig& config) {
  Json out{{"on_success", config.on_success},
           {"on_failure", config.on_failure},
           {"last_modified_ms", config.last_modified_ms}};
  if (config.max_retries) out["max_retries"] = *config.max_retries;
  if (config.max_age_s) out["max_age_s"] = *config.max_age_s;
  return out;
}

base::Result<EventInvokeConfig> EventInvokeFromStored(const Json& stored) {
  const auto number = [&stored](const char* member) -> std::optional<int64_t> {
    const Json value = stored.value(member, Json());
    return value.is_number_integer() ? std::optional(value.get<int64_t>()) : std::nullopt;
  };
  const bool whole = stored.is_object() && stored.contains("on_success") &&
                     stored["on_success"].is_string() && stored.contains("on_failure") &&
                     stored["on_failure"].is_string() && number("last_modified_ms");
  if (!whole) return base::Invalid("read event invoke config", base::ToJsonText(stored));
  return EventInvokeConfig{.max_retries = number("max_retries"),
                           .max_age_s = number("max_age_s"),
                           .on_success = stored["on_success"].get<std::string>(),
                           .on_failure = stored["on_failure"].get<std::string>(),
                           .last_modified_ms = *number("last_modified_ms")};
}

std::string MakeEventRecord(const EventEnd& end, base::WallTime now) {
  // The payloads are texts already: they go in as they are.
  std::string out =
      "{\"version\":\"1.0\",\"timestamp\":" + base::JsonQuote(base::FormatIso8601(now)) +
      ",\"requestContext\":{\"requestId\":" + base::JsonQuote(end.request_id) +
      ",\"functionArn\":" + base::JsonQuote(end.function_arn) +
      ",\"condition\":" + base::JsonQuote(end.condition) +
      ",\"approximateInvokeCount\":" + std::to_string(end.invoke_count) +
      "},\"requestPayload\":" + AsJson(end.request_payload);
  if (end.result != nullptr) {
    Json response{{"statusCode", 200}, {"executedVersion", end.result->executed_version}};
    if (IsFunctionError(end.result->status)) response["functionError"] = "Unhandled";
    out += ",\"responseContext\":" + base::ToJsonText(response) +
           ",\"responsePayload\":" + AsJson(end.result->payload);
  }
  return out + "}";
}

std::vector<Destinations::Attribute> DeadLetterAttributes(const EventEnd& end,
                                                          const InvocationResult* result) {
  constexpr size_t kMaxMessage = 1024;
  std::string code = "500";
  std::string message = "The event could not be handled: " + end.condition;
  if (end.result != nullptr) {
    code = "200";  // A function's error is an answer.
    const auto payload = base::ParseJson(end.result->payload);
    if (payload && payload->is_object() && payload->contains("errorMessage") &&
        (*payload)["errorMessage"].is_string()) {
      message = (*payload)["errorMessage"].get<std::string>();
    }
  } else if (end.condition == "ZeroReservedConcurrency" ||
             (result != nullptr && result->status == InvocationStatus::kThrottled)) {
    code = "429";
    message = "Rate Exceeded.";
  } else if (result != nullptr && !result->host_error.empty()) {
    message = result->host_error;
  }
  if (message.size() > kMaxMessage) {
    size_t size = kMaxMessage;
    while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xc0) == 0x80) --size;
    message.resize(size);
  }
  std::vector<Destinations::Attribute> out{{"RequestID", "String", end.request_id},
                                           {"ErrorCode", "Number", std::move(code)}};
  // An attribute has a value, of characters that a queue takes.
  std::ranges::replace_if(
      message, [](unsigned char c) { return c < ' ' && c != '\t' && c != '\n' && c != '\r'; }, '?');
  if (!message.empty()) out.push_back({"ErrorMessage", "String", std::move(message)});
  return out;
}

}  // namespace hearth::invoker
