// FunctionVersion: the configuration and code of one function at one version. A value.
//
// Source: Lambda API 2015-03-31, shape FunctionConfiguration; aws-facts 1.1.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "invoker/log_settings.h"

namespace hearth::invoker {

// A layer version as a function uses it. The function goes on using it when the layer version is
// deleted, so all that a start needs is here.
struct UsedLayer {
  std::string arn;
  std::string code_digest;  // layers::CodeStore's key.
  uint64_t code_size = 0;   // Bytes of the zip.
  bool operator==(const UsedLayer&) const = default;
};

enum class VersionState { kActive, kPending, kFailed };

struct FunctionVersion {
  std::string name;
  std::string version = "$LATEST";  // Or the number of a published version.
  std::string runtime;              // As asked for: "python3.12"
  std::string handler;
  std::string role;
  std::string description;
  std::chrono::seconds timeout{3};
  uint32_t memory_mib = 128;  // Already rounded to a step.
  uint32_t tmp_mib = 512;
  std::map<std::string, std::string> environment;
  std::string architecture = "x86_64";
  std::vector<UsedLayer> layers;  // Found in /opt; a later one lies over those before it.
  bool snap_start = false;        // Published versions start from a snapshot.
  std::string dead_letter_arn;    // Of a queue: where events go that are given up; empty: nowhere.
  LogSettings logging;

  std::string code_digest;  // Hex SHA-256 of the zip: layers::CodeStore's key.
  std::string code_sha256;  // Base64 of the same: what the API shows.
  uint64_t code_size = 0;   // Bytes of the zip.

  std::string revision_id;  // UUID, new with every change that an instance would see.
  // The same after any other change (tags, a policy), where there was one since: what is shown.
  std::string shown_revision;
  std::string last_modified;  // base::FormatLambdaTime

  // The function's own, whatever the version; empty in published ones.
  std::map<std::string, std::string> tags;
  bool allows_loops = false;         // RecursiveLoop: Allow
  std::optional<uint32_t> reserved;  // So many calls at once; none: it shares the account's.

  // Of a published version with snap_start: whether its snapshot is made, and why not.
  VersionState state = VersionState::kActive;
  std::string state_reason;
  std::string update_runtime_on = "Auto";  // Kept and shown; there is one version of each runtime.
  std::string runtime_version_arn;         // Where update_runtime_on is "Manual".

  // Of a published version: $LATEST's description when it was published.
  std::string latest_description;

  bool is_published() const { return version != "$LATEST"; }
};

// Immutable once made: an update makes a new one, so running calls keep what they started with.
using FunctionRef = std::shared_ptr<const FunctionVersion>;

struct Account {
  std::string region = "us-east-1";
  std::string id = "000000000000";
};

// "arn:aws:lambda:us-east-1:000000000000:function:Name" (+ ":" + qualifier where given)
std::string FunctionArn(const Account& account, const std::string& name,
                        const std::string& qualifier = {});
// "/aws/lambda/Name", or what its settings name.
std::string LogGroupName(const FunctionVersion& function);

// Gives `to` what is the function's own in `from`, whatever the version.
void CopyFunctionsOwn(const FunctionVersion& from, FunctionVersion& to);

// RevisionId as the API shows and expects it.
inline const std::string& ShownRevision(const FunctionVersion& function) {
  return function.shown_revision.empty() ? function.revision_id : function.shown_revision;
}

// Of the layers, in their order.
std::vector<std::string> LayerDigests(const FunctionVersion& function);

// The stored form (store) and back. FromStored of what ToStored gave never fails.
base::Json ToStored(const FunctionVersion& function);
base::Result<FunctionVersion> FromStored(const base::Json& stored);
base::Json ToStored(const std::vector<UsedLayer>& layers);
// Throws as nlohmann does.
std::vector<UsedLayer> LayersFromStored(const base::Json& stored);

}  // namespace hearth::invoker
