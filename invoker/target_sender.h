// TargetSender: brings what rules, schedules and notifications send to whoever its ARN names.
//
// A function is invoked asynchronously, within the limits of the AsyncQueue (kLimit where it is
// full); kNotFound where there is no such function. Others are served by who attached themselves to
// its destinations. All parts outlive the sender.
#pragma once

#include "invoker/async_queue.h"
#include "invoker/destinations.h"
#include "invoker/registry.h"

namespace hearth::invoker {

Destinations::Sender MakeTargetSender(AsyncQueue& events, const Registry& registry,
                                      const base::Clock& service_clock);

}  // namespace hearth::invoker
