// SqsApi: sending and receiving.
#include <algorithm>

#include "aws/query_protocol.h"
#include "base/digest.h"
#include "base/md5.h"
#include "triggers/sqs/errors.h"
#include "triggers/sqs/message_attributes.h"
#include "triggers/sqs/sqs_api.h"

namespace hearth::sqs {
namespace {

using aws::ApiError;
using base::Json;

// Ours: it counts against no size of a message. X-Ray's have some hundred bytes.
constexpr size_t kMaxTraceHeader = 4096;

bool IsWords(std::string_view text) {
  return !text.empty() && text.size() <= limits::kMaxMessageWords &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// A group's, deduplication's or attempt's id.
std::string ReadWords(Input& in, std::string_view name) {
  auto text = in.Text(name);
  if (text && !IsWords(*text)) {
    in.Refuse(InvalidValue(*text, name,
                           "Can only include alphanumeric and punctuation characters. 1 to 128 in "
                           "length."));
  }
  return text.value_or("");
}

// One message as it was sent; the input keeps what is wrong with it.
OutgoingMessage ReadMessage(Input& in, const QueueSettings& settings) {
  OutgoingMessage out;
  out.body = in.RequiredText("MessageBody");
  if (const Json* attributes = in.Any("MessageAttributes")) {
    auto read = ReadMessageAttributes(*attributes);
    if (read)
      out.attributes = std::move(*read);
    else
      in.Refuse(std::move(read.error()));
  }
  if (const Json* system = in.Any("MessageSystemAttributes")) {
    auto read = ReadMessageAttributes(*system);
    if (!read) in.Refuse(std::move(read.error()));
    for (const MessageAttribute& each : read.value_or(std::vector<MessageAttribute>())) {
      if (each.name != "AWSTraceHeader" || each.type != "String") {
        in.Refuse(InvalidParameter("Message system attribute name '" + each.name +
                                   "' is invalid: the only one is AWSTraceHeader, a String."));
      }
      if (each.value.size() > kMaxTraceHeader) {
        in.Refuse(InvalidParameter("Message system attribute 'AWSTraceHeader' is longer than " +
                                   std::to_string(kMaxTraceHeader) + " bytes."));
      }
      out.trace_header = each.value;
    }
  }
  constexpr std::string_view kNotOfThisType =
      "The request include parameter that is not valid for this queue type.";
  out.delay_s = in.Number("DelaySeconds", 0, 900, "DelaySeconds must be >= 0 and <= 900.");
  if (settings.is_fifo && out.delay_s.value_or(0) > 0) {
    in.Refuse(InvalidValue(std::to_string(*out.delay_s), "DelaySeconds", kNotOfThisType));
  }
  if (settings.is_fifo) out.delay_s.reset();
  if (out.body.size() + SizeOf(out.attributes) > static_cast<size_t>(settings.max_message)) {
    in.Refuse(
        InvalidParameter("One or more parameters are invalid. Reason: Message must be "
                         "shorter than " +
                         std::to_string(settings.max_message) + " bytes."));
  }
  if (!aws::IsXmlText(out.body)) {
    in.Refuse(ModelError("InvalidMessageContents",
                         "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
                         "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"));
  }
  out.group = ReadWords(in, "MessageGroupId");
  out.deduplication_id = ReadWords(in, "MessageDeduplicationId");
  if (settings.is_fifo) {
    if (out.group.empty()) in.Refuse(MissingParameter("MessageGroupId"));
    if (out.deduplication_id.empty() && settings.deduplicates_by_content) {
      out.deduplication_id = base::ToHex(base::Sha256Of(out.body));
    }
    if (out.deduplication_id.empty()) {
      in.Refuse(
          InvalidParameter("The queue should either have ContentBasedDeduplication enabled or "
                           "MessageDeduplicationId provided explicitly"));
    }
  } else if (!out.deduplication_id.empty()) {
    in.Refuse(InvalidValue(out.deduplication_id, "MessageDeduplicationId", kNotOfThisType));
  }
  return out;
}

// What of the answer the message says itself, so that it may go on its way meanwhile.
Json Md5s(const OutgoingMessage& message) {
  Json out = {{"MD5OfMessageBody", base::Md5Hex(message.body)}};
  if (!message.attributes.empty()) {
    out["MD5OfMessageAttributes"] = Md5OfAttributes(message.attributes);
  }
  if (!message.trace_header.empty()) {
    out["MD5OfMessageSystemAttributes"] =
        Md5OfAttributes({{"AWSTraceHeader", "String", message.trace_header}});
  }
  return out;
}

Json SentJson(Json out, const SentMessage& sent, bool is_fifo) {
  out["MessageId"] = sent.id;
  if (is_fifo) out["SequenceNumber"] = SequenceText(sent.sequence);
  return out;
}

constexpr std::array<std::string_view, 10> kSystemNames = {"All",
                                                           "ApproximateFirstReceiveTimestamp",
                                                           "ApproximateReceiveCount",
                                                           "SentTimestamp",
                                                           "SenderId",
                                                           "SequenceNumber",
                                                           "MessageGroupId",
                                                           "MessageDeduplicationId",
                                                           "AWSTraceHeader",
                                                           "DeadLetterQueueSourceArn"};

struct Wanted {
  std::vector<std::string> system;
  std::vector<std::string> attributes;
  bool is_fifo = false;
  std::string sender;
};

Json ReceivedJson(const ReceivedMessage& message, const Wanted& wanted,
                  const std::string& source_arn) {
  Json out = {{"MessageId", message.id},
              {"ReceiptHandle", message.receipt_handle},
              {"MD5OfBody", base::Md5Hex(message.body)},
              {"Body", message.body}};
  Json system = Json::object();
  const auto add = [&](std::string_view name, std::string value) {
    const bool is_wanted = std::ranges::find(wanted.system, "All") != wanted.system.end() ||
                           std::ranges::find(wanted.system, name) != wanted.system.end();
    if (is_wanted && !value.empty()) system[std::string(name)] = std::move(value);
  };
  add("SenderId", wanted.sender);
  add("SentTimestamp", std::to_string(message.sent_ms));
  add("ApproximateReceiveCount", std::to_string(message.receive_count));
  add("ApproximateFirstReceiveTimestamp", std::to_string(message.first_receive_ms));
  add("MessageGroupId", message.group);
  add("AWSTraceHeader", message.trace_header);
  add("DeadLetterQueueSourceArn", source_arn);
  if (wanted.is_fifo) {
    add("SequenceNumber", SequenceText(message.sequence));
    add("MessageDeduplicationId", message.deduplication_id);
  }
  if (!system.empty()) out["Attributes"] = std::move(system);
  const auto attributes = Select(message.attributes, wanted.attributes);
  if (!attributes.empty()) {
    out["MessageAttributes"] = ToJson(attributes);
    out["MD5OfMessageAttributes"] = Md5OfAttributes(attributes);
  }
  return out;
}

}  // namespace

void SqsApi::SendMessage(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const QueueRecord* const record = engine_.Find(name);
  // Without a queue, what is wrong with the rest does not matter.
  OutgoingMessage message = ReadMessage(in, record == nullptr ? QueueSettings() : record->settings);
  if (record == nullptr && !name.empty()) return Refuse(request, NoSuchQueue());
  if (IsRefused(request, in)) return;
  Json md5s = Md5s(message);
  std::vector<OutgoingMessage> messages;
  messages.push_back(std::move(message));
  engine_.Send(name, std::move(messages),
               [request, is_fifo = record->settings.is_fifo,
                md5s = std::move(md5s)](base::Result<std::vector<SentMessage>> sent) mutable {
                 if (!sent) return RefuseFailure(request, sent.error());
                 Answer(request, SentJson(std::move(md5s), sent->front(), is_fifo));
               });
}

void SqsApi::SendMessageBatch(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto entries = BatchEntries(request, in, "SendMessageBatchRequestEntry");
  if (!entries) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  const bool is_fifo = record->settings.is_fifo;
  std::vector<OutgoingMessage> messages;
  auto sent_entries = std::make_shared<std::vector<Json>>();
  Json failed = Json::array();
  size_t bytes = 0;
  for (const auto& [id, json] : *entries) {
    Input entry(*json);
    entry.Text("Id");
    OutgoingMessage message = ReadMessage(entry, record->settings);
    bytes += message.body.size() + SizeOf(message.attributes);
    if (is_fifo && (message.group.empty() || message.deduplication_id.empty())) {
      // AWS: of the whole batch, and with another code than SendMessage's.
      auto error = entry.Finish();
      return Refuse(request,
                    error ? InvalidParameter(error->message) : MissingParameter("MessageGroupId"));
    }
    if (const auto error = entry.Finish()) {
      failed.push_back(FailedEntry(id, *error));
      continue;
    }
    Json md5s = Md5s(message);
    md5s["Id"] = id;
    sent_entries->push_back(std::move(md5s));
    messages.push_back(std::move(message));
  }
  if (bytes > limits::kMaxMessage) {
    return Refuse(
        request,
        ModelError("BatchRequestTooLong",
                   "Batch requests cannot be longer than " + std::to_string(limits::kMaxMessage) +
                       " bytes. You have sent " + std::to_string(bytes) + " bytes."));
  }
  const auto answer = [request](Json successful, Json failures) {
    Json out = Json::object();
    // Clients of the json protocol read Successful without looking whether it is there.
    if (!successful.empty() || !request->is_query) out["Successful"] = std::move(successful);
    if (!failures.empty()) out["Failed"] = std::move(failures);
    Answer(request, out);
  };
  if (messages.empty()) return answer(Json::array(), std::move(failed));
  engine_.Send(
      name, std::move(messages),
      [request, answer, is_fifo, sent_entries,
       failed = std::move(failed)](base::Result<std::vector<SentMessage>> sent) mutable {
        if (!sent) return RefuseFailure(request, sent.error());
        Json successful = Json::array();
        for (size_t i = 0; i < sent->size(); ++i) {
          successful.push_back(SentJson(std::move((*sent_entries)[i]), (*sent)[i], is_fifo));
        }
        answer(std::move(successful), std::move(failed));
      });
}

void SqsApi::ReceiveMessage(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  Wanted wanted{.system = in.Texts("AttributeNames"),
                .attributes = in.Texts("MessageAttributeNames"),
                .sender = account_.id};
  for (std::string& each : in.Texts("MessageSystemAttributeNames")) {
    wanted.system.push_back(std::move(each));
  }
  for (const std::string& each : wanted.system) {
    if (std::ranges::find(kSystemNames, each) == kSystemNames.end()) {
      in.Refuse(InvalidAttribute(each.substr(0, 200)));
    }
  }
  ReceiveOptions options;
  options.most = static_cast<size_t>(
      in.Number("MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided.")
          .value_or(1));
  options.visibility_s =
      in.Number("VisibilityTimeout", 0, 43200, "Must be between 0 and 43200, if provided.");
  const auto wait = in.Number("WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.");
  options.attempt_id = ReadWords(in, "ReceiveRequestAttemptId");
  if (IsRefused(request, in)) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  if (!options.attempt_id.empty() && !record->settings.is_fifo) {
    return Refuse(request,
                  InvalidValue(options.attempt_id, "ReceiveRequestAttemptId",
                               "The request include parameter that is not valid for this queue "
                               "type."));
  }
  wanted.is_fifo = record->settings.is_fifo;
  options.wait = std::chrono::seconds(wait.value_or(record->settings.wait_s));
  const uint64_t number = engine_.Receive(
      name, std::move(options),
      [this, request, wanted](base::Result<std::vector<ReceivedMessage>> received) {
        if (!received && received.error().kind == base::ErrorKind::kLimit) {
          return Refuse(request, OverLimit("Too many messages in flight."));
        }
        if (!received) return RefuseFailure(request, received.error());
        Json messages = Json::array();
        for (const ReceivedMessage& each : *received) {
          messages.push_back(ReceivedJson(
              each, wanted, each.source_queue.empty() ? "" : QueueArn(each.source_queue)));
        }
        Answer(request, messages.empty() ? Json::object() : Json{{"Messages", messages}});
      });
  if (number == 0) return;
  request->call.responder.OnClientGone([this, number] { engine_.StopWaiting(number); });
}

}  // namespace hearth::sqs
