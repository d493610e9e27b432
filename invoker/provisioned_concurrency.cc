// VersionsControl: how many instances of versions are kept ready.
//
// Source: Lambda API, PutProvisionedConcurrencyConfig; developer guide, "Configuring provisioned
// concurrency"; aws-facts 1.1.
#include <algorithm>

#include "invoker/versions_control.h"

namespace hearth::invoker {
namespace {

using Edited = Registry::Edited;

}  // namespace

std::optional<aws::ApiError> VersionsControl::CheckProvisioned(const FunctionRecord& record,
                                                               const FunctionName& name) const {
  const FunctionRef target = ResolveForReading(record, name.qualifier);
  const auto alias = record.aliases.find(name.qualifier);
  if (!target->is_published()) {
    return InvalidParameter(
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
  }
  if (target->snap_start) {
    return InvalidParameter(
        "Provisioned Concurrency is not supported for SnapStart enabled functions.");
  }
  if (alias != record.aliases.end()) {
    if (record.provisioned.contains(alias->second.version)) {
      return Conflict(
          "Alias can't be used for Provisioned Concurrency configuration on an already "
          "Provisioned version");
    }
  } else {
    for (const auto& [other, each] : record.aliases) {
      if (each.version == name.qualifier && record.provisioned.contains(other)) {
        return Conflict("Version is pointed by a Provisioned Concurrency alias");
      }
    }
  }
  return std::nullopt;
}

void VersionsControl::PutProvisioned(const FunctionName& name, uint32_t requested,
                                     Answer<ProvisionedState> done) {
  const ProvisionedConcurrency config{requested, base::FormatLambdaTime(clock_.WallNow())};
  Change(
      name,
      [this, alive = std::weak_ptr<bool>(alive_), name, config,
       missing = NotFound(name)](const RecordRef& current) -> Edited {
        if (alive.expired()) return current;
        if (ResolveForReading(*current, name.qualifier) == nullptr) {
          return std::unexpected(missing);
        }
        if (auto refusal = CheckProvisioned(*current, name)) {
          return std::unexpected(std::move(*refusal));
        }
        FunctionRecord next = *current;
        next.provisioned[name.qualifier] = config;
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      [name, config, done = std::move(done)](const std::expected<void, aws::ApiError>& changed) {
        if (!changed) return done(std::unexpected(changed.error()));
        // As AWS answers it: nothing is ready before the answer.
        done(ProvisionedState{.qualifier = name.qualifier, .config = config, .ready = 0});
      });
}

void VersionsControl::PutReserved(const std::string& function, std::optional<uint32_t> calls,
                                  Answer<void> done) {
  Change(
      // As AWS names what it does not find.
      {.name = function, .qualifier = "$LATEST"},
      [calls](const RecordRef& current) -> Edited {
        if (current->latest->reserved == calls) return current;
        FunctionVersion latest = *current->latest;
        latest.reserved = calls;
        FunctionRecord next = *current;
        next.latest = std::make_shared<const FunctionVersion>(std::move(latest));
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

void VersionsControl::DeleteProvisioned(const FunctionName& name, Answer<void> done) {
  Change(
      name,
      [name](const RecordRef& current) -> Edited {
        if (!current->provisioned.contains(name.qualifier)) return current;
        FunctionRecord next = *current;
        next.provisioned.erase(name.qualifier);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

std::map<std::string, ProvisionedState> VersionsControl::Provisioned(
    const FunctionRecord& record) const {
  std::map<std::string, ProvisionedState> out;
  for (const auto& [qualifier, config] : record.provisioned) {
    // What this configuration alone asks of each version.
    FunctionRecord alone = record;
    alone.provisioned = {{qualifier, config}};
    uint32_t ready = 0;
    for (const auto& [number, count] : ProvisionedByVersion(alone)) {
      const auto version = record.versions.find(number);
      if (version == record.versions.end()) continue;
      ready += std::min(count, invoker_.Provisioned(*version->second));
    }
    out[qualifier] = {.qualifier = qualifier, .config = config, .ready = ready};
  }
  return out;
}

void VersionsControl::Provision(const std::string& function, const FunctionRecord* record) {
  std::map<uint64_t, std::pair<FunctionRef, uint32_t>> wanted;
  if (record != nullptr) {
    for (const auto& [number, count] : ProvisionedByVersion(*record)) {
      const auto version = record->versions.find(number);
      if (version != record->versions.end()) wanted[number] = {version->second, count};
    }
  }
  auto& told = told_[function];
  for (const auto& [number, each] : told) {
    if (!wanted.contains(number)) invoker_.Provision(each.first, 0);
  }
  for (const auto& [number, each] : wanted) {
    const auto before = told.find(number);
    if (before == told.end() || before->second.second != each.second) {
      invoker_.Provision(each.first, each.second);
    }
  }
  if (wanted.empty()) {
    told_.erase(function);
  } else {
    told = std::move(wanted);
  }
}

}  // namespace hearth::invoker
