// VersionsControl: every change to published versions, aliases and provisioned concurrency.
//
// A change is durable before `done` runs, and the data plane has been told: what can no longer be
// called is retired, what a version's starts need is prepared, pools have their sizes. The wire API
// and stacks/ both call it, so that both refuse alike. Owner: ControlPlane. `done` runs once, never
// inside the call.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "invoker/concurrency_ledger.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"

namespace hearth::invoker {

// What a publication may say; empty: nothing.
struct PublishSettings {
  std::optional<std::string> description;
  std::string expected_code_sha256;
  std::string expected_revision_id;  // $LATEST's.
};

// A provisioned-concurrency configuration and how far it is met.
struct ProvisionedState {
  std::string qualifier;
  ProvisionedConcurrency config;
  uint32_t ready = 0;
};

class VersionsControl {
 public:
  // `concurrency`: the account's, of which provisioned concurrency may take a part. Prepares and
  // provisions what an earlier process left. Everything outlives the result.
  VersionsControl(Registry& registry, Invoker& invoker, const base::Clock& clock, Account account,
                  uint32_t concurrency);
  VersionsControl(const VersionsControl&) = delete;
  VersionsControl& operator=(const VersionsControl&) = delete;

  template <typename T>
  using Answer = std::function<void(std::expected<T, aws::ApiError>)>;

  // The last version where nothing has changed since.
  void Publish(const std::string& function, PublishSettings settings, Answer<FunctionRef> done);
  // The version once it is Active or Failed.
  void WhenSettled(const std::string& function, const std::string& version,
                   Answer<FunctionRef> done);
  // Refused while an alias stands for it; one that is gone already is no error, as at AWS.
  void DeleteVersion(const std::string& function, const std::string& version, Answer<void> done);

  void CreateAlias(const std::string& function, AliasSettings settings, Answer<Alias> done);
  void UpdateAlias(const std::string& function, AliasSettings settings, Answer<Alias> done);
  void DeleteAlias(const std::string& function, const std::string& alias, Answer<void> done);

  void PutProvisioned(const FunctionName& name, uint32_t requested, Answer<ProvisionedState> done);
  void DeleteProvisioned(const FunctionName& name, Answer<void> done);
  // So many calls of the function at once; nothing: it reserves none.
  void PutReserved(const std::string& function, std::optional<uint32_t> calls, Answer<void> done);
  // By qualifier, of a function that exists.
  std::map<std::string, ProvisionedState> Provisioned(const FunctionRecord& record) const;

  // A change as Registry::Change makes it, within the account's concurrency. When it is durable,
  // and before `done` runs, the data plane follows.
  void ChangeRecord(const std::string& function, Registry::Edit edit, Registry::Done done);

  const ConcurrencyLedger& ledger() const { return ledger_; }

 private:
  void Apply(const std::string& function);
  void Prepare(FunctionRef version);
  void OnPrepared(const FunctionRef& version, const base::Result<void>& result);
  // Answers those who wait for it.
  void Settle(const FunctionVersion& version,
              const std::expected<FunctionRef, aws::ApiError>& answer);
  void Provision(const std::string& function, const FunctionRecord* record);
  std::optional<aws::ApiError> CheckProvisioned(const FunctionRecord& record,
                                                const FunctionName& name) const;
  aws::ApiError NotFound(const FunctionName& name) const;
  // Of a function that there is: `edit` is never given nullptr.
  void Change(const FunctionName& name, Registry::Edit edit, Answer<void> done);

  Registry& registry_;
  Invoker& invoker_;
  const base::Clock& clock_;
  const Account account_;
  ConcurrencyLedger ledger_;
  std::set<std::string> preparing_;                                  // Revisions.
  std::map<std::string, std::vector<Answer<FunctionRef>>> waiting_;  // WhenSettled, by revision.
  // What the data plane was told to keep ready, by function and number.
  std::map<std::string, std::map<uint64_t, std::pair<FunctionRef, uint32_t>>> told_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::invoker
