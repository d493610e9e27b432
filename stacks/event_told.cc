#include "stacks/event_told.h"

#include <algorithm>

#include "stacks/tokens.h"

namespace hearth::stacks {
namespace {

using base::Json;
using Tags = std::map<std::string, std::string>;

constexpr std::string_view kReserved = "aws:";  // Tags that no client gives.

// The body as a client sends it.
Json RequestOf(const Json& told) {
  Json out = told;
  if (out.contains("EventPattern") && out["EventPattern"].is_object()) {
    out["EventPattern"] = base::ToJsonText(out["EventPattern"]);
  }
  if (!out.contains("Tags")) return out;
  Json tags = Json::array();
  for (const auto& [key, value] : TagsOf(told)) {
    if (!key.starts_with(kReserved)) tags.push_back({{"Key", key}, {"Value", value}});
  }
  out["Tags"] = std::move(tags);
  return out;
}

// The members that another request is told.
Json Without(const Json& told, std::initializer_list<const char*> names) {
  Json out = told;
  for (const char* name : names) out.erase(name);
  return out;
}

// With "1" in the place of tokens, so that a reader who knows none can judge the rest.
Json Placeholders(const Json& value) {
  if (value.is_string()) return WithPlaceholders(value.get_ref<const std::string&>());
  Json out = value;
  if (value.is_structured()) {
    for (auto& item : out) item = Placeholders(item);
  }
  return out;
}

Json PolicyJson(const std::string& policy) {
  const auto read = base::ParseJson(policy);
  Json out = read && read->is_object() ? *read : Json{{"Version", "2012-10-17"}};
  if (!out.contains("Statement")) out["Statement"] = Json::array();
  if (!out["Statement"].is_array()) out["Statement"] = Json::array({out["Statement"]});
  return out;
}

// The statement that PutPermission makes of an Action and a Principal; or the one that is given.
Json MadeStatement(const invoker::Account& account, const Json& told) {
  Json out = told.value("Statement", Json::object());
  if (!told.contains("Statement")) {
    const std::string principal = told.value("Principal", "");
    out = {{"Effect", "Allow"},
           {"Action", told.value("Action", "events:PutEvents")},
           {"Resource", events::BusArn(account, told.value("EventBusName", events::kDefaultBus))}};
    out["Principal"] =
        principal == "*" ? Json("*") : Json{{"AWS", "arn:aws:iam::" + principal + ":root"}};
    if (const Json condition = told.value("Condition", Json()); condition.is_object()) {
      out["Condition"][condition.value("Type", "")] = {
          {condition.value("Key", ""), condition.value("Value", "")}};
    }
  }
  out["Sid"] = told.value("StatementId", "");
  return out;
}

// `told`, a text or more, may hold tokens.
bool Fits(const Json& found, const Json& told) {
  if (told.is_string() && found.is_string() && HasToken(told.get_ref<const std::string&>())) {
    return true;
  }
  if (!told.is_structured() || found.type() != told.type()) return found == told;
  if (found.size() != told.size()) return false;
  if (told.is_array()) return std::ranges::equal(found, told, Fits);
  return std::ranges::all_of(told.items(), [&found](const auto& member) {
    return found.contains(member.key()) && Fits(found[member.key()], member.value());
  });
}

}  // namespace

Tags TagsOf(const Json& told) {
  Tags out;
  const auto tags = told.find("Tags");
  if (tags == told.end()) return out;
  if (tags->is_object()) return tags->get<Tags>();
  for (const Json& tag : *tags) out[tag.value("Key", "")] = tag.value("Value", "");
  return out;
}

ReadTold<ToldRule> ReadToldRule(const invoker::Account& account, const Json& told) {
  auto rule = events::ReadRule(RequestOf(Without(told, {"Targets"})), account);
  if (!rule) return std::unexpected(std::move(rule).error());
  rule->tags = TagsOf(told);
  ToldRule out{*std::move(rule), {}};
  const Json targets = told.value("Targets", Json::array());
  if (targets.empty()) return out;
  if (targets.size() > events::kMaxTargets) {
    return std::unexpected(
        aws::ApiError{400, "LimitExceededException", "'Targets': a rule has at most 5."});
  }
  auto read = events::ReadTargets(targets);
  if (!read) return std::unexpected(std::move(read).error());
  out.targets = *std::move(read);
  std::ranges::sort(out.targets, {}, &events::TargetRecord::id);
  return out;
}

ReadTold<events::BusRecord> ReadToldBus(const Json& told) {
  auto bus = events::ReadBus(RequestOf(Without(told, {"Policy"})));
  if (!bus) return bus;
  bus->tags = TagsOf(told);
  const Json policy = told.value("Policy", Json());
  if (policy.is_string()) bus->policy = policy.get<std::string>();
  if (policy.is_object()) bus->policy = base::ToJsonText(policy);
  if (bus->policy.empty()) return bus;
  if (auto wrong = events::CheckPolicy(bus->policy)) return std::unexpected(*std::move(wrong));
  return bus;
}

ReadTold<events::ArchiveRecord> ReadToldArchive(const invoker::Account& account, const Json& told) {
  return events::ReadArchive(RequestOf(told), account);
}

ReadTold<schedule::GroupRecord> ReadToldGroup(const Json& told) {
  auto group = schedule::ReadGroup(RequestOf(told), "");
  if (group) group->tags = TagsOf(told);
  return group;
}

ReadTold<schedule::ScheduleRecord> ReadToldSchedule(const Json& told,
                                                    std::optional<int64_t> now_ms) {
  return schedule::ReadSchedule(told, "", now_ms);
}

Json StatementOf(const std::string& policy, const std::string& sid) {
  if (policy.empty()) return nullptr;
  const Json read = PolicyJson(policy);
  for (const Json& statement : read["Statement"]) {
    if (statement.is_object() && statement.value("Sid", Json()) == Json(sid)) return statement;
  }
  return nullptr;
}

std::string WithStatement(const std::string& policy, const std::string& sid,
                          const Json& statement) {
  Json out = PolicyJson(policy);
  Json statements = Json::array();
  for (const Json& one : out["Statement"]) {
    if (!one.is_object() || one.value("Sid", Json()) != Json(sid)) statements.push_back(one);
  }
  if (!statement.is_null()) statements.push_back(statement);
  if (statements.empty()) return "";
  out["Statement"] = std::move(statements);
  return base::ToJsonText(out);
}

Json ToldOf(const ToldRule& rule) {
  Json out = events::ToJson(rule.rule);
  out["Tags"] = rule.rule.tags;
  out["Targets"] = Json::array();
  for (const events::TargetRecord& target : rule.targets) {
    out["Targets"].push_back(events::ToJson(target));
  }
  return out;
}

Json ToldOf(const invoker::Account& account, const events::ArchiveRecord& archive) {
  return {{"ArchiveName", archive.name},
          {"EventSourceArn", events::BusArn(account, archive.bus)},
          {"Description", archive.description},
          {"EventPattern", archive.pattern},
          {"RetentionDays", archive.retention_days}};
}

Json ToldOf(const schedule::GroupRecord& group) {
  return {{"Name", group.name}, {"Tags", group.tags}};
}

ReadTold<Json> InOneForm(const invoker::Account& account, ResourceKind kind, const Json& told) {
  switch (kind) {
    case ResourceKind::kRule: {
      const auto rule = ReadToldRule(account, told);
      if (!rule) return std::unexpected(rule.error());
      return ToldOf(*rule);
    }
    case ResourceKind::kEventBus: {
      const auto bus = ReadToldBus(told);
      if (!bus) return std::unexpected(bus.error());
      Json out = events::ToJson(*bus);
      out["Tags"] = bus->tags;
      return out;
    }
    case ResourceKind::kBusPolicy: {
      const Json statement = MadeStatement(account, told);
      const std::string sid = told.value("StatementId", "");
      if (auto wrong = events::CheckPolicy(WithStatement("", sid, statement))) {
        return std::unexpected(*std::move(wrong));
      }
      return Json{{"EventBusName", told.value("EventBusName", events::kDefaultBus)},
                  {"StatementId", sid},
                  {"Statement", statement}};
    }
    case ResourceKind::kArchive: {
      const auto archive = ReadToldArchive(account, told);
      if (!archive) return std::unexpected(archive.error());
      return ToldOf(account, *archive);
    }
    case ResourceKind::kSchedule: {
      const auto record = ReadToldSchedule(told, std::nullopt);
      if (!record) return std::unexpected(record.error());
      return schedule::ToJson(*record);
    }
    case ResourceKind::kScheduleGroup: {
      const auto group = ReadToldGroup(told);
      if (!group) return std::unexpected(group.error());
      return ToldOf(*group);
    }
    default:
      return Json();
  }
}

std::optional<aws::ApiError> CheckTold(const invoker::Account& account, ResourceKind kind,
                                       const Json& told) {
  auto read = InOneForm(account, kind, Placeholders(told));
  return read ? std::nullopt : std::optional(std::move(read).error());
}

bool Says(const invoker::Account& account, ResourceKind kind, const Json& found, const Json& told) {
  auto is = InOneForm(account, kind, found);
  const auto wanted = InOneForm(account, kind, told);
  if (!is || !wanted) return false;
  // Who does not speak of a bus's policy leaves it to others.
  if (kind == ResourceKind::kEventBus && !told.contains("Policy")) is->erase("Policy");
  return Fits(*is, *wanted);
}

}  // namespace hearth::stacks
