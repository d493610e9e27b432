#include "triggers/events/bus_target.h"

#include "aws/policy_document.h"
#include "base/json.h"

namespace hearth::events {
namespace {

// nullptr: it is none of this host's.
const BusRecord* FindTarget(const EventBuses& buses, const invoker::Account& account,
                            const std::string& arn) {
  const auto name = BusNameOf(arn, account);
  return name && arn.starts_with("arn:") ? buses.FindBus(*name) : nullptr;
}

// What comes from the bus's own account needs no grant: a policy can only deny it.
void AddOwnersGrant(base::Json& policy) {
  if (!policy.is_object() || !policy.contains("Statement")) return;
  base::Json& statements = policy["Statement"];
  if (!statements.is_array()) statements = base::Json::array({statements});
  statements.push_back({{"Effect", "Allow"}, {"Principal", "*"}, {"Action", "events:PutEvents"}});
}

}  // namespace

invoker::Destinations::Sender MakeBusTarget(io::Loop& loop, EventBuses& buses,
                                            invoker::Account account) {
  return [&loop, &buses, account = std::move(account)](invoker::Destinations::Delivery delivery,
                                                       invoker::Destinations::Done done) {
    const BusRecord* const bus = FindTarget(buses, account, delivery.arn);
    if (bus == nullptr) {
      return done(base::MakeError(base::ErrorKind::kNotFound, "send to " + delivery.arn,
                                  "there is no such event bus"));
    }
    const EventMaker maker{account, base::EpochMillis(loop.service_clock().WallNow())};
    auto event = delivery.event ? maker.FromService(bus->name, *delivery.event, delivery.record)
                                : ReadEvent(bus->name, std::move(delivery.record));
    if (!event) return done(base::Invalid("send to " + delivery.arn, event.error().text));
    event->trace_header = std::move(delivery.trace_id);
    event->is_forwarded = !delivery.by_bus.empty();
    std::vector<Event> events;
    events.push_back(*std::move(event));
    buses.Put(std::move(events), [arn = std::move(delivery.arn), done = std::move(done)](
                                     const std::expected<void, aws::ApiError>& put) {
      if (put) return done({});
      // It may be tried again.
      done(base::MakeError(base::ErrorKind::kSystem, "send to " + arn, put.error().message));
    });
  };
}

invoker::Destinations::Admits MakeBusAdmission(const EventBuses& buses, invoker::Account account) {
  using invoker::Destinations;
  return [&buses, account = std::move(account)](const std::string& arn,
                                                const Destinations::Source& source) {
    using enum Destinations::Admission;
    const BusRecord* const bus = FindTarget(buses, account, arn);
    if (bus == nullptr) return kAbsent;
    if (bus->policy.empty()) return kAdmitted;
    auto policy = base::ParseJson(bus->policy);
    if (policy && source.account == account.id) AddOwnersGrant(*policy);
    const aws::PolicyRequest request{.service = source.service,
                                     .action = "events:PutEvents",
                                     .resource = arn,
                                     .source_arn = source.arn,
                                     .source_account = source.account};
    return policy && aws::PolicyAllows(*policy, request) ? kAdmitted : kForbidden;
  };
}

}  // namespace hearth::events
