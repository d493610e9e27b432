#include "invoker/versions.h"

#include <charconv>
#include <cmath>

#include "base/id.h"

namespace hearth::invoker {
namespace {

// What makes two versions the same: all but what tells one from the other.
base::Json Content(FunctionVersion function) {
  function.version.clear();
  function.description.clear();
  function.revision_id.clear();
  function.shown_revision.clear();
  function.update_runtime_on.clear();
  function.runtime_version_arn.clear();
  function.last_modified.clear();
  CopyFunctionsOwn({}, function);
  function.state = VersionState::kActive;
  function.state_reason.clear();
  function.latest_description.clear();
  return ToStored(function);
}

}  // namespace

std::optional<uint64_t> VersionNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.starts_with('0')) {
    return std::nullopt;
  }
  return number;
}

FunctionRef FindVersion(const FunctionRecord& record, std::string_view version) {
  if (version == "$LATEST") return record.latest;
  const auto number = VersionNumber(version);
  if (!number) return nullptr;
  const auto found = record.versions.find(*number);
  return found == record.versions.end() ? nullptr : found->second;
}

void ReplaceVersion(FunctionRecord& record, FunctionRef next) {
  if (const auto number = VersionNumber(next->version)) {
    record.versions[*number] = std::move(next);
  } else {
    record.latest = std::move(next);
  }
}

FunctionRef Resolve(const FunctionRecord& record, std::string_view qualifier, double (*choose)()) {
  if (qualifier.empty()) return record.latest;
  const auto alias = record.aliases.find(std::string(qualifier));
  if (alias == record.aliases.end()) return FindVersion(record, qualifier);
  const auto& extra = alias->second.extra;
  if (extra && choose() < extra->weight) return FindVersion(record, extra->version);
  return FindVersion(record, alias->second.version);
}

FunctionRef ResolveForReading(const FunctionRecord& record, std::string_view qualifier) {
  return Resolve(record, qualifier, [] { return 1.0; });
}

bool IsSameContent(const FunctionVersion& latest, const FunctionVersion& published) {
  return latest.description == published.latest_description &&
         Content(latest) == Content(published);
}

FunctionVersion MakeVersion(const FunctionVersion& latest, uint64_t number,
                            const std::optional<std::string>& description) {
  FunctionVersion out = latest;
  out.version = std::to_string(number);
  out.latest_description = latest.description;
  if (description) out.description = *description;
  out.revision_id = base::NewUuid();
  out.shown_revision.clear();
  CopyFunctionsOwn({}, out);
  out.state = latest.snap_start ? VersionState::kPending : VersionState::kActive;
  return out;
}

FunctionRef Publish(FunctionRecord& record, uint64_t last_version,
                    const std::optional<std::string>& description) {
  const auto last = record.versions.find(last_version);
  if (last != record.versions.end() && IsSameContent(*record.latest, *last->second)) {
    return last->second;
  }
  const uint64_t number = last_version + 1;
  auto version =
      std::make_shared<const FunctionVersion>(MakeVersion(*record.latest, number, description));
  record.versions[number] = version;
  return version;
}

std::set<std::string> LiveRevisions(const FunctionRecord& record) {
  std::set<std::string> out{record.latest->revision_id};
  for (const auto& [number, version] : record.versions) out.insert(version->revision_id);
  return out;
}

std::map<uint64_t, uint32_t> ProvisionedByVersion(const FunctionRecord& record) {
  std::map<uint64_t, uint32_t> out;
  const auto add = [&out](const std::string& version, uint32_t count) {
    if (const auto number = VersionNumber(version); number && count > 0) out[*number] += count;
  };
  for (const auto& [qualifier, config] : record.provisioned) {
    const auto alias = record.aliases.find(qualifier);
    if (alias == record.aliases.end()) {
      add(qualifier, config.requested);
      continue;
    }
    uint32_t elsewhere = 0;
    if (const auto& extra = alias->second.extra) {
      elsewhere = static_cast<uint32_t>(std::lround(config.requested * extra->weight));
      add(extra->version, elsewhere);
    }
    add(alias->second.version, config.requested - elsewhere);
  }
  return out;
}

std::optional<aws::ApiError> CheckInvocable(const FunctionVersion& function) {
  switch (function.state) {
    case VersionState::kActive:
      return std::nullopt;
    case VersionState::kPending:
      return aws::ApiError{.status = 409,
                           .type = "SnapStartNotReadyException",
                           .message =
                               "Lambda is initializing your function. It will be ready to "
                               "invoke once your function state becomes ACTIVE."};
    case VersionState::kFailed:
      return aws::ApiError{.status = 409,
                           .type = "ResourceConflictException",
                           .message =
                               "The operation cannot be performed at this time. The function "
                               "is currently in the following state: Failed"};
  }
  return std::nullopt;
}

}  // namespace hearth::invoker
