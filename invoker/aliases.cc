#include "invoker/aliases.h"

#include <algorithm>

#include "aws/arn.h"
#include "invoker/api_call.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Refusal = std::optional<aws::ApiError>;

constexpr size_t kMaxDescription = 256;  // AWS.

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Refusal ReadRouting(const Json& routing, AliasSettings& into) {
  if (!routing.is_object()) return WrongType("RoutingConfig", "an object");
  const Json weights = routing.value("AdditionalVersionWeights", Json::object());
  if (!weights.is_object() && !weights.is_null()) {
    return WrongType("RoutingConfig.AdditionalVersionWeights", "an object of numbers");
  }
  into.extra.emplace();
  if (weights.size() > 1) {
    return InvalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1");
  }
  for (const auto& [version, weight] : weights.items()) {
    if (!weight.is_number()) {
      return WrongType("RoutingConfig.AdditionalVersionWeights", "an object of numbers");
    }
    const auto share = weight.get<double>();
    const std::string shown = "{" + version + "=" + base::ToJsonText(Json(share)) + "}";
    const auto refuse = [&shown](std::string_view constraint) {
      return ValidationError(shown, "routingConfig.additionalVersionWeights", constraint);
    };
    if (!(share >= 0 && share <= 1)) {
      return refuse(
          "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
          "Member must have value greater than or equal to 0.0, Member must not be null]");
    }
    if (!IsNumber(version) || version.size() > 1024) {
      return refuse(
          "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
          "Member must have length greater than or equal to 1, Member must satisfy regular "
          "expression pattern: [0-9]+, Member must not be null]");
    }
    into.extra = ExtraVersion{version, share};
  }
  return std::nullopt;
}

Refusal Read(const Json& body, AliasSettings& into) {
  if (!IsAliasName(into.name)) {
    return ValidationError(into.name, "name",
                           into.name.size() > 128
                               ? "Member must have length less than or equal to 128"
                               : "Member must satisfy regular expression pattern: "
                                 "(?!^[0-9]+$)([a-zA-Z0-9-_]+)");
  }
  if (auto refusal = ReadText(body, "FunctionVersion", into.version)) return refusal;
  if (into.version && *into.version != "$LATEST" && !IsNumber(*into.version)) {
    return ValidationError(*into.version, "functionVersion",
                           "Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)");
  }
  if (auto refusal = ReadText(body, "Description", into.description)) return refusal;
  if (into.description && into.description->size() > kMaxDescription) {
    return ValidationError(*into.description, "description",
                           "Member must have length less than or equal to 256");
  }
  std::optional<std::string> revision_id;
  if (auto refusal = ReadText(body, "RevisionId", revision_id)) return refusal;
  into.expected_revision_id = revision_id.value_or("");
  const auto routing = body.find("RoutingConfig");
  if (routing == body.end() || routing->is_null()) return std::nullopt;
  return ReadRouting(*routing, into);
}

}  // namespace

bool IsAliasName(std::string_view text) {
  return aws::IsQualifier(text) && text != "$LATEST" && !IsNumber(text);
}

std::expected<AliasSettings, aws::ApiError> ReadAliasSettings(std::string name, const Json& body) {
  AliasSettings out{.name = std::move(name),
                    .version = {},
                    .description = {},
                    .extra = {},
                    .expected_revision_id = {}};
  if (auto refusal = Read(body, out)) return std::unexpected(std::move(*refusal));
  return out;
}

Json AliasJson(const Account& account, const std::string& function, const Alias& alias) {
  Json out{{"AliasArn", FunctionArn(account, function, alias.name)},
           {"Name", alias.name},
           {"FunctionVersion", alias.version},
           {"Description", alias.description},
           {"RevisionId", alias.revision_id}};
  if (alias.extra) {
    out["RoutingConfig"] = {
        {"AdditionalVersionWeights", {{alias.extra->version, alias.extra->weight}}}};
  }
  return out;
}

Json ToStored(const Alias& alias) {
  Json out{{"name", alias.name},
           {"version", alias.version},
           {"description", alias.description},
           {"revision_id", alias.revision_id}};
  if (alias.extra) {
    out["extra_version"] = alias.extra->version;
    out["extra_weight"] = alias.extra->weight;
  }
  return out;
}

base::Result<Alias> AliasFromStored(const Json& stored) {
  Alias out;
  // nlohmann throws where a member is absent or of another type; the exception stops here.
  try {
    out.name = stored.at("name").get<std::string>();
    out.version = stored.at("version").get<std::string>();
    out.description = stored.at("description").get<std::string>();
    out.revision_id = stored.at("revision_id").get<std::string>();
    if (stored.contains("extra_version")) {
      out.extra = ExtraVersion{stored.at("extra_version").get<std::string>(),
                               stored.at("extra_weight").get<double>()};
    }
  } catch (const Json::exception& error) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read stored alias", error.what());
  }
  return out;
}

}  // namespace hearth::invoker
