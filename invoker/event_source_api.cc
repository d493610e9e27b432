#include "invoker/event_source_api.h"

#include "base/id.h"
#include "invoker/api_call.h"
#include "invoker/function_name.h"
#include "invoker/tags_api.h"

namespace hearth::invoker {
namespace {

aws::ApiError HasTwin(const EventSourceMapping& mapping, const EventSourceMapping& twin) {
  const auto arn = aws::ParseArn(mapping.source_arn);
  const std::string rest =
      "already exists. Please update or delete the existing mapping with UUID " + twin.uuid;
  if (arn && arn->service == "sqs") {
    return Conflict("An event source mapping with SQS arn (\" " + mapping.source_arn +
                    " \") and function (\" " + mapping.function + " \") " + rest);
  }
  return Conflict("The event source arn (\" " + mapping.source_arn + " \") and function (\" " +
                  mapping.function + " \") provided mapping " + rest);
}

std::optional<aws::ApiError> CheckVisibility(const Registry& registry,
                                             const EventSourceMapping& mapping,
                                             const SourceRules& rules) {
  const RecordRef record = registry.Record(mapping.function);
  const FunctionRef function =
      record == nullptr ? nullptr : ResolveForReading(*record, mapping.qualifier);
  if (function == nullptr) return std::nullopt;
  return CheckVisibility(rules, function->timeout.count());
}

}  // namespace

aws::ApiError NoSuchSource(const std::string& arn) {
  const auto parsed = aws::ParseArn(arn);
  if (!parsed) {
    return ValidationError(arn.substr(0, 300), "eventSourceArn",
                           "Member must satisfy regular expression pattern: "
                           "arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:([a-z]{2}(-gov)?-[a-z]+-\\d{1}"
                           ")?:(\\d{12})?:(.*)");
  }
  if (parsed->service == "sqs") {
    return InvalidParameter(
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
        "exist for this wsdl version.");
  }
  if (parsed->service == "kinesis" || parsed->service == "dynamodb") {
    return InvalidParameter("Stream not found: " + arn);
  }
  return InvalidParameter("Unrecognized event source.");
}

bool EventSourceApi::Handle(aws::Call& call) {
  const std::string& method = call.request.method;
  std::string_view rest = call.request.path().substr(kPath.size());
  if (!rest.empty() && rest.front() != '/') return false;
  if (!rest.empty()) rest.remove_prefix(1);
  const std::string uuid = io::PercentDecode(rest);
  if (uuid.empty() && method == "POST") {
    Create(std::move(call));
  } else if (uuid.empty() && method == "GET") {
    List(std::move(call));
  } else if (uuid.empty()) {
    return false;
  } else if (method == "GET") {
    Get(std::move(call), uuid);
  } else if (method == "PUT") {
    Update(std::move(call), uuid);
  } else if (method == "DELETE") {
    Delete(std::move(call), uuid);
  } else {
    return false;
  }
  return true;
}

base::Json EventSourceApi::ShownJson(const EventSourceMappings::Shown& shown) const {
  return MappingJson(account_, *shown.mapping, shown.state, shown.result);
}

EventSourceMappings::Done EventSourceApi::Answer(aws::Call call, int status) const {
  auto held = std::make_shared<aws::Call>(std::move(call));
  return
      [this, held, status](const std::expected<EventSourceMappings::Shown, aws::ApiError>& result) {
        if (!result) return Refuse(*held, result.error());
        held->responder.Send(aws::RestJsonAnswer(status, ShownJson(*result), held->request_id));
      };
}

std::optional<aws::ApiError> EventSourceApi::ReadFunction(const base::Json& body,
                                                          EventSourceMapping& into) const {
  std::optional<std::string> text;
  if (auto refusal = ReadText(body, "FunctionName", text)) return refusal;
  if (!text) return std::nullopt;
  const auto name = ParseFunctionName(account_, *text, {});
  if (!name) return name.error();
  const RecordRef record = registry_.Record(name->name);
  if (record == nullptr) return InvalidParameter("Function does not exist");
  if (ResolveForReading(*record, name->qualifier) == nullptr) {
    return FunctionNotFound(account_, *name);
  }
  into.function = name->name;
  into.qualifier = name->qualifier;
  return std::nullopt;
}

std::expected<SourceRules, aws::ApiError> EventSourceApi::RulesOf(const std::string& arn) const {
  const EventSource* const source = mappings_.SourceOf(arn);
  if (source == nullptr) return std::unexpected(NoSuchSource(arn));
  return source->Find(arn);
}

void EventSourceApi::Create(aws::Call call) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  std::optional<std::string> arn;
  if (auto refusal = ReadText(*body, "EventSourceArn", arn)) return Refuse(call, *refusal);
  if (body->value("FunctionName", base::Json()).is_null()) {
    return Refuse(call, MissingMember("functionName"));
  }
  if (!arn) return Refuse(call, InvalidParameter("Unrecognized event source."));
  EventSourceMapping mapping;
  if (auto refusal = ReadFunction(*body, mapping)) return Refuse(call, *refusal);
  const auto rules = RulesOf(*arn);
  if (!rules) return Refuse(call, rules.error());
  mapping.source_arn = *arn;
  auto applied = ApplyMapping(std::move(mapping), *body, MappingBody::kCreate, *rules);
  if (!applied) return Refuse(call, applied.error());
  if (auto refusal = CheckVisibility(registry_, *applied, *rules)) return Refuse(call, *refusal);
  auto tags = ReadTags(*body);
  if (!tags) return Refuse(call, tags.error());
  if (*tags) applied->tags = **std::move(tags);
  if (auto refusal = CheckUsersTags(applied->tags)) return Refuse(call, *refusal);
  if (const MappingRef twin = mappings_.FindTwin(*applied)) {
    return Refuse(call, HasTwin(*applied, *twin));
  }
  applied->uuid = base::NewUuid();
  applied->last_modified_ms = base::EpochMillis(clock_.WallNow());
  mappings_.Create(*std::move(applied), Answer(std::move(call), 202));
}

void EventSourceApi::Get(aws::Call call, const std::string& uuid) {
  const auto found = mappings_.Find(uuid);
  if (!found) return Refuse(call, NoSuchMapping());
  call.responder.Send(aws::RestJsonAnswer(200, ShownJson(*found), call.request_id));
}

void EventSourceApi::Update(aws::Call call, const std::string& uuid) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  const auto found = mappings_.Find(uuid);
  if (!found) return Refuse(call, NoSuchMapping());
  EventSourceMapping next = *found->mapping;
  if (auto refusal = ReadFunction(*body, next)) return Refuse(call, *refusal);
  const auto rules = RulesOf(next.source_arn);
  if (!rules) return Refuse(call, rules.error());
  auto applied = ApplyMapping(std::move(next), *body, MappingBody::kUpdate, *rules);
  if (!applied) return Refuse(call, applied.error());
  if (auto refusal = CheckVisibility(registry_, *applied, *rules)) return Refuse(call, *refusal);
  if (const MappingRef twin = mappings_.FindTwin(*applied)) {
    return Refuse(call, HasTwin(*applied, *twin));
  }
  applied->last_modified_ms = base::EpochMillis(clock_.WallNow());
  mappings_.Update(uuid, *std::move(applied), Answer(std::move(call), 202));
}

void EventSourceApi::Delete(aws::Call call, const std::string& uuid) {
  mappings_.Delete(uuid, Answer(std::move(call), 202));
}

void EventSourceApi::List(aws::Call call) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const std::string_view query = call.request.query();
  const std::string source = io::QueryParameter(query, "EventSourceArn").value;
  const auto function = io::QueryParameter(query, "FunctionName");
  FunctionName name;
  if (function.found) {
    auto parsed = ParseFunctionName(account_, function.value, {});
    if (!parsed) return Refuse(call, parsed.error());
    name = *std::move(parsed);
  }
  ListPage list(*page);
  for (const EventSourceMappings::Shown& shown : mappings_.List()) {
    const EventSourceMapping& mapping = *shown.mapping;
    const bool is_asked_for =
        mapping.uuid > page->after && (source.empty() || mapping.source_arn == source) &&
        (!function.found || (mapping.function == name.name && mapping.qualifier == name.qualifier));
    if (!is_asked_for) continue;
    if (!list.Add(mapping.uuid, ShownJson(shown))) break;
  }
  call.responder.Send(aws::RestJsonAnswer(200, list.Take("EventSourceMappings"), call.request_id));
}

}  // namespace hearth::invoker
