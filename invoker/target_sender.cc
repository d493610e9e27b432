#include "invoker/target_sender.h"

#include "aws/arn.h"
#include "base/id.h"
#include "invoker/function_name.h"
#include "invoker/invoke_api.h"
#include "invoker/resource_policy.h"

namespace hearth::invoker {

Destinations::Sender MakeTargetSender(AsyncQueue& events, const Registry& registry,
                                      const base::Clock& service_clock, Account account) {
  return [&events, &registry, &service_clock, account = std::move(account)](
             Destinations::Delivery delivery, Destinations::Done done) {
    if (delivery.trace_id.empty()) delivery.trace_id = NewTraceId(service_clock.WallNow());
    const auto arn = aws::ParseArn(delivery.arn);
    if (!arn || arn->service != "lambda") {
      return events.destinations().Send(std::move(delivery), std::move(done));
    }
    const auto name = ParseFunctionName(account, delivery.arn, {});
    const RecordRef record = name ? registry.Record(name->name) : RecordRef();
    if (record == nullptr || ResolveForReading(*record, name->qualifier) == nullptr) {
      return done(base::MakeError(base::ErrorKind::kNotFound, "send to " + delivery.arn,
                                  "there is no such function, version or alias"));
    }
    events.Put({.request_id = base::NewUuid(),
                .function_name = name->name,
                .invoked_arn = std::move(delivery.arn),
                .trace_id = std::move(delivery.trace_id),
                .payload = std::move(delivery.record)},
               std::move(done));
  };
}

Destinations::Admits MakeFunctionAdmission(const Registry& registry) {
  return [&registry](const std::string& arn, const Destinations::Source& source) {
    using enum Destinations::Admission;
    const auto name = aws::ParseFunctionName(arn);
    const RecordRef record = name ? registry.Record(name->name) : RecordRef();
    if (record == nullptr || ResolveForReading(*record, name->qualifier) == nullptr) return kAbsent;
    const auto policy = record->policies.find(name->qualifier);
    if (policy == record->policies.end() || policy->second.empty()) return kAdmitted;
    const bool is_let = LetsInvoke(policy->second, source.service, source.arn, source.account);
    return is_let ? kAdmitted : kForbidden;
  };
}

}  // namespace hearth::invoker
