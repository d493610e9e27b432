// What a deployment does to event source mappings (mapping_resource.h).
//
// There is one of a function, a qualifier and a source; it keeps its UUID as long as it is there,
// through a rollback too. A step has ended when the mapping has: what runs is let end. Owner: none;
// the host outlives it.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "invoker/event_source_mappings.h"
#include "invoker/function_name.h"
#include "io/offload.h"

namespace hearth::stacks {

struct MappingHost {
  invoker::EventSourceMappings& mappings;
  io::Offload& disk;  // For answers on a later turn.
  const base::Clock& clock;
};

struct MappingKey {
  invoker::FunctionName function;
  std::string source;  // Its ARN.
};

// nullptr: there is none.
invoker::MappingRef FindMapping(const invoker::EventSourceMappings& mappings,
                                const MappingKey& key);
// As its API would be told, and its UUID; nothing where there is none.
std::optional<base::Json> CurrentMapping(const invoker::EventSourceMappings& mappings,
                                         const MappingKey& key);
// Whether it is there as `told` would make it; nothing told: whether it is not there.
bool IsMapped(const invoker::EventSourceMappings& mappings, const MappingKey& key,
              const std::optional<base::Json>& told);
// Makes it what `told` says, whatever was there before; nothing: it is taken away. The callback
// runs once, never inside the call.
void BringMapping(const MappingHost& host, const MappingKey& key,
                  const std::optional<base::Json>& told,
                  std::function<void(std::expected<void, std::string>)> done);

}  // namespace hearth::stacks
