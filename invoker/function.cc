#include "invoker/function.h"

namespace hearth::invoker {
namespace {

std::string_view ToText(VersionState state) {
  switch (state) {
    case VersionState::kActive:
      return "active";
    case VersionState::kPending:
      return "pending";
    case VersionState::kFailed:
      return "failed";
  }
  return "";
}

VersionState StateFrom(const std::string& text) {
  return text == "pending"  ? VersionState::kPending
         : text == "failed" ? VersionState::kFailed
                            : VersionState::kActive;
}

}  // namespace

std::string FunctionArn(const Account& account, const std::string& name,
                        const std::string& qualifier) {
  std::string arn = "arn:aws:lambda:" + account.region + ":" + account.id + ":function:" + name;
  return qualifier.empty() ? arn : arn + ":" + qualifier;
}

std::string LogGroupName(const FunctionVersion& function) {
  return function.logging.group.empty() ? "/aws/lambda/" + function.name : function.logging.group;
}

void CopyFunctionsOwn(const FunctionVersion& from, FunctionVersion& to) {
  to.tags = from.tags;
  to.allows_loops = from.allows_loops;
  to.reserved = from.reserved;
}

std::vector<std::string> LayerDigests(const FunctionVersion& function) {
  std::vector<std::string> out;
  for (const UsedLayer& layer : function.layers) out.push_back(layer.code_digest);
  return out;
}

base::Json ToStored(const std::vector<UsedLayer>& layers) {
  base::Json out = base::Json::array();
  for (const UsedLayer& layer : layers) {
    out.push_back(
        {{"arn", layer.arn}, {"code_digest", layer.code_digest}, {"code_size", layer.code_size}});
  }
  return out;
}

std::vector<UsedLayer> LayersFromStored(const base::Json& stored) {
  std::vector<UsedLayer> out;
  for (const base::Json& one : stored) {
    out.push_back({.arn = one.at("arn").get<std::string>(),
                   .code_digest = one.at("code_digest").get<std::string>(),
                   .code_size = one.at("code_size").get<uint64_t>()});
  }
  return out;
}

base::Json ToStored(const FunctionVersion& function) {
  base::Json out{{"name", function.name},
                 {"version", function.version},
                 {"runtime", function.runtime},
                 {"handler", function.handler},
                 {"role", function.role},
                 {"description", function.description},
                 {"timeout_s", function.timeout.count()},
                 {"memory_mib", function.memory_mib},
                 {"tmp_mib", function.tmp_mib},
                 {"environment", function.environment},
                 {"architecture", function.architecture},
                 {"layers", ToStored(function.layers)},
                 {"snap_start", function.snap_start},
                 {"dead_letter_arn", function.dead_letter_arn},
                 {"logging", ToStored(function.logging)},
                 {"code_digest", function.code_digest},
                 {"code_sha256", function.code_sha256},
                 {"code_size", function.code_size},
                 {"revision_id", function.revision_id},
                 {"last_modified", function.last_modified},
                 {"tags", function.tags},
                 {"state", ToText(function.state)},
                 {"state_reason", function.state_reason},
                 {"latest_description", function.latest_description}};
  if (!function.shown_revision.empty()) out["shown_revision"] = function.shown_revision;
  if (function.allows_loops) out["allows_loops"] = true;
  if (function.update_runtime_on != "Auto") {
    out["update_runtime_on"] = function.update_runtime_on;
    out["runtime_version_arn"] = function.runtime_version_arn;
  }
  if (function.reserved) out["reserved"] = *function.reserved;
  return out;
}

base::Result<FunctionVersion> FromStored(const base::Json& stored) {
  FunctionVersion out;
  // nlohmann throws where a member is absent or of another type; the exception stops here.
  try {
    out.name = stored.at("name").get<std::string>();
    out.version = stored.at("version").get<std::string>();
    out.runtime = stored.at("runtime").get<std::string>();
    out.handler = stored.at("handler").get<std::string>();
    out.role = stored.at("role").get<std::string>();
    out.description = stored.at("description").get<std::string>();
    out.timeout = std::chrono::seconds(stored.at("timeout_s").get<int64_t>());
    out.memory_mib = stored.at("memory_mib").get<uint32_t>();
    out.tmp_mib = stored.at("tmp_mib").get<uint32_t>();
    out.environment = stored.at("environment").get<std::map<std::string, std::string>>();
    out.architecture = stored.at("architecture").get<std::string>();
    out.layers = LayersFromStored(stored.at("layers"));
    out.code_digest = stored.at("code_digest").get<std::string>();
    out.code_sha256 = stored.at("code_sha256").get<std::string>();
    out.code_size = stored.at("code_size").get<uint64_t>();
    out.revision_id = stored.at("revision_id").get<std::string>();
    out.last_modified = stored.at("last_modified").get<std::string>();
    out.tags = stored.at("tags").get<std::map<std::string, std::string>>();
    // Functions stored before there were published versions have none of these.
    out.snap_start = stored.value("snap_start", false);
    out.dead_letter_arn = stored.value("dead_letter_arn", "");
    out.logging = LogSettingsFrom(stored.value("logging", base::Json()));
    out.state = StateFrom(stored.value("state", ""));
    out.state_reason = stored.value("state_reason", "");
    out.latest_description = stored.value("latest_description", "");
    out.shown_revision = stored.value("shown_revision", "");
    out.allows_loops = stored.value("allows_loops", false);
    out.update_runtime_on = stored.value("update_runtime_on", "Auto");
    out.runtime_version_arn = stored.value("runtime_version_arn", "");
    if (stored.contains("reserved")) out.reserved = stored.at("reserved").get<uint32_t>();
  } catch (const base::Json::exception& error) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read stored function", error.what());
  }
  return out;
}

}  // namespace hearth::invoker
