// EventsApi: rules, and patterns to try.
#include "expressions/event_pattern.h"
#include "triggers/events/errors.h"
#include "triggers/events/event.h"
#include "triggers/events/events_api.h"

namespace hearth::events {
namespace {

using base::Json;

// As lists show it.
Json Shown(const RuleRecord& rule, const invoker::Account& account) {
  Json out = ToJson(rule);
  out.erase("Tags");
  out["Arn"] = RuleArn(account, rule.key);
  if (!rule.managed_by.empty()) out["ManagedBy"] = rule.managed_by;
  return out;
}

// What AWS wants of an event that is tried.
constexpr std::array<const char*, 7> kMandatory = {"id",     "account",   "source",     "time",
                                                   "region", "resources", "detail-type"};

}  // namespace

void EventsApi::PutRule(const RequestPtr& request) {
  auto rule = ReadRule(request->json, parts_.account);
  if (!rule) return Refuse(request, rule.error());
  if (const auto wrong = CheckClientsTags(rule->tags)) return Refuse(request, *wrong);
  Json body = {{"RuleArn", RuleArn(parts_.account, rule->key)}};
  parts_.buses.PutRule(*std::move(rule), Answering(request, std::move(body)));
}

void EventsApi::DescribeRule(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const RuleKey key{BusName(in, "EventBusName"), in.RequiredText("Name", kRuleName)};
  in.Done();
  if (IsRefused(request, faults)) return;
  if (parts_.buses.FindBus(key.bus) == nullptr) return Refuse(request, NoSuchBus(key.bus));
  const RuleRecord* const rule = parts_.buses.FindRule(key);
  if (rule == nullptr) return Refuse(request, NoSuchRule(key.bus, key.name));
  Json body = Shown(*rule, parts_.account);
  body["CreatedBy"] = parts_.account.id;
  Answer(request, body);
}

void EventsApi::ListRules(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const Page page = ReadPage(in, kRuleName);
  const std::string bus = BusName(in, "EventBusName");
  in.Done();
  if (IsRefused(request, faults)) return;
  if (parts_.buses.FindBus(bus) == nullptr) return Refuse(request, NoSuchBus(bus));
  std::vector<std::string> names;
  std::vector<Json> entries;
  for (const RuleRecord* const rule : parts_.buses.Rules(bus, page.after, SIZE_MAX)) {
    if (!IsOfPage(page, rule->key.name)) continue;
    names.push_back(rule->key.name);
    entries.push_back(Shown(*rule, parts_.account));
    if (entries.size() > page.most) break;
  }
  AnswerPage(request, page, "Rules", names, std::move(entries));
}

void EventsApi::SetState(const RequestPtr& request, RuleState state) {
  Faults faults;
  Members in(request->json, faults);
  const RuleKey key{BusName(in, "EventBusName"), in.RequiredText("Name", kRuleName)};
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.buses.ChangeRule(
      key,
      [state](RuleRecord& rule) -> EventBuses::Refusal {
        // One that sees the trail goes on seeing it.
        if (state == RuleState::kDisabled || !rule.is_enabled()) rule.state = state;
        return std::nullopt;
      },
      Answering(request));
}

void EventsApi::EnableRule(const RequestPtr& request) { SetState(request, RuleState::kEnabled); }

void EventsApi::DisableRule(const RequestPtr& request) { SetState(request, RuleState::kDisabled); }

void EventsApi::DeleteRule(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const RuleKey key{BusName(in, "EventBusName"), in.RequiredText("Name", kRuleName)};
  const bool is_forced = in.Flag("Force");
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.buses.DeleteRule(key, is_forced ? EventBuses::Force::kYes : EventBuses::Force::kNo,
                          Answering(request));
}

void EventsApi::TestEventPattern(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string text = in.RequiredText("EventPattern", {0, kMaxPattern});
  const std::string event_text = in.RequiredText("Event", {0, kMaxEntriesBytes});
  in.Done();
  if (IsRefused(request, faults)) return;
  const auto pattern = expressions::EventPattern::Parse(text);
  if (!pattern) return Refuse(request, InvalidPattern(pattern.error()));
  const auto event = base::ParseJson(event_text);
  if (!event || !event->is_object()) {
    return Refuse(request, InvalidParameter("Event", "It is no JSON object."));
  }
  for (const char* const name : kMandatory) {
    if (!event->contains(name)) {
      return Refuse(request, InvalidParameter("Event", std::string(name) + " is missing."));
    }
  }
  Answer(request, {{"Result", pattern->Matches(*event)}});
}

}  // namespace hearth::events
