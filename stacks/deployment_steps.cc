// Deployment: one change of one resource, forward or back.
#include "stacks/deployment.h"
#include "stacks/event_told.h"
#include "stacks/version_steps.h"

namespace hearth::stacks {
namespace {

// What its API is to be told, with what has been made since in the place of its tokens.
std::optional<base::Json> ToldAfter(const Change& change, const Made& made) {
  if (!change.told_after) return std::nullopt;
  return WithMade(*change.told_after, made);
}

}  // namespace

FunctionHost Deployment::functions() const {
  return {host_.control, host_.registry, host_.code, host_.disk};
}

AttachmentHost Deployment::attachments() const {
  return {host_.registry, host_.mappings,     host_.disk,
          host_.clock,    host_.destinations, host_.account};
}

QueueHost Deployment::queues() const {
  return {host_.queues, host_.disk, host_.clock, host_.account};
}

BucketHost Deployment::buckets() const {
  return {host_.objects, {host_.destinations, host_.account}, host_.disk, host_.clock};
}

EventHost Deployment::events() const {
  return {host_.buses, host_.archives, host_.schedules, host_.disk, host_.clock, host_.account};
}

void Deployment::Later(std::expected<void, std::string> result, StepDone done) {
  host_.disk.Run([] { return true; },
                 [done = std::move(done), result = std::move(result)](bool) { done(result); });
}

AttachmentKey Deployment::KeyNow(const Change& change) const {
  AttachmentKey key = KeyOf(change);
  key.name.qualifier = WithMade(std::move(key.name.qualifier), made_);
  return key;
}

// It is there now: what follows may use its address, or its UUID.
void Deployment::NoteMade(const Change& change) {
  if (change.kind == ResourceKind::kMapping && change.told_after) {
    const AttachmentKey key = KeyNow(change);
    const auto mapping = FindMapping(host_.mappings, {key.name, key.which});
    if (mapping != nullptr) made_[change.version.token] = mapping->uuid;
  }
  const auto record = host_.registry.Record(change.function);
  if (change.kind != ResourceKind::kUrl || record == nullptr) return;
  const auto found = record->urls.find(invoker::QualifierKey(KeyNow(change).name));
  if (found == record->urls.end()) return;
  made_[change.version.token] = invoker::UrlText(found->second, host_.account, host_.address);
}

bool Deployment::IsUnchanged(const Change& change) const {
  switch (change.kind) {
    case ResourceKind::kFunction: {
      const auto actual = host_.registry.Find(change.function);
      if (!change.after) return actual == nullptr;
      return actual != nullptr && Matches(host_.control, *actual, WithMade(*change.after, made_));
    }
    case ResourceKind::kVersion:
      return IsThere(host_.registry, change.function, change.version);
    case ResourceKind::kAlias: {
      const auto actual = CurrentAlias(host_.registry, change.function, change.alias);
      return change.alias_after ? actual == WithMade(*change.alias_after, made_) : !actual;
    }
    case ResourceKind::kLayer:
      return !change.version.number.empty();
    case ResourceKind::kUrl:
    case ResourceKind::kEventInvoke:
    case ResourceKind::kPermission:
    case ResourceKind::kMapping: {
      const auto told = ToldAfter(change, made_);
      return IsAttached(attachments(), KeyNow(change), told);
    }
    case ResourceKind::kQueue:
    case ResourceKind::kQueuePolicy: {
      const auto told = ToldAfter(change, made_);
      return CurrentQueue(host_.queues, {change.kind, change.function}) == told;
    }
    case ResourceKind::kBucket:
    case ResourceKind::kBucketPolicy: {
      const auto told = ToldAfter(change, made_);
      return IsBucket(host_.objects, {change.kind, change.function}, told);
    }
    // As they were found just before.
    case ResourceKind::kRule:
    case ResourceKind::kEventBus:
    case ResourceKind::kBusPolicy:
    case ResourceKind::kArchive:
    case ResourceKind::kSchedule:
    case ResourceKind::kScheduleGroup: {
      const auto told = ToldAfter(change, made_);
      if (!told || !change.told_before) return !told && !change.told_before;
      return Says(host_.account, change.kind, *change.told_before, *told);
    }
  }
  return false;
}

void Deployment::Apply(const Change& change, StepDone done) {
  switch (change.kind) {
    case ResourceKind::kFunction: {
      std::optional<FunctionState> target = change.after;
      if (target) target = WithMade(*std::move(target), made_);
      return BringFunction(functions(), change.function, target, std::move(done));
    }
    case ResourceKind::kVersion:
      return BringVersion(
          host_.control, host_.registry, change.function, change.version,
          [self = shared_from_this(), token = change.version.token,
           done = std::move(done)](const std::expected<std::string, std::string>& number) {
            if (!number) return done(std::unexpected(number.error()));
            self->made_[token] = *number;
            done({});
          });
    case ResourceKind::kAlias: {
      std::optional<AliasState> target = change.alias_after;
      if (target) target = WithMade(*std::move(target), made_);
      return BringAlias(host_.control, host_.registry, change.function, change.alias, target,
                        std::move(done));
    }
    case ResourceKind::kLayer:
      return PublishLayer(
          host_.control, host_.code, host_.disk, *change.layer,
          [self = shared_from_this(), token = change.version.token,
           done = std::move(done)](const std::expected<std::string, std::string>& number) {
            if (!number) return done(std::unexpected(number.error()));
            self->made_[token] = *number;
            done({});
          });
    case ResourceKind::kUrl:
    case ResourceKind::kEventInvoke:
    case ResourceKind::kPermission:
    case ResourceKind::kMapping: {
      const auto told = ToldAfter(change, made_);
      return BringAttachment(attachments(), KeyNow(change), told, std::move(done));
    }
    case ResourceKind::kQueue:
    case ResourceKind::kQueuePolicy: {
      const auto told = ToldAfter(change, made_);
      // Somebody else has made it since the template was checked.
      const bool is_theirs = change.kind == ResourceKind::kQueue && !change.told_before &&
                             host_.queues.Find(change.function) != nullptr;
      if (!is_theirs) {
        return BringQueue(queues(), {change.kind, change.function}, told, QueueStep::kApply,
                          std::move(done));
      }
      return Later(std::unexpected("the queue '" + change.function + "' exists already"),
                   std::move(done));
    }
    case ResourceKind::kBucket:
    case ResourceKind::kBucketPolicy:
      return ApplyToBucket(change, std::move(done));
    case ResourceKind::kRule:
    case ResourceKind::kEventBus:
    case ResourceKind::kBusPolicy:
    case ResourceKind::kArchive:
    case ResourceKind::kSchedule:
    case ResourceKind::kScheduleGroup: {
      const auto told = ToldAfter(change, made_);
      const auto step = change.told_before ? EventStep::kReplace : EventStep::kCreate;
      return BringEvent(events(), {change.kind, change.function}, told, step, std::move(done));
    }
  }
}

// Somebody else may have made one of its name since; after a crash nobody knows.
void Deployment::BringOwnEvent(const Change& change, const std::optional<base::Json>& told,
                               const std::optional<base::Json>& expected, StepDone done) {
  const EventKey key{change.kind, change.function};
  FindEvents(
      events(), {key},
      [self = shared_from_this(), key, told, expected,
       done = std::move(done)](std::expected<FoundEvents, std::string> found) {
        if (!found) return done(std::unexpected(std::move(found).error()));
        const auto it = found->find(key);
        const bool is_there = it != found->end();
        const bool is_ours =
            is_there && IsOfStack(self->events(), key.kind, it->second, self->stack_, expected);
        if (told ? is_there && Says(self->host_.account, key.kind, it->second, *told) : !is_ours) {
          return done({});
        }
        if (told && is_there && !is_ours && !expected) {
          return done(std::unexpected("'" + key.name + "' exists already"));
        }
        BringEvent(self->events(), key, told, EventStep::kReplace, done);
      });
}

void Deployment::ApplyToBucket(const Change& change, StepDone done) {
  const auto told = ToldAfter(change, made_);
  const bool is_there = host_.objects.Find(change.function) != nullptr;
  const bool is_ours = StackOfBucket(host_.objects, change.function) == stack_;
  // Somebody else has made it since the template was checked.
  if (change.kind == ResourceKind::kBucket && told && !change.told_before && is_there) {
    return Later(std::unexpected("the bucket '" + change.function + "' exists already"),
                 std::move(done));
  }
  // Or has its name by now.
  if (change.kind == ResourceKind::kBucket && !told && !is_ours) return Later({}, std::move(done));
  BringBucket(buckets(), {change.kind, change.function}, told, BucketStep::kApply, std::move(done));
}

void Deployment::Undo(const Change& change, StepDone done) {
  switch (change.kind) {
    case ResourceKind::kFunction:
      return BringFunction(functions(), change.function, change.before, std::move(done));
    case ResourceKind::kAlias:
      if (host_.registry.Find(change.function) != nullptr) {
        return BringAlias(host_.control, host_.registry, change.function, change.alias,
                          change.alias_before, std::move(done));
      }
      break;
    case ResourceKind::kUrl:
    case ResourceKind::kEventInvoke:
    case ResourceKind::kPermission:
    case ResourceKind::kMapping:
      return BringAttachment(attachments(), KeyNow(change), change.told_before, std::move(done));
    case ResourceKind::kQueue:
    case ResourceKind::kQueuePolicy:
      return BringQueue(queues(), {change.kind, change.function}, change.told_before,
                        QueueStep::kRestore, std::move(done));
    case ResourceKind::kBucket:
    case ResourceKind::kBucketPolicy:
      return RestoreBucket(change, std::move(done));
    // A removed one is brought back, a changed one changed back, a new one taken away.
    case ResourceKind::kRule:
    case ResourceKind::kEventBus:
    case ResourceKind::kBusPolicy:
    case ResourceKind::kArchive:
    case ResourceKind::kSchedule:
    case ResourceKind::kScheduleGroup:
      return BringOwnEvent(change, change.told_before, change.told_after, std::move(done));
    case ResourceKind::kVersion:
    case ResourceKind::kLayer:
      break;
  }
  Later({}, std::move(done));
}

void Deployment::RestoreBucket(const Change& change, StepDone done) {
  const bool is_there = host_.objects.Find(change.function) != nullptr;
  // Somebody else has made one of the name of ours that was removed.
  if (!change.told_after && is_there && StackOfBucket(host_.objects, change.function) != stack_) {
    return Later(std::unexpected("the bucket '" + change.function + "' exists already"),
                 std::move(done));
  }
  BringBucket(buckets(), {change.kind, change.function}, change.told_before, BucketStep::kRestore,
              std::move(done));
}

void Deployment::Remove(const Change& change, StepDone done) {
  if (change.kind == ResourceKind::kBucket) return ApplyToBucket(change, std::move(done));
  if (change.kind == ResourceKind::kQueue) {
    // Somebody else's may have its name by now.
    if (StackOfQueue(host_.queues, change.function) != stack_) return Later({}, std::move(done));
    return BringQueue(queues(), {change.kind, change.function}, std::nullopt, QueueStep::kApply,
                      std::move(done));
  }
  if (IsOfEvents(change.kind)) {
    return BringOwnEvent(change, std::nullopt, change.told_before, std::move(done));
  }
  host_.control.layers().Change(
      change.function, std::stoull(change.version.number),
      [](const invoker::LayerRef&) { return invoker::LayerRef(); },
      [done = std::move(done)](const std::expected<invoker::LayerRef, aws::ApiError>& deleted) {
        if (deleted) return done({});
        done(std::unexpected(deleted.error().message));
      });
}

}  // namespace hearth::stacks
