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
      // What is too much stays so; else it may be tried again.
      const bool is_final = put.error().status < 500;
      done(base::MakeError(is_final ? base::ErrorKind::kInvalid : base::ErrorKind::kSystem,
                           "send to " + arn, put.error().message));
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
    const auto policy = base::ParseJson(bus->policy);
    const aws::PolicyRequest request{.service = source.service,
                                     .action = "events:PutEvents",
                                     .resource = arn,
                                     .source_arn = source.arn,
                                     .source_account = source.account};
    return policy && aws::PolicyAllows(*policy, request) ? kAdmitted : kForbidden;
  };
}

}  // namespace hearth::events
