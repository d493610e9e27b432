// Queues as destinations: the record of what became of an asynchronous event is a message's body.
#pragma once

#include "invoker/destinations.h"
#include "invoker/function.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::sqs {

// kInvalid, for good: no such queue here, or a FIFO queue, which AWS does not take either.
// `engine` outlives whatever sends.
invoker::Destinations::Sender MakeQueueTarget(QueueEngine& engine, invoker::Account account);
// Who may send to them, by their policies.
invoker::Destinations::Admits MakeQueueAdmission(const QueueEngine& engine,
                                                 invoker::Account account);

}  // namespace hearth::sqs
