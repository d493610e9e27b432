// TargetSender: brings what rules, schedules and notifications send to whoever its ARN names.
//
// A function is invoked asynchronously, within the limits of the AsyncQueue (kLimit where it is
// full); kNotFound where there is no such function, version or alias. Others are served by who
// attached themselves to its destinations. All parts outlive the sender.
#pragma once

#include "invoker/async_queue.h"
#include "invoker/destinations.h"
#include "invoker/registry.h"

namespace hearth::invoker {

Destinations::Sender MakeTargetSender(AsyncQueue& events, const Registry& registry,
                                      const base::Clock& service_clock, Account account);

// Whether functions let the source invoke them: one that is there, and whose policy lets it or says
// nothing at all.
Destinations::Admits MakeFunctionAdmission(const Registry& registry);

}  // namespace hearth::invoker
