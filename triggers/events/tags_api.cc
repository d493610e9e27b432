// EventsApi: tags of buses and rules.
#include "triggers/events/errors.h"
#include "triggers/events/events_api.h"

namespace hearth::events {
namespace {

// The bus that an ARN names; empty: none.
std::string BusOfArn(const std::string& arn, const invoker::Account& account) {
  const auto name = BusNameOf(arn, account);
  return arn.starts_with("arn:") && name ? *name : "";
}

aws::ApiError NotTaggable(const std::string& arn) {
  return InvalidParameter("ResourceARN", "It is none of an event bus or a rule here: " + arn);
}

}  // namespace

void EventsApi::ChangeTags(const RequestPtr& request, const std::string& arn,
                           std::function<std::optional<aws::ApiError>(Tags&)> change) {
  if (const auto key = RuleOfArn(arn, parts_.account)) {
    return parts_.buses.ChangeRule(
        *key, [change](RuleRecord& rule) { return change(rule.tags); }, Answering(request));
  }
  const std::string bus = BusOfArn(arn, parts_.account);
  if (bus.empty()) return Refuse(request, NotTaggable(arn));
  parts_.buses.ChangeBus(
      bus, [change](BusRecord& record) { return change(record.tags); }, Answering(request));
}

void EventsApi::TagResource(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string arn = in.RequiredText("ResourceARN", kArn);
  in.Require("Tags");
  const Tags tags = in.Tags("Tags");
  in.Done();
  if (auto wrong = CheckClientsTags(tags)) faults.Refuse(std::move(*wrong));
  if (IsRefused(request, faults)) return;
  ChangeTags(request, arn, [tags](Tags& held) {
    for (const auto& [key, value] : tags) held[key] = value;
    return CheckTags(held);
  });
}

void EventsApi::UntagResource(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string arn = in.RequiredText("ResourceARN", kArn);
  in.Require("TagKeys");
  const auto keys = in.Texts("TagKeys", 0, SIZE_MAX);
  in.Done();
  Tags taken;
  for (const std::string& key : keys) taken[key];
  if (auto wrong = CheckClientsTags(taken)) faults.Refuse(std::move(*wrong));
  if (IsRefused(request, faults)) return;
  ChangeTags(request, arn, [keys](Tags& held) -> std::optional<aws::ApiError> {
    for (const std::string& key : keys) held.erase(key);
    return std::nullopt;
  });
}

void EventsApi::ListTagsForResource(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string arn = in.RequiredText("ResourceARN", kArn);
  in.Done();
  if (IsRefused(request, faults)) return;
  if (const auto key = RuleOfArn(arn, parts_.account)) {
    const RuleRecord* const rule = parts_.buses.FindRule(*key);
    if (rule == nullptr) return Refuse(request, NoSuchRule(key->bus, key->name));
    return Answer(request, {{"Tags", TagsJson(rule->tags)}});
  }
  const std::string name = BusOfArn(arn, parts_.account);
  if (name.empty()) return Refuse(request, NotTaggable(arn));
  const BusRecord* const bus = parts_.buses.FindBus(name);
  if (bus == nullptr) return Refuse(request, NoSuchBus(name));
  Answer(request, {{"Tags", TagsJson(bus->tags)}});
}

}  // namespace hearth::events
