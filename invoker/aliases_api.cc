// VersionsApi: aliases.
#include "invoker/api_call.h"
#include "invoker/versions_api.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kVersionPattern[] =
    "Member must satisfy regular expression pattern: (\\$LATEST|[0-9]+)";

}  // namespace

void VersionsApi::HandleAlias(aws::Call call, const FunctionName& name, const std::string& alias) {
  const std::string method = call.request.method;
  if (!IsAliasName(alias)) {
    return Refuse(call, ValidationError(alias, "name",
                                        "Member must satisfy regular expression pattern: "
                                        "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"));
  }
  if (method == "GET") return GetAlias(std::move(call), name, alias);
  if (method == "PUT") return UpdateAlias(std::move(call), name, alias);
  versions_.DeleteAlias(name.name, alias, AnswersNothing(std::move(call)));
}

void VersionsApi::CreateAlias(aws::Call call, const FunctionName& name) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  const Json alias = body->value("Name", Json());
  auto settings = ReadAliasSettings(alias.is_string() ? alias.get<std::string>() : "", *body);
  if (!settings) return Refuse(call, settings.error());
  if (!settings->version) {
    return Refuse(call, MissingMember("functionVersion"));
  }
  auto held = std::make_shared<aws::Call>(std::move(call));
  versions_.CreateAlias(
      name.name, std::move(*settings),
      [this, held, function = name.name](const std::expected<Alias, aws::ApiError>& made) {
        if (!made) return Refuse(*held, made.error());
        held->responder.Send(
            aws::RestJsonAnswer(201, AliasJson(account_, function, *made), held->request_id));
      });
}

void VersionsApi::GetAlias(aws::Call call, const FunctionName& name, const std::string& alias) {
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) {
    return Refuse(call, NotFound({.name = name.name, .qualifier = {}}));
  }
  const auto found = record->aliases.find(alias);
  if (found == record->aliases.end()) {
    return Refuse(call, AliasNotFound(account_, {.name = name.name, .qualifier = alias}));
  }
  call.responder.Send(
      aws::RestJsonAnswer(200, AliasJson(account_, name.name, found->second), call.request_id));
}

void VersionsApi::UpdateAlias(aws::Call call, const FunctionName& name, const std::string& alias) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  auto settings = ReadAliasSettings(alias, *body);
  if (!settings) return Refuse(call, settings.error());
  auto held = std::make_shared<aws::Call>(std::move(call));
  versions_.UpdateAlias(
      name.name, std::move(*settings),
      [this, held, function = name.name](const std::expected<Alias, aws::ApiError>& made) {
        if (!made) return Refuse(*held, made.error());
        held->responder.Send(
            aws::RestJsonAnswer(200, AliasJson(account_, function, *made), held->request_id));
      });
}

void VersionsApi::ListAliases(aws::Call call, const FunctionName& name) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const auto version = io::QueryParameter(call.request.query(), "FunctionVersion");
  if (version.found && version.value != "$LATEST" && !VersionNumber(version.value)) {
    return Refuse(call, ValidationError(version.value, "functionVersion", kVersionPattern));
  }
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) {
    return Refuse(call, NotFound({.name = name.name, .qualifier = {}}));
  }
  ListPage list(*page);
  for (auto at = record->aliases.upper_bound(page->after); at != record->aliases.end(); ++at) {
    const Alias& alias = at->second;
    const bool stands_for =
        alias.version == version.value || (alias.extra && alias.extra->version == version.value);
    if (version.found && !stands_for) continue;
    if (!list.Add(alias.name, AliasJson(account_, name.name, alias))) break;
  }
  call.responder.Send(aws::RestJsonAnswer(200, list.Take("Aliases"), call.request_id));
}

}  // namespace hearth::invoker
