#include "stacks/deployment.h"

#include <utility>

#include "base/check.h"

namespace hearth::stacks {
namespace {

std::string_view ActionOf(bool was, bool will_be) {
  if (!was) return "create";
  return will_be ? "update" : "delete";
}

enum class Way { kForward, kBack };

// What is done to the resource.
std::string_view ActionOf(const Change& change, Way way = Way::kForward) {
  bool was = change.before.has_value();
  bool will_be = change.after.has_value();
  if (change.kind == ResourceKind::kAlias) {
    was = change.alias_before.has_value();
    will_be = change.alias_after.has_value();
  } else if (change.kind == ResourceKind::kVersion) {
    was = !change.version.number.empty();
    will_be = true;
  } else if (change.kind == ResourceKind::kLayer) {
    was = !change.version.number.empty();
    will_be = change.layer.has_value();
  } else if (IsAttachment(change.kind) || IsOfQueue(change.kind) || IsOfBucket(change.kind) ||
             IsOfEvents(change.kind)) {
    was = change.told_before.has_value();
    will_be = change.told_after.has_value();
  }
  return way == Way::kForward ? ActionOf(was, will_be) : ActionOf(will_be, was);
}

// Done once all else has succeeded.
bool IsCleanUp(const Change& change) {
  return (change.kind == ResourceKind::kLayer && !change.layer) ||
         (change.kind == ResourceKind::kQueue && !change.told_after) ||
         (GoesLast(change.kind) && !change.told_after) ||
         (change.kind == ResourceKind::kBucket && !change.told_after && !change.told_before);
}

// It has no way back, or needs none.
bool StaysAsItIs(const Change& change) {
  return change.kind == ResourceKind::kVersion || change.kind == ResourceKind::kLayer ||
         IsCleanUp(change);
}

bool MayFollow(int from, int to) {
  // kRecording, kApplying, kCommitting, kCleaningUp, kRollingBack, kAbandoning, kDone
  static constexpr bool kAllowed[7][7] = {{false, true, false, true, true, false, true},
                                          {false, false, true, false, true, false, false},
                                          {false, false, false, true, true, false, false},
                                          {false, false, false, false, false, false, true},
                                          {false, false, false, false, false, true, true},
                                          {false, false, false, false, false, false, true},
                                          {false, false, false, false, false, false, false}};
  return kAllowed[from][to];
}

}  // namespace

std::string_view ToString(DeploymentStatus status) {
  switch (status) {
    case DeploymentStatus::kSucceeded:
      return "succeeded";
    case DeploymentStatus::kRolledBack:
      return "rolled back";
    case DeploymentStatus::kRollbackFailed:
      return "rollback failed";
  }
  return "";
}

std::string_view TypeOf(ResourceKind kind) {
  switch (kind) {
    case ResourceKind::kFunction:
      return kFunctionType;
    case ResourceKind::kVersion:
      return kVersionType;
    case ResourceKind::kAlias:
      return kAliasType;
    case ResourceKind::kLayer:
      return kLayerType;
    case ResourceKind::kUrl:
      return kUrlType;
    case ResourceKind::kEventInvoke:
      return kEventInvokeType;
    case ResourceKind::kPermission:
      return kPermissionType;
    case ResourceKind::kQueue:
      return kQueueType;
    case ResourceKind::kQueuePolicy:
      return kQueuePolicyType;
    case ResourceKind::kMapping:
      return kMappingType;
    case ResourceKind::kBucket:
      return kBucketType;
    case ResourceKind::kBucketPolicy:
      return kBucketPolicyType;
    case ResourceKind::kRule:
    case ResourceKind::kEventBus:
    case ResourceKind::kBusPolicy:
    case ResourceKind::kArchive:
    case ResourceKind::kSchedule:
    case ResourceKind::kScheduleGroup:
      return EventTypeOf(kind);
  }
  return "";
}

Deployment::Deployment(DeploymentHost host, std::string stack, std::vector<Change> changes,
                       Emit emit, Done done)
    : host_(host),
      stack_(std::move(stack)),
      changes_(std::move(changes)),
      emit_(std::move(emit)),
      done_(std::move(done)) {}

void Deployment::Start(DeploymentHost host, std::string stack, std::vector<Change> changes,
                       std::optional<StackRecord> record, Emit emit, Done done) {
  auto self = std::shared_ptr<Deployment>(
      new Deployment(host, std::move(stack), std::move(changes), std::move(emit), std::move(done)));
  self->record_ = std::move(record);
  host.stacks.Begin(self->stack_, self->changes_, [self](base::Result<void> result) {
    if (!result) {
      self->reason_ = result.error().ToString();
      self->Finish(DeploymentStatus::kRolledBack);
      return;
    }
    self->Transition(State::kApplying);
    self->ApplyNext();
  });
}

void Deployment::Recover(DeploymentHost host, std::string stack, Emit emit, Done done) {
  auto changes = host.stacks.intents().at(stack);
  auto self = std::shared_ptr<Deployment>(
      new Deployment(host, std::move(stack), std::move(changes), std::move(emit), std::move(done)));
  self->is_recovery_ = true;
  if (!self->changes_.empty() && self->changes_.front().is_due) {
    host.disk.Run([] { return true; }, [self](bool) { self->CleanUp(); });
    return;
  }
  for (size_t i = 0; i < self->changes_.size(); ++i) self->to_undo_.push_back(i);
  // A turn later: the caller's callback never runs inside this call.
  host.disk.Run([] { return true; },
                [self](bool) { self->RollBack("an earlier deployment did not end"); });
}

void Deployment::Transition(State next) {
  CHECK(MayFollow(static_cast<int>(state_), static_cast<int>(next)));
  state_ = next;
}

void Deployment::EmitStep(const Change& change, std::string_view action, std::string_view status,
                          std::string_view reason) {
  std::string physical_id = change.function;
  if (change.kind == ResourceKind::kAlias) physical_id += ":" + change.alias;
  if (IsAttachment(change.kind)) {
    const AttachmentKey key = KeyNow(change);
    physical_id = AttachmentName(key.name.name, key.name.qualifier,
                                 change.told_after ? *change.told_after : *change.told_before);
  }
  if (change.kind == ResourceKind::kLayer && IsCleanUp(change)) {
    physical_id += ":" + change.version.number;
  }
  if (const auto number = made_.find(change.version.token);
      (change.kind == ResourceKind::kVersion || change.kind == ResourceKind::kLayer) &&
      number != made_.end()) {
    physical_id += ":" + number->second;
  }
  base::Json event = {{"event", "resource"},
                      {"logical_id", change.logical_id},
                      {"type", TypeOf(change.kind)},
                      {"action", action},
                      {"status", status},
                      {"physical_id", physical_id}};
  if (!reason.empty()) event["reason"] = WithoutTokens(reason);
  emit_(std::move(event));
}

void Deployment::ApplyNext() {
  while (next_ < changes_.size()) {
    const Change& change = changes_[next_];
    if (IsCleanUp(change)) {
      ++next_;
      continue;
    }
    if (!change.version.number.empty()) made_[change.version.token] = change.version.number;
    if (!IsUnchanged(change)) break;
    NoteMade(change);
    EmitStep(change, "unchanged", "done", "");
    ++next_;
  }
  if (next_ == changes_.size()) {
    Transition(State::kCommitting);
    Commit();
    return;
  }
  const Change& change = changes_[next_];
  EmitStep(change, ActionOf(change), "started", "");
  Apply(change, [self = shared_from_this()](std::expected<void, std::string> result) {
    const Change& done = self->changes_[self->next_];
    const auto action = ActionOf(done);
    if (!result) {
      self->EmitStep(done, action, "failed", result.error());
      self->RollBack(done.logical_id + ": " + result.error());
      return;
    }
    self->NoteMade(done);
    self->EmitStep(done, action, "done", "");
    self->to_undo_.push_back(self->next_);
    ++self->next_;
    self->ApplyNext();
  });
}

void Deployment::Commit() {
  if (record_) {
    for (auto& resource : record_->resources) {
      resource.physical_id = WithMade(std::move(resource.physical_id), made_);
    }
    for (auto& output : record_->outputs) {
      output.value = WithMade(std::move(output.value), made_);
    }
  }
  std::vector<Change> due;
  for (const Change& change : changes_) {
    if (!IsCleanUp(change)) continue;
    due.push_back(change);
    due.back().is_due = true;
  }
  host_.stacks.Commit(stack_, record_, std::move(due),
                      [self = shared_from_this()](base::Result<void> result) {
                        if (result) return self->CleanUp();
                        self->RollBack(result.error().ToString());
                      });
}

void Deployment::CleanUp() {
  Transition(State::kCleaningUp);
  std::erase_if(changes_, [](const Change& change) { return !IsCleanUp(change); });
  next_ = 0;
  CleanUpNext();
}

// One that stays harms nobody, and says so.
void Deployment::CleanUpNext() {
  if (next_ == changes_.size()) {
    if (changes_.empty()) return Finish(DeploymentStatus::kSucceeded);
    // Where this fails, the next start does it all again.
    return host_.stacks.Abandon(stack_, [self = shared_from_this()](const base::Result<void>&) {
      self->Finish(DeploymentStatus::kSucceeded);
    });
  }
  EmitStep(changes_[next_], "delete", "started", "");
  Remove(changes_[next_], [self = shared_from_this()](std::expected<void, std::string> removed) {
    self->EmitStep(self->changes_[self->next_], "delete", removed ? "done" : "failed",
                   removed ? "" : removed.error());
    ++self->next_;
    self->CleanUpNext();
  });
}

void Deployment::RollBack(std::string reason) {
  reason_ = std::move(reason);
  Transition(State::kRollingBack);
  RollBackNext();
}

// After a crash nobody knows which of the changes were made: a function, queue or bucket that the
// deployment was to create, and what was to hang on it, is only taken away where its tag says that
// it is this stack's.
bool Deployment::IsOurs(const Change& change) const {
  if (!is_recovery_ || change.before || change.told_before) return true;
  if (IsOfQueue(change.kind)) return StackOfQueue(host_.queues, change.function) == stack_;
  if (IsOfBucket(change.kind)) return StackOfBucket(host_.objects, change.function) == stack_;
  if (change.kind != ResourceKind::kFunction && !IsAttachment(change.kind)) return true;
  const auto actual = host_.registry.Find(change.function);
  if (actual == nullptr) return false;
  const auto tag = actual->tags.find(kStackNameTag);
  return tag != actual->tags.end() && tag->second == stack_;
}

void Deployment::RollBackNext() {
  // A version is harmless, and has no way back: its number is used up.
  while (!to_undo_.empty() &&
         (StaysAsItIs(changes_[to_undo_.back()]) || !IsOurs(changes_[to_undo_.back()]))) {
    to_undo_.pop_back();
  }
  if (to_undo_.empty()) {
    if (undo_failed_) {
      Finish(DeploymentStatus::kRollbackFailed);
    } else {
      Abandon();
    }
    return;
  }
  const Change& change = changes_[to_undo_.back()];
  EmitStep(change, ActionOf(change, Way::kBack), "started", "roll back");
  Undo(change, [self = shared_from_this()](std::expected<void, std::string> result) {
    const Change& undone = self->changes_[self->to_undo_.back()];
    // A bucket that has got objects by now stays, as a stack of this name would take it up again.
    const bool may_stay = undone.kind == ResourceKind::kBucket && !undone.told_before;
    self->undo_failed_ = self->undo_failed_ || (!result && !may_stay);
    self->EmitStep(undone, ActionOf(undone, Way::kBack), result ? "done" : "failed",
                   result ? "roll back" : "roll back: " + result.error());
    self->to_undo_.pop_back();
    self->RollBackNext();
  });
}

void Deployment::Abandon() {
  Transition(State::kAbandoning);
  host_.stacks.Abandon(stack_, [self = shared_from_this()](base::Result<void> result) {
    self->Finish(result ? DeploymentStatus::kRolledBack : DeploymentStatus::kRollbackFailed);
  });
}

void Deployment::Finish(DeploymentStatus status) {
  Transition(State::kDone);
  done_(status, reason_);
}

}  // namespace hearth::stacks
