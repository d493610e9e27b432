#include "invoker/event_invoke_api.h"

#include "invoker/api_call.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Edited = Registry::Edited;

std::string KeyOf(const FunctionName& name) {
  return name.qualifier.empty() ? "$LATEST" : name.qualifier;
}

}  // namespace

bool EventInvokeApi::Handle(aws::Call& call, const FunctionName& name, const std::string& part) {
  const std::string method = call.request.method;
  if (part == "event-invoke-config/list" && method == "GET") {
    List(std::move(call), name);
  } else if (part != "event-invoke-config") {
    return false;
  } else if (method == "PUT" || method == "POST") {
    Write(std::move(call), name, method == "POST");
  } else if (method == "GET") {
    Get(std::move(call), name);
  } else if (method == "DELETE") {
    Delete(std::move(call), name);
  } else {
    return false;
  }
  return true;
}

std::string EventInvokeApi::ArnOf(const FunctionName& name) const {
  return FunctionArn(account_, name.name, KeyOf(name));
}

aws::ApiError EventInvokeApi::HasNone(const FunctionName& name) const {
  return {.status = 404,
          .type = "ResourceNotFoundException",
          .message = "The function " + ArnOf(name) + " doesn't have an EventInvokeConfig"};
}

std::optional<aws::ApiError> EventInvokeApi::CheckDestination(const std::string& arn,
                                                              const FunctionName& of) const {
  const auto parsed = aws::ParseArn(arn);
  if (!parsed) {
    return InvalidParameter("The provided destination config is invalid: " + arn +
                            " is not an ARN.");
  }
  if (!destinations_.Serves(arn)) {
    return InvalidParameter("Hearth does not serve " + parsed->service +
                            " as a destination yet: " + arn);
  }
  if (parsed->service != "lambda") return std::nullopt;
  const auto target = ParseFunctionName(account_, arn, {});
  if (!target) return target.error();
  if (target->name == of.name) {
    return InvalidParameter("You can't specify the function as a destination for itself.");
  }
  const RecordRef record = registry_.Record(target->name);
  if (record == nullptr || ResolveForReading(*record, target->qualifier) == nullptr) {
    return InvalidParameter("The destination ARN " + arn +
                            " is invalid: there is no such function.");
  }
  return std::nullopt;
}

void EventInvokeApi::Write(aws::Call call, const FunctionName& name, bool keeps_current) {
  auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  auto held = std::make_shared<aws::Call>(std::move(call));
  auto made = std::make_shared<EventInvokeConfig>();
  registry_.Change(
      name.name,
      [this, name, body = std::move(*body), keeps_current,
       made](const RecordRef& current) -> Edited {
        if (current == nullptr || ResolveForReading(*current, name.qualifier) == nullptr) {
          return std::unexpected(FunctionNotFound(account_, name));
        }
        EventInvokeConfig before;
        if (keeps_current) {
          const auto found = current->event_invoke.find(KeyOf(name));
          if (found == current->event_invoke.end()) return std::unexpected(HasNone(name));
          before = found->second;
        }
        auto config = ApplyEventInvoke(before, body, [this, &name](const std::string& arn) {
          return CheckDestination(arn, name);
        });
        if (!config) return std::unexpected(std::move(config).error());
        config->last_modified_ms = base::EpochMillis(clock_.WallNow());
        *made = *config;
        FunctionRecord next = *current;
        next.event_invoke[KeyOf(name)] = std::move(*config);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      [held, made, arn = ArnOf(name)](const Edited& changed) {
        if (!changed) return Refuse(*held, changed.error());
        held->responder.Send(
            aws::RestJsonAnswer(200, EventInvokeJson(arn, *made), held->request_id));
      });
}

void EventInvokeApi::Get(aws::Call call, const FunctionName& name) {
  const RecordRef record = registry_.Record(name.name);
  if (record == nullptr) return Refuse(call, FunctionNotFound(account_, name));
  const auto found = record->event_invoke.find(KeyOf(name));
  if (found == record->event_invoke.end()) return Refuse(call, HasNone(name));
  call.responder.Send(
      aws::RestJsonAnswer(200, EventInvokeJson(ArnOf(name), found->second), call.request_id));
}

void EventInvokeApi::Delete(aws::Call call, const FunctionName& name) {
  registry_.Change(
      name.name,
      [this, name](const RecordRef& current) -> Edited {
        if (current == nullptr) return std::unexpected(FunctionNotFound(account_, name));
        FunctionRecord next = *current;
        if (next.event_invoke.erase(KeyOf(name)) == 0) return std::unexpected(HasNone(name));
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      AnswersNothing(std::move(call)));
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
