// FunctionRecord: all that goes by one function's name: what is edited ($LATEST), what has been
// published, and the names and pools that point there.
//
// Values and pure rules; registry.h keeps records, versions_control.h changes them. Source:
// developer guide, "Manage Lambda function versions", "Create an alias"; aws-facts 1.1.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "invoker/aliases.h"
#include "invoker/event_invoke.h"
#include "invoker/function.h"
#include "invoker/function_url.h"
#include "invoker/resource_policy.h"

namespace hearth::invoker {

// How many instances of a version, or of what an alias stands for, are kept ready.
struct ProvisionedConcurrency {
  uint32_t requested = 0;
  std::string last_modified;  // base::FormatLambdaTime
  bool operator==(const ProvisionedConcurrency&) const = default;
};

struct FunctionRecord {
  FunctionRef latest;
  std::map<uint64_t, FunctionRef> versions;  // By number. Their content never changes.
  std::map<std::string, Alias> aliases;
  std::map<std::string, ProvisionedConcurrency> provisioned;  // By qualifier.
  std::map<std::string, EventInvokeConfig> event_invoke;      // The same; "$LATEST" too.
  std::map<std::string, PolicyStatements> policies;           // The same; "": the function's own.
  std::map<std::string, FunctionUrl> urls;                    // By alias, or "$LATEST".
};

// Immutable once made: a change makes a new one. nullptr: there is no such function.
using RecordRef = std::shared_ptr<const FunctionRecord>;

// Nothing where `text` is no version's number as it is written.
std::optional<uint64_t> VersionNumber(std::string_view text);
// "$LATEST" or a number; nullptr where there is none.
FunctionRef FindVersion(const FunctionRecord& record, std::string_view version);
// `next` takes the place of the version with its number, or of $LATEST.
void ReplaceVersion(FunctionRecord& record, FunctionRef next);
// The version that `qualifier` means (empty: $LATEST); nullptr where it names none. Where an alias
// stands for two, `choose` gives the number in [0, 1) that decides.
FunctionRef Resolve(const FunctionRecord& record, std::string_view qualifier, double (*choose)());
// The same for reading: an alias's own version, whatever its weights.
FunctionRef ResolveForReading(const FunctionRecord& record, std::string_view qualifier);

// Whether publishing `latest` again would make what `published` is already.
bool IsSameContent(const FunctionVersion& latest, const FunctionVersion& published);
// `latest`, published under `number`. No description given: that of `latest`.
FunctionVersion MakeVersion(const FunctionVersion& latest, uint64_t number,
                            const std::optional<std::string>& description);
// Publishes $LATEST under the number after `last_version`, the last one given; where nothing has
// changed since that, it is the result and nothing is made.
FunctionRef Publish(FunctionRecord& record, uint64_t last_version,
                    const std::optional<std::string>& description);
// Of all that can still be called.
std::set<std::string> LiveRevisions(const FunctionRecord& record);
// How many instances each version must keep ready, by number; versions without any are left out.
std::map<uint64_t, uint32_t> ProvisionedByVersion(const FunctionRecord& record);

// Why the version cannot be called yet, or ever.
std::optional<aws::ApiError> CheckInvocable(const FunctionVersion& function);

}  // namespace hearth::invoker
