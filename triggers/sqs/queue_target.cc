#include "triggers/sqs/queue_target.h"

#include "aws/arn.h"
#include "aws/policy_document.h"
#include "base/digest.h"
#include "base/json.h"

namespace hearth::sqs {
namespace {

// nullptr: it is none of this host's.
const QueueRecord* FindTarget(const QueueEngine& engine, const invoker::Account& account,
                              const std::string& name) {
  const auto arn = aws::ParseArn(name);
  const bool is_ours = arn && arn->region == account.region && arn->account == account.id;
  return is_ours ? engine.Find(arn->resource) : nullptr;
}

}  // namespace

invoker::Destinations::Sender MakeQueueTarget(QueueEngine& engine, invoker::Account account) {
  return [&engine, account = std::move(account)](invoker::Destinations::Delivery delivery,
                                                 invoker::Destinations::Done done) {
    const auto refuse = [&](std::string text) {
      done(base::Invalid("send to " + delivery.arn, std::move(text)));
    };
    const QueueRecord* const queue = FindTarget(engine, account, delivery.arn);
    if (queue == nullptr) {
      return done(base::MakeError(base::ErrorKind::kNotFound, "send to " + delivery.arn,
                                  "there is no such queue"));
    }
    if (queue->settings.is_fifo && delivery.group_id.empty()) {
      return refuse("a FIFO queue wants a message group");
    }
    if (queue->settings.is_fifo && !queue->settings.deduplicates_by_content) {
      return refuse("the FIFO queue has no content-based deduplication");
    }
    const auto most = static_cast<size_t>(queue->settings.max_message);
    size_t size = delivery.record.size();
    for (const auto& [name, type, value] : delivery.attributes) {
      size += name.size() + type.size() + value.size();
    }
    if (size > most) return refuse("the record is too large for the queue");
    std::vector<OutgoingMessage> messages(1);
    if (queue->settings.is_fifo) {
      messages.front().deduplication_id = base::ToHex(base::Sha256Of(delivery.record));
    }
    messages.front().group = std::move(delivery.group_id);
    messages.front().body = std::move(delivery.record);
    for (auto& [name, type, value] : delivery.attributes) {
      messages.front().attributes.push_back({std::move(name), std::move(type), std::move(value)});
    }
    messages.front().trace_header = std::move(delivery.trace_id);
    engine.Send(queue->name, std::move(messages),
                [done = std::move(done)](base::Result<std::vector<SentMessage>> sent) {
                  if (sent)
                    done({});
                  else
                    done(std::unexpected(sent.error()));
                });
  };
}

invoker::Destinations::Admits MakeQueueAdmission(const QueueEngine& engine,
                                                 invoker::Account account) {
  using invoker::Destinations;
  return [&engine, account = std::move(account)](const std::string& name,
                                                 const Destinations::Source& source) {
    using enum Destinations::Admission;
    const QueueRecord* const queue = FindTarget(engine, account, name);
    if (queue == nullptr) return kAbsent;
    const auto is_fit = queue->settings.is_fifo ? kUnfit : kAdmitted;
    const auto text = queue->settings.set.find("Policy");
    if (text == queue->settings.set.end() || text->second.empty()) return is_fit;
    const auto policy = base::ParseJson(text->second);
    const aws::PolicyRequest request{.service = source.service,
                                     .action = "sqs:SendMessage",
                                     .resource = name,
                                     .source_arn = source.arn,
                                     .source_account = source.account};
    return policy && aws::PolicyAllows(*policy, request) ? is_fit : kForbidden;
  };
}

}  // namespace hearth::sqs
