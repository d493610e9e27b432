#include "stacks/attachment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/digest.h"
#include "stacks/body.h"
#include "stacks/properties.h"
#include "stacks/tokens.h"
#include "stacks/version_resources.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr size_t kMaxStatementId = 100;  // AWS.

constexpr std::array<Field, 6> kCors = {{{"AllowCredentials", Shape::kFlag},
                                         {"AllowHeaders", Shape::kTexts},
                                         {"AllowMethods", Shape::kTexts},
                                         {"AllowOrigins", Shape::kTexts},
                                         {"ExposeHeaders", Shape::kTexts},
                                         {"MaxAge", Shape::kInteger}}};
constexpr std::array<Field, 3> kUrlConfig = {
    {{"AuthType"}, {"Cors", Shape::kMap, kCors}, {"InvokeMode"}}};
constexpr std::array<Field, 5> kUrl = {{{"AuthType"},
                                        {"Cors", Shape::kMap, kCors},
                                        {"InvokeMode"},
                                        {"Qualifier"},
                                        {"TargetFunctionArn"}}};

constexpr std::array<Field, 1> kDestination = {{{"Destination"}}};
constexpr std::array<Field, 2> kDestinations = {
    {{"OnFailure", Shape::kMap, kDestination}, {"OnSuccess", Shape::kMap, kDestination}}};
constexpr std::array<Field, 5> kEventInvoke = {{{"DestinationConfig", Shape::kMap, kDestinations},
                                                {"FunctionName"},
                                                {"MaximumEventAgeInSeconds", Shape::kInteger},
                                                {"MaximumRetryAttempts", Shape::kInteger},
                                                {"Qualifier"}}};
// SAM's.
constexpr std::array<Field, 2> kTypedDestination = {{{"Type"}, {"Destination"}}};
constexpr std::array<Field, 2> kTypedDestinations = {
    {{"OnFailure", Shape::kMap, kTypedDestination}, {"OnSuccess", Shape::kMap, kTypedDestination}}};
constexpr std::array<Field, 3> kEventInvokeConfig = {
    {{"DestinationConfig", Shape::kMap, kTypedDestinations},
     {"MaximumEventAgeInSeconds", Shape::kInteger},
     {"MaximumRetryAttempts", Shape::kInteger}}};
constexpr std::array<std::string_view, 5> kDestinationTypes = {"SQS", "SNS", "Lambda",
                                                               "EventBridge", "S3Bucket"};

constexpr std::array<Field, 9> kPermission = {{{"Action"},
                                               {"EventSourceToken"},
                                               {"FunctionName"},
                                               {"FunctionUrlAuthType"},
                                               {"InvokedViaFunctionUrl", Shape::kFlag},
                                               {"Principal"},
                                               {"PrincipalOrgID"},
                                               {"SourceAccount"},
                                               {"SourceArn"}}};

// One template makes the same statement again and again: its id must not change.
std::string StatementId(std::string_view stack, const std::string& logical_id) {
  std::string id = fmt::format("{}-{}", stack, logical_id);
  if (id.size() <= kMaxStatementId) return id;
  constexpr size_t kDigits = 16;
  const std::string digest = base::ToHex(base::Sha256Of(id)).substr(0, kDigits);
  id.resize(kMaxStatementId - kDigits - 1);
  return id + "-" + digest;
}

void NotePlaces(const Node& map, PlannedAttachment& attachment) {
  for (const Member& member : map.members) {
    attachment.properties[member.name] = member.position;
    if (!member.value->is_map()) continue;
    for (const Member& below : member.value->members) {
      attachment.properties[below.name] = below.position;
    }
  }
}

PlannedAttachment Attach(const PlannedFunction& function, ResourceKind kind, std::string suffix,
                         Json told) {
  return {.logical_id = function.logical_id + suffix,
          .position = function.position,
          .properties = {},
          .kind = kind,
          .function = function.settings.name,
          .qualifier = function.publication.alias,
          .told = std::move(told)};
}

// SAM says of what type a destination is, and makes the queue that is not named.
void ReadTypedDestination(const PlannedFunction& function, const invoker::Account& account,
                          const char* end, Json& destinations, Brought& out, Diagnostics& errors) {
  if (!destinations.contains(end)) return;
  Json& destination = destinations[end];
  const Node* at = function.event_invoke->Find("DestinationConfig")->value->Find(end)->value.get();
  const std::string type = destination.value("Type", "");
  const std::string where = fmt::format("EventInvokeConfig.DestinationConfig.{}", end);
  const bool is_named = !destination.value("Destination", "").empty();
  if (std::ranges::find(kDestinationTypes, type) == kDestinationTypes.end()) {
    errors.Add(at->position,
               fmt::format("'{}.Type' is {}{}", where, fmt::join(kDestinationTypes, ", "),
                           type.empty() ? "" : fmt::format(", not '{}'", type)));
  } else if (!is_named && type == "SQS") {
    out.queues.push_back(
        BroughtQueue(fmt::format("{}EventInvokeConfig{}Queue", function.logical_id, end),
                     function.position, "a Destination", errors));
    destination["Destination"] = sqs::QueueArn(account, out.queues.back().name);
  } else if (!is_named) {
    errors.Add(at->position,
               type == "SNS"
                   ? fmt::format("'{}' of type {} without a Destination would make one, which is "
                                 "not served yet: give the ARN of a function or a queue",
                                 where, type)
                   : fmt::format("'{}' of type {} has no Destination: give its ARN", where, type));
  }
  destination.erase("Type");
}

// As ReadTypedDestination would, of what is not evaluated yet.
bool MakesQueue(const Node& config, const char* end) {
  const Node* at = &config;
  for (const char* name : {"DestinationConfig", end}) {
    const Member* below = at->Find(name);
    if (below == nullptr) return false;
    at = below->value.get();
  }
  const Member* type = at->Find("Type");
  const Member* destination = at->Find("Destination");
  return type != nullptr && type->value->text == "SQS" &&
         (destination == nullptr || destination->value->kind == NodeKind::kNull);
}

void AddUrl(const PlannedFunction& function, std::string_view stack,
            std::vector<PlannedAttachment>& out, Diagnostics& errors) {
  if (function.url == nullptr) return;
  const Node& config = *function.url;
  auto url = Attach(function, ResourceKind::kUrl, "Url",
                    ReadBody(config, "FunctionUrlConfig.", kUrlConfig, errors));
  NotePlaces(config, url);
  if (const Member* at = config.Find("AuthType"); at == nullptr) {
    errors.Add(config.position, "'FunctionUrlConfig' has no AuthType: NONE or AWS_IAM");
  }
  const bool is_public = url.told.value("AuthType", "") == "NONE";
  out.push_back(std::move(url));
  if (!is_public) return;
  // SAM's two: who may use the URL, and who may call the function by way of it.
  for (Json told : {Json{{"Action", "lambda:InvokeFunctionUrl"}, {"FunctionUrlAuthType", "NONE"}},
                    Json{{"Action", "lambda:InvokeFunction"}, {"InvokedViaFunctionUrl", true}}}) {
    const bool is_first = told.contains("FunctionUrlAuthType");
    auto permission =
        Attach(function, ResourceKind::kPermission,
               is_first ? "UrlPublicPermissions" : "URLInvokeAllowPublicAccess", std::move(told));
    permission.told["Principal"] = "*";
    permission.told["StatementId"] = StatementId(stack, permission.logical_id);
    out.push_back(std::move(permission));
  }
}

// That a service may call the function for this event.
void AddPermission(const PlannedFunction& function, const std::string& event,
                   std::string_view stack, Json told, Brought& out) {
  auto permission =
      Attach(function, ResourceKind::kPermission, event + "Permission", std::move(told));
  permission.told["Action"] = "lambda:InvokeFunction";
  permission.told["StatementId"] = StatementId(stack, permission.logical_id);
  out.attachments.push_back(std::move(permission));
}

void AddEvent(const PlannedFunction& function, const FunctionEvent& event, std::string_view stack,
              const invoker::Account& account, Brought& out, Diagnostics& errors) {
  if (event.type == "SQS") {
    auto mapping =
        Attach(function, ResourceKind::kMapping, event.name, ReadQueueEvent(event, errors));
    NotePlaces(*event.properties, mapping);
    if (function.propagates_tags && !function.settings.tags.empty()) {
      mapping.told["Tags"] = function.settings.tags;
    }
    out.attachments.push_back(std::move(mapping));
    return;
  }
  BroughtByEvent brought = ReadRuleOrSchedule(function, event, stack, account, errors);
  if (brought.queue) out.queues.push_back(*std::move(brought.queue));
  if (brought.policy) out.queue_policies.push_back(*std::move(brought.policy));
  // The scheduler has a role instead. Whom the rule calls lets it in before it is there.
  const PlannedEventResource& resource = brought.resource;
  if (resource.kind == ResourceKind::kRule) {
    AddPermission(function, event.name, stack,
                  {{"Principal", "events.amazonaws.com"},
                   {"SourceArn", EventArn(account, resource.kind, resource.name)}},
                  out);
  }
  out.events.push_back(std::move(brought.resource));
}

}  // namespace

bool IsAttachment(ResourceKind kind) {
  return kind == ResourceKind::kUrl || kind == ResourceKind::kEventInvoke ||
         kind == ResourceKind::kPermission || kind == ResourceKind::kMapping;
}

std::vector<std::string> BroughtNames(const std::string& logical_id, const NodeRef& properties) {
  std::vector<std::string> out;
  const auto has = [&properties](const char* name) {
    const Member* found = properties == nullptr ? nullptr : properties->Find(name);
    return found != nullptr && found->value->kind != NodeKind::kNull;
  };
  if (has("FunctionUrlConfig")) {
    for (const char* suffix : {"Url", "UrlPublicPermissions", "URLInvokeAllowPublicAccess"}) {
      out.push_back(logical_id + suffix);
    }
  }
  if (has("EventInvokeConfig")) {
    const Node& config = *properties->Find("EventInvokeConfig")->value;
    for (const char* end : {"OnSuccess", "OnFailure"}) {
      if (!MakesQueue(config, end)) continue;
      out.push_back(fmt::format("{}EventInvokeConfig{}Queue", logical_id, end));
    }
    out.push_back(logical_id + "EventInvokeConfig");
  }
  if (has("Events")) {
    for (const Member& event : properties->Find("Events")->value->members) {
      for (std::string& name : NamesOfEvent(logical_id, event)) out.push_back(std::move(name));
    }
  }
  return out;
}

Brought BroughtBy(const PlannedFunction& function, std::string_view stack,
                  const invoker::Account& account, Diagnostics& errors) {
  Brought out;
  AddUrl(function, stack, out.attachments, errors);
  if (function.event_invoke != nullptr) {
    const Node& config = *function.event_invoke;
    auto settings = Attach(function, ResourceKind::kEventInvoke, "EventInvokeConfig",
                           ReadBody(config, "EventInvokeConfig.", kEventInvokeConfig, errors));
    NotePlaces(config, settings);
    if (Json& told = settings.told; told.contains("DestinationConfig")) {
      for (const char* end : {"OnSuccess", "OnFailure"}) {
        ReadTypedDestination(function, account, end, told["DestinationConfig"], out, errors);
      }
    }
    out.attachments.push_back(std::move(settings));
  }
  for (const FunctionEvent& event : ReadEvents(function, errors)) {
    AddEvent(function, event, stack, account, out, errors);
  }
  for (const BucketEvent& event : function.bucket_events) {
    // By account, not by the bucket: that comes later.
    AddPermission(function, event.name, stack,
                  {{"Principal", "s3.amazonaws.com"}, {"SourceAccount", account.id}}, out);
    for (PlannedRule& rule : RulesOf(function, event, account, errors)) {
      out.rules.emplace_back(event.bucket, std::move(rule));
    }
  }
  if (function.propagates_tags) {
    for (PlannedQueue& queue : out.queues) queue.told["Tags"] = function.settings.tags;
  }
  return out;
}

PlannedAttachment ReadAttachment(const Member& resource, const NodeRef& node,
                                 std::string_view stack, std::span<const PlannedFunction> functions,
                                 Diagnostics& errors) {
  const std::string& type = resource.value->Find("Type")->value->text;
  const bool is_url = type == kUrlType, is_permission = type == kPermissionType;
  const bool is_mapping = type == kMappingType;
  PlannedAttachment out;
  out.logical_id = resource.name;
  out.position = resource.position;
  out.kind = is_url          ? ResourceKind::kUrl
             : is_permission ? ResourceKind::kPermission
             : is_mapping    ? ResourceKind::kMapping
                             : ResourceKind::kEventInvoke;
  NotePlaces(*node, out);
  const auto fields = is_url          ? std::span<const Field>(kUrl)
                      : is_permission ? std::span<const Field>(kPermission)
                                      : std::span<const Field>(kEventInvoke);
  out.told = is_mapping ? ReadMapping(resource, *node, errors)
                        : ReadBody(*node, type + ".", fields, errors);
  const char* target = is_url ? "TargetFunctionArn" : "FunctionName";
  const aws::FunctionName name =
      ReadTarget(resource, Properties(*node, "", errors), target, functions, errors);
  out.function = name.name;
  out.qualifier = out.told.value("Qualifier", name.qualifier);
  if (!name.qualifier.empty() && out.qualifier != name.qualifier) {
    errors.Add(out.properties["Qualifier"], fmt::format("'Qualifier' is '{}', and '{}' names '{}'",
                                                        out.qualifier, target, name.qualifier));
  }
  if (type == kEventInvokeType && out.qualifier.empty() && !name.name.empty()) {
    errors.Add(resource.position,
               fmt::format("'{}' has no Qualifier: $LATEST, a version or an alias", resource.name));
  }
  // The API has one name for the function itself.
  if (out.qualifier == "$LATEST" && !is_permission) out.qualifier.clear();
  out.told.erase("Qualifier");
  out.told.erase(target);
  if (is_permission) out.told["StatementId"] = StatementId(stack, resource.name);
  return out;
}

std::string WhichOf(const Json& told) {
  if (!told.is_object()) return "";
  return told.value("StatementId", told.value("EventSourceArn", ""));
}

std::string AttachmentName(const std::string& function, const std::string& qualifier,
                           const Json& told) {
  std::string out = function;
  if (!qualifier.empty()) out += ":" + qualifier;
  const std::string which = WhichOf(told);
  return which.empty() ? out : out + "|" + which;
}

}  // namespace hearth::stacks
