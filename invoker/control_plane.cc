#include "invoker/control_plane.h"

#include <set>

#include "base/digest.h"
#include "base/id.h"
#include "base/limits.h"
#include "invoker/function_name.h"

namespace hearth::invoker {
namespace {

aws::ApiError CodeError(const base::Error& error) {
  switch (error.kind) {
    case base::ErrorKind::kLimit:
      return InvalidParameter(error.text);  // AWS's own sentence.
    case base::ErrorKind::kInvalid:
      return InvalidParameter(
          "Could not unzip uploaded file. Please check your file, then try to upload again. (" +
          error.ToString() + ")");
    case base::ErrorKind::kSystem:
    case base::ErrorKind::kNotFound:
    case base::ErrorKind::kConflict:
    case base::ErrorKind::kUnsupported:
    case base::ErrorKind::kTimeout:
    case base::ErrorKind::kCorrupt:
    case base::ErrorKind::kClosed:
      return ServiceError(error);
  }
  return ServiceError(error);
}

std::optional<aws::ApiError> CheckZip(const std::string& zip) {
  if (zip.empty()) {
    return InvalidParameter("Uploaded file must be a non-empty zip");
  }
  if (zip.size() >= limits::kMaxZippedUpload.count()) {
    return aws::ApiError{.status = 413,
                         .type = "RequestEntityTooLargeException",
                         .message = "Zipped size must be smaller than 52428800 bytes"};
  }
  return std::nullopt;
}

void SetCode(FunctionVersion& function, const layers::StoredCode& stored) {
  function.code_digest = stored.digest;
  function.code_sha256 = base::Base64Encode(base::AsBytes(MUST(base::FromHex(stored.digest))));
  function.code_size = stored.zipped.count();
}

class ControlPlaneImpl final : public ControlPlane {
 public:
  ControlPlaneImpl(Registry& registry, Invoker& invoker, layers::CodeStore& code, io::Offload& disk,
                   const runtime::Catalog& catalog, const base::Clock& clock,
                   LambdaApiOptions options)
      : registry_(registry),
        code_(code),
        disk_(disk),
        catalog_(catalog),
        clock_(clock),
        options_(std::move(options)),
        versions_(registry, invoker, clock, options_.account, options_.concurrency) {}

  std::expected<Checked, aws::ApiError> Check(const FunctionSettings& settings) const override {
    return CheckSettings(settings, catalog_, options_.memory_step);
  }

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
    Commit(KeepCode(std::move(checked->function), *current), {Step::kUpdate}, std::move(done));
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
    if (zip.empty()) {
      return Commit(KeepCode(std::move(checked->function), *current), {Step::kUpdate},
                    std::move(done));
    }
    StoreCode(std::move(zip), std::move(checked->function), {Step::kUpdate}, std::move(done));
  }

  void Delete(const std::string& name, Done done) override {
    if (auto refusal = CheckUpdate(registry_.Find(name), name, {})) {
      return Later(std::move(*refusal), std::move(done));
    }
    busy_.insert(name);
    registry_.Change(
        name, [](const RecordRef&) { return RecordRef(); },
        [this, alive = std::weak_ptr<bool>(alive_), name,
         done = std::move(done)](std::expected<RecordRef, aws::ApiError> result) {
          if (alive.expired()) return;
          busy_.erase(name);
          if (!result) return done(std::unexpected(std::move(result).error()));
          versions_.Apply(name);
          done(FunctionRef());
        });
  }

 private:
  struct Step {
    enum Kind { kCreate, kUpdate } kind;
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
    if (!expected_revision_id.empty() && expected_revision_id != current->revision_id) {
      return StaleRevision();
    }
    return std::nullopt;
  }

  // The name is in busy_ here; Commit, or this on failure, takes it out.
  void StoreCode(std::string zip, FunctionVersion next, Step step, Done done) {
    disk_.Run([&code = code_, zip = std::move(zip)] { return code.Put(zip); },
              [this, alive = std::weak_ptr<bool>(alive_), next = std::move(next), step,
               done = std::move(done)](base::Result<layers::StoredCode> stored) mutable {
                if (alive.expired()) return;
                if (!stored) {
                  busy_.erase(next.name);
                  return done(std::unexpected(CodeError(stored.error())));
                }
                SetCode(next, *stored);
                Commit(std::move(next), step, std::move(done));
              });
  }

  void Commit(FunctionVersion next, Step step, Done done) {
    next.revision_id = base::NewUuid();
    next.last_modified = base::FormatLambdaTime(clock_.WallNow());
    const std::string name = next.name;
    auto latest = std::make_shared<const FunctionVersion>(std::move(next));
    auto answer = std::make_shared<FunctionRef>(latest);
    registry_.Change(
        name,
        [&registry = registry_, latest, step,
         answer](const RecordRef& current) -> std::expected<RecordRef, aws::ApiError> {
          if (step.kind == Step::kCreate && current != nullptr) {
            return std::unexpected(Conflict("Function already exist: " + latest->name));
          }
          auto record = current == nullptr ? std::make_shared<FunctionRecord>()
                                           : std::make_shared<FunctionRecord>(*current);
          record->latest = latest;
          if (step.publication == Publication::kVersion) {
            *answer = Publish(*record, registry.LastVersion(latest->name), std::nullopt);
          }
          return record;
        },
        [this, alive = std::weak_ptr<bool>(alive_), name, answer,
         done = std::move(done)](std::expected<RecordRef, aws::ApiError> result) {
          if (alive.expired()) return;
          busy_.erase(name);
          if (!result) return done(std::unexpected(std::move(result).error()));
          versions_.Apply(name);
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

std::unique_ptr<ControlPlane> ControlPlane::Create(Registry& registry, Invoker& invoker,
                                                   layers::CodeStore& code, io::Offload& disk,
                                                   const runtime::Catalog& catalog,
                                                   const base::Clock& clock,
                                                   LambdaApiOptions options) {
  return std::make_unique<ControlPlaneImpl>(registry, invoker, code, disk, catalog, clock,
                                            std::move(options));
}

}  // namespace hearth::invoker
