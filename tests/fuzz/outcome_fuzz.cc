// What event source mappings of queues read of others: a function's answer to a batch; a filter
// pattern and the message it is compared with, with a NUL between. The first byte says which.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "expressions/event_pattern.h"
#include "triggers/sqs/batch_outcome.h"
#include "triggers/sqs/message_filter.h"

using namespace hearth;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    const auto failed = sqs::ReadBatchOutcome(text, {"a", "b"});
    if (!failed) return 0;
    for (const std::string& id : *failed) {
      if (id != "a" && id != "b") __builtin_trap();
    }
    return 0;
  }
  const size_t end = text.find('\0');
  if (end == std::string_view::npos) return 0;
  const std::string pattern(text.substr(0, end));
  if (!expressions::EventPattern::Parse(pattern)) return 0;
  const base::Json record = {{"body", text.substr(end + 1)}, {"eventSource", "aws:sqs"}};
  (void)sqs::MessageFilter({pattern}).Takes(base::ToJsonText(record));
  return 0;
}
