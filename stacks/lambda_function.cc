#include "stacks/lambda_function.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "stacks/properties.h"

namespace hearth::stacks {
namespace {

constexpr std::array<std::string_view, 21> kServed = {"Architectures",
                                                      "Code",
                                                      "DeadLetterConfig",
                                                      "Description",
                                                      "Environment",
                                                      "EphemeralStorage",
                                                      "FunctionName",
                                                      "Handler",
                                                      "Layers",
                                                      "LoggingConfig",
                                                      "MemorySize",
                                                      "PackageType",
                                                      "RecursiveLoop",
                                                      "ReservedConcurrentExecutions",
                                                      "Role",
                                                      "Runtime",
                                                      "RuntimeManagementConfig",
                                                      "SnapStart",
                                                      "Tags",
                                                      "Timeout",
                                                      "TracingConfig"};
constexpr std::array<std::string_view, 11> kNotServed = {
    "CapacityProviderConfig", "CodeSigningConfigArn", "DurableConfig", "FileSystemConfigs",
    "FunctionScalingConfig",  "ImageConfig",          "KmsKeyArn",     "PublishToLatestPublished",
    "SnapStartResponse",      "TenancyConfig",        "VpcConfig"};

// Code, as SAM's CodeUri or InlineCode.
void ReadCode(const Member& code, std::vector<Member>& out, Diagnostics& errors) {
  if (!code.value->is_map()) {
    out.push_back({"CodeUri", code.position, code.value});
    return;
  }
  for (const Member& member : code.value->members) {
    if (member.name == "ZipFile") continue;
    const bool is_known = member.name.starts_with("S3") || member.name == "ImageUri" ||
                          member.name == "SourceKMSKeyArn";
    errors.Add(member.position,
               fmt::format("'Code.{}' is {}: give Code the path of a folder or a zip, or ZipFile "
                           "with the text itself",
                           member.name, is_known ? "not served yet" : "unknown"));
  }
  const Member* text = code.value->Find("ZipFile");
  out.push_back({"InlineCode", code.position,
                 text != nullptr ? text->value : MakeScalar(NodeKind::kPoison, code.position, "")});
}

// What is said in another way than SAM's, in SAM's.
NodeRef AsServerless(const Member& resource, const Node& properties, Diagnostics& errors) {
  std::vector<Member> out;
  for (const Member& member : properties.members) {
    if (member.value->kind == NodeKind::kNull || member.value->kind == NodeKind::kPoison) {
      out.push_back(member);
    } else if (member.name == "Code") {
      ReadCode(member, out, errors);
    } else if (member.name == "Tags") {
      if (NodeRef tags = TagsAsMap(member.value, errors)) {
        out.push_back({"Tags", member.position, std::move(tags)});
      }
    } else if (member.name == "TracingConfig") {
      const Member* mode = member.value->Find("Mode");
      if (mode == nullptr || member.value->members.size() != 1) {
        errors.Add(member.value->position, "'TracingConfig' is a map with Mode");
      } else {
        out.push_back({"Tracing", member.position, mode->value});
      }
    } else {
      out.push_back(member);
    }
  }
  for (const char* name : {"Code", "Role"}) {
    if (properties.Find(name) != nullptr) continue;
    errors.Add(resource.position, fmt::format("the function '{}' has no {}", resource.name, name));
    // Said already.
    if (std::string_view(name) == "Code") {
      out.push_back(
          {"InlineCode", resource.position, MakeScalar(NodeKind::kString, resource.position, " ")});
    }
  }
  return MakeMap(resource.position, std::move(out));
}

}  // namespace

void CheckLambdaFunctionProperties(const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  CheckPropertyNames(kLambdaFunctionType, *properties, kServed, kNotServed, errors);
}

PlannedFunction ReadLambdaFunction(const Member& resource, const NodeRef& properties,
                                   Diagnostics& errors, Diagnostics& notices) {
  auto function = ReadFunction(resource, AsServerless(resource, *properties, errors), errors);
  if (function.inline_code.empty()) return function;
  const std::string& runtime = function.settings.runtime;
  const bool is_node = runtime.starts_with("nodejs");
  if (!is_node && !runtime.starts_with("python")) {
    errors.Add(function.code,
               fmt::format("'Code.ZipFile' is for python and node, not for '{}'", runtime));
  }
  function.inline_name = is_node ? "index.js" : "index.py";
  if (!function.settings.handler.starts_with("index.")) {
    notices.Add(function.code,
                fmt::format("the code of '{}' is the file {}, and its handler is "
                            "'{}': it will not be found",
                            resource.name, function.inline_name, function.settings.handler));
  }
  return function;
}

}  // namespace hearth::stacks
