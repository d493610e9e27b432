#include "triggers/events/events_api.h"

#include <algorithm>
#include <array>

#include "aws/json_protocol.h"
#include "base/digest.h"
#include "base/log.h"
#include "triggers/events/errors.h"

namespace hearth::events {

using aws::ApiError;
using base::Json;

namespace {

constexpr char kVersion[] = "1.1";
constexpr size_t kMaxPage = 100;  // AWS.

// Operations that Hearth knows and does not serve.
constexpr auto kUnserved = std::to_array<std::string_view>({"ActivateEventSource",
                                                            "CreateApiDestination",
                                                            "CreateConnection",
                                                            "CreateEndpoint",
                                                            "CreatePartnerEventSource",
                                                            "DeactivateEventSource",
                                                            "DeauthorizeConnection",
                                                            "DeleteApiDestination",
                                                            "DeleteConnection",
                                                            "DeleteEndpoint",
                                                            "DeletePartnerEventSource",
                                                            "DescribeApiDestination",
                                                            "DescribeConnection",
                                                            "DescribeEndpoint",
                                                            "DescribeEventSource",
                                                            "DescribePartnerEventSource",
                                                            "ListApiDestinations",
                                                            "ListConnections",
                                                            "ListEndpoints",
                                                            "ListEventSources",
                                                            "ListPartnerEventSourceAccounts",
                                                            "ListPartnerEventSources",
                                                            "PutPartnerEvents",
                                                            "UpdateApiDestination",
                                                            "UpdateConnection",
                                                            "UpdateEndpoint"});

}  // namespace

double WireTime(int64_t time_ms) { return static_cast<double>(time_ms) / 1000.0; }

EventsApi::Operation EventsApi::Find(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Operation>, 31> kOperations = {{
      {"CancelReplay", &EventsApi::CancelReplay},
      {"CreateArchive", &EventsApi::CreateArchive},
      {"CreateEventBus", &EventsApi::CreateEventBus},
      {"DeleteArchive", &EventsApi::DeleteArchive},
      {"DeleteEventBus", &EventsApi::DeleteEventBus},
      {"DeleteRule", &EventsApi::DeleteRule},
      {"DescribeArchive", &EventsApi::DescribeArchive},
      {"DescribeEventBus", &EventsApi::DescribeEventBus},
      {"DescribeReplay", &EventsApi::DescribeReplay},
      {"DescribeRule", &EventsApi::DescribeRule},
      {"DisableRule", &EventsApi::DisableRule},
      {"EnableRule", &EventsApi::EnableRule},
      {"ListArchives", &EventsApi::ListArchives},
      {"ListEventBuses", &EventsApi::ListEventBuses},
      {"ListReplays", &EventsApi::ListReplays},
      {"ListRuleNamesByTarget", &EventsApi::ListRuleNamesByTarget},
      {"ListRules", &EventsApi::ListRules},
      {"ListTagsForResource", &EventsApi::ListTagsForResource},
      {"ListTargetsByRule", &EventsApi::ListTargetsByRule},
      {"PutEvents", &EventsApi::PutEvents},
      {"PutPermission", &EventsApi::PutPermission},
      {"PutRule", &EventsApi::PutRule},
      {"PutTargets", &EventsApi::PutTargets},
      {"RemovePermission", &EventsApi::RemovePermission},
      {"RemoveTargets", &EventsApi::RemoveTargets},
      {"StartReplay", &EventsApi::StartReplay},
      {"TagResource", &EventsApi::TagResource},
      {"TestEventPattern", &EventsApi::TestEventPattern},
      {"UntagResource", &EventsApi::UntagResource},
      {"UpdateArchive", &EventsApi::UpdateArchive},
      {"UpdateEventBus", &EventsApi::UpdateEventBus},
  }};
  for (const auto& [each, operation] : kOperations) {
    if (each == name) return operation;
  }
  return nullptr;
}

void EventsApi::Handle(aws::Call call) {
  auto request = std::make_shared<Request>();
  request->call = std::move(call);
  const io::HttpRequest& http = request->call.request;
  const std::string name(aws::JsonOperation(http).substr(0, 200));
  const Operation operation = Find(name);
  if (operation == nullptr) {
    const bool is_known = std::ranges::find(kUnserved, name) != kUnserved.end();
    return Refuse(request, is_known ? ApiError{400, "OperationDisabledException",
                                               "Hearth does not serve the operation " + name + "."}
                                    : ApiError{400, "UnknownOperationException",
                                               "There is no operation '" + name + "'."});
  }
  auto input = base::ParseJson(http.body.empty() ? "{}" : http.body);
  if (!input || !input->is_object()) {
    return Refuse(request, {400, "SerializationException", "the body is no JSON object"});
  }
  request->json = std::move(*input);
  // What came as text is not needed any more; it may be a megabyte.
  request->call.request.body = {};
  (this->*operation)(request);
}

void EventsApi::Answer(const RequestPtr& request, const Json& body) {
  aws::Call& call = request->call;
  call.responder.Send(aws::JsonAnswer(kVersion, body, call.request_id));
}

void EventsApi::Refuse(const RequestPtr& request, const ApiError& error) {
  aws::Call& call = request->call;
  if (error.status >= 500) HLOG_ERROR("events: {}", error.message);
  call.responder.Send(aws::JsonError(kVersion, error, call.request_id));
}

EventBuses::Done EventsApi::Answering(const RequestPtr& request, Json body) {
  return [request, body = std::move(body)](const std::expected<void, ApiError>& result) {
    if (result)
      Answer(request, body);
    else
      Refuse(request, result.error());
  };
}

bool EventsApi::IsRefused(const RequestPtr& request, Faults& faults) {
  const auto fault = faults.Take();
  if (fault) Refuse(request, *fault);
  return fault.has_value();
}

EventsApi::Page EventsApi::ReadPage(Members& in, const TextRule& prefix) const {
  Page page;
  page.most = static_cast<size_t>(in.Number("Limit", 1, kMaxPage).value_or(kMaxPage));
  page.prefix = in.Text("NamePrefix", prefix).value_or("");
  if (const auto token = in.Text("NextToken", {1, 2048})) {
    const auto after = base::Base64Decode(*token);
    if (after)
      page.after = *after;
    else
      in.faults().Refuse(InvalidParameter("NextToken", "It is none that Hearth gave."));
  }
  return page;
}

void EventsApi::AnswerPage(const RequestPtr& request, const Page& page, const char* member,
                           const std::vector<std::string>& names, std::vector<Json> entries) {
  Json out = {{member, Json::array()}};
  if (entries.size() > page.most) {
    entries.resize(page.most);
    out["NextToken"] = base::Base64Encode(names[page.most - 1]);
  }
  for (Json& entry : entries) out[member].push_back(std::move(entry));
  Answer(request, out);
}

std::string EventsApi::BusName(Members& in, std::string_view member) const {
  auto name = BusNameOf(in.Text(member, kBusNameOrArn).value_or(""), parts_.account);
  if (name) return *std::move(name);
  in.faults().Refuse(name.error());
  return {};
}

}  // namespace hearth::events
