// How often and how long what rules and schedules send is tried: the bounds of what may be asked,
// of which the greatest are what is usual. Source: EventBridge and EventBridge Scheduler API
// references, RetryPolicy.
#pragma once

#include <cstdint>

namespace hearth::invoker {

inline constexpr int64_t kMaxDeliveryRetries = 185;  // AWS; the least is 0.
inline constexpr int64_t kMinDeliveryAgeS = 60;      // AWS.
inline constexpr int64_t kMaxDeliveryAgeS = 86'400;  // AWS: a day.

}  // namespace hearth::invoker
