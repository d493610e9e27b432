// Another store's events from anybody: routed or refused, and never a target's payload that is not
// JSON.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/json.h"
#include "triggers/s3/webhook.h"

namespace {

namespace s3 = hearth::s3;

s3::NotificationRulesRef Rules() {
  s3::NotificationConfig config{{{.id = "all",
                                  .arn = "arn:aws:lambda:us-east-1:000000000000:function:F",
                                  .events = {"s3:ObjectCreated:*", "s3:ObjectRemoved:*"}}},
                                true};
  return std::make_shared<const s3::NotificationRules>(config, "photos",
                                                       hearth::invoker::Account());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const s3::NotificationRulesRef rules = Rules();
  size_t told = 0;
  s3::EventWebhook webhook(
      {.rules =
           [](const std::string& bucket) {
             return bucket == "photos" ? rules : s3::NotificationRulesRef();
           },
       .put =
           [&told](std::vector<s3::OutgoingEvent> events, s3::Done<void> done) {
             CHECK(!events.empty());
             for (const s3::OutgoingEvent& event : events) {
               CHECK(hearth::base::ParseJson(event.payload).has_value());
             }
             told += events.size();
             done({});
           },
       .token = {}});
  hearth::aws::Call call;
  call.request.method = "POST";
  call.request.target = s3::EventWebhook::kPath;
  call.request.body.assign(reinterpret_cast<const char*>(data), size);
  call.request_id = "id";
  webhook.Handle(std::move(call));
  const s3::WebhookCounters counters = webhook.counters();
  CHECK(counters.events == told);
  CHECK(counters.refused == 0 || told == 0);

  const std::string text(reinterpret_cast<const char*>(data), size);
  CHECK(s3::DecodeEventKey(s3::EncodeEventKey(text)) == text);
  return 0;
}
