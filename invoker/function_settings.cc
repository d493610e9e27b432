#include "invoker/function_settings.h"

#include <algorithm>
#include <charconv>

#include "aws/arn.h"
#include "base/limits.h"
#include "invoker/function_name.h"
#include "runtime/environment.h"

namespace hearth::invoker {
namespace {

using Refusal = std::optional<aws::ApiError>;

bool IsAlnum(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+
bool IsRoleArn(std::string_view text) {
  if (!text.starts_with("arn:")) {
    return false;
  }
  const size_t partition_end = text.find(':', 4);
  if (partition_end == std::string_view::npos) {
    return false;
  }
  const std::string_view partition = text.substr(4, partition_end - 4);
  if (!partition.empty() && !partition.starts_with("aws")) {
    return false;
  }
  std::string_view rest = text.substr(partition_end + 1);
  if (!rest.starts_with("iam::") || rest.size() < 5 + 12 + 6) {
    return false;
  }
  const std::string_view id = rest.substr(5, 12);
  rest = rest.substr(17);
  return std::ranges::all_of(id, [](unsigned char c) { return c >= '0' && c <= '9'; }) &&
         rest.starts_with(":role") && rest.size() > 5 &&
         std::ranges::all_of(rest.substr(5), [](unsigned char c) {
           return IsAlnum(c) || std::string_view("_+=,.@-/").contains(static_cast<char>(c));
         });
}

Refusal CheckNames(const FunctionSettings& s) {
  if (s.name.empty() || !std::ranges::all_of(s.name, [](unsigned char c) {
        return IsAlnum(c) || c == '-' || c == '_';
      })) {
    return ValidationError(s.name, "functionName",
                           "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+");
  }
  if (s.name.size() > limits::kMaxFunctionName) {
    return ValidationError(s.name, "functionName",
                           "Member must have length less than or equal to 64");
  }
  if (!IsRoleArn(s.role)) {
    return ValidationError(s.role, "role",
                           "Member must satisfy regular expression pattern: "
                           "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+");
  }
  if (s.runtime.empty() || s.handler.empty()) {
    return InvalidParameter(
        "Runtime and Handler are mandatory parameters for functions created with deployment "
        "packages.");
  }
  if (s.handler.size() > limits::kMaxHandler) {
    return ValidationError(s.handler, "handler",
                           "Member must have length less than or equal to 128");
  }
  if (std::ranges::any_of(s.handler, [](unsigned char c) { return c <= ' '; })) {
    return ValidationError(s.handler, "handler",
                           "Member must satisfy regular expression pattern: [^\\s]+");
  }
  if (s.description.size() > 256) {
    return ValidationError(s.description, "description",
                           "Member must have length less than or equal to 256");
  }
  return std::nullopt;
}

Refusal CheckRange(int64_t value, std::string_view member, int64_t least, int64_t most) {
  if (value < least) {
    return ValidationError(
        std::to_string(value), member,
        "Member must have value greater than or equal to " + std::to_string(least));
  }
  if (value > most) {
    return ValidationError(std::to_string(value), member,
                           "Member must have value less than or equal to " + std::to_string(most));
  }
  return std::nullopt;
}

Refusal CheckSizes(const FunctionSettings& s) {
  if (auto refusal = CheckRange(s.timeout_s, "timeout", limits::kMinTimeout.count(),
                                limits::kMaxTimeout.count())) {
    return refusal;
  }
  // Below AWS's own maximum but above this account's, AWS answers with the other exception.
  constexpr int64_t kAwsMaxMemoryMiB = 10240;
  if (s.memory_mib > limits::kMaxMemoryMiB && s.memory_mib <= kAwsMaxMemoryMiB) {
    return InvalidParameter(
        "'MemorySize' value failed to satisfy constraint: Member must have value less than or "
        "equal to " +
        std::to_string(limits::kMaxMemoryMiB));
  }
  if (auto refusal =
          CheckRange(s.memory_mib, "memorySize", limits::kMinMemoryMiB, kAwsMaxMemoryMiB)) {
    return refusal;
  }
  if (s.reserved) {
    constexpr int64_t kMost = INT32_MAX;
    if (auto refusal = CheckRange(*s.reserved, "reservedConcurrentExecutions", 0, kMost)) {
      return refusal;
    }
  }
  return CheckRange(s.tmp_mib, "ephemeralStorage.size", limits::kMinTmpMiB, limits::kMaxTmpMiB);
}

Refusal CheckEnvironment(const FunctionSettings& s) {
  std::string reserved;
  for (const auto& [name, value] : s.environment) {
    if (runtime::IsReservedName(name)) {
      reserved += (reserved.empty() ? "" : ", ") + name;
      continue;
    }
    const bool named =
        name.size() >= 2 && IsAlnum(name[0]) && !(name[0] >= '0' && name[0] <= '9') &&
        std::ranges::all_of(name, [](unsigned char c) { return IsAlnum(c) || c == '_'; });
    if (!named) {
      return ValidationError("{" + name + "=...}", "environment.variables",
                             "Map keys must satisfy constraint: [Member must satisfy regular "
                             "expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]");
    }
    if (value.contains('\0')) {
      return InvalidParameter("The value of the environment variable " + name +
                              " holds a NUL character.");
    }
  }
  if (!reserved.empty()) {
    return InvalidParameter(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided contains reserved keys that are currently not supported for "
        "modification. Reserved keys used in this request: " +
        reserved);
  }
  const std::string measured = base::ToJsonText(base::Json(s.environment));
  if (!s.environment.empty() && measured.size() > limits::kMaxEnvironmentBytes) {
    return InvalidParameter(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided exceeded the 4KB limit. String measured: " +
        measured);
  }
  return std::nullopt;
}

Refusal CheckTags(const FunctionSettings& s) {
  if (s.tags.size() > 50) {
    return InvalidParameter("Number of tags exceeds resource tag limit.");
  }
  for (const auto& [key, value] : s.tags) {
    if (key.empty() || key.size() > 128 || value.size() > 256) {
      return InvalidParameter("The tag '" + key +
                              "' must have a key of 1 to 128 and a value of at most 256 bytes.");
    }
  }
  return std::nullopt;
}

Refusal CheckArchitectures(const FunctionSettings& s, runtime::Language language) {
  const auto& list = s.architectures;
  if (list.size() != 1 || (list[0] != "x86_64" && list[0] != "arm64")) {
    std::string shown;
    for (const auto& one : list) {
      shown += (shown.empty() ? "" : ", ") + one;
    }
    return ValidationError("[" + shown + "]", "architectures",
                           "Member must satisfy constraint: [Member must satisfy enum value set: "
                           "[x86_64, arm64], Member must not be null]");
  }
  if (list[0] == "arm64" && language == runtime::Language::kProvided) {
    return InvalidParameter(
        "Hearth cannot run arm64 programs of a provided runtime on this machine; use x86_64.");
  }
  return std::nullopt;
}

aws::ApiError UnknownRuntime(const std::string& name) {
  const auto& known = runtime::Catalog::KnownNames();
  if (std::ranges::find(known, name) != known.end()) {
    return InvalidParameter("Hearth does not serve the runtime " + name +
                            " on this machine; it serves python3.x and nodejs*.x where their "
                            "interpreters are installed, provided.al2 and provided.al2023.");
  }
  std::string list;
  for (const auto& one : known) {
    list += (list.empty() ? "" : ", ") + one;
  }
  return InvalidParameter("Value " + name +
                          " at 'runtime' failed to satisfy constraint: Member must satisfy enum "
                          "value set: [" +
                          list + "] or be a valid ARN");
}

// AWS: Python 3.12 and later (and what does not run here). Source: developer guide, "Improving
// startup performance with Lambda SnapStart".
Refusal CheckSnapStart(const FunctionSettings& s) {
  if (!s.snap_start) return std::nullopt;
  constexpr std::string_view kPython = "python3.";
  int minor = 0;
  if (s.runtime.starts_with(kPython)) {
    std::from_chars(s.runtime.data() + kPython.size(), s.runtime.data() + s.runtime.size(), minor);
  }
  if (minor < 12) {
    return InvalidParameter(s.runtime + " is not supported for SnapStart enabled functions.");
  }
  if (s.tmp_mib > limits::kMinTmpMiB) {
    return InvalidParameter(
        "Ephemeral storage greater than 512 MB is not supported for SnapStart enabled functions.");
  }
  return std::nullopt;
}

Refusal CheckDeadLetter(const FunctionSettings& s) {
  if (s.dead_letter_arn.empty()) return std::nullopt;
  if (!s.dead_letter_arn.starts_with("arn:")) {
    return InvalidParameter("Invalid dead letter queue ARN: ARNs must start with 'arn:'");
  }
  const auto arn = aws::ParseArn(s.dead_letter_arn);
  const std::string service = arn ? arn->service : std::string();
  if (service == "sqs" && !arn->resource.ends_with(".fifo")) return std::nullopt;
  if (service == "sqs") {
    return InvalidParameter("Invalid dead letter queue ARN: " + s.dead_letter_arn +
                            " is a FIFO queue; events go to standard queues");
  }
  if (service == "sns") {
    return InvalidParameter("Hearth does not serve sns as a dead-letter target yet: " +
                            s.dead_letter_arn);
  }
  return InvalidParameter("Invalid dead letter queue ARN: " + s.dead_letter_arn +
                          " names neither an SQS queue nor an SNS topic");
}

std::vector<std::string> ArnsOf(const std::vector<UsedLayer>& layers) {
  std::vector<std::string> out;
  for (const UsedLayer& layer : layers) out.push_back(layer.arn);
  return out;
}

}  // namespace

std::expected<CheckedSettings, aws::ApiError> CheckSettings(const FunctionSettings& settings,
                                                            const runtime::Catalog& catalog,
                                                            MemoryStep memory_step) {
  for (auto* check : {&CheckNames, &CheckSizes, &CheckEnvironment, &CheckTags}) {
    if (auto refusal = check(settings)) {
      return std::unexpected(std::move(*refusal));
    }
  }
  const auto runtime = catalog.Find(settings.runtime);
  if (!runtime) {
    return std::unexpected(UnknownRuntime(settings.runtime));
  }
  if (auto refusal = CheckArchitectures(settings, runtime->language)) {
    return std::unexpected(std::move(*refusal));
  }
  for (auto* check : {&CheckSnapStart, &CheckDeadLetter}) {
    if (auto refusal = check(settings)) return std::unexpected(std::move(*refusal));
  }
  CheckedSettings out;
  const int64_t step = limits::kMemoryStepMiB;
  const int64_t rounded = (settings.memory_mib + step - 1) / step * step;
  if (rounded != settings.memory_mib) {
    const std::string asked = std::to_string(settings.memory_mib);
    if (memory_step == MemoryStep::kReject) {
      return std::unexpected(InvalidParameter("'MemorySize' value " + asked +
                                              " failed to satisfy constraint: Member must be a "
                                              "multiple of " +
                                              std::to_string(step)));
    }
    out.notices.push_back("memory " + asked + " MB rounded up to " + std::to_string(rounded) +
                          " MB");
  }
  if (!runtime->notice.empty()) {
    out.notices.push_back(runtime->notice);
  }
  if (settings.architectures[0] == "arm64") {
    out.notices.push_back("architecture arm64 runs on this machine's x86_64 interpreter");
  }
  out.function = {.name = settings.name,
                  .runtime = settings.runtime,
                  .handler = settings.handler,
                  .role = settings.role,
                  .description = settings.description,
                  .timeout = std::chrono::seconds(settings.timeout_s),
                  .memory_mib = static_cast<uint32_t>(rounded),
                  .tmp_mib = static_cast<uint32_t>(settings.tmp_mib),
                  .environment = settings.environment,
                  .architecture = settings.architectures[0],
                  .layers = {},
                  .snap_start = settings.snap_start,
                  .dead_letter_arn = settings.dead_letter_arn,
                  .logging = settings.logging,
                  .code_digest = {},
                  .code_sha256 = {},
                  .revision_id = {},
                  .last_modified = {},
                  .tags = settings.tags,
                  .allows_loops = settings.allows_loops,
                  .reserved = settings.reserved,
                  .state_reason = {},
                  .update_runtime_on = settings.update_runtime_on,
                  .runtime_version_arn = settings.runtime_version_arn,
                  .latest_description = {}};
  return out;
}

FunctionSettings SettingsOf(const FunctionVersion& function) {
  return {.name = function.name,
          .runtime = function.runtime,
          .handler = function.handler,
          .role = function.role,
          .description = function.description,
          .timeout_s = function.timeout.count(),
          .memory_mib = function.memory_mib,
          .tmp_mib = function.tmp_mib,
          .environment = function.environment,
          .architectures = {function.architecture},
          .layers = ArnsOf(function.layers),
          .known_layers = function.layers,
          .tags = function.tags,
          .reserved = function.reserved,
          .logging = function.logging,
          .snap_start = function.snap_start,
          .dead_letter_arn = function.dead_letter_arn,
          .allows_loops = function.allows_loops,
          .update_runtime_on = function.update_runtime_on,
          .runtime_version_arn = function.runtime_version_arn};
}

}  // namespace hearth::invoker
