#include "invoker/function_json.h"

#include "base/digest.h"

namespace hearth::invoker {

base::Json FunctionConfigurationJson(const Account& account, const FunctionVersion& function) {
  // AWS names the runtime's build by a digest; ours stands for the name that was asked for.
  const std::string runtime_version = "arn:aws:lambda:" + account.region +
                                      "::runtime:" + base::ToHex(base::Sha256Of(function.runtime));
  base::Json out{{"FunctionName", function.name},
                 {"FunctionArn", FunctionArn(account, function.name)},
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
                 {"RevisionId", function.revision_id},
                 {"State", "Active"},
                 {"LastUpdateStatus", "Successful"},
                 {"PackageType", "Zip"},
                 {"Architectures", base::Json::array({function.architecture})},
                 {"EphemeralStorage", {{"Size", function.tmp_mib}}},
                 {"SnapStart", {{"ApplyOn", "None"}, {"OptimizationStatus", "Off"}}},
                 {"RuntimeVersionConfig", {{"RuntimeVersionArn", runtime_version}}},
                 {"LoggingConfig", {{"LogFormat", "Text"}, {"LogGroup", LogGroupName(function)}}}};
  if (!function.environment.empty()) {
    out["Environment"] = {{"Variables", function.environment}};
  }
  return out;
}

}  // namespace hearth::invoker
