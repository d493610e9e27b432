// EventSourceMapping: which source's records go to which function, and how. A value, and the rules
// of what may be asked; event_source_mappings.h keeps them.
//
// Source: Lambda API 2015-03-31, shapes Create- and UpdateEventSourceMappingRequest and
// EventSourceMappingConfiguration; aws-facts 4.6; error texts as recorded on AWS.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "invoker/function.h"

namespace hearth::invoker {

// What mappings of one source may ask for: the service that has it says so.
struct SourceRules {
  enum class Family { kQueue, kStream } family = Family::kQueue;
  int64_t default_batch = 10;
  int64_t max_batch = 10'000;
  // Of a queue: batches above so many wait, and need a window.
  int64_t max_batch_at_once = 10;
  bool has_window = true;  // MaximumBatchingWindowInSeconds; not for FIFO queues.
  // Of a queue: its visibility timeout, which is to be no less than the function's.
  std::optional<int64_t> visibility_s;
};

struct EventSourceMapping {
  std::string uuid;
  std::string source_arn;
  std::string function;   // Its name.
  std::string qualifier;  // Empty: none was given.
  SourceRules::Family family = SourceRules::Family::kQueue;
  bool enabled = true;
  int64_t batch_size = 10;
  int64_t window_s = 0;
  std::vector<std::string> filters;  // Patterns; a record that one of them takes goes on.
  bool reports_item_failures = false;
  int64_t last_modified_ms = 0;
  std::map<std::string, std::string> tags;

  std::optional<int64_t> max_concurrency;  // Of a queue: 2 to 1,000.

  // Of a stream.
  std::string starting_position;  // TRIM_HORIZON, LATEST, AT_TIMESTAMP
  std::optional<double> starting_timestamp_s;
  int64_t parallelization = 1;
  int64_t max_record_age_s = -1;  // -1: as long as the stream keeps it.
  int64_t max_retries = -1;       // -1: until it is too old.
  int64_t tumbling_window_s = 0;
  bool bisects = false;
  std::string on_failure;  // An ARN; empty: nobody.

  bool operator==(const EventSourceMapping&) const = default;
};
using MappingRef = std::shared_ptr<const EventSourceMapping>;

enum class MappingBody { kCreate, kUpdate };
// `current` with the members of a request's body, but for the function and the source, which are
// the caller's to read. A member that is not served is refused by name.
std::expected<EventSourceMapping, aws::ApiError> ApplyMapping(EventSourceMapping current,
                                                              const base::Json& body,
                                                              MappingBody kind,
                                                              const SourceRules& rules);

// AWS: what a function with this timeout still works on would be given to another.
std::optional<aws::ApiError> CheckVisibility(const SourceRules& rules, int64_t timeout_s);

std::string MappingArn(const Account& account, const std::string& uuid);
// `state`: "Enabled"; `result`: of the last batch, empty: there was none.
base::Json MappingJson(const Account& account, const EventSourceMapping& mapping,
                       const std::string& state, const std::string& result);

base::Json ToStored(const EventSourceMapping& mapping);
base::Result<EventSourceMapping> MappingFromStored(const base::Json& stored);

}  // namespace hearth::invoker
