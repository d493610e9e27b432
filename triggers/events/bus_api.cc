// EventsApi: buses and their policies.
#include "triggers/events/errors.h"
#include "triggers/events/events_api.h"

namespace hearth::events {
namespace {

using aws::ApiError;
using base::Json;
using Refusal = EventBuses::Refusal;

constexpr char kPutEvents[] = "events:PutEvents";

Json Shown(const BusRecord& bus, const invoker::Account& account) {
  Json out = {{"Name", bus.name},
              {"Arn", BusArn(account, bus.name)},
              {"CreationTime", WireTime(bus.created_ms)},
              {"LastModifiedTime", WireTime(bus.modified_ms)}};
  if (!bus.description.empty()) out["Description"] = bus.description;
  if (!bus.policy.empty()) out["Policy"] = bus.policy;
  return out;
}

bool IsPrincipal(std::string_view text) {
  return text == "*" || (text.size() == 12 && text.find_first_not_of("0123456789") == text.npos);
}
bool IsAction(std::string_view text) {
  constexpr std::string_view kPrefix = "events:";
  return text.starts_with(kPrefix) && text.size() > kPrefix.size();
}
bool IsStatementId(std::string_view text) {
  return IsName(text) && text.find('.') == std::string_view::npos;
}
const TextRule kPrincipal{1, 12, "(\\d{12}|\\*)", IsPrincipal};
const TextRule kAction{1, 64, "events:[a-zA-Z]+", IsAction};
const TextRule kStatementId{1, 64, "[a-zA-Z0-9-_]+", IsStatementId};

struct Permission {
  std::string action;
  std::string principal;
  std::string sid;
  Json condition;  // null: none.
};

Permission ReadPermission(Members& in) {
  Permission out;
  out.action = in.Text("Action", kAction).value_or("");
  out.principal = in.Text("Principal", kPrincipal).value_or("");
  out.sid = in.Text("StatementId", kStatementId).value_or("");
  if (const Json* const given = in.Object("Condition")) {
    Members members(*given, in.faults(), "condition.");
    const std::string type = members.RequiredText("Type", kAnyText);
    const std::string key = members.RequiredText("Key", kAnyText);
    const std::string value = members.RequiredText("Value", kAnyText);
    members.Done();
    if (type != "StringEquals" || key != "aws:PrincipalOrgID") {
      in.faults().Refuse(
          Invalid("A condition is of the type StringEquals, on the key aws:PrincipalOrgID."));
    }
    out.condition = {{type, {{key, value}}}};
  }
  return out;
}

// Empty statements: there is no policy, or it cannot be read.
Json PolicyOf(const BusRecord& bus) {
  auto policy = base::ParseJson(bus.policy);
  if (!policy || !policy->is_object()) {
    policy = Json{{"Version", "2012-10-17"}};
  }
  Json& statements = (*policy)["Statement"];
  if (statements.is_object()) statements = Json::array({statements});
  if (!statements.is_array()) statements = Json::array();
  return *policy;
}

bool HasSid(const Json& statement, const std::string& sid) {
  if (!statement.is_object()) return false;
  const auto found = statement.find("Sid");
  return found != statement.end() && *found == sid;
}

Json Without(const Json& statements, const std::string& sid) {
  Json out = Json::array();
  for (const Json& each : statements) {
    if (!HasSid(each, sid)) out.push_back(each);
  }
  return out;
}

Refusal AddStatement(BusRecord& bus, const Permission& permission, const std::string& arn) {
  Json policy = PolicyOf(bus);
  policy["Statement"] = Without(policy["Statement"], permission.sid);
  Json statement = {{"Sid", permission.sid},
                    {"Effect", "Allow"},
                    {"Principal", "*"},
                    {"Action", permission.action},
                    {"Resource", arn}};
  if (permission.principal != "*") {
    statement["Principal"] = {{"AWS", "arn:aws:iam::" + permission.principal + ":root"}};
  }
  if (!permission.condition.is_null()) statement["Condition"] = permission.condition;
  policy["Statement"].push_back(std::move(statement));
  const std::string text = base::ToJsonText(policy);
  if (auto wrong = CheckPolicy(text)) return wrong;
  bus.policy = text;
  return std::nullopt;
}

}  // namespace

void EventsApi::CreateEventBus(const RequestPtr& request) {
  auto bus = ReadBus(request->json);
  if (!bus) return Refuse(request, bus.error());
  if (const auto wrong = CheckClientsTags(bus->tags)) return Refuse(request, *wrong);
  bus->created_ms = NowMs();
  bus->modified_ms = bus->created_ms;
  Json body = {{"EventBusArn", BusArn(parts_.account, bus->name)}};
  if (!bus->description.empty()) body["Description"] = bus->description;
  parts_.buses.CreateBus(*std::move(bus), Answering(request, std::move(body)));
}

void EventsApi::UpdateEventBus(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  std::string name = in.Text("Name", kBusName).value_or(kDefaultBus);
  const auto description = in.Text("Description", kText512);
  for (const char* unserved : {"KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"}) {
    in.RefuseMember(unserved);
  }
  in.Done();
  if (IsRefused(request, faults)) return;
  Json body = {{"Arn", BusArn(parts_.account, name)}, {"Name", name}};
  if (description) body["Description"] = *description;
  parts_.buses.ChangeBus(
      name,
      [description](BusRecord& bus) -> Refusal {
        if (description) bus.description = *description;
        return std::nullopt;
      },
      Answering(request, std::move(body)));
}

void EventsApi::DescribeEventBus(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = BusName(in, "Name");
  in.Done();
  if (IsRefused(request, faults)) return;
  const BusRecord* const bus = parts_.buses.FindBus(name);
  if (bus == nullptr) return Refuse(request, NoSuchBus(name));
  Answer(request, Shown(*bus, parts_.account));
}

void EventsApi::ListEventBuses(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const Page page = ReadPage(in, kBusName);
  in.Done();
  if (IsRefused(request, faults)) return;
  std::vector<std::string> names;
  std::vector<Json> entries;
  for (const BusRecord* const bus : parts_.buses.Buses(page.after, SIZE_MAX)) {
    if (!IsOfPage(page, bus->name) || entries.size() > page.most) continue;
    names.push_back(bus->name);
    entries.push_back(Shown(*bus, parts_.account));
  }
  AnswerPage(request, page, "EventBuses", names, std::move(entries));
}

void EventsApi::DeleteEventBus(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  in.Require("Name");
  const std::string name = BusName(in, "Name");
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.buses.DeleteBus(name, Answering(request));
}

void EventsApi::PutPermission(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = BusName(in, "EventBusName");
  const auto policy = in.Text("Policy", kAnyText);
  const Permission permission = ReadPermission(in);
  in.Done();
  if (policy) {
    if (auto wrong = CheckPolicy(*policy)) faults.Refuse(std::move(*wrong));
  } else {
    for (const auto& [member, text] :
         {std::pair("Action", &permission.action), std::pair("Principal", &permission.principal),
          std::pair("StatementId", &permission.sid)}) {
      if (text->empty()) {
        faults.Refuse(Invalid("Parameter(s) " + std::string(member) + " must be specified."));
      }
    }
    if (permission.action != kPutEvents) {
      faults.Refuse(Invalid("Provided value in parameter 'action' is not supported."));
    }
  }
  if (IsRefused(request, faults)) return;
  parts_.buses.ChangeBus(
      name,
      [policy, permission, arn = BusArn(parts_.account, name)](BusRecord& bus) -> Refusal {
        if (!policy) return AddStatement(bus, permission, arn);
        bus.policy = *policy;
        return std::nullopt;
      },
      Answering(request));
}

void EventsApi::RemovePermission(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = BusName(in, "EventBusName");
  const std::string sid = in.Text("StatementId", kStatementId).value_or("");
  const bool is_all = in.Flag("RemoveAllPermissions");
  in.Done();
  if (sid.empty() && !is_all) {
    faults.Refuse(Invalid("Parameter(s) StatementId must be specified."));
  }
  if (IsRefused(request, faults)) return;
  parts_.buses.ChangeBus(
      name,
      [sid, is_all](BusRecord& bus) -> Refusal {
        Json policy = PolicyOf(bus);
        const size_t before = policy["Statement"].size();
        policy["Statement"] = is_all ? Json::array() : Without(policy["Statement"], sid);
        if (!is_all && policy["Statement"].size() == before) {
          return NotFound("Statement with the provided id does not exist.");
        }
        bus.policy = policy["Statement"].empty() ? "" : base::ToJsonText(policy);
        return std::nullopt;
      },
      Answering(request));
}

}  // namespace hearth::events
