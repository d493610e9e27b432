#include "runtime/environment.h"

#include <algorithm>
#include <array>

namespace hearth::runtime {
namespace {

// Lambda developer guide, "Defined runtime environment variables": reserved.
constexpr std::array<std::string_view, 18> kReserved = {"_HANDLER",
                                                        "_X_AMZN_TRACE_ID",
                                                        "AWS_DEFAULT_REGION",
                                                        "AWS_REGION",
                                                        "AWS_EXECUTION_ENV",
                                                        "AWS_LAMBDA_FUNCTION_NAME",
                                                        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                                        "AWS_LAMBDA_FUNCTION_VERSION",
                                                        "AWS_LAMBDA_INITIALIZATION_TYPE",
                                                        "AWS_LAMBDA_LOG_GROUP_NAME",
                                                        "AWS_LAMBDA_LOG_STREAM_NAME",
                                                        "AWS_ACCESS_KEY",
                                                        "AWS_ACCESS_KEY_ID",
                                                        "AWS_SECRET_ACCESS_KEY",
                                                        "AWS_SESSION_TOKEN",
                                                        "AWS_LAMBDA_RUNTIME_API",
                                                        "LAMBDA_TASK_ROOT",
                                                        "LAMBDA_RUNTIME_DIR"};

// "22" of "nodejs22.x". A layer names the version that its function asks for, whichever runs it.
std::string AskedNodeMajor(std::string_view name) {
  constexpr std::string_view kNode = "nodejs";
  if (!name.starts_with(kNode)) return {};
  return std::string(name.substr(kNode.size(), name.find('.') - kNode.size()));
}

std::string LayerModules(const std::string& major) {
  return "/opt/nodejs/node" + major + "/node_modules";
}

// What a runtime finds before the customer says anything.
void AddDefaults(std::map<std::string, std::string>& all, const Runtime& runtime) {
  all["PATH"] = "/usr/local/bin:/usr/bin:/bin:/opt/bin";
  all["LD_LIBRARY_PATH"] = "/var/task:/var/task/lib:/opt/lib";
  all["LANG"] = runtime.language == Language::kPython ? "C.UTF-8" : "en_US.UTF-8";
  all["HOME"] = "/tmp";
  if (runtime.language == Language::kNode) {
    const std::string major = runtime.version.substr(0, runtime.version.find('.'));
    const std::string asked = AskedNodeMajor(runtime.name);
    all["NODE_PATH"] = (asked.empty() || asked == major ? "" : LayerModules(asked) + ":") +
                       LayerModules(major) +
                       ":/opt/nodejs/node_modules:/var/runtime/node_modules:"
                       "/var/runtime:/var/task:/usr/share/nodejs:/usr/lib/node_modules";
  }
}

}  // namespace

bool IsReservedName(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

std::vector<std::string> BuildEnvironment(const Runtime& runtime, const EnvironmentInput& input) {
  std::map<std::string, std::string> all;
  AddDefaults(all, runtime);
  for (const auto& [name, value] : input.customer) all[name] = value;
  all["AWS_XRAY_DAEMON_ADDRESS"] = "127.0.0.1:2000";
  all["AWS_XRAY_CONTEXT_MISSING"] = "LOG_ERROR";
  all["AWS_ACCESS_KEY_ID"] = input.access_key_id;
  all["AWS_SECRET_ACCESS_KEY"] = input.secret_access_key;
  all["AWS_SESSION_TOKEN"] = input.session_token;
  all["_HANDLER"] = input.handler;
  all["AWS_EXECUTION_ENV"] = runtime.execution_env;
  all["AWS_LAMBDA_LOG_GROUP_NAME"] = input.log_group;
  all["AWS_LAMBDA_LOG_STREAM_NAME"] = input.log_stream;
  if (!input.log_format.empty()) {
    all["AWS_LAMBDA_LOG_FORMAT"] = input.log_format;
    all["AWS_LAMBDA_LOG_LEVEL"] = input.log_level;
  }
  all["LAMBDA_TASK_ROOT"] = "/var/task";
  all["LAMBDA_RUNTIME_DIR"] = "/var/runtime";
  all["AWS_REGION"] = input.region;
  all["AWS_DEFAULT_REGION"] = input.region;
  all["AWS_LAMBDA_FUNCTION_NAME"] = input.function_name;
  all["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = std::to_string(input.memory_mib);
  all["AWS_LAMBDA_FUNCTION_VERSION"] = input.function_version;
  all["AWS_LAMBDA_INITIALIZATION_TYPE"] = input.initialization_type;
  all["AWS_LAMBDA_RUNTIME_API"] = input.runtime_api;
  all["TZ"] = ":UTC";
  // A customer who names an endpoint of their own keeps it.
  if (!input.endpoint_url.empty()) all.emplace("AWS_ENDPOINT_URL", input.endpoint_url);
  // AWS does not set _HANDLER for a custom runtime without one; an empty name helps nobody.
  if (input.handler.empty()) all.erase("_HANDLER");
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

}  // namespace hearth::runtime
