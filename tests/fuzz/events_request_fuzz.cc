// What the event bus reads of others: requests, entries and events. The first byte says which.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "triggers/events/archive.h"
#include "triggers/events/event.h"
#include "triggers/events/rule.h"

using namespace hearth;

namespace {

const invoker::Account kAccount;

// What was read is written so that it is read again, and is the same.
void CheckRule(const base::Json& body) {
  const auto rule = events::ReadRule(body, kAccount);
  if (!rule) return;
  const base::Json written = events::ToJson(*rule);
  const auto again = events::ReadRule(written, kAccount);
  if (!again || events::ToJson(*again) != written) __builtin_trap();
}

void CheckTargets(const base::Json& body) {
  const auto targets = events::ReadTargets(body);
  if (!targets) return;
  base::Json written = base::Json::array();
  for (const auto& target : *targets) written.push_back(events::ToJson(target));
  const auto again = events::ReadTargets(written);
  if (!again || again->size() != targets->size()) __builtin_trap();
}

// An event that was made of an entry is one.
void CheckEntry(const base::Json& entry) {
  if (!entry.is_object()) return;
  (void)events::EntryBytes(entry);
  const auto event = events::EventMaker{kAccount, 1'786'019'696'000}.FromEntry(entry);
  if (!event) return;
  const auto again = events::ReadEvent("default", event->text);
  if (!again || again->id != event->id) __builtin_trap();
  (void)events::Replayed(*again, "r");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto json = base::ParseJson(text);
  switch (data[0] % 7) {
    case 0:
      if (json) CheckRule(*json);
      break;
    case 1:
      if (json) CheckTargets(*json);
      break;
    case 2:
      if (json) CheckEntry(*json);
      break;
    case 3:
      if (json) (void)events::ReadBus(*json);
      break;
    case 4:
      if (json) (void)events::ReadArchive(*json, kAccount);
      break;
    case 5:
      if (json) (void)events::ReadReplay(*json, kAccount);
      break;
    default: {
      const auto event = events::ReadEvent("default", text);
      if (event) (void)events::Replayed(*event, "again");
    }
  }
  return 0;
}
