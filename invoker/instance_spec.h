// A function's settings become what the sandbox floor understands.
#pragma once

#include <string>

#include "base/result.h"
#include "invoker/function.h"
#include "invoker/invoker.h"
#include "runtime/catalog.h"
#include "sandbox/spec.h"

namespace hearth::invoker {

// The descriptor of the channel inside a sandbox (runtime/channel.h), and the port of its Runtime
// API.
constexpr int kChannelFd = 3;
constexpr uint16_t kRuntimeApiPort = 9001;

// Thousandths of a CPU: one at 1,769 MB, in proportion.
uint32_t CpuPermille(uint32_t memory_mib);

// Fails where the code's folder is gone. `log_stream` names what this instance writes.
base::Result<sandbox::Spec> MakeSandboxSpec(const InvokerOptions& options,
                                            const FunctionVersion& function,
                                            const runtime::Runtime& runtime,
                                            const std::string& log_stream);

}  // namespace hearth::invoker
