// A function's settings become what the sandbox floor understands.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "invoker/function.h"
#include "invoker/init_control.h"
#include "invoker/invoker.h"
#include "runtime/catalog.h"
#include "runtime/session.h"
#include "sandbox/image.h"
#include "sandbox/spec.h"

namespace hearth::invoker {

// Where the bootstraps are, inside a sandbox.
constexpr char kRuntimeTarget[] = "/var/runtime";
// Where a function finds its layers.
constexpr char kLayersTarget[] = "/opt";

// The port of the Runtime API inside a sandbox.
constexpr uint16_t kRuntimeApiPort = 9001;

// The folder of a language's bootstrap below InvokerOptions::runtime_folder; empty for provided.
std::string LanguageFolder(runtime::Language language);
// Thousandths of a CPU: one at 1,769 MB, in proportion.
uint32_t CpuPermille(uint32_t memory_mib);

// "python:3.11.2"; a provided runtime has no version of ours.
std::string RuntimeVersionText(const runtime::Runtime& runtime);

// AWS_LAMBDA_INITIALIZATION_TYPE.
constexpr char kOnDemand[] = "on-demand";
constexpr char kSnapStart[] = "snap-start";
constexpr char kProvisioned[] = "provisioned-concurrency";

// Fails where the folder of the code or of the layers is gone. `log_stream` names what this
// instance writes.
base::Result<sandbox::Spec> MakeSandboxSpec(const InvokerOptions& options,
                                            const FunctionVersion& function,
                                            const runtime::Runtime& runtime,
                                            const std::string& log_stream,
                                            const char* initialization_type);
// The names of the programs in extensions/ of the layers that `spec` mounts.
std::vector<std::string> ExternalExtensions(const sandbox::Spec& spec);
// Whether the host listens for the Runtime API and its like.
bool ServesRuntimeApi(const sandbox::Spec& spec);
// Makes hearth-init the first process, and returns what was.
InitProgram RunUnderInit(sandbox::Spec& spec);
// What an image of a process behind our channel may hold, whose memory limit is `memory`.
sandbox::ImageRules ChannelImageRules(base::Bytes memory);
// An empty file for an image, without a name.
base::Result<base::UniqueFd> MakeImageFile(const InvokerOptions& options);
// Of a sandbox that waits for code (invoker/stem_cells.h).
sandbox::Spec MakeStemCellSpec(const InvokerOptions& options, const runtime::Runtime& runtime);

}  // namespace hearth::invoker
