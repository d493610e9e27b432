// StacksApi: templates over HTTP, for `hearth deploy` and whoever else. JSON below /_hearth/.
//
//   POST   /_hearth/stacks/NAME/plan  {"template", "template_name", "parameters"}
//          200 {"artifacts": [{"path", "kind": "code"}], "resources": [...], "notices": [...]}
//   HEAD   /_hearth/artifacts/SHA256  200 where it is here already, else 404
//   PUT    /_hearth/artifacts/SHA256  a zip; its digest must be the one in the path
//   POST   /_hearth/stacks/NAME       the plan's body and {"artifacts": {"path": "sha256"}}
//   DELETE /_hearth/stacks/NAME       both stream NDJSON: {"event": "resource" | "notice" | "done"}
//   GET    /_hearth/stacks            {"stacks": [...]}
//   GET    /_hearth/stacks/NAME       {"name", "id", "resources", "outputs", "updated", "status"}
//
// Errors: {"errors": [{"line", "column", "message"}]}; 400 for the template, 404 for no such stack,
// 409 where the stack is being changed. Nothing has been changed then. A client that leaves does
// not stop a deployment. Owner: host; idle() must be true before it is destroyed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/clock.h"
#include "invoker/control_plane.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "layers/code_store.h"
#include "stacks/deployment.h"
#include "stacks/stack_store.h"
#include "stacks/template.h"
#include "store/database.h"
#include "triggers/s3/object_store.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::stacks {

struct StacksApiOptions {
  invoker::ControlPlane& control;
  invoker::Registry& registry;
  layers::CodeStore& code;
  io::Offload& disk;  // Serial; the one from which `code` is used everywhere.
  const base::Clock& clock;
  invoker::Account account;
  const invoker::Destinations& destinations;
  sqs::QueueEngine& queues;
  invoker::EventSourceMappings& mappings;
  s3::ObjectStore& objects;
  events::EventBuses& buses;
  events::ArchiveKeeper& archives;
  schedule::Scheduler& schedules;
};

class StacksApi {
 public:
  // Blocking: reads the stacks, once, at start. `database` has had StackMigrations and is used only
  // through `writer`, which has one thread. Everything outlives the result.
  static base::Result<std::unique_ptr<StacksApi>> Create(StacksApiOptions options,
                                                         store::Database& database,
                                                         io::Offload& writer);
  // Rolls back what a crash cut short; called once, before requests are served. `done` gets one
  // line for each stack, for the log.
  void Recover(std::function<void(std::vector<std::string> report)> done);
  void Register(aws::Gateway& gateway);
  void Handle(aws::Call call);

  // Digests that unfinished deployments need: CodeStore::Collect must keep them.
  std::set<std::string> CodeInUse() const;
  bool idle() const { return busy_.empty(); }

 private:
  struct Request;  // A template on its way through the API.

  StacksApi(StacksApiOptions options, std::unique_ptr<StackStore> stacks)
      : options_(std::move(options)), stacks_(std::move(stacks)) {}

  void HandleArtifact(aws::Call call, const std::string& digest);
  void HandleStack(aws::Call call, const std::string& name);
  void List(aws::Call call);
  void Describe(aws::Call call, const std::string& name);
  void AnswerPlan(aws::Call call, const std::string& name);
  void Deploy(aws::Call call, const std::string& name);
  void Delete(aws::Call call, const std::string& name);
  void Remove(aws::Call call, const std::string& name, const FoundEvents& found);

  // The request's template, planned and checked by the control plane; every error, or none.
  std::expected<Request, std::vector<Diagnostic>> Read(const aws::Call& call,
                                                       const std::string& name) const;
  void CheckFunctions(Request& request, Diagnostics& errors) const;
  void CheckAttachments(const Request& request, Diagnostics& errors) const;
  void CheckQueues(Request& request, Diagnostics& errors) const;
  void CheckBuckets(Request& request, Diagnostics& errors) const;
  void CheckEvents(Request& request, Diagnostics& errors) const;
  // What is there already, and somebody else's.
  void CheckFound(const Request& request, Diagnostics& errors) const;
  std::string CheckNotified(const Request& request, const s3::NotificationRule& rule) const;
  std::optional<aws::ApiError> CheckMapping(const Request& request,
                                            const PlannedAttachment& mapping) const;
  std::optional<aws::ApiError> CheckDestination(const Request& request,
                                                const PlannedAttachment& settings,
                                                const std::string& arn) const;
  std::optional<aws::ApiError> CheckDeadLetter(const Request& request,
                                               const std::string& arn) const;
  // Of the plan, or of what there is; nullptr: there is no such queue.
  const sqs::QueueSettings* FindQueue(const Request& request, const std::string& name) const;
  // Digests of every function's code, then of every layer's content, in order; from the disk's
  // thread.
  static std::expected<std::vector<std::string>, std::vector<Diagnostic>> FindCode(
      layers::CodeStore& code, const Request& request);
  void RunDeployment(aws::Call call, Request request, std::vector<std::string> digests);
  std::vector<Change> ChangesOf(const Request& request, const std::vector<std::string>& digests);
  // `made`: the numbers that are known already.
  Change ChangeOf(const Request& request, const PlannedStep& step,
                  const std::vector<std::string>& digests, const Made& made);
  // The removal of what this resource is, where it is an attachment. `functions`: those that stay.
  void AddAttachmentRemoval(const StackResource& resource, const std::set<std::string>& functions,
                            std::vector<Change>& changes) const;
  // Of a rule, a bus, a schedule.
  void AddEventRemoval(const std::string& stack, const FoundEvents& found,
                       const StackResource& resource, std::vector<Change>& changes) const;
  // The stack's resources that are of events.
  std::vector<EventKey> EventsOf(const std::string& stack) const;
  void AddPolicyRemoval(const std::string& stack, const StackResource& resource,
                        std::vector<Change>& changes) const;
  // The removal of a bucket, or its policy, of a stack that goes: one that is not empty stops it.
  void AddBucketRemoval(const std::string& stack, const StackResource& resource,
                        std::vector<Change>& changes) const;
  // What a bucket that is to go once the deployment has succeeded is until then: it tells nobody.
  void AddBucketSilence(const std::string& stack, const StackResource& resource,
                        std::vector<Change>& changes) const;
  std::string PublishedNumber(const std::string& stack, const Change& change) const;
  std::string PublishedLayer(const std::string& stack, const Change& change) const;
  std::string PhysicalId(const Change& change) const;
  // First ends what an earlier deployment left behind, if it did.
  void WithRecovered(const std::string& name, std::function<void(bool is_clean)> then);
  void Stream(aws::Call call, const std::string& name, std::vector<Change> changes,
              std::optional<StackRecord> record, std::vector<Diagnostic> notices);
  // `address`: as the client names this host.
  DeploymentHost host(std::string address = {});
  AttachmentHost attachments() const;
  EventHost events() const;

  StacksApiOptions options_;
  std::unique_ptr<StackStore> stacks_;
  std::map<std::string, std::set<std::string>> busy_;  // Stacks being changed, and their functions.
  std::map<std::string, std::set<std::string>> code_in_use_;  // By stack being changed.
};

}  // namespace hearth::stacks
