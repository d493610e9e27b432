// EventSource: what a service implements whose sources (queues, streams) functions can be mapped
// to.
//
// The service attaches itself to EventSourceMappings under its name in ARNs. It reads its sources,
// makes batches, calls the function through the Invoker like anybody else, and settles what came of
// it; what the mapping is, its states and its durability are kept here. Loop's thread only.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "aws/gateway.h"
#include "invoker/event_source_mapping.h"

namespace hearth::invoker {

// AWS's refusal of an ARN behind which there is nothing.
aws::ApiError NoSuchSource(const std::string& arn);

class EventSource {
 public:
  virtual ~EventSource() = default;

  // What a mapping of this source may ask for, or why there can be none (there is no such queue):
  // AWS's refusal. Answers at once.
  virtual std::expected<SourceRules, aws::ApiError> Find(const std::string& arn) const = 0;
  // From now on the source's records go to the function, as the mapping says, until Stop. A source
  // that has gone since is the poller's to report (EventSourceMappings::Report).
  virtual void Start(MappingRef mapping) = 0;
  // No call begins any more. `stopped` runs once, never inside this call, when those that run have
  // ended and what came of them is settled: the mapping may be started again after it.
  virtual void Stop(const std::string& uuid, std::function<void()> stopped) = 0;
};

}  // namespace hearth::invoker
