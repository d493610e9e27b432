// Function settings: what users may ask of a function, read from API members and checked with AWS's
// own refusals. Pure: no state, no clock. Source: Lambda API shapes CreateFunctionRequest and
// UpdateFunctionConfigurationRequest; error texts as recorded on AWS (aws-facts 1.1).
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "invoker/function.h"
#include "runtime/catalog.h"

namespace hearth::invoker {

// What a size between two steps of limits::kMemoryStepMiB becomes.
enum class MemoryStep { kRoundUp, kReject };

// What a control-plane call takes: shared by the wire API and by stacks/ (templates), so that both
// validate alike. Every string is as the user gave it.
struct FunctionSettings {
  std::string name, runtime, handler, role, description;
  int64_t timeout_s = 3;
  int64_t memory_mib = 128;
  int64_t tmp_mib = 512;
  std::map<std::string, std::string> environment;
  std::vector<std::string> architectures{"x86_64"};
  std::vector<std::string> layers;  // ARNs of layer versions.
  // What the function has used before: found though its layer version is deleted since.
  std::vector<UsedLayer> known_layers;
  std::map<std::string, std::string> tags;
  std::optional<int64_t> reserved;  // ReservedConcurrentExecutions
  LogSettings logging;
  bool snap_start = false;                 // SnapStart.ApplyOn: PublishedVersions
  std::string dead_letter_arn;             // DeadLetterConfig.TargetArn
  bool allows_loops = false;               // RecursiveLoop: Allow
  std::string update_runtime_on = "Auto";  // RuntimeManagementConfig
  std::string runtime_version_arn;         // Where update_runtime_on is "Manual".
};

// The checked configuration, without code and layers, and what the user should know about it.
struct CheckedSettings {
  FunctionVersion function;
  std::vector<std::string> notices;
};

enum class SettingsMembers {
  kCreate,  // CreateFunction's: FunctionName, Code, Tags, Architectures, ... too.
  kUpdate,  // UpdateFunctionConfiguration's.
};

std::expected<CheckedSettings, aws::ApiError> CheckSettings(const FunctionSettings& settings,
                                                            const runtime::Catalog& catalog,
                                                            MemoryStep memory_step);

// `base` with what `members` names changed. A member of the wrong type is a SerializationException;
// one that is not served, or not known, is refused by name, never ignored.
std::expected<FunctionSettings, aws::ApiError> ApplyMembers(FunctionSettings base,
                                                            const base::Json& members,
                                                            SettingsMembers allowed);

// What `function` was made from.
FunctionSettings SettingsOf(const FunctionVersion& function);

}  // namespace hearth::invoker
