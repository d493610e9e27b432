#include "invoker/function_url_api.h"

#include "base/id.h"
#include "invoker/api_call.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Edited = Registry::Edited;

constexpr size_t kIdDigits = 32;  // AWS's have as many.

aws::ApiError NotFound(const char* what) {
  return {.status = 404, .type = "ResourceNotFoundException", .message = what};
}
constexpr char kNoFunction[] = "Function does not exist";
constexpr char kNoUrl[] = "The resource you requested does not exist.";

}  // namespace

void PutFunctionUrl(Registry& registry, const base::Clock& clock, const Account& account,
                    const FunctionName& name, UrlChange change, Json body, const std::string& id,
                    Registry::Done done) {
  registry.Change(
      name.name,
      [&clock, account, name, change, body = std::move(body),
       id](const RecordRef& current) -> Edited {
        if (current == nullptr ||
            (!name.qualifier.empty() && !current->aliases.contains(name.qualifier))) {
          return std::unexpected(NotFound(kNoFunction));
        }
        const auto found = current->urls.find(QualifierKey(name));
        const bool exists = found != current->urls.end();
        if (change == UrlChange::kUpdate && !exists) return std::unexpected(NotFound(kNoUrl));
        if (change == UrlChange::kCreate && exists) {
          return std::unexpected(
              Conflict("Failed to create function url config for [functionArn = " +
                       FunctionArn(account, name.name, name.qualifier) +
                       "]. Error message:  FunctionUrlConfig exists for this Lambda function"));
        }
        auto url = ApplyFunctionUrl(change == UrlChange::kUpdate ? &found->second : nullptr, body);
        if (!url) return std::unexpected(std::move(url).error());
        url->last_modified = base::FormatIso8601(clock.WallNow());
        url->id = exists ? found->second.id : id.empty() ? base::NewHexId(kIdDigits) : id;
        url->created = exists ? found->second.created : url->last_modified;
        FunctionRecord next = *current;
        next.urls[QualifierKey(name)] = *std::move(url);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

void DeleteFunctionUrl(Registry& registry, const FunctionName& name, Registry::Done done) {
  registry.Change(
      name.name,
      [name](const RecordRef& current) -> Edited {
        if (current == nullptr || !current->urls.contains(QualifierKey(name))) {
          return std::unexpected(NotFound(kNoUrl));
        }
        FunctionRecord next = *current;
        next.urls.erase(QualifierKey(name));
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

bool FunctionUrlApi::Handle(aws::Call& call, const FunctionName& name, const std::string& part) {
  const std::string method = call.request.method;
  if (part == "urls" && method == "GET") {
    List(std::move(call), name);
    return true;
  }
  if (part != "url") return false;
  if (!name.qualifier.empty() && !IsAliasName(name.qualifier)) {
    Refuse(call, ValidationError(name.qualifier, "qualifier",
                                 "Member must satisfy regular expression pattern: "
                                 "((?!^\\d+$)^[0-9a-zA-Z-_]+$)"));
  } else if (method == "POST") {
    Write(std::move(call), name, UrlChange::kCreate);
  } else if (method == "PUT") {
    Write(std::move(call), name, UrlChange::kUpdate);
  } else if (method == "GET") {
    Get(std::move(call), name);
  } else if (method == "DELETE") {
    Delete(std::move(call), name);
  } else {
    return false;
  }
  return true;
}

Json FunctionUrlApi::Shown(const aws::Call& call, const std::string& function,
                           const std::string& qualifier, const FunctionUrl& url) const {
  return FunctionUrlJson(url, UrlText(url, account_, call.request.headers.Get("Host")),
                         FunctionArn(account_, function, qualifier == "$LATEST" ? "" : qualifier));
}

void FunctionUrlApi::Write(aws::Call call, const FunctionName& name, UrlChange change) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  auto held = std::make_shared<aws::Call>(std::move(call));
  PutFunctionUrl(
      registry_, clock_, account_, name, change, std::move(*body), {},
      [this, held, name, change](const Edited& changed) {
        if (!changed) return Refuse(*held, changed.error());
        held->responder.Send(aws::RestJsonAnswer(
            change == UrlChange::kCreate ? 201 : 200,
            Shown(*held, name.name, name.qualifier, (*changed)->urls.at(QualifierKey(name))),
            held->request_id));
      });
}

void FunctionUrlApi::Get(aws::Call call, const FunctionName& name) {
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) return Refuse(call, NotFound(kNoUrl));
  const auto found = record->urls.find(QualifierKey(name));
  if (found == record->urls.end()) return Refuse(call, NotFound(kNoUrl));
  call.responder.Send(aws::RestJsonAnswer(
      200, Shown(call, name.name, name.qualifier, found->second), call.request_id));
}

void FunctionUrlApi::Delete(aws::Call call, const FunctionName& name) {
  DeleteFunctionUrl(registry_, name, AnswersNothing(std::move(call)));
}

void FunctionUrlApi::List(aws::Call call, const FunctionName& name) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) return Refuse(call, NotFound(kNoFunction));
  ListPage list(*page);
  for (auto at = record->urls.upper_bound(page->after); at != record->urls.end(); ++at) {
    if (!list.Add(at->first, Shown(call, name.name, at->first, at->second))) break;
  }
  call.responder.Send(aws::RestJsonAnswer(200, list.Take("FunctionUrlConfigs"), call.request_id));
}

}  // namespace hearth::invoker
