// ObjectServices: the object store, its API and the delivery of its events, wired to the services
// that hear of them. Owner: Host; made after the queue of asynchronous events, and destroyed
// before it.
#pragma once

#include <memory>
#include <string>

#include "aws/gateway.h"
#include "invoker/async_queue.h"
#include "invoker/registry.h"
#include "invoker/uploaded_code.h"
#include "triggers/s3/disk_store.h"
#include "triggers/s3/event_outbox.h"
#include "triggers/s3/lifecycle_sweep.h"
#include "triggers/s3/notification_book.h"
#include "triggers/s3/s3_api.h"
#include "triggers/s3/webhook.h"

namespace hearth::host {

class ObjectServices {
 public:
  struct Parts {
    io::Loop& loop;
    s3::DiskStore& store;
    invoker::Registry& registry;
    invoker::AsyncQueue& events;
    invoker::Account account;
    std::string webhook_token;  // Of whoever posts another store's events; empty: anybody.
  };
  explicit ObjectServices(const Parts& parts);

  void Register(aws::Gateway& gateway);
  // The bytes of an object that holds code, whole; S3's refusal, where it has none.
  void FetchCode(const invoker::CodeObject& object, invoker::CodeDone done);
  // All that is left waits for a later time.
  bool IsQuiet() const;

 private:
  s3::DiskStore& store_;
  s3::NotificationBook book_;
  s3::EventOutbox outbox_;
  s3::LifecycleSweep lifecycles_;
  s3::S3Api api_;
  s3::EventWebhook webhook_;
};

}  // namespace hearth::host
