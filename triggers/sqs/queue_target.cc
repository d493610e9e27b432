#include "triggers/sqs/queue_target.h"

#include "aws/arn.h"

namespace hearth::sqs {

invoker::Destinations::Sender MakeQueueTarget(QueueEngine& engine, invoker::Account account) {
  return [&engine, account = std::move(account)](invoker::Destinations::Delivery delivery,
                                                 invoker::Destinations::Done done) {
    const auto refuse = [&](std::string text) {
      done(base::Invalid("send to " + delivery.arn, std::move(text)));
    };
    const auto arn = aws::ParseArn(delivery.arn);
    const bool is_ours = arn && arn->region == account.region && arn->account == account.id;
    const QueueRecord* const queue = is_ours ? engine.Find(arn->resource) : nullptr;
    if (queue == nullptr) return refuse("there is no such queue");
    if (queue->settings.is_fifo) return refuse("a FIFO queue is no destination");
    const auto most = static_cast<size_t>(queue->settings.max_message);
    size_t size = delivery.record.size();
    for (const auto& [name, type, value] : delivery.attributes) {
      size += name.size() + type.size() + value.size();
    }
    if (size > most) return refuse("the record is too large for the queue");
    std::vector<OutgoingMessage> messages(1);
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

}  // namespace hearth::sqs
