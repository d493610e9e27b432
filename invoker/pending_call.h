// PendingCall: a call on its way through the data plane.
#pragma once

#include <memory>

#include "base/clock.h"
#include "invoker/admission.h"
#include "invoker/invocation.h"
#include "invoker/metrics.h"

namespace hearth::invoker {

// A call that has been admitted and waits for its instance, or runs on one.
struct PendingCall {
  InvokeRequest request;
  InvokeCallback callback;
  base::MonoTime admitted{};
  Admission::Entry entry = Admission::Entry::kOnDemand;
  bool init_failed = false;  // One init has failed: the next one is part of this call.
  FunctionMetricsRef metrics = {};  // Null: it was not admitted.
};
using PendingCallPtr = std::unique_ptr<PendingCall>;

}  // namespace hearth::invoker
