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
    if (delivery.record.size() > most) return refuse("the record is too large for the queue");
    std::vector<OutgoingMessage> messages(1);
    messages.front().body = std::move(delivery.record);
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
