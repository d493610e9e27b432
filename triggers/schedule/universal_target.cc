#include "triggers/schedule/universal_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "base/json.h"
#include "invoker/delivery_queue.h"
#include "triggers/schedule/context_attributes.h"
#include "triggers/schedule/fields.h"

namespace hearth::schedule {
namespace {

using base::Json;
using invoker::Destinations;
using std::unexpected;
using Calls = std::expected<std::vector<Destinations::Delivery>, ApiError>;

constexpr Fields::TextRule kText{.most = 256 * 1024};
constexpr size_t kMostEntries = 10;  // AWS: of one PutEvents.

std::string ArnOf(const invoker::Account& account, std::string service, std::string resource) {
  return aws::Arn{.service = std::move(service),
                  .region = account.region,
                  .account = account.id,
                  .resource = std::move(resource)}
      .ToString();
}

// http://any.host/000000000000/name
std::optional<std::string> QueueOfUrl(const std::string& url, const invoker::Account& account) {
  const size_t name = url.rfind('/');
  if (name == std::string::npos || name + 1 == url.size()) {
    return std::nullopt;
  }
  const std::string_view before = std::string_view(url).substr(0, name);
  const std::string_view id = before.substr(before.rfind('/') + 1);
  if (!aws::IsAccountId(id)) {
    return std::nullopt;
  }
  return ArnOf({.region = account.region, .id = std::string(id)}, "sqs", url.substr(name + 1));
}

// What a call carries, as an attempt will find it.
base::Result<Json> JsonOf(const Destinations::Delivery& call) {
  return base::ParseJson(FillContext(call.record, kSampleContext));
}

// The attempt's number is put into what a call carries, and nowhere else.
bool TellsAttemptElsewhere(const Destinations::Delivery& call) {
  const std::string_view mark = invoker::kAttemptMark;
  return call.arn.contains(mark) || call.group_id.contains(mark) ||
         (call.event &&
          (call.event->source.contains(mark) || call.event->detail_type.contains(mark)));
}

Calls ReadSendMessage(const Json& input, const invoker::Account& account) {
  Fields in(input, "input");
  const std::string url = in.RequiredText("QueueUrl", kText);
  Destinations::Delivery call;
  call.record = in.RequiredText("MessageBody", kText);
  call.group_id = in.Text("MessageGroupId", {.most = 128}).value_or("");
  const auto arn = QueueOfUrl(url, account);
  if (!arn) {
    in.Refuse(Invalid(fmt::format("The QueueUrl {} is not the URL of a queue.", url)));
  }
  if (auto error = in.Finish()) {
    return unexpected(*std::move(error));
  }
  call.arn = *arn;
  return std::vector{std::move(call)};
}

Calls ReadInvoke(const Json& input, const invoker::Account& account) {
  Fields in(input, "input");
  const std::string name = in.RequiredText("FunctionName", kText);
  const std::string qualifier = in.Text("Qualifier", {.most = 128}).value_or("");
  // Both are asynchronous here: nobody hears an answer.
  in.OneOf("InvocationType", {"Event", "RequestResponse"});
  Destinations::Delivery call;
  // The SDKs' bytes are a text here.
  call.record = in.Text("Payload", kText).value_or("{}");
  if (!JsonOf(call)) {
    in.Refuse(Invalid("Payload of a call of a function must be well-formed JSON."));
  }
  const auto function = aws::ParseFunctionName(name);
  if (!function) {
    in.Refuse(function.error());
  }
  if (auto error = in.Finish()) {
    return unexpected(*std::move(error));
  }
  const invoker::Account where{
      .region = function->region.empty() ? account.region : function->region,
      .id = function->account.empty() ? account.id : function->account};
  call.arn = invoker::FunctionArn(where, function->name,
                                  qualifier.empty() ? function->qualifier : qualifier);
  return std::vector{std::move(call)};
}

std::expected<Destinations::Delivery, ApiError> ReadEntry(const Json& entry, size_t number,
                                                          const invoker::Account& account) {
  Fields in(entry, fmt::format("input.entries.{}.member", number));
  Destinations::Delivery call;
  call.record = in.RequiredText("Detail", kText);
  call.event = Destinations::BusEvent{.source = in.RequiredText("Source", {.most = 256}),
                                      .detail_type = in.RequiredText("DetailType", {.most = 128}),
                                      .resources = {}};
  const std::string bus = in.Text("EventBusName", {.most = 1600}).value_or("default");
  call.arn = bus.starts_with("arn:") ? bus : ArnOf(account, "events", "event-bus/" + bus);
  const auto detail = JsonOf(call);
  if (!detail || !detail->is_object()) {
    in.Refuse(Invalid("Detail of an event must be well-formed JSON, an object."));
  }
  if (auto error = in.Finish()) {
    return unexpected(*std::move(error));
  }
  return call;
}

Calls ReadPutEvents(const Json& input, const invoker::Account& account) {
  Fields in(input, "input");
  in.Ignore("Entries");
  if (auto error = in.Finish()) {
    return unexpected(*std::move(error));
  }
  const auto entries = input.find("Entries");
  if (entries == input.end() || !entries->is_array() || entries->empty() ||
      entries->size() > kMostEntries) {
    return unexpected(
        Invalid(fmt::format("Entries must be a list of 1 to {} events.", kMostEntries)));
  }
  std::vector<Destinations::Delivery> calls;
  for (size_t i = 0; i < entries->size(); ++i) {
    calls.push_back(TRY(ReadEntry((*entries)[i], i + 1, account)));
  }
  return calls;
}

}  // namespace

std::optional<std::string_view> UniversalApiOf(std::string_view arn) {
  constexpr std::string_view kPrefix = "arn:aws:scheduler:::aws-sdk:";
  if (!arn.starts_with(kPrefix)) {
    return std::nullopt;
  }
  return arn.substr(kPrefix.size());
}

Calls ReadUniversalCall(std::string_view api, std::string_view input,
                        const invoker::Account& account) {
  struct Reader {
    std::string_view api;
    Calls (*read)(const Json&, const invoker::Account&);
  };
  constexpr std::array<Reader, 3> kReaders = {{{"sqs:sendMessage", ReadSendMessage},
                                               {"lambda:invoke", ReadInvoke},
                                               {"eventbridge:putEvents", ReadPutEvents}}};
  for (const Reader& reader : kReaders) {
    if (reader.api != api) {
      continue;
    }
    const auto json = base::ParseJson(input);
    if (!json) {
      return unexpected(Invalid("Input of a universal target must be well-formed JSON."));
    }
    auto calls = reader.read(*json, account);
    if (calls && std::ranges::any_of(*calls, TellsAttemptElsewhere)) {
      return unexpected(
          NotServed(fmt::format("{} outside of what a call carries", invoker::kAttemptMark)));
    }
    return calls;
  }
  return unexpected(NotServed(fmt::format("the universal target {}", api)));
}

}  // namespace hearth::schedule
