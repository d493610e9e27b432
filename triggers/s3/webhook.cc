#include "triggers/s3/webhook.h"

#include "base/json.h"
#include "base/log.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/names.h"

namespace hearth::s3 {
namespace {

using base::Json;

constexpr size_t kMaxLoggedBuckets = 100;

void Refuse(aws::Call& call, const ApiError& error) {
  call.responder.Send(aws::RestJsonError(error, call.request_id));
}

// In time that does not tell how much of it is right.
bool IsToken(std::string_view given, std::string_view token) {
  unsigned char difference = given.size() == token.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    difference |=
        static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(token[i % token.size()]);
  }
  return difference == 0;
}

ApiError Malformed(std::string message) {
  return {.status = 400, .type = "InvalidRequest", .message = std::move(message)};
}

std::string TextOf(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) return {};
  const Json& value = object[name];
  return value.is_string() ? value.get<std::string>() : std::string();
}

Json ObjectOf(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) return Json::object();
  return object[name].is_object() ? object[name] : Json::object();
}

// What a record says, for rules to be asked and for EventBridge.
std::expected<ObjectEvent, ApiError> EventOf(const Json& record, size_t index) {
  const std::string place = "Records[" + std::to_string(index) + "]";
  if (!record.is_object()) return std::unexpected(Malformed(place + " is not an object"));
  const Json s3 = ObjectOf(record, "s3");
  const Json object = ObjectOf(s3, "object");
  ObjectEvent event;
  event.name = TextOf(record, "eventName");
  if (event.name.starts_with("s3:")) event.name.erase(0, 3);
  event.bucket = TextOf(ObjectOf(s3, "bucket"), "name");
  event.key = DecodeEventKey(TextOf(object, "key"));
  for (const auto& [name, text] :
       {std::pair("eventName", &event.name), std::pair("s3.bucket.name", &event.bucket),
        std::pair("s3.object.key", &event.key)}) {
    if (text->empty()) {
      return std::unexpected(
          Malformed(place + "." + name + " is absent, empty or no text; an S3 record has it"));
    }
  }
  if (auto refusal = CheckBucketName(event.bucket)) return std::unexpected(*std::move(refusal));
  if (auto refusal = CheckKey(event.key)) return std::unexpected(*std::move(refusal));
  event.etag = TextOf(object, "eTag");
  event.version_id = TextOf(object, "versionId");
  event.sequencer = TextOf(object, "sequencer");
  const Json size = object.value("size", Json());
  if (size.is_number_unsigned()) event.size = size.get<uint64_t>();
  event.time_ms = ParseIsoTime(TextOf(record, "eventTime")).value_or(0);
  event.request_id = TextOf(ObjectOf(record, "responseElements"), "x-amz-request-id");
  event.source_ip = TextOf(ObjectOf(record, "requestParameters"), "sourceIPAddress");
  event.principal = TextOf(ObjectOf(record, "userIdentity"), "principalId");
  return event;
}

// The record as it goes on by a rule.
std::string Passed(Json record, const ObjectEvent& event, const std::string& rule_id,
                   const std::string& region) {
  record["eventName"] = event.name;
  record["eventSource"] = "aws:s3";
  if (TextOf(record, "awsRegion").empty()) record["awsRegion"] = region;
  record["s3"]["configurationId"] = rule_id;
  return base::ToJsonText({{"Records", Json::array({std::move(record)})}});
}

}  // namespace

void EventWebhook::Handle(aws::Call call) {
  const io::HttpRequest& request = call.request;
  const auto refuse = [&](const ApiError& error) {
    ++counters_.refused;
    Refuse(call, error);
  };
  if (request.path() != kPath) {
    return refuse(
        {404, "ResourceNotFoundException", "Hearth takes S3 events at " + std::string(kPath)});
  }
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = request.headers.Get("Authorization");
  if (!parts_.token.empty() && (!authorization.starts_with(kBearer) ||
                                !IsToken(authorization.substr(kBearer.size()), parts_.token))) {
    return refuse({401, "AccessDeniedException",
                   "S3 events need the token of --s3-webhook-token, as Authorization: Bearer"});
  }
  // A store asks so whether anybody is here.
  if (request.method == "HEAD" || request.method == "GET") {
    return call.responder.Send({.status = 200, .headers = {}, .body = {}});
  }
  if (request.method != "POST") {
    return refuse({405, "MethodNotAllowed", "S3 events are sent by POST"});
  }
  size_t records = 0;
  Read events = ReadBody(request, records);
  if (!events) return refuse(events.error());
  const auto taken = [this, records, count = events->size()] {
    counters_.records += records;
    counters_.events += count;
  };
  if (events->empty()) {
    taken();
    return call.responder.Send(aws::RestJsonAnswer(200, Json::object(), call.request_id));
  }
  auto held = std::make_shared<aws::Call>(std::move(call));
  parts_.put(*std::move(events), [held, taken](Answer<void> done) {
    if (!done) return Refuse(*held, done.error());
    taken();
    held->responder.Send(aws::RestJsonAnswer(200, Json::object(), held->request_id));
  });
}

EventWebhook::Read EventWebhook::ReadBody(const io::HttpRequest& request, size_t& records) {
  if (request.body.size() > kMaxWebhookBody) {
    return std::unexpected(
        ApiError{413, "RequestEntityTooLargeException",
                 "S3 events are at most " + std::to_string(kMaxWebhookBody) + " bytes at once"});
  }
  const auto body = base::ParseJson(request.body);
  if (!body) return std::unexpected(Malformed(body.error().ToString()));
  if (!body->is_object() || !body->contains("Records") || !(*body)["Records"].is_array()) {
    return std::unexpected(Malformed("the body is no object with an array Records"));
  }
  std::vector<OutgoingEvent> out;
  for (const Json& record : (*body)["Records"]) {
    const auto event = EventOf(record, records++);
    if (!event) return std::unexpected(event.error());
    const NotificationRulesRef rules = parts_.rules(event->bucket);
    if (rules == nullptr) {
      LogUnknown(event->bucket);
      return std::unexpected(ApiError{
          404, "NoSuchBucket",
          "there is no bucket '" + event->bucket +
              "' on this host; its events are routed by the notifications of the one here"});
    }
    auto matched = rules->Match(*event, [&](const std::string& rule_id) {
      return Passed(record, *event, rule_id, rules->account().region);
    });
    std::ranges::move(matched, std::back_inserter(out));
  }
  return out;
}

void EventWebhook::LogUnknown(const std::string& bucket) {
  if (unknown_.size() >= kMaxLoggedBuckets || !unknown_.insert(bucket).second) return;
  HLOG_WARN("another store sends events of the bucket {}, which is not on this host", bucket);
}

}  // namespace hearth::s3
