#include "invoker/event_source_mapping.h"

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "expressions/event_pattern.h"
#include "invoker/api_call.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Refusal = std::optional<aws::ApiError>;
using Family = SourceRules::Family;

constexpr size_t kMaxFilters = 5;    // AWS; more on request.
constexpr int64_t kMaxWindow = 300;  // AWS: seconds.

struct Number {
  const char* member;
  const char* shown;
  int64_t EventSourceMapping::* into;
  int64_t least;
  int64_t most;
};

constexpr Number kBatch{"BatchSize", "batchSize", &EventSourceMapping::batch_size, 1, 10'000};
constexpr Number kWindow{"MaximumBatchingWindowInSeconds", "maximumBatchingWindowInSeconds",
                         &EventSourceMapping::window_s, 0, kMaxWindow};
constexpr std::array<Number, 4> kStreamNumbers = {{
    {"ParallelizationFactor", "parallelizationFactor", &EventSourceMapping::parallelization, 1, 10},
    {"MaximumRecordAgeInSeconds", "maximumRecordAgeInSeconds",
     &EventSourceMapping::max_record_age_s, -1, 604'800},
    {"MaximumRetryAttempts", "maximumRetryAttempts", &EventSourceMapping::max_retries, -1, 10'000},
    {"TumblingWindowInSeconds", "tumblingWindowInSeconds", &EventSourceMapping::tumbling_window_s,
     0, 900},
}};

Refusal ReadRange(const Json& value, const Number& number, int64_t& into) {
  if (!value.is_number_integer()) return WrongType(number.member, "an integer");
  // Above INT64_MAX it would turn negative.
  const bool is_huge = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX};
  if (!is_huge && value.get<int64_t>() < number.least) {
    return ValidationError(
        base::ToJsonText(value), number.shown,
        "Member must have value greater than or equal to " + std::to_string(number.least));
  }
  if (is_huge || value.get<int64_t>() > number.most) {
    return ValidationError(
        base::ToJsonText(value), number.shown,
        "Member must have value less than or equal to " + std::to_string(number.most));
  }
  into = value.get<int64_t>();
  return std::nullopt;
}

Refusal ReadNumber(const Json& body, const Number& number, EventSourceMapping& mapping) {
  const auto found = body.find(number.member);
  if (found == body.end() || found->is_null()) return std::nullopt;
  return ReadRange(*found, number, mapping.*number.into);
}

Refusal ReadFlag(const Json& body, const char* member, bool& into) {
  const Json value = body.value(member, Json());
  if (value.is_null()) return std::nullopt;
  if (!value.is_boolean()) return WrongType(member, "a boolean");
  into = value.get<bool>();
  return std::nullopt;
}

Refusal ReadFilters(const Json& body, EventSourceMapping& mapping) {
  const Json criteria = body.value("FilterCriteria", Json());
  if (criteria.is_null()) return std::nullopt;
  if (!criteria.is_object()) return WrongType("FilterCriteria", "an object");
  const Json filters = criteria.value("Filters", Json::array());
  if (!filters.is_array() && !filters.is_null()) {
    return WrongType("FilterCriteria.Filters", "a list");
  }
  if (filters.size() > kMaxFilters) {
    return ValidationError(base::ToJsonText(filters).substr(0, 200), "filterCriteria.filters",
                           "Member must have length less than or equal to 5");
  }
  mapping.filters.clear();
  for (const Json& filter : filters) {
    const Json pattern = filter.is_object() ? filter.value("Pattern", Json()) : Json();
    if (!pattern.is_string()) return WrongType("FilterCriteria.Filters", "a list of patterns");
    mapping.filters.push_back(pattern.get<std::string>());
    const std::string& text = mapping.filters.back();
    if (!expressions::EventPattern::Parse(text)) {
      return InvalidParameter("Invalid filter pattern definition.");
    }
  }
  return std::nullopt;
}

Refusal ReadResponseTypes(const Json& body, EventSourceMapping& mapping) {
  const Json types = body.value("FunctionResponseTypes", Json());
  if (types.is_null()) return std::nullopt;
  if (!types.is_array()) return WrongType("FunctionResponseTypes", "a list of strings");
  for (const Json& type : types) {
    if (type == "ReportBatchItemFailures") continue;
    return ValidationError(
        "[" + (type.is_string() ? type.get<std::string>() : base::ToJsonText(type)) + "]",
        "functionResponseTypes",
        "Member must satisfy constraint: [Member must satisfy enum value set: "
        "[ReportBatchItemFailures]]");
  }
  if (types.size() > 1) {
    return ValidationError(base::ToJsonText(types), "functionResponseTypes",
                           "Member must have length less than or equal to 1");
  }
  mapping.reports_item_failures = !types.empty();
  return std::nullopt;
}

// {"MaximumConcurrency": 5}; {}: as many as there are.
Refusal ReadScaling(const Json& body, EventSourceMapping& mapping) {
  constexpr Number kMost{"ScalingConfig.MaximumConcurrency", "scalingConfig.maximumConcurrency",
                         nullptr, 2, 1000};
  const Json scaling = body.value("ScalingConfig", Json());
  if (scaling.is_null()) return std::nullopt;
  if (!scaling.is_object()) return WrongType("ScalingConfig", "an object");
  const Json most = scaling.value("MaximumConcurrency", Json());
  mapping.max_concurrency.reset();
  if (most.is_null()) return std::nullopt;
  int64_t number = 0;
  if (auto refusal = ReadRange(most, kMost, number)) return refusal;
  mapping.max_concurrency = number;
  return std::nullopt;
}

// Whom a batch that is given up goes to; that the place exists is the service's to check.
Refusal ReadDestination(const Json& body, EventSourceMapping& mapping) {
  const Json config = body.value("DestinationConfig", Json());
  if (config.is_null()) return std::nullopt;
  if (!config.is_object()) return WrongType("DestinationConfig", "an object");
  for (const auto& [member, value] : config.items()) {
    if (member == "OnFailure" && value.is_object()) continue;
    if (value.is_null() || (value.is_object() && value.empty())) continue;
    return InvalidParameter("Hearth does not serve DestinationConfig." + member +
                            " of event source mappings; leave the member out.");
  }
  const Json failure = config.value("OnFailure", Json::object());
  std::optional<std::string> arn;
  if (failure.is_object()) {
    if (auto refusal = ReadText(failure, "Destination", arn)) return refusal;
  }
  mapping.on_failure = arn.value_or("");
  if (mapping.on_failure.empty() || aws::ParseArn(mapping.on_failure)) return std::nullopt;
  return InvalidParameter("The provided destination config is invalid: " + mapping.on_failure +
                          " is not an ARN.");
}

Refusal ReadStart(const Json& body, EventSourceMapping& mapping) {
  std::optional<std::string> position;
  if (auto refusal = ReadText(body, "StartingPosition", position)) return refusal;
  const Json timestamp = body.value("StartingPositionTimestamp", Json());
  if (position && position != "LATEST" && position != "AT_TIMESTAMP" &&
      position != "TRIM_HORIZON") {
    return ValidationError(*position, "startingPosition",
                           "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, "
                           "TRIM_HORIZON]");
  }
  if (mapping.family == Family::kQueue) {
    if (!position) return std::nullopt;
    return InvalidParameter("StartingPosition is not valid for SQS event sources.");
  }
  if (!position) {
    return InvalidParameter(
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
        "constraint: Member must not be null.");
  }
  if (!timestamp.is_null() && position != "AT_TIMESTAMP") {
    return InvalidParameter("Timestamp only valid with StartingPosition AT_TIMESTAMP");
  }
  if (position == "AT_TIMESTAMP") {
    if (!timestamp.is_number()) {
      return InvalidParameter("StartingPosition AT_TIMESTAMP needs a StartingPositionTimestamp.");
    }
    mapping.starting_timestamp_s = timestamp.get<double>();
  }
  mapping.starting_position = *position;
  return std::nullopt;
}

// Members that are right for other sources, or not served for any.
Refusal CheckMembers(const Json& body, MappingBody kind, Family family) {
  constexpr std::array<std::string_view, 8> kCommon = {"FunctionName",
                                                       "Enabled",
                                                       "BatchSize",
                                                       "FilterCriteria",
                                                       "MaximumBatchingWindowInSeconds",
                                                       "FunctionResponseTypes",
                                                       "EventSourceArn",
                                                       "UUID"};
  constexpr std::array<std::string_view, 6> kStream = {
      "ParallelizationFactor",   "MaximumRecordAgeInSeconds",  "MaximumRetryAttempts",
      "TumblingWindowInSeconds", "BisectBatchOnFunctionError", "DestinationConfig"};
  constexpr std::array<std::string_view, 3> kOnce = {"StartingPosition",
                                                     "StartingPositionTimestamp", "Tags"};
  for (const auto& [member, value] : body.items()) {
    const bool is_empty =
        value.is_null() || ((value.is_object() || value.is_array()) && value.empty());
    if (is_empty || std::ranges::find(kCommon, member) != kCommon.end()) continue;
    if (kind == MappingBody::kCreate && std::ranges::find(kOnce, member) != kOnce.end()) continue;
    const bool is_stream = std::ranges::find(kStream, member) != kStream.end();
    if (is_stream && family == Family::kStream) continue;
    if (member == "ScalingConfig" && family == Family::kQueue) continue;
    if (is_stream || member == "ScalingConfig") {
      return InvalidParameter("Unsupported " + member +
                              " parameter for given event source mapping type.");
    }
    return InvalidParameter("Hearth does not serve " + member +
                            " of event source mappings; leave the member out.");
  }
  return std::nullopt;
}

Refusal CheckBatch(const EventSourceMapping& mapping, const SourceRules& rules) {
  if (mapping.batch_size > rules.max_batch) {
    return ValidationError(
        std::to_string(mapping.batch_size), kBatch.shown,
        "Member must have value less than or equal to " + std::to_string(rules.max_batch));
  }
  if (!rules.has_window && mapping.window_s > 0) {
    return InvalidParameter("Batching window is not supported for FIFO queues.");
  }
  const bool waits = rules.family == Family::kQueue && mapping.batch_size > rules.max_batch_at_once;
  if (waits && mapping.window_s == 0) {
    return InvalidParameter(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than " +
        std::to_string(rules.max_batch_at_once));
  }
  return std::nullopt;
}

}  // namespace

std::expected<EventSourceMapping, aws::ApiError> ApplyMapping(EventSourceMapping current,
                                                              const Json& body, MappingBody kind,
                                                              const SourceRules& rules) {
  const auto read = [&]() -> Refusal {
    if (kind == MappingBody::kCreate) {
      current.family = rules.family;
      current.batch_size = rules.default_batch;
      if (auto refusal = ReadStart(body, current)) return refusal;
    }
    if (auto refusal = CheckMembers(body, kind, current.family)) return refusal;
    if (auto refusal = ReadFlag(body, "Enabled", current.enabled)) return refusal;
    if (auto refusal = ReadFlag(body, "BisectBatchOnFunctionError", current.bisects))
      return refusal;
    if (auto refusal = ReadNumber(body, kBatch, current)) return refusal;
    if (auto refusal = ReadNumber(body, kWindow, current)) return refusal;
    for (const Number& number : kStreamNumbers) {
      if (auto refusal = ReadNumber(body, number, current)) return refusal;
    }
    for (auto* part : {ReadFilters, ReadResponseTypes, ReadScaling, ReadDestination}) {
      if (auto refusal = part(body, current)) return refusal;
    }
    return CheckBatch(current, rules);
  };
  if (auto refusal = read()) return std::unexpected(std::move(*refusal));
  return current;
}

std::optional<aws::ApiError> CheckVisibility(const SourceRules& rules, int64_t timeout_s) {
  if (!rules.visibility_s || *rules.visibility_s >= timeout_s) return std::nullopt;
  return InvalidParameter("Queue visibility timeout: " + std::to_string(*rules.visibility_s) +
                          " seconds is less than Function timeout: " + std::to_string(timeout_s) +
                          " seconds");
}

std::string MappingArn(const Account& account, const std::string& uuid) {
  return "arn:aws:lambda:" + account.region + ":" + account.id + ":event-source-mapping:" + uuid;
}

Json MappingJson(const Account& account, const EventSourceMapping& m, const std::string& state,
                 const std::string& result) {
  const bool is_stream = m.family == Family::kStream;
  Json types = Json::array();
  if (m.reports_item_failures) types.push_back("ReportBatchItemFailures");
  Json out{{"UUID", m.uuid},
           {"EventSourceArn", m.source_arn},
           {"EventSourceMappingArn", MappingArn(account, m.uuid)},
           {"FunctionArn", FunctionArn(account, m.function, m.qualifier)},
           {"BatchSize", m.batch_size},
           {"MaximumBatchingWindowInSeconds", m.window_s},
           {"FunctionResponseTypes", std::move(types)},
           {"LastModified", static_cast<double>(m.last_modified_ms) / 1000},
           {"State", state},
           {"StateTransitionReason", is_stream ? "User action" : "USER_INITIATED"}};
  for (const std::string& pattern : m.filters) {
    out["FilterCriteria"]["Filters"].push_back({{"Pattern", pattern}});
  }
  if (!result.empty()) out["LastProcessingResult"] = result;
  if (m.max_concurrency) out["ScalingConfig"] = {{"MaximumConcurrency", *m.max_concurrency}};
  if (!is_stream) return out;
  out["StartingPosition"] = m.starting_position;
  if (m.starting_timestamp_s) out["StartingPositionTimestamp"] = *m.starting_timestamp_s;
  for (const Number& number : kStreamNumbers) out[number.member] = m.*number.into;
  out["BisectBatchOnFunctionError"] = m.bisects;
  out["DestinationConfig"]["OnFailure"] = Json::object();
  if (!m.on_failure.empty()) out["DestinationConfig"]["OnFailure"]["Destination"] = m.on_failure;
  if (result.empty()) out["LastProcessingResult"] = "No records processed";
  return out;
}

Json ToStored(const EventSourceMapping& m) {
  Json out{{"uuid", m.uuid},
           {"source", m.source_arn},
           {"function", m.function},
           {"qualifier", m.qualifier},
           {"is_stream", m.family == Family::kStream},
           {"enabled", m.enabled},
           {"batch_size", m.batch_size},
           {"window_s", m.window_s},
           {"filters", m.filters},
           {"reports_item_failures", m.reports_item_failures},
           {"last_modified_ms", m.last_modified_ms},
           {"tags", m.tags},
           {"starting_position", m.starting_position},
           {"parallelization", m.parallelization},
           {"max_record_age_s", m.max_record_age_s},
           {"max_retries", m.max_retries},
           {"tumbling_window_s", m.tumbling_window_s},
           {"bisects", m.bisects},
           {"on_failure", m.on_failure}};
  if (m.max_concurrency) out["max_concurrency"] = *m.max_concurrency;
  if (m.starting_timestamp_s) out["starting_timestamp_s"] = *m.starting_timestamp_s;
  return out;
}

base::Result<EventSourceMapping> MappingFromStored(const Json& stored) {
  EventSourceMapping m;
  // nlohmann throws where a member is absent or of another type; the exception stops here.
  try {
    m.uuid = stored.at("uuid").get<std::string>();
    m.source_arn = stored.at("source").get<std::string>();
    m.function = stored.at("function").get<std::string>();
    m.qualifier = stored.at("qualifier").get<std::string>();
    m.family = stored.at("is_stream").get<bool>() ? Family::kStream : Family::kQueue;
    m.enabled = stored.at("enabled").get<bool>();
    m.batch_size = stored.at("batch_size").get<int64_t>();
    m.window_s = stored.at("window_s").get<int64_t>();
    m.filters = stored.at("filters").get<std::vector<std::string>>();
    m.reports_item_failures = stored.at("reports_item_failures").get<bool>();
    m.last_modified_ms = stored.at("last_modified_ms").get<int64_t>();
    m.tags = stored.at("tags").get<std::map<std::string, std::string>>();
    m.starting_position = stored.at("starting_position").get<std::string>();
    m.parallelization = stored.at("parallelization").get<int64_t>();
    m.max_record_age_s = stored.at("max_record_age_s").get<int64_t>();
    m.max_retries = stored.at("max_retries").get<int64_t>();
    m.tumbling_window_s = stored.at("tumbling_window_s").get<int64_t>();
    m.bisects = stored.at("bisects").get<bool>();
    m.on_failure = stored.at("on_failure").get<std::string>();
    if (stored.contains("max_concurrency")) {
      m.max_concurrency = stored.at("max_concurrency").get<int64_t>();
    }
    if (stored.contains("starting_timestamp_s")) {
      m.starting_timestamp_s = stored.at("starting_timestamp_s").get<double>();
    }
  } catch (const Json::exception& error) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read event source mapping", error.what());
  }
  return m;
}

}  // namespace hearth::invoker
