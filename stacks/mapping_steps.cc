#include "stacks/mapping_steps.h"

#include "base/id.h"

namespace hearth::stacks {
namespace {

using base::Json;
using invoker::EventSourceMapping;
using Done = std::function<void(std::expected<void, std::string>)>;

constexpr char kUuid[] = "UUID";  // Beside the members of a request's body.

EventSourceMapping Blank(const MappingKey& key) {
  EventSourceMapping out;
  out.source_arn = key.source;
  out.function = key.function.name;
  out.qualifier = key.function.qualifier;
  return out;
}

std::expected<EventSourceMapping, aws::ApiError> Wanted(
    const invoker::EventSourceMappings& mappings, const MappingKey& key, const Json& told) {
  const invoker::EventSource* const source = mappings.SourceOf(key.source);
  auto rules = source == nullptr ? std::unexpected(invoker::NoSuchSource(key.source))
                                 : source->Find(key.source);
  // What was there is brought back, though somebody took its queue away.
  if (!rules && told.contains(kUuid)) rules = invoker::SourceRules{};
  if (!rules) return std::unexpected(rules.error());
  auto out = invoker::ApplyMapping(Blank(key), told, invoker::MappingBody::kCreate, *rules);
  if (out) out->tags = told.value("Tags", std::map<std::string, std::string>());
  return out;
}

// Once nothing of it is under way.
void ChangeNow(const MappingHost& host, const MappingKey& key, const std::optional<Json>& told,
               Done done) {
  const auto now = FindMapping(host.mappings, key);
  const auto changed =
      [&mappings = host.mappings,
       done](const std::expected<invoker::EventSourceMappings::Shown, aws::ApiError>& result) {
        if (!result) return done(std::unexpected(result.error().message));
        mappings.WhenSettled(result->mapping->uuid, [done] { done({}); });
      };
  if (!told) {
    if (now == nullptr) return done({});
    return host.mappings.Delete(now->uuid, changed);
  }
  auto wanted = Wanted(host.mappings, key, *told);
  if (!wanted) return done(std::unexpected(wanted.error().message));
  wanted->last_modified_ms = base::EpochMillis(host.clock.WallNow());
  wanted->uuid = now != nullptr ? now->uuid : told->value(kUuid, base::NewUuid());
  if (now != nullptr) return host.mappings.Update(now->uuid, *std::move(wanted), changed);
  host.mappings.Create(*std::move(wanted), changed);
}

}  // namespace

invoker::MappingRef FindMapping(const invoker::EventSourceMappings& mappings,
                                const MappingKey& key) {
  return mappings.FindTwin(Blank(key));
}

std::optional<Json> CurrentMapping(const invoker::EventSourceMappings& mappings,
                                   const MappingKey& key) {
  const auto now = FindMapping(mappings, key);
  if (now == nullptr) return std::nullopt;
  Json filters = Json::array();
  for (const std::string& pattern : now->filters) filters.push_back({{"Pattern", pattern}});
  Json out{{kUuid, now->uuid},
           {"EventSourceArn", now->source_arn},
           {"Enabled", now->enabled},
           {"BatchSize", now->batch_size},
           {"MaximumBatchingWindowInSeconds", now->window_s},
           {"FilterCriteria", {{"Filters", std::move(filters)}}},
           {"Tags", now->tags}};
  if (now->reports_item_failures) out["FunctionResponseTypes"] = {"ReportBatchItemFailures"};
  if (now->max_concurrency) out["ScalingConfig"] = {{"MaximumConcurrency", *now->max_concurrency}};
  return out;
}

bool IsMapped(const invoker::EventSourceMappings& mappings, const MappingKey& key,
              const std::optional<Json>& told) {
  const auto now = FindMapping(mappings, key);
  if (!told || now == nullptr) return !told && now == nullptr;
  auto wanted = Wanted(mappings, key, *told);
  // One that is being taken away is not there for long.
  const auto shown = mappings.Find(now->uuid);
  if (!wanted || !shown || shown->state == "Deleting") return false;
  wanted->uuid = now->uuid;
  wanted->last_modified_ms = now->last_modified_ms;
  return *wanted == *now;
}

void BringMapping(const MappingHost& host, const MappingKey& key, const std::optional<Json>& told,
                  Done done) {
  const auto now = FindMapping(host.mappings, key);
  const auto change = [host, key, told, done = std::move(done)] {
    ChangeNow(host, key, told, done);
  };
  if (now != nullptr) return host.mappings.WhenSettled(now->uuid, change);
  host.disk.Run([] { return true; }, [change](bool) { change(); });
}

}  // namespace hearth::stacks
