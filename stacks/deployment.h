// Deployment: brings a stack's functions to where a plan wants them, or leaves all as it was.
//
//   kRecording -> kApplying -> kCommitting -> kCleaningUp -> kDone(succeeded)
//                    |             |
//                    +-> kRollingBack -> kAbandoning -> kDone(rolled back | rollback failed)
//
// Layer versions, queues, buckets, event buses, archives and groups of schedules that the stack has
// no more are deleted while cleaning up: nothing would bring back what is in them. What is left to
// delete is durable with the result. Where the stack itself goes, its buckets go first: one that is
// not empty stops that.
//
// The intent is durable before the first change, so that a crash at any moment is followed by
// Recover, which rolls back, or goes on with cleaning up. Changes are made one after the other, in
// the order given; each is atomic in the control plane. Owns itself while it runs; the host's parts
// outlive it. Loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "invoker/control_plane.h"
#include "invoker/destinations.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "layers/code_store.h"
#include "stacks/attachment_steps.h"
#include "stacks/bucket_resource.h"
#include "stacks/bucket_steps.h"
#include "stacks/event_resource.h"
#include "stacks/event_steps.h"
#include "stacks/function_steps.h"
#include "stacks/layer_resource.h"
#include "stacks/queue_resource.h"
#include "stacks/queue_steps.h"
#include "stacks/stack_store.h"
#include "stacks/version_resources.h"

namespace hearth::stacks {

// The tag, AWS's own, that says to which stack a function belongs.
inline constexpr char kStackNameTag[] = "aws:cloudformation:stack-name";
inline constexpr char kLogicalIdTag[] = "aws:cloudformation:logical-id";
inline constexpr char kFunctionType[] = "AWS::Serverless::Function";
std::string_view TypeOf(ResourceKind kind);

// What a deployment works with. `disk` is the serial offload that `code` is used from.
struct DeploymentHost {
  invoker::ControlPlane& control;
  invoker::Registry& registry;
  layers::CodeStore& code;
  io::Offload& disk;
  StackStore& stacks;
  const base::Clock& clock;
  const invoker::Destinations& destinations;
  const invoker::Account& account;
  sqs::QueueEngine& queues;
  invoker::EventSourceMappings& mappings;
  s3::ObjectStore& objects;
  events::EventBuses& buses;
  events::ArchiveKeeper& archives;
  schedule::Scheduler& schedules;
  std::string address = {};  // Of this host, as the client names it: for what URLs are.
};

enum class DeploymentStatus { kSucceeded, kRolledBack, kRollbackFailed };
// "succeeded", "rolled back", "rollback failed"
std::string_view ToString(DeploymentStatus status);

class Deployment : public std::enable_shared_from_this<Deployment> {
 public:
  // An event of the progress stream, as an object.
  using Emit = std::function<void(base::Json event)>;
  // `reason` is empty on success.
  using Done = std::function<void(DeploymentStatus status, std::string reason)>;

  // `record` is what the stack then is; nothing: the stack is deleted.
  static void Start(DeploymentHost host, std::string stack, std::vector<Change> changes,
                    std::optional<StackRecord> record, Emit emit, Done done);
  // Rolls back a deployment that a crash, or a failed rollback, left behind; one that had succeeded
  // is cleaned up after.
  static void Recover(DeploymentHost host, std::string stack, Emit emit, Done done);

 private:
  enum class State {
    kRecording,
    kApplying,
    kCommitting,
    kCleaningUp,
    kRollingBack,
    kAbandoning,
    kDone
  };
  using StepDone = std::function<void(std::expected<void, std::string> result)>;

  Deployment(DeploymentHost host, std::string stack, std::vector<Change> changes, Emit emit,
             Done done);
  void Transition(State next);
  void ApplyNext();
  void Commit();
  void CleanUp();
  void CleanUpNext();
  void Remove(const Change& change, StepDone done);
  // The change of a bucket, or of its policy.
  void ApplyToBucket(const Change& change, StepDone done);
  void RestoreBucket(const Change& change, StepDone done);
  // `told` is what it is to be; `expected` what it is, where it is the stack's own.
  void BringOwnEvent(const Change& change, const std::optional<base::Json>& told,
                     const std::optional<base::Json>& expected, StepDone done);
  void Later(std::expected<void, std::string> result, StepDone done);
  void RollBack(std::string reason);
  void RollBackNext();
  void Abandon();
  void Finish(DeploymentStatus status);
  bool IsOurs(const Change& change) const;
  bool IsUnchanged(const Change& change) const;
  void Apply(const Change& change, StepDone done);
  void Undo(const Change& change, StepDone done);
  FunctionHost functions() const;
  AttachmentHost attachments() const;
  QueueHost queues() const;
  BucketHost buckets() const;
  EventHost events() const;
  AttachmentKey KeyNow(const Change& change) const;
  void NoteMade(const Change& change);
  void EmitStep(const Change& change, std::string_view action, std::string_view status,
                std::string_view reason);

  DeploymentHost host_;
  std::string stack_;
  std::vector<Change> changes_;
  std::optional<StackRecord> record_;
  Made made_;  // Numbers of what is published by now, addresses of URLs, UUIDs of mappings.
  Emit emit_;
  Done done_;
  State state_ = State::kRecording;
  size_t next_ = 0;              // Of changes_, while applying.
  std::vector<size_t> to_undo_;  // Of changes_; the last is undone first.
  bool is_recovery_ = false;
  bool undo_failed_ = false;
  std::string reason_;  // Why it did not succeed.
};

}  // namespace hearth::stacks
