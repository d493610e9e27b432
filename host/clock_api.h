// ClockApi: /_hearth/clock, the host's service time. GET tells it; POST {"advance_ms": N} moves a
// virtual one and answers when all that became due has ended. Used by `hearth clock` and by tests.
#pragma once

#include "aws/gateway.h"
#include "base/clock.h"
#include "host/virtual_time.h"

namespace hearth::host {

class ClockApi {
 public:
  // `time`: nullptr where the service time is the machine's, `clock`.
  ClockApi(const base::Clock& clock, VirtualTime* time) : clock_(clock), time_(time) {}
  void Register(aws::Gateway& gateway);

 private:
  void Handle(aws::Call call);
  void Advance(aws::Call call);
  base::Json Shown() const;

  const base::Clock& clock_;
  VirtualTime* const time_;
};

}  // namespace hearth::host
