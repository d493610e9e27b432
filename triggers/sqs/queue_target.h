// Queues as destinations: what is told, as the record of what became of an asynchronous event, is a
// message's body.
#pragma once

#include "invoker/destinations.h"
#include "invoker/function.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::sqs {

// kNotFound: no such queue here. kInvalid: too large, or a FIFO queue, which wants a message group
// and tells messages from each other by their content. `engine` outlives whatever sends.
invoker::Destinations::Sender MakeQueueTarget(QueueEngine& engine, invoker::Account account);
// Who may send to them, by their policies.
invoker::Destinations::Admits MakeQueueAdmission(const QueueEngine& engine,
                                                 invoker::Account account);

}  // namespace hearth::sqs
