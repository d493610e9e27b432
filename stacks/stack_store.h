// StackStore: which stacks there are and what each consists of. Memory for reading, SQLite for
// truth.
//
// A deployment writes its intent before its first change and takes it back together with its
// result, in one transaction: an intent found at start is a deployment that a crash cut short. A
// callback runs once the change is durable. Owner: StacksApi. Loop's thread only; SQLite is used
// through `writer`, which has one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "invoker/control_plane.h"
#include "invoker/layer.h"
#include "io/offload.h"
#include "store/database.h"

namespace hearth::stacks {

// A function as a deployment wants it, or as it found it.
struct FunctionState {
  invoker::FunctionSettings settings;
  std::string code_digest;  // layers::CodeStore's key.
};

// A version that the stack publishes, or has published.
struct WantedVersion {
  std::string token;   // Stands for its number (version_resources.h).
  std::string number;  // Empty: it is to be published.
  std::string description;
  std::string code_sha256;  // What $LATEST's must be; empty: anything.
  uint32_t provisioned = 0;
};

// An alias as a deployment wants it, or as it found it.
struct AliasState {
  std::string version;  // "$LATEST", a number, or a token.
  std::string description;
  std::optional<invoker::ExtraVersion> extra;
  uint32_t provisioned = 0;
  bool operator==(const AliasState&) const = default;
};

enum class ResourceKind {
  kFunction,
  kVersion,
  kAlias,
  kLayer,
  kUrl,
  kEventInvoke,
  kPermission,
  kQueue,
  kQueuePolicy,
  kMapping,
  kBucket,
  kBucketPolicy,
  kRule,
  kEventBus,
  kBusPolicy,
  kArchive,
  kSchedule,
  kScheduleGroup
};

// One resource's way from `before` to `after`; neither: it does not exist. A version has no way
// back: once published, it is there until its function goes. Nor has a layer version.
struct Change {
  std::string logical_id;
  // Its name: a function's physical id. Of a queue, a bucket or the policy of one: theirs. Of what
  // event_resource.h has: EventName.
  std::string function;
  std::optional<FunctionState> before;
  std::optional<FunctionState> after;
  ResourceKind kind = ResourceKind::kFunction;
  WantedVersion version;  // kVersion
  // kAlias: its name. Of an attachment (attachment.h): whose it is, beside the function's own.
  std::string alias;
  std::optional<AliasState> alias_before;
  std::optional<AliasState> alias_after;
  // kLayer, whose name is `function` and whose number `version` tells: what it is. Nothing: it is
  // deleted once the deployment has succeeded.
  std::optional<invoker::LayerVersion> layer = {};
  // Of an attachment: what the API would be told. `version.token` stands for a URL's address, a
  // mapping's UUID. kQueue, kQueuePolicy: queue_resource.h; a queue that is told nothing is deleted
  // once the deployment has succeeded. kBucket, kBucketPolicy: bucket_resource.h; a bucket that was
  // told nothing either, the same. Rules, buses, schedules: event_resource.h.
  std::optional<base::Json> told_before = {};
  std::optional<base::Json> told_after = {};
  bool is_due = false;  // Of an intent: the deployment has succeeded, and this is left to do.
};

struct StackResource {
  std::string logical_id;
  std::string type;
  std::string physical_id;
  bool retain = false;  // It stays when this goes.
};

struct StackOutput {
  std::string name, value, description;
};

struct StackRecord {
  std::string name;
  std::string id;  // ARN
  std::string description;
  std::string updated;  // base::FormatIso8601
  std::vector<StackResource> resources;
  std::vector<StackOutput> outputs;
};

base::Json ToJson(const StackRecord& record);
base::Json ToStored(const FunctionState& state);

class StackStore {
 public:
  // Blocking: called once, at start. kCorrupt where a stored record cannot be read.
  static base::Result<std::unique_ptr<StackStore>> Load(store::Database& database,
                                                        io::Offload& writer);

  const std::map<std::string, StackRecord>& stacks() const { return stacks_; }
  // nullptr: no such stack.
  const StackRecord* Find(const std::string& name) const;
  // The stack that a function belongs to, or empty.
  std::string OwnerOf(const std::string& function) const;
  // Deployments that have begun and not ended, by stack.
  const std::map<std::string, std::vector<Change>>& intents() const { return intents_; }

  using Done = std::function<void(base::Result<void>)>;
  void Begin(const std::string& name, std::vector<Change> changes, Done done);
  // The deployment has succeeded: `record` (or the stack's absence), and no intent but what is left
  // to do, which is_due says of each.
  void Commit(const std::string& name, std::optional<StackRecord> record, std::vector<Change> due,
              Done done);
  // Everything is as it was before the deployment, or what was left to do after it is done.
  void Abandon(const std::string& name, Done done);

 private:
  StackStore(store::Database& database, io::Offload& writer)
      : database_(database), writer_(writer) {}

  store::Database& database_;
  io::Offload& writer_;
  std::map<std::string, StackRecord> stacks_;
  std::map<std::string, std::vector<Change>> intents_;
};

// The schema's steps that stacks need; host passes them, with others, to Database::Open.
std::vector<store::Migration> StackMigrations();

}  // namespace hearth::stacks
