#include "invoker/function_json.h"

#include "base/digest.h"

namespace hearth::invoker {
namespace {

void AddState(const FunctionVersion& function, base::Json& out) {
  switch (function.state) {
    case VersionState::kActive:
      out["State"] = "Active";
      out["LastUpdateStatus"] = "Successful";
      return;
    case VersionState::kPending:
      out["State"] = "Pending";
      out["StateReason"] = "The function is being created.";
      out["StateReasonCode"] = "Creating";
      return;
    case VersionState::kFailed:
      out["State"] = "Failed";
      out["StateReason"] = function.state_reason;
      out["StateReasonCode"] = "FunctionError";
      return;
  }
}

}  // namespace

std::string RuntimeVersionArn(const Account& account, const std::string& runtime) {
  return "arn:aws:lambda:" + account.region + "::runtime:" + base::ToHex(base::Sha256Of(runtime));
}

base::Json FunctionConfigurationJson(const Account& account, const FunctionVersion& function) {
  base::Json out{
      {"FunctionName", function.name},
      {"FunctionArn",
       FunctionArn(account, function.name, function.is_published() ? function.version : "")},
      {"Runtime", function.runtime},
      {"Role", function.role},
      {"Handler", function.handler},
      {"CodeSize", function.code_size},
      {"Description", function.description},
      {"Timeout", function.timeout.count()},
      {"MemorySize", function.memory_mib},
      {"LastModified", function.last_modified},
      {"CodeSha256", function.code_sha256},
      {"Version", function.version},
      {"TracingConfig", {{"Mode", "PassThrough"}}},
      {"RevisionId", ShownRevision(function)},
      {"PackageType", "Zip"},
      {"Architectures", base::Json::array({function.architecture})},
      {"EphemeralStorage", {{"Size", function.tmp_mib}}},
      {"SnapStart",
       {{"ApplyOn", function.snap_start ? "PublishedVersions" : "None"},
        {"OptimizationStatus", function.snap_start && function.is_published() ? "On" : "Off"}}},
      {"RuntimeVersionConfig",
       {{"RuntimeVersionArn", RuntimeVersionArn(account, function.runtime)}}},
      {"LoggingConfig", LoggingConfigJson(function.logging, LogGroupName(function))}};
  AddState(function, out);
  for (const UsedLayer& layer : function.layers) {
    out["Layers"].push_back({{"Arn", layer.arn}, {"CodeSize", layer.code_size}});
  }
  if (!function.dead_letter_arn.empty()) {
    out["DeadLetterConfig"] = {{"TargetArn", function.dead_letter_arn}};
  }
  if (!function.environment.empty()) {
    out["Environment"] = {{"Variables", function.environment}};
  }
  return out;
}

base::Json ListedConfigurationJson(const Account& account, const FunctionVersion& function) {
  base::Json out = FunctionConfigurationJson(account, function);
  out["FunctionArn"] = FunctionArn(account, function.name, function.version);
  for (const char* member :
       {"State", "StateReason", "StateReasonCode", "LastUpdateStatus", "RuntimeVersionConfig"}) {
    out.erase(member);
  }
  return out;
}

}  // namespace hearth::invoker
