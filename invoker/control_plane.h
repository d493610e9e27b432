// ControlPlane: what functions there are, and every change to them. The wire API and stacks/ both
// call it, so that both refuse alike.
//
// A change is durable (code and definition) before `done` runs; then older sandboxes are retired.
// One change at a time for each name: a second gets 409 ResourceConflictException. Owner: host;
// destroyed before the registries, CodeStore and Offload it uses. `done` runs once, never inside
// the call.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "aws/gateway.h"
#include "base/clock.h"
#include "base/limits.h"
#include "invoker/function.h"
#include "invoker/function_settings.h"
#include "invoker/invoker.h"
#include "invoker/layer_registry.h"
#include "invoker/registry.h"
#include "invoker/uploaded_code.h"
#include "invoker/versions_control.h"
#include "io/offload.h"
#include "layers/code_store.h"
#include "runtime/catalog.h"

namespace hearth::invoker {

struct LambdaApiOptions {
  Account account;
  MemoryStep memory_step = MemoryStep::kRoundUp;
  uint32_t concurrency = limits::kAccountConcurrency;
  FetchCode fetch_code{};  // Empty: no code comes from the object store.
};

// Whether a change also publishes a version, in the same durable step.
enum class Publication { kNone, kVersion };

struct CodeUpdate {
  std::string zip;
  std::string expected_revision_id;  // Empty: any.
  bool dry_run = false;
  Publication publication = Publication::kNone;
};

class ControlPlane {
 public:
  static std::unique_ptr<ControlPlane> Create(Registry& registry, LayerRegistry& layers,
                                              Invoker& invoker, layers::CodeStore& code,
                                              io::Offload& disk, const runtime::Catalog& catalog,
                                              const base::Clock& clock, LambdaApiOptions options);
  virtual ~ControlPlane() = default;

  // AWS's own refusal ({status, type, message}), or the checked configuration (memory rounded),
  // plus notices ("memory 200 MB rounded up to 256 MB", "python3.14 runs on this
  // machine's 3.11.2").
  using Checked = CheckedSettings;
  virtual std::expected<Checked, aws::ApiError> Check(const FunctionSettings& settings) const = 0;

  // Gets $LATEST, or the version where one was published.
  using Done = std::function<void(std::expected<FunctionRef, aws::ApiError>)>;
  virtual void Create(FunctionSettings settings, std::string zip, Publication publication,
                      Done done) = 0;
  virtual void UpdateCode(const std::string& name, CodeUpdate update, Done done) = 0;
  // Only what `changes` names is changed (JSON members as UpdateFunctionConfiguration has them).
  virtual void UpdateConfiguration(const std::string& name, const base::Json& changes,
                                   Done done) = 0;
  // Code and configuration at once, in one durable step: what a template's update does. `zip`
  // empty: the code stays.
  virtual void Replace(FunctionSettings settings, std::string zip, Done done) = 0;
  // With its versions and aliases. Result: nullptr.
  virtual void Delete(const std::string& name, Done done) = 0;

  virtual VersionsControl& versions() = 0;
  virtual LayerRegistry& layers() = 0;
};

}  // namespace hearth::invoker
