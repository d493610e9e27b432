// Alias: a name that stands for a published version, and perhaps for a second one to which a part
// of the calls goes.
//
// A value. Checks are pure and give AWS's own refusals. Source: Lambda API, shapes
// AliasConfiguration and AliasRoutingConfiguration; aws-facts 1.1.
#pragma once

#include <optional>
#include <string>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "invoker/function.h"

namespace hearth::invoker {

// Where the rest of an alias's calls goes.
struct ExtraVersion {
  std::string version;
  double weight = 0;  // Of all calls, 0 to 1.
  bool operator==(const ExtraVersion&) const = default;
};

struct Alias {
  std::string name;
  std::string version;  // "$LATEST", or a number.
  std::string description;
  std::optional<ExtraVersion> extra;
  std::string revision_id;  // UUID, new with every change.
  bool operator==(const Alias&) const = default;
};

// What CreateAlias and UpdateAlias ask for; what is absent stays as it is.
struct AliasSettings {
  std::string name;
  std::optional<std::string> version;
  std::optional<std::string> description;
  // Inner nullopt: all calls go to `version`.
  std::optional<std::optional<ExtraVersion>> extra;
  std::string expected_revision_id;  // Empty: any.
};

// The members of a request's body; RoutingConfig is checked as far as it goes by itself.
std::expected<AliasSettings, aws::ApiError> ReadAliasSettings(std::string name,
                                                              const base::Json& body);
// (?!^[0-9]+$)([a-zA-Z0-9-_]+), 1 to 128 characters.
bool IsAliasName(std::string_view text);

base::Json AliasJson(const Account& account, const std::string& function, const Alias& alias);

base::Json ToStored(const Alias& alias);
base::Result<Alias> AliasFromStored(const base::Json& stored);

}  // namespace hearth::invoker
