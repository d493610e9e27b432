#include "invoker/function_controls_api.h"

#include "invoker/api_call.h"
#include "invoker/function_json.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Edited = Registry::Edited;

Json RecursionJson(const FunctionVersion& function) {
  return {{"RecursiveLoop", function.allows_loops ? "Allow" : "Terminate"}};
}

Json RuntimeManagementJson(const std::string& arn, const FunctionVersion& function) {
  Json out{{"UpdateRuntimeOn", function.update_runtime_on}, {"FunctionArn", arn}};
  if (!function.runtime_version_arn.empty()) {
    out["RuntimeVersionArn"] = function.runtime_version_arn;
  }
  return out;
}

}  // namespace

std::optional<aws::ApiError> CheckRuntimeManagement(const Account& account,
                                                    const std::string& runtime,
                                                    const std::string& mode,
                                                    const std::string& arn) {
  if (mode != "Auto" && mode != "Manual" && mode != "FunctionUpdate") {
    return ValidationError(mode, "updateRuntimeOn",
                           "Member must satisfy enum value set: [FunctionUpdate, Auto, Manual]");
  }
  if ((mode == "Manual") == arn.empty()) {
    return InvalidParameter(mode == "Manual" ? "RuntimeVersionArn must be specified when "
                                               "UpdateRuntimeOn is Manual."
                                             : "RuntimeVersionArn may be specified only when "
                                               "UpdateRuntimeOn is Manual.");
  }
  if (!arn.empty() && !runtime.empty() && arn != RuntimeVersionArn(account, runtime)) {
    return InvalidParameter("Hearth has one version of " + runtime + ", " +
                            RuntimeVersionArn(account, runtime) + ", and not " + arn + ".");
  }
  return std::nullopt;
}

bool FunctionControlsApi::Handle(aws::Call& call, const FunctionName& name,
                                 const std::string& part) {
  const std::string& method = call.request.method;
  const bool is_get = method == "GET", is_put = method == "PUT";
  if (part == "recursion-config" && (is_get || is_put)) {
    if (const auto refusal = CheckUnqualified(name)) {
      Refuse(call, *refusal);
    } else if (is_put) {
      PutRecursion(std::move(call), name);
    } else {
      Get(std::move(call), name, RecursionJson);
    }
  } else if (part == "runtime-management-config" && is_put) {
    PutRuntimeManagement(std::move(call), name);
  } else if (part == "runtime-management-config" && is_get) {
    Get(std::move(call), name,
        [arn = FunctionArn(account_, name.name, name.qualifier)](const FunctionVersion& function) {
          return RuntimeManagementJson(arn, function);
        });
  } else if (part == "code-signing-config" && is_put) {
    PutCodeSigning(std::move(call), name);
  } else if (part == "code-signing-config" && is_get) {
    Get(std::move(call), name, [](const FunctionVersion&) { return Json::object(); });
  } else if (part == "code-signing-config" && method == "DELETE") {
    if (registry_.Find(name.name) == nullptr) {
      Refuse(call, FunctionNotFound(account_, {name.name, {}}));
    } else {
      AnswerNothing(call, 204);
    }
  } else {
    return false;
  }
  return true;
}

void FunctionControlsApi::Get(aws::Call call, const FunctionName& name,
                              std::function<Json(const FunctionVersion&)> shown) {
  const RecordRef record = registry_.Record(name.name);
  const FunctionRef found =
      record == nullptr ? nullptr : ResolveForReading(*record, name.qualifier);
  if (found == nullptr) return Refuse(call, FunctionNotFound(account_, name));
  call.responder.Send(aws::RestJsonAnswer(200, shown(*found), call.request_id));
}

void FunctionControlsApi::Change(aws::Call call, const FunctionName& name,
                                 std::function<void(FunctionVersion&)> edit,
                                 std::function<Json(const FunctionVersion&)> shown) {
  auto held = std::make_shared<aws::Call>(std::move(call));
  auto made = std::make_shared<FunctionRef>();
  registry_.Change(
      name.name,
      [missing = FunctionNotFound(account_, name), version = name.qualifier, edit = std::move(edit),
       made](const RecordRef& current) -> Edited {
        const FunctionRef found =
            current == nullptr ? nullptr
                               : FindVersion(*current, version.empty() ? "$LATEST" : version);
        if (found == nullptr) return std::unexpected(missing);
        FunctionVersion changed = *found;
        edit(changed);
        *made = std::make_shared<const FunctionVersion>(std::move(changed));
        FunctionRecord next = *current;
        ReplaceVersion(next, *made);
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      [held, made, shown = std::move(shown)](const Edited& changed) {
        if (!changed) return Refuse(*held, changed.error());
        held->responder.Send(aws::RestJsonAnswer(200, shown(**made), held->request_id));
      });
}

void FunctionControlsApi::PutRecursion(aws::Call call, const FunctionName& name) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  std::optional<std::string> loops;
  if (auto refusal = ReadText(*body, "RecursiveLoop", loops)) return Refuse(call, *refusal);
  if (!loops) return Refuse(call, MissingMember("recursiveLoop"));
  if (loops != "Allow" && loops != "Terminate") {
    return Refuse(call, ValidationError(*loops, "recursiveLoop",
                                        "Member must satisfy enum value set: [Terminate, Allow]"));
  }
  Change(
      std::move(call), name,
      [allows = loops == "Allow"](FunctionVersion& function) { function.allows_loops = allows; },
      RecursionJson);
}

void FunctionControlsApi::PutRuntimeManagement(aws::Call call, const FunctionName& name) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  std::optional<std::string> mode, version;
  if (auto refusal = ReadText(*body, "UpdateRuntimeOn", mode)) return Refuse(call, *refusal);
  if (auto refusal = ReadText(*body, "RuntimeVersionArn", version)) return Refuse(call, *refusal);
  if (!mode) return Refuse(call, MissingMember("updateRuntimeOn"));
  const std::string arn = version.value_or("");
  // What is wrong whatever the runtime, before what is not there.
  if (auto refusal = CheckRuntimeManagement(account_, {}, *mode, arn)) {
    return Refuse(call, *refusal);
  }
  const RecordRef record = registry_.Record(name.name);
  if (record != nullptr && record->aliases.contains(name.qualifier)) {
    return Refuse(call, InvalidParameter("Runtime management settings are those of a function or a "
                                         "version: an alias has none."));
  }
  const FunctionRef found =
      record == nullptr ? nullptr : ResolveForReading(*record, name.qualifier);
  if (found == nullptr) return Refuse(call, FunctionNotFound(account_, name));
  if (auto refusal = CheckRuntimeManagement(account_, found->runtime, *mode, arn)) {
    return Refuse(call, *refusal);
  }
  Change(
      std::move(call), name,
      [mode = *mode, arn](FunctionVersion& function) {
        function.update_runtime_on = mode;
        function.runtime_version_arn = arn;
      },
      [shown = FunctionArn(account_, name.name, name.qualifier)](const FunctionVersion& function) {
        return RuntimeManagementJson(shown, function);
      });
}

void FunctionControlsApi::PutCodeSigning(aws::Call call, const FunctionName& name) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  std::optional<std::string> arn;
  if (auto refusal = ReadText(*body, "CodeSigningConfigArn", arn)) return Refuse(call, *refusal);
  if (!arn) return Refuse(call, MissingMember("codeSigningConfigArn"));
  if (registry_.Find(name.name) == nullptr) {
    return Refuse(call, FunctionNotFound(account_, {name.name, {}}));
  }
  Refuse(call,
         {.status = 404,
          .type = "CodeSigningConfigNotFoundException",
          .message = "The code signing configuration cannot be found. Check that the provided "
                     "configuration is not deleted: " +
                     *arn + "."});
}

}  // namespace hearth::invoker
