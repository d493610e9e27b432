#include "invoker/versions_control.h"

#include <algorithm>

#include "base/id.h"
#include "base/log.h"

namespace hearth::invoker {
namespace {

using Edited = Registry::Edited;
using Refusal = std::optional<aws::ApiError>;

constexpr size_t kMaxDescription = 256;  // AWS.

Refusal CheckPublish(const FunctionVersion& latest, const PublishSettings& settings) {
  if (settings.description && settings.description->size() > kMaxDescription) {
    return aws::ValidationError(*settings.description, "description",
                                "Member must have length less than or equal to 256");
  }
  if (!settings.expected_revision_id.empty() &&
      settings.expected_revision_id != ShownRevision(latest)) {
    return StaleRevision();
  }
  if (!settings.expected_code_sha256.empty() &&
      settings.expected_code_sha256 != latest.code_sha256) {
    return InvalidParameter("CodeSHA256 (" + settings.expected_code_sha256 +
                            ") is different from current CodeSHA256 in $LATEST (" +
                            latest.code_sha256 +
                            "). Please try again with the CodeSHA256 in $LATEST.");
  }
  return std::nullopt;
}

// `alias` with what the settings ask for, as far as the function's versions allow it.
std::expected<Alias, aws::ApiError> ApplySettings(Alias alias, const AliasSettings& settings,
                                                  const Account& account,
                                                  const FunctionRecord& record) {
  if (settings.version) alias.version = *settings.version;
  if (settings.description) alias.description = *settings.description;
  if (settings.extra) alias.extra = *settings.extra;
  const auto missing = [&](const std::string& version) {
    return std::unexpected(
        FunctionNotFound(account, {.name = record.latest->name, .qualifier = version}));
  };
  if (FindVersion(record, alias.version) == nullptr) return missing(alias.version);
  if (alias.extra) {
    const std::string& other = alias.extra->version;
    if (other == alias.version) {
      return std::unexpected(InvalidParameter("Invalid function version " + other +
                                              ". Function version " + other +
                                              " is already included in routing configuration."));
    }
    if (alias.version == "$LATEST") {
      return std::unexpected(InvalidParameter(
          "$LATEST is not supported for an alias pointing to more than 1 version"));
    }
    if (FindVersion(record, other) == nullptr) return missing(other);
  }
  if (alias.version == "$LATEST" && record.provisioned.contains(alias.name)) {
    return std::unexpected(InvalidParameter(
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."));
  }
  alias.revision_id = base::NewUuid();
  return alias;
}

// `current` with `alias` as the settings want it, which `made` then is.
Edited PutAlias(const RecordRef& current, Alias alias, const AliasSettings& settings,
                const Account& account, Alias& made) {
  auto applied = ApplySettings(std::move(alias), settings, account, *current);
  if (!applied) return std::unexpected(std::move(applied).error());
  made = *std::move(applied);
  FunctionRecord next = *current;
  next.aliases[made.name] = made;
  return std::make_shared<const FunctionRecord>(std::move(next));
}

// `done` with what the change has made by then.
template <typename T>
VersionsControl::Answer<void> AnswerWith(std::shared_ptr<T> made, VersionsControl::Answer<T> done) {
  return [made = std::move(made),
          done = std::move(done)](const std::expected<void, aws::ApiError>& changed) {
    if (!changed) return done(std::unexpected(changed.error()));
    done(*made);
  };
}

// The names of the aliases that stand for `version`, as Java shows a list.
std::string AliasesOf(const FunctionRecord& record, const std::string& version) {
  std::string out;
  for (const auto& [name, alias] : record.aliases) {
    if (alias.version == version || (alias.extra && alias.extra->version == version)) {
      out += (out.empty() ? "" : ", ") + name;
    }
  }
  return out;
}

}  // namespace

VersionsControl::VersionsControl(Registry& registry, Invoker& invoker, const base::Clock& clock,
                                 Account account, uint32_t concurrency)
    : registry_(registry),
      invoker_(invoker),
      clock_(clock),
      account_(std::move(account)),
      ledger_(registry, concurrency) {
  for (const FunctionRef& latest : registry_.List()) {
    const RecordRef record = registry_.Record(latest->name);
    // Snapshots do not outlive the process that made them.
    for (const auto& [number, version] : record->versions) {
      if (version->snap_start) Prepare(version);
    }
    Provision(latest->name, record.get());
    if (latest->reserved) invoker_.Reserve(latest->name, latest->reserved);
  }
}

aws::ApiError VersionsControl::NotFound(const FunctionName& name) const {
  return FunctionNotFound(account_, name);
}

void VersionsControl::Change(const FunctionName& name, Registry::Edit edit, Answer<void> done) {
  ChangeRecord(
      name.name,
      [missing = NotFound(name), edit = std::move(edit)](const RecordRef& current) -> Edited {
        if (current == nullptr) return std::unexpected(missing);
        return edit(current);
      },
      [done = std::move(done)](Edited result) {
        if (!result) return done(std::unexpected(std::move(result).error()));
        done({});
      });
}

void VersionsControl::ChangeRecord(const std::string& function, Registry::Edit edit,
                                   Registry::Done done) {
  auto is_claimed = std::make_shared<bool>(false);
  registry_.Change(
      function,
      [this, alive = std::weak_ptr<bool>(alive_), is_claimed,
       edit = std::move(edit)](const RecordRef& current) -> Edited {
        Edited next = edit(current);
        if (!next || *next == nullptr || *next == current || alive.expired()) return next;
        if (auto refusal = ledger_.Claim(current.get(), **next)) {
          return std::unexpected(std::move(*refusal));
        }
        *is_claimed = true;
        return next;
      },
      [this, alive = std::weak_ptr<bool>(alive_), is_claimed, function,
       done = std::move(done)](Edited result) {
        if (alive.expired()) return;
        if (*is_claimed) ledger_.Settle(function);
        if (result) Apply(function);
        done(std::move(result));
      });
}

void VersionsControl::Publish(const std::string& function, PublishSettings settings,
                              Answer<FunctionRef> done) {
  auto published = std::make_shared<FunctionRef>();
  Change(
      {.name = function, .qualifier = {}},
      [&registry = registry_, function, settings = std::move(settings),
       published](const RecordRef& current) -> Edited {
        if (auto refusal = CheckPublish(*current->latest, settings)) {
          return std::unexpected(std::move(*refusal));
        }
        FunctionRecord next = *current;
        *published = invoker::Publish(next, registry.LastVersion(function), settings.description);
        if (next.versions.size() == current->versions.size()) return current;
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      AnswerWith(published, std::move(done)));
}

void VersionsControl::WhenSettled(const std::string& function, const std::string& version,
                                  Answer<FunctionRef> done) {
  // Behind what changes the version now.
  registry_.Change(
      function, [](const RecordRef& current) -> Edited { return current; },
      [this, alive = std::weak_ptr<bool>(alive_), function, version,
       done = std::move(done)](const Edited& record) {
        if (alive.expired()) return;
        if (!record) return done(std::unexpected(record.error()));
        FunctionRef found = *record == nullptr ? nullptr : FindVersion(**record, version);
        if (found == nullptr) return done(std::unexpected(NotFound({function, version})));
        if (found->state != VersionState::kPending) return done(std::move(found));
        waiting_[found->revision_id].push_back(done);
      });
}

void VersionsControl::DeleteVersion(const std::string& function, const std::string& version,
                                    Answer<void> done) {
  Change(
      {.name = function, .qualifier = {}},
      [version](const RecordRef& current) -> Edited {
        if (version == "$LATEST") {
          return std::unexpected(
              InvalidParameter("$LATEST version cannot be deleted without deleting the function."));
        }
        const auto number = VersionNumber(version);
        if (!number && IsAliasName(version)) {
          return std::unexpected(
              InvalidParameter("Deletion of aliases is not currently supported."));
        }
        if (!number || !current->versions.contains(*number)) return current;
        if (const std::string aliases = AliasesOf(*current, version); !aliases.empty()) {
          return std::unexpected(
              Conflict("Unable to delete version because the following aliases reference it: [" +
                       aliases + "]"));
        }
        FunctionRecord next = *current;
        next.versions.erase(*number);
        next.provisioned.erase(version);
        next.event_invoke.erase(version);
        next.policies.erase(version);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

void VersionsControl::CreateAlias(const std::string& function, AliasSettings settings,
                                  Answer<Alias> done) {
  const FunctionName target{function, settings.version.value_or("")};
  settings.version = target.qualifier;
  auto made = std::make_shared<Alias>();
  Change(
      target,
      [account = account_, settings = std::move(settings), made,
       missing = NotFound(target)](const RecordRef& current) -> Edited {
        const std::string& name = settings.name;
        if (FindVersion(*current, *settings.version) == nullptr) return std::unexpected(missing);
        if (current->aliases.contains(name)) {
          return std::unexpected(Conflict("Alias already exists: " +
                                          FunctionArn(account, current->latest->name, name)));
        }
        return PutAlias(
            current,
            {.name = name, .version = {}, .description = {}, .extra = {}, .revision_id = {}},
            settings, account, *made);
      },
      AnswerWith(made, std::move(done)));
}

void VersionsControl::UpdateAlias(const std::string& function, AliasSettings settings,
                                  Answer<Alias> done) {
  auto made = std::make_shared<Alias>();
  Change(
      {.name = function, .qualifier = {}},
      [account = account_, settings = std::move(settings),
       made](const RecordRef& current) -> Edited {
        const auto found = current->aliases.find(settings.name);
        if (found == current->aliases.end()) {
          return std::unexpected(
              aws::ApiError{.status = 404,
                            .type = "ResourceNotFoundException",
                            .message = "Alias not found: " +
                                       FunctionArn(account, current->latest->name, settings.name)});
        }
        if (!settings.expected_revision_id.empty() &&
            settings.expected_revision_id != found->second.revision_id) {
          return std::unexpected(StaleRevision());
        }
        return PutAlias(current, found->second, settings, account, *made);
      },
      AnswerWith(made, std::move(done)));
}

void VersionsControl::DeleteAlias(const std::string& function, const std::string& alias,
                                  Answer<void> done) {
  Change(
      {.name = function, .qualifier = {}},
      [alias](const RecordRef& current) -> Edited {
        if (!current->aliases.contains(alias)) return current;
        FunctionRecord next = *current;
        next.aliases.erase(alias);
        next.provisioned.erase(alias);
        next.event_invoke.erase(alias);
        next.policies.erase(alias);
        next.urls.erase(alias);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      std::move(done));
}

void VersionsControl::Apply(const std::string& function) {
  const RecordRef record = registry_.Record(function);
  Provision(function, record.get());
  invoker_.Reserve(function, record == nullptr ? std::nullopt : record->latest->reserved);
  invoker_.Retire(function, record == nullptr ? std::set<std::string>() : LiveRevisions(*record));
  if (record == nullptr) return;
  for (const auto& [number, version] : record->versions) {
    if (version->state == VersionState::kPending) Prepare(version);
  }
}

void VersionsControl::Prepare(FunctionRef version) {
  if (!preparing_.insert(version->revision_id).second) return;
  invoker_.Prepare(version, [this, alive = std::weak_ptr<bool>(alive_),
                             version](const base::Result<void>& result) {
    if (alive.expired()) return;
    preparing_.erase(version->revision_id);
    OnPrepared(version, result);
  });
}

void VersionsControl::OnPrepared(const FunctionRef& version, const base::Result<void>& result) {
  if (!result) {
    HLOG_WARN("the snapshot of {}:{} could not be made: {}", version->name, version->version,
              result.error().ToString());
  }
  // A version that has served before goes on, if need be without a snapshot.
  if (version->state == VersionState::kActive) return;
  if (!result && result.error().kind == base::ErrorKind::kClosed) {
    // Not decided: it stays Pending, and is prepared when hearthd runs again; or it is gone.
    const RecordRef record = registry_.Record(version->name);
    const bool is_there = record != nullptr && FindVersion(*record, version->version) != nullptr;
    return Settle(*version,
                  std::unexpected(is_there ? ServiceError(result.error())
                                           : NotFound({version->name, version->version})));
  }
  const auto state = result ? VersionState::kActive : VersionState::kFailed;
  std::string reason = result ? "" : result.error().text;
  registry_.Change(
      version->name,
      [version, state, reason = std::move(reason)](const RecordRef& current) -> Edited {
        const auto number = VersionNumber(version->version);
        if (current == nullptr || !number) return current;
        const auto found = current->versions.find(*number);
        if (found == current->versions.end() ||
            found->second->revision_id != version->revision_id) {
          return current;
        }
        FunctionVersion settled = *found->second;
        settled.state = state;
        settled.state_reason = reason;
        FunctionRecord next = *current;
        next.versions[*number] = std::make_shared<const FunctionVersion>(std::move(settled));
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      [this, alive = std::weak_ptr<bool>(alive_), version](const Edited& stored) {
        if (!stored) {
          HLOG_ERROR("the state of {}:{} is not stored: {}", version->name, version->version,
                     stored.error().message);
        }
        if (alive.expired()) return;
        FunctionRef now =
            stored && *stored != nullptr ? FindVersion(**stored, version->version) : nullptr;
        if (now != nullptr) return Settle(*version, std::move(now));
        Settle(*version, std::unexpected(NotFound({version->name, version->version})));
      });
}

void VersionsControl::Settle(const FunctionVersion& version,
                             const std::expected<FunctionRef, aws::ApiError>& answer) {
  const auto node = waiting_.extract(version.revision_id);
  if (node.empty()) return;
  for (const auto& done : node.mapped()) done(answer);
}

}  // namespace hearth::invoker
