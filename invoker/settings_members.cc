// ApplyMembers: the JSON members of CreateFunction and UpdateFunctionConfiguration as settings.
#include "invoker/function_name.h"
#include "invoker/function_settings.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Refusal = std::optional<aws::ApiError>;

aws::ApiError NotServed(const std::string& member, const Json& value) {
  return InvalidParameter("Hearth does not serve " + member + " " + base::ToJsonText(value) +
                          " yet; leave the member out.");
}

// Absent in all but name: null, "", [], {}, or an object whose members are all so.
bool IsEmpty(const Json& value) {
  if (value.is_object() || value.is_array()) {
    for (const auto& one : value) {
      if (!IsEmpty(one)) {
        return false;
      }
    }
    return true;
  }
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         value == false;
}

// A member that is no setting: accepted where it asks for what every function here has anyway.
bool IsHarmless(const std::string& member, const Json& value) {
  if (IsEmpty(value)) {
    return true;
  }
  if (member == "PackageType") return value == "Zip";
  if (member == "TracingConfig") return value == Json{{"Mode", "PassThrough"}};
  return false;
}

Refusal ReadText(const std::string& member, const Json& value, std::string& into) {
  if (!value.is_string()) {
    return WrongType(member, "a string");
  }
  into = value.get<std::string>();
  return std::nullopt;
}

Refusal ReadNumber(const std::string& member, const Json& value, int64_t& into) {
  // An unsigned number above INT64_MAX would turn negative.
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX})) {
    return WrongType(member, "an integer");
  }
  into = value.get<int64_t>();
  return std::nullopt;
}

Refusal ReadMap(const std::string& member, const Json& value,
                std::map<std::string, std::string>& into) {
  if (!value.is_object()) {
    return WrongType(member, "an object of strings");
  }
  into.clear();
  for (const auto& [key, one] : value.items()) {
    if (!one.is_string()) {
      return WrongType(member + "." + key, "a string");
    }
    into[key] = one.get<std::string>();
  }
  return std::nullopt;
}

Refusal ReadEnvironment(const Json& value, FunctionSettings& into) {
  if (!value.is_object()) {
    return WrongType("Environment", "an object");
  }
  for (const auto& [key, one] : value.items()) {
    if (key != "Variables") {
      return NotServed("Environment." + key, one);
    }
  }
  const Json variables = value.value("Variables", Json::object());
  return ReadMap("Environment.Variables", variables.is_null() ? Json::object() : variables,
                 into.environment);
}

Refusal ReadSnapStart(const Json& value, FunctionSettings& into) {
  if (!value.is_object()) {
    return WrongType("SnapStart", "an object");
  }
  std::string apply_on = "None";
  for (const auto& [key, one] : value.items()) {
    if (key != "ApplyOn") return NotServed("SnapStart." + key, one);
    if (one.is_null()) continue;
    if (auto refusal = ReadText("SnapStart.ApplyOn", one, apply_on)) return refusal;
  }
  if (apply_on != "None" && apply_on != "PublishedVersions") {
    return ValidationError(apply_on, "snapStart.applyOn",
                           "Member must satisfy enum value set: [PublishedVersions, None]");
  }
  into.snap_start = apply_on == "PublishedVersions";
  return std::nullopt;
}

Refusal ReadDeadLetter(const Json& value, FunctionSettings& into) {
  if (!value.is_object()) {
    return WrongType("DeadLetterConfig", "an object");
  }
  into.dead_letter_arn.clear();
  for (const auto& [key, one] : value.items()) {
    if (key != "TargetArn") return NotServed("DeadLetterConfig." + key, one);
    if (one.is_null()) continue;
    if (auto refusal = ReadText("DeadLetterConfig.TargetArn", one, into.dead_letter_arn)) {
      return refusal;
    }
  }
  return std::nullopt;
}

Refusal ReadLogging(const Json& value, FunctionSettings& into) {
  auto logging = ApplyLoggingConfig(into.logging, value);
  if (!logging) return std::move(logging.error());
  into.logging = std::move(*logging);
  return std::nullopt;
}

Refusal ReadList(const std::string& member, const Json& value, std::vector<std::string>& into) {
  if (!value.is_array()) {
    return WrongType(member, "a list of strings");
  }
  into.clear();
  for (const auto& one : value) {
    if (!one.is_string()) {
      return WrongType(member, "a list of strings");
    }
    into.push_back(one.get<std::string>());
  }
  return std::nullopt;
}

Refusal ReadCreateOnly(const std::string& member, const Json& value, FunctionSettings& into) {
  if (member == "FunctionName") return ReadText(member, value, into.name);
  if (member == "Architectures") return ReadList(member, value, into.architectures);
  if (member == "Tags") return ReadMap(member, value, into.tags);
  // Read by the API: they are no settings.
  if (member == "Code" || (member == "Publish" && value.is_boolean())) return std::nullopt;
  if (IsHarmless(member, value)) return std::nullopt;
  return NotServed(member, value);
}

Refusal ReadMember(const std::string& member, const Json& value, SettingsMembers allowed,
                   FunctionSettings& into) {
  if (value.is_null()) return std::nullopt;
  if (member == "Runtime") return ReadText(member, value, into.runtime);
  if (member == "Handler") return ReadText(member, value, into.handler);
  if (member == "Role") return ReadText(member, value, into.role);
  if (member == "Description") return ReadText(member, value, into.description);
  if (member == "Timeout") return ReadNumber(member, value, into.timeout_s);
  if (member == "MemorySize") return ReadNumber(member, value, into.memory_mib);
  if (member == "Environment") return ReadEnvironment(value, into);
  if (member == "SnapStart") return ReadSnapStart(value, into);
  if (member == "DeadLetterConfig") return ReadDeadLetter(value, into);
  if (member == "LoggingConfig") return ReadLogging(value, into);
  if (member == "Layers") return ReadList(member, value, into.layers);
  if (member == "EphemeralStorage") {
    if (!value.is_object() || !value.contains("Size")) {
      return WrongType(member, "an object with Size");
    }
    return ReadNumber("EphemeralStorage.Size", value["Size"], into.tmp_mib);
  }
  if (allowed == SettingsMembers::kCreate) {
    return ReadCreateOnly(member, value, into);
  }
  // RevisionId is a precondition, which the control plane reads.
  if (member == "RevisionId" || IsHarmless(member, value)) return std::nullopt;
  return NotServed(member, value);
}

}  // namespace

std::expected<FunctionSettings, aws::ApiError> ApplyMembers(FunctionSettings base,
                                                            const base::Json& members,
                                                            SettingsMembers allowed) {
  if (!members.is_object()) {
    return std::unexpected(WrongType("request body", "a JSON object"));
  }
  // The name first: what is harmless may depend on it.
  if (allowed == SettingsMembers::kCreate && members.contains("FunctionName")) {
    if (auto refusal = ReadText("FunctionName", members["FunctionName"], base.name)) {
      return std::unexpected(std::move(*refusal));
    }
  }
  for (const auto& [member, value] : members.items()) {
    if (auto refusal = ReadMember(member, value, allowed, base)) {
      return std::unexpected(std::move(*refusal));
    }
  }
  return base;
}

}  // namespace hearth::invoker
