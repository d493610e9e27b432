// What the queue service reads of others: segments and records of its log, forms of the query
// protocol. The first byte says which.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "aws/query_protocol.h"
#include "triggers/sqs/message_attributes.h"
#include "triggers/sqs/query_shapes.h"
#include "triggers/sqs/queue_settings.h"
#include "triggers/sqs/record.h"
#include "triggers/sqs/segment_log.h"

using namespace hearth;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: {
      sqs::SegmentHead head;
      (void)sqs::ReadSegment(text, 1, head, [](std::string_view payload, sqs::LogPosition) {
        (void)sqs::Decode(payload);
      });
      break;
    }
    case 1: {
      const auto record = sqs::Decode(text);
      // What is read is written as it was.
      if (record && sqs::Encode(*record).size() != text.size()) __builtin_trap();
      (void)sqs::DecodeAttributes(text);
      break;
    }
    case 2: {
      io::HttpRequest request{.method = "POST", .target = "/", .body = std::string(text)};
      const auto& shape = sqs::InputShape("SendMessageBatch");
      const auto input = aws::ReadQuery(request, shape);
      if (!input) break;
      (void)aws::QueryAnswer({sqs::kQueryNamespace}, "SendMessageBatch", *input, shape, "id");
      const auto attributes = input->find("MessageAttributes");
      if (attributes != input->end()) (void)sqs::ReadMessageAttributes(*attributes);
      break;
    }
    default: {
      const auto settings = sqs::ReadSettings({{"RedrivePolicy", std::string(text)}});
      (void)sqs::ReadSettings({{"RedriveAllowPolicy", std::string(text)}});
      (void)settings;
    }
  }
  return 0;
}
