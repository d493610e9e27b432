#include "stacks/version_steps.h"

#include "stacks/version_resources.h"

namespace hearth::stacks {
namespace {

using Done = std::function<void(std::expected<void, std::string>)>;

uint32_t ProvisionedNow(const invoker::Registry& registry, const std::string& function,
                        const std::string& qualifier) {
  const auto record = registry.Record(function);
  if (record == nullptr) return 0;
  const auto found = record->provisioned.find(qualifier);
  return found == record->provisioned.end() ? 0 : found->second.requested;
}

// Brings what is kept ready for `qualifier` to `count`.
void SetProvisioned(invoker::ControlPlane& control, const invoker::Registry& registry,
                    const std::string& function, const std::string& qualifier, uint32_t count,
                    Done done) {
  const auto finish = [done](const auto& result) {
    if (result) {
      done({});
    } else {
      done(std::unexpected(result.error().message));
    }
  };
  if (ProvisionedNow(registry, function, qualifier) == count) return done({});
  const invoker::FunctionName name{function, qualifier};
  if (count == 0) {
    control.versions().DeleteProvisioned(name, finish);
  } else {
    control.versions().PutProvisioned(name, count, finish);
  }
}

}  // namespace

std::optional<AliasState> CurrentAlias(const invoker::Registry& registry,
                                       const std::string& function, const std::string& alias) {
  const auto record = registry.Record(function);
  if (record == nullptr) return std::nullopt;
  const auto found = record->aliases.find(alias);
  if (found == record->aliases.end()) return std::nullopt;
  return AliasState{.version = found->second.version,
                    .description = found->second.description,
                    .extra = found->second.extra,
                    .provisioned = ProvisionedNow(registry, function, alias)};
}

bool IsThere(const invoker::Registry& registry, const std::string& function,
             const WantedVersion& wanted) {
  return !wanted.number.empty() &&
         ProvisionedNow(registry, function, wanted.number) == wanted.provisioned;
}

void BringVersion(invoker::ControlPlane& control, const invoker::Registry& registry,
                  const std::string& function, const WantedVersion& wanted,
                  std::function<void(std::expected<std::string, std::string>)> done) {
  const auto provision = [&control, &registry, function, count = wanted.provisioned,
                          done](const std::string& number) {
    SetProvisioned(control, registry, function, number, count,
                   [number, done](const std::expected<void, std::string>& result) {
                     if (result) {
                       done(number);
                     } else {
                       done(std::unexpected(result.error()));
                     }
                   });
  };
  if (!wanted.number.empty()) return provision(wanted.number);
  invoker::PublishSettings settings{
      .description = {}, .expected_code_sha256 = wanted.code_sha256, .expected_revision_id = {}};
  if (!wanted.description.empty()) settings.description = wanted.description;
  using Version = std::expected<invoker::FunctionRef, aws::ApiError>;
  const auto settled = [done, provision](const Version& version) {
    if (!version) return done(std::unexpected(version.error().message));
    if ((*version)->state == invoker::VersionState::kFailed) {
      return done(std::unexpected("the version " + (*version)->version +
                                  " failed: " + (*version)->state_reason));
    }
    provision((*version)->version);
  };
  control.versions().Publish(
      function, std::move(settings), [&control, function, settled, done](const Version& version) {
        if (!version) return done(std::unexpected(version.error().message));
        control.versions().WhenSettled(function, (*version)->version, settled);
      });
}

void BringAlias(invoker::ControlPlane& control, const invoker::Registry& registry,
                const std::string& function, const std::string& alias,
                const std::optional<AliasState>& target, Done done) {
  auto& versions = control.versions();
  if (!target) {
    versions.DeleteAlias(function, alias, [done](const std::expected<void, aws::ApiError>& result) {
      if (result) {
        done({});
      } else {
        done(std::unexpected(result.error().message));
      }
    });
    return;
  }
  const invoker::AliasSettings settings{.name = alias,
                                        .version = target->version,
                                        .description = target->description,
                                        .extra = target->extra,
                                        .expected_revision_id = {}};
  const auto made = [&control, &registry, function, alias, count = target->provisioned,
                     done](const std::expected<invoker::Alias, aws::ApiError>& result) {
    if (!result) return done(std::unexpected(result.error().message));
    SetProvisioned(control, registry, function, alias, count, done);
  };
  if (CurrentAlias(registry, function, alias)) {
    versions.UpdateAlias(function, settings, made);
  } else {
    versions.CreateAlias(function, settings, made);
  }
}

void PublishLayer(invoker::ControlPlane& control, layers::CodeStore& code, io::Offload& disk,
                  const invoker::LayerVersion& layer,
                  std::function<void(std::expected<std::string, std::string>)> done) {
  disk.Run([&code, digest = layer.code_digest] { return code.ReadZip(digest); },
           [&layers = control.layers(), layer = invoker::LayerVersion(layer),
            done = std::move(done)](const base::Result<std::string>& zip) mutable {
             if (!zip) return done(std::unexpected(zip.error().ToString()));
             layer.code_size = zip->size();
             layers.Publish(std::move(layer),
                            [done = std::move(done)](
                                const std::expected<invoker::LayerRef, aws::ApiError>& made) {
                              if (!made) return done(std::unexpected(made.error().message));
                              done(std::to_string((*made)->number));
                            });
           });
}

}  // namespace hearth::stacks
