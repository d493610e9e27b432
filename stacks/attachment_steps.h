// What a deployment does to attachments (attachment.h).
//
// Each step's callback runs once, never inside the call. Owner: none; the host outlives it.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "aws/gateway.h"
#include "base/clock.h"
#include "base/json.h"
#include "invoker/destinations.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "stacks/attachment.h"
#include "stacks/mapping_steps.h"
#include "stacks/stack_store.h"

namespace hearth::stacks {

struct AttachmentHost {
  invoker::Registry& registry;
  invoker::EventSourceMappings& mappings;
  io::Offload& disk;  // For answers on a later turn.
  const base::Clock& clock;
  const invoker::Destinations& destinations;
  const invoker::Account& account;
};

// Which one: of what `name` means, and of several the one that WhichOf tells.
struct AttachmentKey {
  ResourceKind kind;
  invoker::FunctionName name;
  std::string which;
};
AttachmentKey KeyOf(const Change& change);

// As it is now, as its API would be told; nothing where there is none. What only a rollback needs
// (a URL's id, a mapping's) is in it too.
std::optional<base::Json> CurrentAttachment(const AttachmentHost& host, const AttachmentKey& key);
// The refusal of the API that would be told. Destinations are not looked at, nor mappings.
std::optional<aws::ApiError> CheckAttachment(ResourceKind kind, const base::Json& told);
// Whether it is there as `told` would make it; nothing told: whether it is not there.
bool IsAttached(const AttachmentHost& host, const AttachmentKey& key,
                const std::optional<base::Json>& told);
// Makes it what `told` says, whatever was there before; nothing: it is taken away.
void BringAttachment(const AttachmentHost& host, const AttachmentKey& key,
                     const std::optional<base::Json>& told,
                     std::function<void(std::expected<void, std::string>)> done);

}  // namespace hearth::stacks
