// A request's body from anybody: an event source mapping with its filter patterns, a permission.
// What is taken can be shown, stored and read back; everything else is refused.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "invoker/event_source_mapping.h"
#include "invoker/resource_policy.h"

namespace {

using namespace hearth;
using invoker::MappingBody;
using invoker::SourceRules;

void ReadMapping(const base::Json& body, SourceRules::Family family) {
  const SourceRules rules{.family = family};
  const auto made = invoker::ApplyMapping({}, body, MappingBody::kCreate, rules);
  if (!made) {
    CHECK(made.error().status == 400);
    return;
  }
  CHECK(made->batch_size >= 1 && made->batch_size <= rules.max_batch);
  const auto again = invoker::MappingFromStored(invoker::ToStored(*made));
  CHECK(again && *again == *made);
  CHECK(!base::ToJsonText(invoker::MappingJson({}, *made, "Enabled", "")).empty());
  static_cast<void>(invoker::ApplyMapping(*made, body, MappingBody::kUpdate, rules));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto body = base::ParseJson(text);
  if (!body || !body->is_object()) return 0;
  ReadMapping(*body, SourceRules::Family::kQueue);
  ReadMapping(*body, SourceRules::Family::kStream);
  const auto permission = invoker::ReadPermission(*body);
  if (!permission) return 0;
  // What is shown is JSON, whatever the statement carries.
  CHECK(base::ParseJson(invoker::StatementText(*permission, "arn")).has_value());
  CHECK(invoker::PolicyFromStored(invoker::ToStored({*permission})).at(0) == *permission);
  return 0;
}
