// EventsApi: rules' targets.
#include "triggers/events/errors.h"
#include "triggers/events/events_api.h"

namespace hearth::events {
namespace {

using base::Json;

Json NoFailures() { return {{"FailedEntryCount", 0}, {"FailedEntries", Json::array()}}; }

}  // namespace

void EventsApi::PutTargets(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const RuleKey key{BusName(in, "EventBusName"), in.RequiredText("Rule", kRuleName)};
  const Json* const given = in.Any("Targets");
  in.Done();
  if (IsRefused(request, faults)) return;
  auto targets = ReadTargets(given == nullptr ? Json() : *given);
  if (!targets) return Refuse(request, targets.error());
  if (const auto wrong = CheckServed(*targets, parts_.destinations)) {
    return Refuse(request, *wrong);
  }
  parts_.buses.PutTargets(key, *std::move(targets), Answering(request, NoFailures()));
}

void EventsApi::RemoveTargets(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const RuleKey key{BusName(in, "EventBusName"), in.RequiredText("Rule", kRuleName)};
  in.Require("Ids");
  auto ids = in.Texts("Ids", 1, 100);
  const bool is_forced = in.Flag("Force");
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.buses.RemoveTargets(key, std::move(ids),
                             is_forced ? EventBuses::Force::kYes : EventBuses::Force::kNo,
                             Answering(request, NoFailures()));
}

void EventsApi::ListTargetsByRule(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const Page page = ReadPage(in, kRuleName);
  const RuleKey key{BusName(in, "EventBusName"), in.RequiredText("Rule", kRuleName)};
  in.Done();
  if (IsRefused(request, faults)) return;
  if (parts_.buses.FindBus(key.bus) == nullptr) return Refuse(request, NoSuchBus(key.bus));
  if (parts_.buses.FindRule(key) == nullptr) {
    return Refuse(request, NoSuchRule(key.bus, key.name));
  }
  std::vector<std::string> names;
  std::vector<Json> entries;
  for (const TargetRecord* const target : parts_.buses.Targets(key)) {
    if (target->id <= page.after || entries.size() > page.most) continue;
    names.push_back(target->id);
    entries.push_back(ToJson(*target));
  }
  AnswerPage(request, page, "Targets", names, std::move(entries));
}

void EventsApi::ListRuleNamesByTarget(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const Page page = ReadPage(in, kRuleName);
  const std::string arn = in.RequiredText("TargetArn", kArn);
  const std::string bus = BusName(in, "EventBusName");
  in.Done();
  if (IsRefused(request, faults)) return;
  if (parts_.buses.FindBus(bus) == nullptr) return Refuse(request, NoSuchBus(bus));
  std::vector<std::string> names;
  std::vector<Json> entries;
  for (const RuleRecord* const rule : parts_.buses.Rules(bus, page.after, SIZE_MAX)) {
    bool is_target = false;
    for (const TargetRecord* const target : parts_.buses.Targets(rule->key)) {
      is_target = is_target || target->arn == arn;
    }
    if (!is_target) continue;
    names.push_back(rule->key.name);
    entries.push_back(rule->key.name);
    if (entries.size() > page.most) break;
  }
  AnswerPage(request, page, "RuleNames", names, std::move(entries));
}

}  // namespace hearth::events
