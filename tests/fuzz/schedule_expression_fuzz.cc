// Schedule expressions: a zone's name, a newline, and an expression, which is then asked for its
// next moments: each is later than the one before.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "expressions/schedule_expression.h"

using hearth::expressions::ScheduleExpression;
using hearth::expressions::TimeZone;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto newline = text.find('\n');
  if (newline == std::string_view::npos) {
    return 0;
  }
  const auto loaded = TimeZone::Load(text.substr(0, newline));
  const TimeZone zone = loaded ? *loaded : TimeZone::Utc();
  for (const auto dialect :
       {ScheduleExpression::Dialect::kRule, ScheduleExpression::Dialect::kScheduler}) {
    const auto expression = ScheduleExpression::Parse(text.substr(newline + 1), dialect);
    if (!expression) {
      CHECK(!expression.error().empty());
      continue;
    }
    const hearth::base::WallTime anchor(std::chrono::seconds(1'800'000'000));
    hearth::base::WallTime at = hearth::base::WallTime::min();
    for (int i = 0; i < 8; ++i) {
      const auto next = expression->Next(at, anchor, zone);
      if (!next) {
        break;
      }
      CHECK(*next > at);
      at = *next;
    }
  }
  return 0;
}
