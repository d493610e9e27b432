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

PlannedAttachment Brought(const PlannedFunction& function, ResourceKind kind, std::string suffix,
                          Json told) {
  return {.logical_id = function.logical_id + suffix,
          .position = function.position,
          .properties = {},
          .kind = kind,
          .function = function.settings.name,
          .qualifier = function.publication.alias,
          .told = std::move(told)};
}

// SAM says of what type a destination is, and would make one that is not named.
void CheckTypedDestination(const Node& config, const char* end, Json& destinations,
                           Diagnostics& errors) {
  if (!destinations.contains(end)) return;
  Json& destination = destinations[end];
  const Node* at = config.Find("DestinationConfig")->value->Find(end)->value.get();
  const std::string type = destination.value("Type", "");
  const std::string where = fmt::format("EventInvokeConfig.DestinationConfig.{}", end);
  if (std::ranges::find(kDestinationTypes, type) == kDestinationTypes.end()) {
    errors.Add(at->position,
               fmt::format("'{}.Type' is {}{}", where, fmt::join(kDestinationTypes, ", "),
                           type.empty() ? "" : fmt::format(", not '{}'", type)));
  } else if (destination.value("Destination", "").empty()) {
    errors.Add(at->position,
               type == "SQS" || type == "SNS"
                   ? fmt::format("'{}' of type {} without a Destination would make one, which is "
                                 "not served yet: give the ARN of a function",
                                 where, type)
                   : fmt::format("'{}' of type {} has no Destination: give its ARN", where, type));
  }
  destination.erase("Type");
}

void AddUrl(const PlannedFunction& function, std::string_view stack,
            std::vector<PlannedAttachment>& out, Diagnostics& errors) {
  if (function.url == nullptr) return;
  const Node& config = *function.url;
  auto url = Brought(function, ResourceKind::kUrl, "Url",
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
        Brought(function, ResourceKind::kPermission,
                is_first ? "UrlPublicPermissions" : "URLInvokeAllowPublicAccess", std::move(told));
    permission.told["Principal"] = "*";
    permission.told["StatementId"] = StatementId(stack, permission.logical_id);
    out.push_back(std::move(permission));
  }
}

}  // namespace

bool IsAttachment(ResourceKind kind) {
  return kind == ResourceKind::kUrl || kind == ResourceKind::kEventInvoke ||
         kind == ResourceKind::kPermission;
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
  if (has("EventInvokeConfig")) out.push_back(logical_id + "EventInvokeConfig");
  return out;
}

std::vector<PlannedAttachment> AttachmentsOf(const PlannedFunction& function,
                                             std::string_view stack, Diagnostics& errors) {
  std::vector<PlannedAttachment> out;
  AddUrl(function, stack, out, errors);
  if (function.event_invoke == nullptr) return out;
  const Node& config = *function.event_invoke;
  auto settings = Brought(function, ResourceKind::kEventInvoke, "EventInvokeConfig",
                          ReadBody(config, "EventInvokeConfig.", kEventInvokeConfig, errors));
  NotePlaces(config, settings);
  if (Json& told = settings.told; told.contains("DestinationConfig")) {
    for (const char* end : {"OnSuccess", "OnFailure"}) {
      CheckTypedDestination(config, end, told["DestinationConfig"], errors);
    }
  }
  out.push_back(std::move(settings));
  return out;
}

PlannedAttachment ReadAttachment(const Member& resource, const NodeRef& node,
                                 std::string_view stack, std::span<const PlannedFunction> functions,
                                 Diagnostics& errors) {
  const std::string& type = resource.value->Find("Type")->value->text;
  const bool is_url = type == kUrlType, is_permission = type == kPermissionType;
  PlannedAttachment out;
  out.logical_id = resource.name;
  out.position = resource.position;
  out.kind = is_url          ? ResourceKind::kUrl
             : is_permission ? ResourceKind::kPermission
                             : ResourceKind::kEventInvoke;
  NotePlaces(*node, out);
  out.told = ReadBody(*node, type + ".",
                      is_url          ? std::span<const Field>(kUrl)
                      : is_permission ? std::span<const Field>(kPermission)
                                      : std::span<const Field>(kEventInvoke),
                      errors);
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

std::string AttachmentName(const std::string& function, const std::string& qualifier,
                           const Json& told) {
  std::string out = function;
  if (!qualifier.empty()) out += ":" + qualifier;
  const std::string statement = told.is_object() ? told.value("StatementId", "") : "";
  return statement.empty() ? out : out + "|" + statement;
}

}  // namespace hearth::stacks
