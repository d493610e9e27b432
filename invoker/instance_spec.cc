#include "invoker/instance_spec.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/id.h"
#include "base/limits.h"
#include "base/sys.h"
#include "invoker/endpoint.h"
#include "invoker/stem_cells.h"
#include "runtime/environment.h"

namespace hearth::invoker {
namespace {

// An init phase runs on a whole CPU at least, as on AWS: importing at 7 % of one would take
// seconds.
constexpr uint32_t kInitCpuPermille = 1000;

// What AWS's own managed runtimes begin with: "$@" is the interpreter and its bootstrap.
constexpr char kWrapperVariable[] = "AWS_LAMBDA_EXEC_WRAPPER";
constexpr char kRunWrapper[] =
    "if [ ! -f \"$AWS_LAMBDA_EXEC_WRAPPER\" ]; then\n"
    "  echo \"$AWS_LAMBDA_EXEC_WRAPPER: does not exist\"; exit 127\n"
    "elif [ ! -x \"$AWS_LAMBDA_EXEC_WRAPPER\" ]; then\n"
    "  echo \"$AWS_LAMBDA_EXEC_WRAPPER: is not an executable file\"; exit 126\n"
    "fi\n"
    "exec \"$AWS_LAMBDA_EXEC_WRAPPER\" \"$@\"";

// A wrapper executes the runtime itself, so that the channel's descriptors pass through it.
void RunUnderWrapper(sandbox::Spec& spec) {
  std::vector<std::string> argv = {"sh", "-c", kRunWrapper, "bootstrap", spec.executable};
  argv.insert(argv.end(), spec.argv.begin() + 1, spec.argv.end());
  spec.executable = "/bin/sh";
  spec.argv = std::move(argv);
}

}  // namespace

std::string LanguageFolder(runtime::Language language) {
  switch (language) {
    case runtime::Language::kPython:
      return "python";
    case runtime::Language::kNode:
      return "nodejs";
    case runtime::Language::kProvided:
      return {};
  }
  return {};
}

std::string RuntimeVersionText(const runtime::Runtime& runtime) {
  switch (runtime.language) {
    case runtime::Language::kPython:
      return "python:" + runtime.version;
    case runtime::Language::kNode:
      return "nodejs:" + runtime.version;
    case runtime::Language::kProvided:
      return {};
  }
  return {};
}

uint32_t CpuPermille(uint32_t memory_mib) {
  return std::max<uint32_t>(1, memory_mib * 1000 / limits::kMemoryMiBPerVcpu);
}

base::Result<sandbox::Spec> MakeSandboxSpec(const InvokerOptions& options,
                                            const FunctionVersion& function,
                                            const runtime::Runtime& runtime,
                                            const std::string& log_stream,
                                            const char* initialization_type) {
  sandbox::Spec spec;
  spec.name = function.name;
  spec.memory = base::Bytes::MiB(function.memory_mib);
  spec.cpu_permille = std::max(kInitCpuPermille, CpuPermille(function.memory_mib));
  spec.pids = limits::kPidsMax;
  spec.tmp = base::Bytes::MiB(function.tmp_mib);
  spec.tmp_inodes = limits::kTmpInodes;
  spec.mounts.push_back({TRY(options.code_folder(function.code_digest)), "/var/task"});
  if (!function.layers.empty()) {
    spec.mounts.push_back({TRY(options.layers_folder(LayerDigests(function))), kLayersTarget});
  }
  if (const auto folder = LanguageFolder(runtime.language); !folder.empty()) {
    spec.mounts.push_back({options.runtime_folder + "/" + folder, kRuntimeTarget});
  }
  spec.executable = runtime.executable;
  spec.argv = runtime.argv;
  const auto wrapper = function.environment.find(kWrapperVariable);
  const bool is_managed = runtime.language != runtime::Language::kProvided;
  if (is_managed && wrapper != function.environment.end() && !wrapper->second.empty()) {
    RunUnderWrapper(spec);
  }
  // Parts of an interpreter that starts as the function says may want to be extensions.
  if (runtime.transport == runtime::Transport::kRuntimeApi || NeedsOwnStart(function.environment)) {
    spec.listen_ports = {kRuntimeApiPort};
  }
  AddEndpoint(options, spec);
  runtime::EnvironmentInput environment;
  environment.customer = function.environment;
  environment.function_name = function.name;
  environment.function_version = function.version;
  environment.memory_mib = function.memory_mib;
  environment.handler = function.handler;
  environment.region = options.account.region;
  environment.log_group = LogGroupName(function);
  environment.log_stream = log_stream;
  if (function.logging.is_json) {
    environment.log_format = "JSON";
    environment.log_level = ToText(function.logging.application);
  }
  environment.initialization_type = initialization_type;
  environment.endpoint_url = EndpointUrl(options);
  // Of AWS's form, so that SDKs sign with them; while authorisation is off any credentials do.
  environment.access_key_id = "ASIA" + base::NewHexId(16);
  environment.secret_access_key = base::NewHexId(40);
  environment.session_token = base::NewHexId(64);
  spec.environment = runtime::BuildEnvironment(runtime, environment);
  return spec;
}

std::vector<std::string> ExternalExtensions(const sandbox::Spec& spec) {
  std::vector<std::string> out;
  const auto layers = std::ranges::find(spec.mounts, kLayersTarget, &sandbox::BindMount::target);
  if (layers == spec.mounts.end()) return out;
  // As AWS: whatever is no folder, so that what cannot be executed is told.
  std::error_code error;
  std::filesystem::directory_iterator at(layers->source + "/extensions", error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    if (!at->is_directory(error)) out.push_back(at->path().filename());
    // One more than the limit says it all.
    if (out.size() > limits::kMaxExtensions) break;
  }
  std::ranges::sort(out);
  return out;
}

bool ServesRuntimeApi(const sandbox::Spec& spec) {
  return std::ranges::find(spec.listen_ports, kRuntimeApiPort) != spec.listen_ports.end();
}

InitProgram RunUnderInit(sandbox::Spec& spec) {
  InitProgram program{std::exchange(spec.executable, sandbox::kInitProgram), spec.working_directory,
                      std::exchange(spec.argv, {"hearth-init"}),
                      std::exchange(spec.environment, {})};
  if (!ServesRuntimeApi(spec)) {
    spec.listen_ports.insert(spec.listen_ports.begin(), kRuntimeApiPort);
  }
  return program;
}

sandbox::ImageRules ChannelImageRules(base::Bytes memory) {
  // Gaps between pages and what files hold come on top.
  constexpr base::Bytes kSlack = base::Bytes::MiB(64);
  return {.waits_on = runtime::kEventsFd,
          .last_descriptor = runtime::kAnswersFd,
          .max_bytes = (memory + kSlack).count()};
}

base::Result<base::UniqueFd> MakeImageFile(const InvokerOptions& options) {
  base::UniqueFd file(
      ::open(options.image_folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR));
  if (!file.valid()) return base::SystemError("make an image in " + options.image_folder);
  return file;
}

sandbox::Spec MakeStemCellSpec(const InvokerOptions& options, const runtime::Runtime& runtime) {
  sandbox::Spec spec;
  spec.name = "stem-cell";
  // The least that any function has: what adopts it only raises this.
  spec.memory = base::Bytes::MiB(limits::kMinMemoryMiB);
  spec.cpu_permille = kInitCpuPermille;
  spec.pids = limits::kPidsMax;
  spec.tmp = base::Bytes::MiB(limits::kMinTmpMiB);
  spec.tmp_inodes = limits::kTmpInodes;
  spec.mounts.push_back(
      {options.runtime_folder + "/" + LanguageFolder(runtime.language), kRuntimeTarget});
  spec.executable = runtime.executable;
  spec.argv = runtime.argv;
  spec.environment = runtime::BuildEnvironment(runtime, {});
  spec.environment.push_back("HEARTH_STEM_CELL=1");
  AddEndpoint(options, spec);
  return spec;
}

}  // namespace hearth::invoker
