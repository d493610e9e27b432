#include "host/object_services.h"

#include "base/limits.h"
#include "invoker/target_sender.h"

namespace hearth::host {

ObjectServices::ObjectServices(const Parts& parts)
    : store_(parts.store),
      book_(parts.loop, store_,
            s3::NotificationTargets{.destinations = parts.events.destinations(),
                                    .account = parts.account}),
      outbox_(
          parts.loop,
          [send = invoker::MakeTargetSender(parts.events, parts.registry,
                                            parts.loop.service_clock(), parts.account)](
              const s3::OutgoingEvent& event, s3::EventOutbox::Sent sent) {
            send({.arn = event.arn, .record = event.payload}, std::move(sent));
          },
          {.load =
               [this](int64_t after, int most, s3::Done<std::vector<s3::OutboxRow>> done) {
                 store_.LoadOutbox(after, most, std::move(done));
               },
           .forget = [this](std::vector<int64_t> ids) { store_.ForgetOutbox(std::move(ids)); }}),
      lifecycles_(parts.loop, store_,
                  [this](const std::string& bucket) { return book_.Of(bucket); }),
      api_(parts.loop, store_, book_, parts.account),
      webhook_({.rules =
                    [this, account = parts.account](const std::string& bucket) {
                      // The book has none of a bucket that tells nobody, which is there all the
                      // same.
                      auto rules = book_.Of(bucket);
                      const s3::BucketRecord* const record = store_.Find(bucket);
                      if (rules != nullptr || record == nullptr) return rules;
                      return s3::RulesOf(*record, account);
                    },
                .put =
                    [this](std::vector<s3::OutgoingEvent> events, s3::Done<void> done) {
                      store_.PutOutbox(std::move(events), std::move(done));
                    },
                .token = parts.webhook_token}) {
  store_.OnOutbox([this](std::vector<s3::OutboxRow> rows) { outbox_.Add(std::move(rows)); });
}

void ObjectServices::Register(aws::Gateway& gateway) {
  gateway.Register(api_);
  gateway.RegisterOwn(std::string(s3::EventWebhook::kPath),
                      [this](aws::Call call) { webhook_.Handle(std::move(call)); });
}

void ObjectServices::FetchCode(const invoker::CodeObject& object, invoker::CodeDone done) {
  if (store_.Find(object.bucket) == nullptr) {
    return done(std::unexpected(s3::Refusal("NoSuchBucket")));
  }
  store_.Look(object.bucket, object.key, object.version_id,
              [this, done = std::move(done)](s3::Answer<s3::ObjectRecord> found) {
                if (!found) return done(std::unexpected(std::move(found).error()));
                if (found->is_delete_marker) {
                  return done(std::unexpected(s3::Refusal("NoSuchKey")));
                }
                if (found->size > limits::kMaxUnzipped.count()) {
                  return done(std::unexpected(s3::Refusal("EntityTooLarge")));
                }
                store_.Read(*found, done);
              });
}

bool ObjectServices::IsQuiet() const {
  return store_.IsQuiet() && outbox_.IsQuiet() && lifecycles_.IsQuiet();
}

}  // namespace hearth::host
