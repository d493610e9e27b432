#include "invoker/event_invoke_api.h"

#include "invoker/api_call.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Edited = Registry::Edited;

aws::ApiError HasNone(const Account& account, const FunctionName& name) {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "The function " + FunctionArn(account, name.name, QualifierKey(name)) +
                     " doesn't have an EventInvokeConfig"};
}

}  // namespace

std::optional<aws::ApiError> CheckDestinationOf(const Registry& registry,
                                                const Destinations& destinations,
                                                const Account& account, const FunctionName& of,
                                                const std::string& arn) {
  const auto parsed = aws::ParseArn(arn);
  if (!parsed) {
    return InvalidParameter("The provided destination config is invalid: " + arn +
                            " is not an ARN.");
  }
  if (!destinations.Serves(arn)) {
    return InvalidParameter("Hearth does not serve " + parsed->service +
                            " as a destination yet: " + arn);
  }
  if (parsed->service != "lambda") return std::nullopt;
  const auto target = ParseFunctionName(account, arn, {});
  if (!target) return target.error();
  if (target->name == of.name) {
    return InvalidParameter("You can't specify the function as a destination for itself.");
  }
  const RecordRef record = registry.Record(target->name);
  if (record == nullptr || ResolveForReading(*record, target->qualifier) == nullptr) {
    return InvalidParameter("The destination ARN " + arn +
                            " is invalid: there is no such function.");
  }
  return std::nullopt;
}

void PutEventInvoke(Registry& registry, const Destinations& destinations, const base::Clock& clock,
                    const Account& account, const FunctionName& name, EventInvokeChange change,
                    Json body, Registry::Done done) {
  registry.Change(
      name.name,
      [&registry, &destinations, &clock, account, name, change,
       body = std::move(body)](const RecordRef& current) -> Edited {
        if (current == nullptr || ResolveForReading(*current, name.qualifier) == nullptr) {
          return std::unexpected(FunctionNotFound(account, name));
        }
        EventInvokeConfig before;
        if (change == EventInvokeChange::kUpdate) {
          const auto found = current->event_invoke.find(QualifierKey(name));
          if (found == current->event_invoke.end()) {
            return std::unexpected(HasNone(account, name));
          }
          before = found->second;
        }
        auto config = ApplyEventInvoke(before, body, [&](const std::string& arn) {
          return CheckDestinationOf(registry, destinations, account, name, arn);
        });
        if (!config) return std::unexpected(std::move(config).error());
        config->last_modified_ms = base::EpochMillis(clock.WallNow());
        FunctionRecord next = *current;
        next.event_invoke[QualifierKey(name)] = std::move(*config);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

void DeleteEventInvoke(Registry& registry, const Account& account, const FunctionName& name,
                       Registry::Done done) {
  registry.Change(
      name.name,
      [account, name](const RecordRef& current) -> Edited {
        if (current == nullptr) return std::unexpected(FunctionNotFound(account, name));
        FunctionRecord next = *current;
        if (next.event_invoke.erase(QualifierKey(name)) == 0) {
          return std::unexpected(HasNone(account, name));
        }
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

bool EventInvokeApi::Handle(aws::Call& call, const FunctionName& name, const std::string& part) {
  const std::string method = call.request.method;
  if (part == "event-invoke-config/list" && method == "GET") {
    List(std::move(call), name);
  } else if (part != "event-invoke-config") {
    return false;
  } else if (method == "PUT" || method == "POST") {
    Write(std::move(call), name,
          method == "POST" ? EventInvokeChange::kUpdate : EventInvokeChange::kPut);
  } else if (method == "GET") {
    Get(std::move(call), name);
  } else if (method == "DELETE") {
    Delete(std::move(call), name);
  } else {
    return false;
  }
  return true;
}

void EventInvokeApi::Write(aws::Call call, const FunctionName& name, EventInvokeChange change) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  auto held = std::make_shared<aws::Call>(std::move(call));
  PutEventInvoke(
      registry_, destinations_, clock_, account_, name, change, std::move(*body),
      [held, key = QualifierKey(name), arn = ArnOf(name)](const Edited& changed) {
        if (!changed) return Refuse(*held, changed.error());
        held->responder.Send(aws::RestJsonAnswer(
            200, EventInvokeJson(arn, (*changed)->event_invoke.at(key)), held->request_id));
      });
}

void EventInvokeApi::Get(aws::Call call, const FunctionName& name) {
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) return Refuse(call, FunctionNotFound(account_, name));
  const auto found = record->event_invoke.find(QualifierKey(name));
  if (found == record->event_invoke.end()) return Refuse(call, HasNone(account_, name));
  call.responder.Send(
      aws::RestJsonAnswer(200, EventInvokeJson(ArnOf(name), found->second), call.request_id));
}

void EventInvokeApi::Delete(aws::Call call, const FunctionName& name) {
  DeleteEventInvoke(registry_, account_, name, AnswersNothing(std::move(call)));
}

void EventInvokeApi::List(aws::Call call, const FunctionName& name) {
  const auto page = ReadPage(call);
  if (!page) return Refuse(call, page.error());
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) return Refuse(call, FunctionNotFound(account_, name));
  ListPage list(*page);
  for (auto at = record->event_invoke.upper_bound(page->after); at != record->event_invoke.end();
       ++at) {
    if (!list.Add(at->first, EventInvokeJson(ArnOf({name.name, at->first}), at->second))) break;
  }
  call.responder.Send(
      aws::RestJsonAnswer(200, list.Take("FunctionEventInvokeConfigs"), call.request_id));
}

}  // namespace hearth::invoker
