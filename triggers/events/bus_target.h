// Buses as destinations: of S3's events, of what became of asynchronous calls, of schedules, and of
// other buses' rules.
//
// A delivery with an `event` becomes one, whose detail is the record; else the record is an event
// and stays as it is. One `by_bus` goes to no third one, which is also what ends circles.
// `done` runs when all that it causes is durable.
#pragma once

#include "invoker/destinations.h"
#include "invoker/function.h"
#include "io/loop.h"
#include "triggers/events/event_buses.h"

namespace hearth::events {

// kNotFound, for good: no such bus here; kInvalid: no event. `buses` outlives whatever sends.
invoker::Destinations::Sender MakeBusTarget(io::Loop& loop, EventBuses& buses,
                                            invoker::Account account);
// Who may send to them, by their policies.
invoker::Destinations::Admits MakeBusAdmission(const EventBuses& buses, invoker::Account account);

}  // namespace hearth::events
