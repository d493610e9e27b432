// Templates are text from users: whatever they hold, the plan or the errors come back.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "stacks/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::stacks::TemplateInput input;
  input.text.assign(reinterpret_cast<const char*>(data), size);
  input.stack_name = "shop";
  input.stack_id = "arn:aws:cloudformation:us-east-1:000000000000:stack/shop/1";
  const auto plan = hearth::stacks::MakePlan(input);
  // A refusal says why; a plan's functions and queues are complete.
  if (!plan) {
    CHECK(!plan.error().empty());
  } else {
    for (const auto& function : plan->functions) {
      CHECK(!function.settings.name.empty());
      CHECK(function.code_path.empty() != function.inline_code.empty());
    }
    for (const auto& queue : plan->queues) {
      CHECK(hearth::sqs::IsQueueName(queue.name, queue.settings.is_fifo));
    }
  }
  return 0;
}
