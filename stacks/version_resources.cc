#include "stacks/version_resources.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "base/digest.h"
#include "base/json.h"
#include "stacks/properties.h"

namespace hearth::stacks {
namespace {

constexpr std::array<std::string_view, 4> kOfVersion = {"FunctionName", "Description", "CodeSha256",
                                                        "ProvisionedConcurrencyConfig"};
constexpr std::array<std::string_view, 6> kOfAlias = {
    "FunctionName", "FunctionVersion", "Name",
    "Description",  "RoutingConfig",   "ProvisionedConcurrencyConfig"};

bool IsVersion(std::string_view text) {
  return text == "$LATEST" || HasToken(text) ||
         (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos);
}

// [{FunctionVersion, FunctionWeight}], of which there is at most one.
std::optional<invoker::ExtraVersion> ReadRouting(const Properties& properties,
                                                 Diagnostics& errors) {
  const auto routing = properties.Below("RoutingConfig", "AdditionalVersionWeights");
  const Node* weights = routing ? routing->Find("AdditionalVersionWeights") : nullptr;
  if (weights == nullptr || (weights->is_list() && weights->items.empty())) return std::nullopt;
  if (!weights->is_list() || weights->items.size() != 1 || !weights->items[0]->is_map()) {
    errors.Add(weights->position,
               "'RoutingConfig.AdditionalVersionWeights' is a list of one {FunctionVersion, "
               "FunctionWeight}");
    return std::nullopt;
  }
  const Properties one(*weights->items[0], "RoutingConfig.AdditionalVersionWeights.", errors);
  for (const auto& member : weights->items[0]->members) {
    if (member.name != "FunctionVersion" && member.name != "FunctionWeight") {
      errors.Add(member.position,
                 fmt::format("unknown name '{}': there are FunctionVersion and FunctionWeight",
                             member.name));
    }
  }
  invoker::ExtraVersion extra{one.Text("FunctionVersion"), one.Number("FunctionWeight")};
  if (extra.version == "$LATEST" || !IsVersion(extra.version)) {
    errors.Add(weights->items[0]->position,
               "'FunctionVersion' of a routing is a published version: a number, or !GetAtt "
               "MyVersion.Version");
  }
  return extra;
}

}  // namespace

FunctionState WithMade(FunctionState state, const Made& made) {
  for (auto& [name, value] : state.settings.environment) {
    value = WithMade(std::move(value), made);
  }
  for (auto& layer : state.settings.layers) layer = WithMade(std::move(layer), made);
  for (auto& [name, value] : state.settings.tags) value = WithMade(std::move(value), made);
  state.settings.dead_letter_arn = WithMade(std::move(state.settings.dead_letter_arn), made);
  state.settings.description = WithMade(std::move(state.settings.description), made);
  return state;
}

AliasState WithMade(AliasState state, const Made& made) {
  state.version = WithMade(std::move(state.version), made);
  state.description = WithMade(std::move(state.description), made);
  if (state.extra) state.extra->version = WithMade(std::move(state.extra->version), made);
  return state;
}

PlannedVersion VersionOf(const PlannedFunction& function) {
  const std::string logical_id = function.logical_id + "Version";
  return {.logical_id = logical_id,
          .position = function.position,
          .function = function.settings.name,
          .publication = function.publication,
          .wanted = {.token = VersionToken(logical_id),
                     .number = {},
                     .description = function.publication.description,
                     .code_sha256 = {}}};
}

PlannedAlias AliasOf(const PlannedFunction& function) {
  std::string suffix = function.publication.alias;
  std::erase_if(suffix, [](char c) { return c == '-' || c == '_'; });
  return {.logical_id = function.logical_id + "Alias" + suffix,
          .position = function.position,
          .function = function.settings.name,
          .name = function.publication.alias,
          .state = {.version = VersionToken(function.logical_id + "Version"),
                    .description = {},
                    .extra = {},
                    .provisioned = function.publication.provisioned}};
}

std::string VersionLogicalId(const PlannedVersion& version, const FunctionState& function) {
  if (!version.publication) return version.logical_id;
  const Publication& publication = *version.publication;
  std::string published =
      publication.code_sha256.empty() ? function.code_digest : publication.code_sha256;
  if (publication.all_properties) published += base::ToJsonText(ToStored(function));
  return version.logical_id + base::ToHex(base::Sha256Of(published)).substr(0, 10);
}

aws::FunctionName ReadTarget(const Member& resource, const Properties& properties,
                             std::string_view name, std::span<const PlannedFunction> functions,
                             Diagnostics& errors) {
  const Node* node = properties.Find(name);
  if (node == nullptr) {
    errors.Add(resource.position,
               fmt::format("'{}' has no {}: e.g. {}: !Ref MyFunction", resource.name, name, name));
    return {};
  }
  std::string text = properties.Text(name);
  // The ARN of a version that is not published yet ends with its token.
  std::string token;
  if (const size_t colon = text.rfind(':');
      colon != std::string::npos && HasToken(std::string_view(text).substr(colon))) {
    token = text.substr(colon + 1);
    text.resize(colon);
  }
  auto found = aws::ParseFunctionName(text);
  const bool is_ours = found && std::ranges::any_of(functions, [&](const auto& function) {
                         return function.settings.name == found->name;
                       });
  if (is_ours) {
    if (!token.empty()) found->qualifier = token;
    return *std::move(found);
  }
  errors.Add(node->position, fmt::format("'{}' {} is no function of this template: only those are "
                                         "served",
                                         name, Describe(*node)));
  return {};
}

void CheckVersionProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  const std::span<const std::string_view> known =
      type == kVersionType ? std::span<const std::string_view>(kOfVersion) : kOfAlias;
  for (const auto& property : properties->members) {
    if (std::ranges::find(known, property.name) == known.end()) {
      errors.Add(property.position,
                 fmt::format("the property '{}' of {} is unknown or not served "
                             "yet{}; served: {}",
                             property.name, type, Suggestion(property.name, known),
                             fmt::join(known, ", ")));
    }
  }
}

PlannedVersion ReadVersion(const Member& resource, const NodeRef& node,
                           std::span<const PlannedFunction> functions, Diagnostics& errors) {
  const Properties properties(*node, "", errors);
  return {.logical_id = resource.name,
          .position = resource.position,
          .function = ReadTarget(resource, properties, "FunctionName", functions, errors).name,
          .publication = {},
          .wanted = {.token = VersionToken(resource.name),
                     .number = {},
                     .description = properties.Text("Description"),
                     .code_sha256 = properties.Text("CodeSha256"),
                     .provisioned = properties.ProvisionedConcurrency()}};
}

PlannedAlias ReadAlias(const Member& resource, const NodeRef& node,
                       std::span<const PlannedFunction> functions, Diagnostics& errors) {
  const Properties properties(*node, "", errors);
  PlannedAlias alias{
      .logical_id = resource.name,
      .position = resource.position,
      .function = ReadTarget(resource, properties, "FunctionName", functions, errors).name,
      .name = properties.Text("Name"),
      .state = {.version = properties.Text("FunctionVersion"),
                .description = properties.Text("Description"),
                .extra = ReadRouting(properties, errors),
                .provisioned = properties.ProvisionedConcurrency()}};
  const auto place = [&](const char* name) {
    const Node* found = properties.Find(name);
    return found != nullptr ? found->position : resource.position;
  };
  if (!invoker::IsAliasName(alias.name)) {
    errors.Add(place("Name"), fmt::format("'Name' of the alias '{}' is a name of letters, digits, "
                                          "'-' and '_' that is no number",
                                          resource.name));
  }
  if (!IsVersion(alias.state.version)) {
    errors.Add(place("FunctionVersion"),
               fmt::format("'FunctionVersion' of the alias '{}' is $LATEST, a number, or !GetAtt "
                           "MyVersion.Version",
                           resource.name));
  }
  return alias;
}

}  // namespace hearth::stacks
