// LambdaApi: Lambda's rest-json wire API over Registry and Invoker.
//
// Served: CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, UpdateFunctionCode,
// UpdateFunctionConfiguration, DeleteFunction, Invoke (RequestResponse, Event, DryRun; LogType Tail).
// Anything else of Lambda's API: 501-like error naming the operation. Source: aws-facts 1.0, 1.1, 4.5.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "aws/gateway.h"
#include "invoker/function.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"
#include "io/offload.h"
#include "layers/code_store.h"
#include "runtime/catalog.h"

namespace hearth::invoker {

enum class MemoryStep { kRoundUp, kReject };

struct LambdaApiOptions {
  Account account;
  MemoryStep memory_step = MemoryStep::kRoundUp;
};

// What a control-plane call takes: shared by the wire API and by stacks/ (templates), so that both
// validate alike. Every string is as the user gave it.
struct FunctionSettings {
  std::string name, runtime, handler, role, description;
  int64_t timeout_s = 3;
  int64_t memory_mib = 128;
  int64_t tmp_mib = 512;
  std::map<std::string, std::string> environment;
  std::vector<std::string> architectures{"x86_64"};
  std::map<std::string, std::string> tags;
};

class ControlPlane {
 public:
  static std::unique_ptr<ControlPlane> Create(Registry& registry, Invoker& invoker,
                                              layers::CodeStore& code, io::Offload& disk,
                                              const runtime::Catalog& catalog,
                                              const base::Clock& clock, LambdaApiOptions options);
  virtual ~ControlPlane() = default;

  // AWS's own refusal ({status, type, message}), or the checked configuration (memory rounded), plus
  // notices ("memory 200 MB rounded up to 256 MB", "python3.14 runs on this machine's 3.11.2").
  struct Checked {
    FunctionVersion function;  // Without code.
    std::vector<std::string> notices;
  };
  virtual std::expected<Checked, aws::ApiError> Check(const FunctionSettings& settings) const = 0;

  using Done = std::function<void(std::expected<FunctionRef, aws::ApiError>)>;
  virtual void Create(FunctionSettings settings, std::string zip, Done done) = 0;
  virtual void UpdateCode(const std::string& name, std::string zip,
                          const std::string& expected_revision_id, bool dry_run, Done done) = 0;
  // Only what `changes` names is changed (JSON members as UpdateFunctionConfiguration has them).
  virtual void UpdateConfiguration(const std::string& name, const base::Json& changes, Done done) = 0;
  // Code and configuration at once, in one durable step: what a template's update does. `zip` empty:
  // the code stays.
  virtual void Replace(FunctionSettings settings, std::string zip, Done done) = 0;
  virtual void Delete(const std::string& name, Done done) = 0;  // Result: nullptr.
};

std::unique_ptr<aws::Service> MakeLambdaApi(ControlPlane& control, Registry& registry,
                                            Invoker& invoker, layers::CodeStore& code,
                                            io::Offload& disk, const base::Clock& clock,
                                            LambdaApiOptions options);

}  // namespace hearth::invoker
