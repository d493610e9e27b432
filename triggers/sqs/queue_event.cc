#include "triggers/sqs/queue_event.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/md5.h"
#include "triggers/sqs/message_attributes.h"

namespace hearth::sqs {
namespace {

using base::JsonQuote;

// Members of an object, in the order of AWS's examples.
class Members {
 public:
  void Add(std::string_view name, std::string_view json) {
    text_ += text_.empty() ? "{\"" : ",\"";
    text_.append(name).append("\":").append(json);
  }
  void AddText(std::string_view name, std::string_view text) { Add(name, JsonQuote(text)); }
  void AddWhereSaid(std::string_view name, std::string_view text) {
    if (!text.empty()) AddText(name, text);
  }
  std::string Take() { return text_.empty() ? "{}" : std::move(text_) + "}"; }

 private:
  std::string text_;
};

std::string SystemAttributes(const ReceivedMessage& message, const EventOrigin& origin) {
  Members out;
  out.AddText("ApproximateReceiveCount", std::to_string(message.receive_count));
  out.AddWhereSaid("AWSTraceHeader", message.trace_header);
  out.AddText("SentTimestamp", std::to_string(message.sent_ms));
  if (origin.is_fifo) out.AddText("SequenceNumber", SequenceText(message.sequence));
  out.AddWhereSaid("MessageGroupId", message.group);
  out.AddText("SenderId", origin.account);
  if (origin.is_fifo) out.AddText("MessageDeduplicationId", message.deduplication_id);
  out.AddText("ApproximateFirstReceiveTimestamp", std::to_string(message.first_receive_ms));
  if (!message.source_queue.empty()) {
    out.AddText("DeadLetterQueueSourceArn",
                "arn:aws:sqs:" + origin.region + ":" + origin.account + ":" + message.source_queue);
  }
  return out.Take();
}

std::string UserAttributes(const ReceivedMessage& message) {
  Members out;
  for (const MessageAttribute& each : message.attributes) {
    Members value;
    if (each.is_binary()) {
      value.AddText("binaryValue", base::Base64Encode(each.value));
    } else {
      value.AddText("stringValue", each.value);
    }
    value.Add("stringListValues", "[]");
    value.Add("binaryListValues", "[]");
    value.AddText("dataType", each.type);
    out.Add(each.name, value.Take());  // A name has no character that JSON escapes.
  }
  return out.Take();
}

}  // namespace

std::string RecordText(const ReceivedMessage& message, const EventOrigin& origin) {
  Members out;
  out.AddText("messageId", message.id);
  out.AddText("receiptHandle", message.receipt_handle);
  out.AddText("body", message.body);
  out.Add("attributes", SystemAttributes(message, origin));
  out.Add("messageAttributes", UserAttributes(message));
  out.AddWhereSaid("md5OfMessageAttributes", Md5OfAttributes(message.attributes));
  out.AddText("md5OfBody", base::Md5Hex(message.body));
  out.Add("eventSource", R"("aws:sqs")");
  out.AddText("eventSourceARN", origin.arn);
  out.AddText("awsRegion", origin.region);
  return out.Take();
}

}  // namespace hearth::sqs
