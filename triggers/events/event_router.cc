#include "triggers/events/event_router.h"

namespace hearth::events {
namespace {

std::string InputOf(const Rule& rule, const Target& target, const Event& event, int64_t now_ms) {
  if (target.record.input) return *target.record.input;
  if (target.path) {
    const auto part = target.path->Find(event.json);
    return part ? base::ToJsonText(*part) : "null";
  }
  if (target.transformer) {
    return target.transformer->Apply(
        event.json, event.text,
        {.rule_arn = rule.arn,
         .rule_name = rule.row.rule.key.name,
         .ingestion_time = base::WallTime(std::chrono::milliseconds(now_ms))});
  }
  return event.text;
}

}  // namespace

int64_t EventRouter::Route(const Event& event, int64_t now_ms, Routed& routed, int64_t behind,
                           const std::set<std::string>& only) const {
  for (const Rule* const rule : table_.Match(event)) {
    if (rule->row.id <= behind) continue;
    if (routed.is_full()) return behind;
    behind = rule->row.id;
    if (!only.empty() && !only.contains(rule->arn)) continue;
    if (rule->row.archive != 0) {
      routed.archived.push_back({rule->row.archive, event.time_ms, event.text});
      routed.bytes += event.text.size();
    } else {
      Deliver(*rule, event, now_ms, routed);
    }
  }
  return 0;
}

void EventRouter::Deliver(const Rule& rule, const Event& event, int64_t accepted_ms,
                          Routed& routed) const {
  const invoker::Account& account = table_.account();
  for (const Target& target : rule.targets) {
    // "EventBridge can't route events received from a sender event bus to a third event bus."
    if (target.is_bus && event.is_forwarded) continue;
    invoker::TargetDelivery& out = routed.deliveries.emplace_back();
    out.to.arn = target.record.arn;
    out.to.record = InputOf(rule, target, event, accepted_ms);
    out.to.trace_id = event.trace_header;
    if (target.is_bus) out.to.by_bus = BusArn(account, event.bus);
    out.to.group_id = target.record.group_id;
    if (target.record.role_arn.empty()) {
      out.from = {"events.amazonaws.com", rule.arn, account.id};
    }
    out.accepted_ms = accepted_ms;
    out.max_retries = target.record.max_retries.value_or(out.max_retries);
    out.max_age_s = target.record.max_age_s.value_or(out.max_age_s);
    out.dead_letter_arn = target.record.dead_letter_arn;
    if (!out.dead_letter_arn.empty()) {
      if (out.to.record != event.text) out.dead_letter_body = event.text;
      out.marks.push_back({"RULE_ARN", "String", rule.arn});
    }
    routed.bytes += out.to.record.size() + out.dead_letter_body.size() + sizeof out;
  }
}

}  // namespace hearth::events
