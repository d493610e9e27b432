#include "invoker/control_plane.h"

#include <set>

#include "base/digest.h"
#include "base/id.h"
#include "base/limits.h"
#include "invoker/function_controls_api.h"
#include "invoker/function_name.h"
#include "invoker/uploaded_code.h"

namespace hearth::invoker {
namespace {

void SetCode(FunctionVersion& function, const layers::StoredCode& stored) {
  function.code_digest = stored.digest;
  function.code_sha256 = CodeSha256(stored.digest);
  function.code_size = stored.zipped.count();
}

// Makes what a start needs of layers, where they fit beside the code.
base::Result<void> PrepareLayers(layers::CodeStore& code, const std::string& code_digest,
                                 const std::vector<std::string>& layers) {
  const uint64_t most = limits::kMaxUnzipped.count();
  uint64_t size = 0;
  for (const std::string& digest : layers) size += TRY(code.UnzippedSize(digest)).count();
  const auto refuse = [](std::string text) {
    return base::MakeError(base::ErrorKind::kLimit, "prepare layers", std::move(text));
  };
  if (size > most) {
    return refuse("Layers consume more than the available size of " + std::to_string(most) +
                  " bytes");
  }
  size += TRY(code.UnzippedSize(code_digest)).count();
  if (size > most) {
    return refuse("Function code combined with layers exceeds the maximum allowed size of " +
                  std::to_string(most) + " bytes. The actual size is " + std::to_string(size) +
                  " bytes.");
  }
  return code.Merge(layers);
}

class ControlPlaneImpl final : public ControlPlane {
 public:
  ControlPlaneImpl(Registry& registry, LayerRegistry& layers, Invoker& invoker,
                   layers::CodeStore& code, io::Offload& disk, const runtime::Catalog& catalog,
                   const base::Clock& clock, LambdaApiOptions options)
      : registry_(registry),
        layers_(layers),
        code_(code),
        disk_(disk),
        catalog_(catalog),
        clock_(clock),
        options_(std::move(options)),
        versions_(registry, invoker, clock, options_.account, options_.concurrency) {}

  std::expected<Checked, aws::ApiError> Check(const FunctionSettings& settings) const override {
    auto checked = CheckSettings(settings, catalog_, options_.memory_step);
    if (!checked) return checked;
    if (auto refusal =
            CheckRuntimeManagement(options_.account, settings.runtime, settings.update_runtime_on,
                                   settings.runtime_version_arn)) {
      return std::unexpected(std::move(*refusal));
    }
    if (settings.layers.empty()) return checked;
    std::vector<UsedLayer> known = settings.known_layers;
    if (const FunctionRef current = registry_.Find(settings.name)) {
      known.insert(known.end(), current->layers.begin(), current->layers.end());
    }
    auto layers = ResolveLayers(options_.account, layers_, settings.layers, known);
    if (!layers) return std::unexpected(std::move(layers).error());
    checked->function.layers = *std::move(layers);
    return checked;
  }

  LayerRegistry& layers() override { return layers_; }

  VersionsControl& versions() override { return versions_; }

  void Create(FunctionSettings settings, std::string zip, Publication publication,
              Done done) override {
    auto checked = Check(settings);
    if (!checked) return Later(std::move(checked).error(), std::move(done));
    if (auto refusal = CheckZip(zip)) return Later(std::move(*refusal), std::move(done));
    const std::string& name = settings.name;
    if (registry_.Find(name) != nullptr || !busy_.insert(name).second) {
      return Later(Conflict("Function already exist: " + name), std::move(done));
    }
    StoreCode(std::move(zip), std::move(checked->function), {Step::kCreate, publication},
              std::move(done));
  }

  void UpdateCode(const std::string& name, CodeUpdate update, Done done) override {
    const FunctionRef current = registry_.Find(name);
    if (auto refusal = CheckUpdate(current, name, update.expected_revision_id)) {
      return Later(std::move(*refusal), std::move(done));
    }
    if (auto refusal = CheckZip(update.zip)) return Later(std::move(*refusal), std::move(done));
    FunctionVersion next = *current;
    if (update.dry_run) {
      // What the answer would be; nothing is stored.
      SetCode(next, {.digest = base::ToHex(base::Sha256Of(update.zip)),
                     .zipped = base::Bytes(update.zip.size()),
                     .unzipped = {}});
      return Later(std::make_shared<const FunctionVersion>(std::move(next)), std::move(done));
    }
    busy_.insert(name);
    StoreCode(std::move(update.zip), std::move(next), {Step::kUpdate, update.publication},
              std::move(done));
  }

  void UpdateConfiguration(const std::string& name, const base::Json& changes, Done done) override {
    const FunctionRef current = registry_.Find(name);
    std::string expected;
    if (changes.is_object() && changes.contains("RevisionId") &&
        changes["RevisionId"].is_string()) {
      expected = changes["RevisionId"].get<std::string>();
    }
    if (auto refusal = CheckUpdate(current, name, expected)) {
      return Later(std::move(*refusal), std::move(done));
    }
    auto settings = ApplyMembers(SettingsOf(*current), changes, SettingsMembers::kUpdate);
    if (!settings) return Later(std::move(settings).error(), std::move(done));
    auto checked = Check(*settings);
    if (!checked) return Later(std::move(checked).error(), std::move(done));
    busy_.insert(name);
    StoreCode({}, KeepCode(std::move(checked->function), *current), {Step::kUpdate},
              std::move(done));
  }

  void Replace(FunctionSettings settings, std::string zip, Done done) override {
    auto checked = Check(settings);
    if (!checked) return Later(std::move(checked).error(), std::move(done));
    const FunctionRef current = registry_.Find(settings.name);
    if (auto refusal = CheckUpdate(current, settings.name, {})) {
      return Later(std::move(*refusal), std::move(done));
    }
    if (!zip.empty()) {
      if (auto refusal = CheckZip(zip)) return Later(std::move(*refusal), std::move(done));
    }
    busy_.insert(settings.name);
    FunctionVersion next = std::move(checked->function);
    if (zip.empty()) next = KeepCode(std::move(next), *current);
    StoreCode(std::move(zip), std::move(next), {Step::kReplace}, std::move(done));
  }

  void Delete(const std::string& name, Done done) override {
    if (auto refusal = CheckUpdate(registry_.Find(name), name, {})) {
      return Later(std::move(*refusal), std::move(done));
    }
    busy_.insert(name);
    versions_.ChangeRecord(
        name, [](const RecordRef&) { return RecordRef(); },
        [this, alive = std::weak_ptr<bool>(alive_), name,
         done = std::move(done)](std::expected<RecordRef, aws::ApiError> result) {
          if (alive.expired()) return;
          busy_.erase(name);
          if (!result) return done(std::unexpected(std::move(result).error()));
          done(FunctionRef());
        });
  }

 private:
  struct Step {
    // An update leaves what it does not take (what is the function's own, whatever the version,
    // and runtime management) as it finds it; a replacement says all of it.
    enum Kind { kCreate, kUpdate, kReplace } kind;
    Publication publication = Publication::kNone;
  };

  static FunctionVersion KeepCode(FunctionVersion next, const FunctionVersion& current) {
    next.code_digest = current.code_digest;
    next.code_sha256 = current.code_sha256;
    next.code_size = current.code_size;
    return next;
  }

  std::optional<aws::ApiError> CheckUpdate(const FunctionRef& current, const std::string& name,
                                           const std::string& expected_revision_id) const {
    if (busy_.contains(name)) {
      return Conflict(
          "The operation cannot be performed at this time. An update is in progress for "
          "resource: " +
          FunctionArn(options_.account, name));
    }
    if (current == nullptr) {
      return FunctionNotFound(options_.account, {.name = name, .qualifier = {}});
    }
    if (!expected_revision_id.empty() && expected_revision_id != ShownRevision(*current)) {
      return StaleRevision();
    }
    return std::nullopt;
  }

  // The name is in busy_ here; Commit, or this on failure, takes it out. `zip` empty: `next` has
  // its code already.
  void StoreCode(std::string zip, FunctionVersion next, Step step, Done done) {
    const bool is_new = !zip.empty();
    if (!is_new && next.layers.empty()) return Commit(std::move(next), step, std::move(done));
    const std::string kept = next.code_digest;
    const std::vector<std::string> digests = LayerDigests(next);
    disk_.Run(
        [&code = code_, zip = std::move(zip), kept, digests]() -> base::Result<layers::StoredCode> {
          layers::StoredCode stored{.digest = kept, .zipped = {}, .unzipped = {}};
          if (!zip.empty()) stored = TRY(code.Put(zip));
          if (!digests.empty()) TRY(PrepareLayers(code, stored.digest, digests));
          return stored;
        },
        [this, alive = std::weak_ptr<bool>(alive_), next = std::move(next), step, is_new,
         done = std::move(done)](base::Result<layers::StoredCode> stored) mutable {
          if (alive.expired()) return;
          if (!stored) {
            busy_.erase(next.name);
            return done(std::unexpected(CodeError(stored.error())));
          }
          if (is_new) SetCode(next, *stored);
          Commit(std::move(next), step, std::move(done));
        });
  }

  void Commit(FunctionVersion next, Step step, Done done) {
    next.revision_id = base::NewUuid();
    next.shown_revision.clear();
    next.last_modified = base::FormatLambdaTime(clock_.WallNow());
    const std::string name = next.name;
    auto answer = std::make_shared<FunctionRef>();
    versions_.ChangeRecord(
        name,
        [&registry = registry_, next = std::move(next), step,
         answer](const RecordRef& current) -> std::expected<RecordRef, aws::ApiError> {
          if (step.kind == Step::kCreate && current != nullptr) {
            return std::unexpected(Conflict("Function already exist: " + next.name));
          }
          auto record = current == nullptr ? std::make_shared<FunctionRecord>()
                                           : std::make_shared<FunctionRecord>(*current);
          FunctionVersion latest = next;
          if (step.kind == Step::kUpdate && current != nullptr) {
            CopyFunctionsOwn(*current->latest, latest);
            latest.update_runtime_on = current->latest->update_runtime_on;
            latest.runtime_version_arn = current->latest->runtime_version_arn;
          }
          record->latest = std::make_shared<const FunctionVersion>(std::move(latest));
          *answer = record->latest;
          if (step.publication == Publication::kVersion) {
            *answer = Publish(*record, registry.LastVersion(next.name), std::nullopt);
          }
          return record;
        },
        [this, alive = std::weak_ptr<bool>(alive_), name, answer,
         done = std::move(done)](std::expected<RecordRef, aws::ApiError> result) {
          if (alive.expired()) return;
          busy_.erase(name);
          if (!result) return done(std::unexpected(std::move(result).error()));
          done(*answer);
        });
  }

  // Answers on a later turn of the loop: a callback never runs inside the call that takes it.
  void Later(std::expected<FunctionRef, aws::ApiError> answer, Done done) {
    disk_.Run([] { return 0; },
              [answer = std::move(answer), done = std::move(done)](int) { done(answer); });
  }
  void Later(aws::ApiError refusal, Done done) {
    Later(std::expected<FunctionRef, aws::ApiError>(std::unexpected(std::move(refusal))),
          std::move(done));
  }
  void Later(FunctionRef function, Done done) {
    Later(std::expected<FunctionRef, aws::ApiError>(std::move(function)), std::move(done));
  }

  Registry& registry_;
  LayerRegistry& layers_;
  layers::CodeStore& code_;
  io::Offload& disk_;
  const runtime::Catalog& catalog_;
  const base::Clock& clock_;
  const LambdaApiOptions options_;
  VersionsControl versions_;
  std::set<std::string> busy_;  // Names with a change under way.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<ControlPlane> ControlPlane::Create(Registry& registry, LayerRegistry& layers,
                                                   Invoker& invoker, layers::CodeStore& code,
                                                   io::Offload& disk,
                                                   const runtime::Catalog& catalog,
                                                   const base::Clock& clock,
                                                   LambdaApiOptions options) {
  return std::make_unique<ControlPlaneImpl>(registry, layers, invoker, code, disk, catalog, clock,
                                            std::move(options));
}

}  // namespace hearth::invoker
