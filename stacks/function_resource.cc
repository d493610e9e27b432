#include "stacks/function_resource.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "base/limits.h"
#include "invoker/aliases.h"
#include "stacks/properties.h"

namespace hearth::stacks {
namespace {

constexpr std::array<std::string_view, 32> kServed = {"CodeUri",
                                                      "InlineCode",
                                                      "Handler",
                                                      "Runtime",
                                                      "MemorySize",
                                                      "Timeout",
                                                      "Environment",
                                                      "EphemeralStorage",
                                                      "Architectures",
                                                      "Layers",
                                                      "Description",
                                                      "FunctionName",
                                                      "Role",
                                                      "Tags",
                                                      "Policies",
                                                      "Tracing",
                                                      "PackageType",
                                                      "AutoPublishAlias",
                                                      "AutoPublishAliasAllProperties",
                                                      "AutoPublishCodeSha256",
                                                      "VersionDescription",
                                                      "SnapStart",
                                                      "ReservedConcurrentExecutions",
                                                      "LoggingConfig",
                                                      "ProvisionedConcurrencyConfig",
                                                      "RecursiveLoop",
                                                      "RuntimeManagementConfig",
                                                      "PropagateTags",
                                                      "FunctionUrlConfig",
                                                      "EventInvokeConfig",
                                                      "Events",
                                                      "DeadLetterQueue"};

// SAM's schema of 2026-05: these are right, and not served yet.
constexpr std::array<std::string_view, 19> kNotServed = {"AssumeRolePolicyDocument",
                                                         "CapacityProviderConfig",
                                                         "CodeSigningConfigArn",
                                                         "DeploymentPreference",
                                                         "DurableConfig",
                                                         "FileSystemConfigs",
                                                         "FunctionScalingConfig",
                                                         "ImageConfig",
                                                         "ImageUri",
                                                         "KmsKeyArn",
                                                         "MultiTenancy",
                                                         "PermissionsBoundary",
                                                         "PublishToLatestPublished",
                                                         "RolePath",
                                                         "SourceKMSKeyArn",
                                                         "TenancyConfig",
                                                         "VersionDeletionPolicy",
                                                         "VpcConfig",
                                                         "AlwaysPublish"};

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::string InlineName(const std::string& runtime, const std::string& handler) {
  const std::string module = handler.substr(0, handler.find('.'));
  if (runtime.starts_with("nodejs")) return module + ".js";
  if (runtime.starts_with("provided")) return "bootstrap";
  return module + ".py";
}

void ReadCode(const Properties& properties, PlannedFunction& function, Diagnostics& errors) {
  function.code = function.position;
  for (const char* name : {"CodeUri", "InlineCode"}) {
    const auto named = function.properties.find(name);
    if (named != function.properties.end()) function.code = named->second;
  }
  const Node* uri = properties.Find("CodeUri");
  const Node* text = properties.Find("InlineCode");
  if (uri == nullptr && text == nullptr) {
    errors.Add(function.position,
               fmt::format("the function '{}' has no code: set CodeUri or InlineCode",
                           function.logical_id));
  } else if (text != nullptr) {
    // A CodeUri from Globals gives way, as in SAM.
    function.inline_code = properties.Text("InlineCode");
    function.inline_name = InlineName(function.settings.runtime, function.settings.handler);
    if (function.inline_code.empty()) errors.Add(text->position, "'InlineCode' is empty");
    if (function.inline_name.find('/') != std::string::npos) {
      errors.Add(text->position,
                 fmt::format("the handler '{}' of InlineCode names a folder: its code "
                             "is one file",
                             function.settings.handler));
    }
  } else if (!uri->is_scalar()) {
    errors.Add(uri->position, fmt::format("'CodeUri' as {} (an object in S3) is not served yet: "
                                          "give a local path",
                                          Describe(*uri)));
  } else if (uri->text.empty()) {
    errors.Add(uri->position,
               "'CodeUri' is empty: give a folder, a zip or a file ('.' is the "
               "template's own folder)");
  } else if (uri->text.find("://") != std::string::npos) {
    errors.Add(uri->position,
               fmt::format("'CodeUri' {} is not served yet: give a local path", Describe(*uri)));
  } else {
    function.code_path = uri->text;
  }
}

void Require(const Properties& properties, std::string_view name, const PlannedFunction& function,
             std::string_view example, Diagnostics& errors) {
  if (properties.Find(name) != nullptr) return;
  errors.Add(function.position, fmt::format("the function '{}' has no {}: e.g. {}",
                                            function.logical_id, name, example));
}

void ReadLogging(const Properties& properties, PlannedFunction& function, Diagnostics& errors) {
  const Node* node = properties.Find("LoggingConfig");
  if (node == nullptr) return;
  const auto refuse = [&](Position where, const std::string& why) {
    errors.Add(where, "'LoggingConfig': " + why);
  };
  if (!node->is_map()) return refuse(node->position, "it is a map, not " + Describe(*node));
  base::Json value = base::Json::object();
  for (const Member& member : node->members) {
    if (!member.value->is_scalar()) {
      return refuse(member.position, member.name + " is a text, not " + Describe(*member.value));
    }
    value[member.name] = member.value->text;
  }
  auto logging = invoker::ApplyLoggingConfig({}, value);
  if (!logging) return refuse(node->position, logging.error().message);
  function.settings.logging = std::move(*logging);
}

// What is kept and shown, and has no other effect here.
void ReadControls(const Properties& properties, PlannedFunction& function, Diagnostics& errors) {
  auto& settings = function.settings;
  settings.allows_loops =
      properties.Word("RecursiveLoop", {"Terminate", "Allow"}, "Terminate") == "Allow";
  constexpr std::array<std::string_view, 2> kNames = {"UpdateRuntimeOn", "RuntimeVersionArn"};
  if (const auto management = properties.Below("RuntimeManagementConfig", kNames)) {
    settings.update_runtime_on = management->Text("UpdateRuntimeOn");
    settings.runtime_version_arn = management->Text("RuntimeVersionArn");
    if (management->Find("UpdateRuntimeOn") == nullptr) {
      errors.Add(
          properties.Find("RuntimeManagementConfig")->position,
          "'RuntimeManagementConfig' has no UpdateRuntimeOn: Auto, FunctionUpdate or Manual");
    }
  }
  function.propagates_tags = properties.Flag("PropagateTags");
}

// SAM's {Type, TargetArn}, or CloudFormation's {TargetArn}.
void ReadDeadLetter(const Properties& properties, PlannedFunction& function, Diagnostics& errors) {
  constexpr std::array<std::string_view, 2> kOfSam = {"Type", "TargetArn"};
  const char* name =
      properties.Find("DeadLetterConfig") != nullptr ? "DeadLetterConfig" : "DeadLetterQueue";
  const bool is_sam = std::string_view(name) == "DeadLetterQueue";
  const auto target = is_sam ? properties.Below(name, kOfSam) : properties.Below(name, "TargetArn");
  if (!target) return;
  const Position place = properties.Find(name)->position;
  std::string& arn = function.settings.dead_letter_arn;
  arn = target->Text("TargetArn");
  if (arn.empty() && target->Find("TargetArn") == nullptr) {
    errors.Add(place, fmt::format("'{}' has no TargetArn: e.g. !GetAtt MyQueue.Arn", name));
  }
  const std::string type = is_sam ? target->Word("Type", {"SQS", "SNS"}, "") : "SQS";
  if (is_sam && target->Find("Type") == nullptr) {
    errors.Add(place, "'DeadLetterQueue' has no Type: SQS or SNS");
  }
  const auto parsed = aws::ParseArn(arn);
  if (type == "SNS" || (parsed && parsed->service == "sns")) {
    errors.Add(place,
               fmt::format("'{}': topics (SNS) are not served yet: give the ARN of a queue", name));
  }
}

// The property's value where it is a map; anything else but nothing is an error.
NodeRef ReadMap(const Node& properties, std::string_view name, Diagnostics& errors) {
  const Member* found = properties.Find(name);
  if (found == nullptr || found->value->kind == NodeKind::kNull ||
      found->value->kind == NodeKind::kPoison) {
    return nullptr;
  }
  if (found->value->is_map()) return found->value;
  errors.Add(found->value->position,
             fmt::format("'{}' is a map, not {}", name, Describe(*found->value)));
  return nullptr;
}

// What is published with the function. Source: SAM, "AutoPublishAlias" and its like.
void ReadPublication(const Properties& properties, PlannedFunction& function, Diagnostics& errors) {
  if (const auto snap_start = properties.Below("SnapStart", "ApplyOn")) {
    const std::string apply_on = snap_start->Text("ApplyOn");
    function.settings.snap_start = apply_on == "PublishedVersions";
    if (const Node* node = snap_start->Find("ApplyOn");
        node != nullptr && apply_on != "PublishedVersions" && apply_on != "None") {
      errors.Add(node->position,
                 fmt::format("'SnapStart.ApplyOn' is None or PublishedVersions, not "
                             "{}",
                             Describe(*node)));
    }
  }
  auto& publication = function.publication;
  publication.alias = properties.Text("AutoPublishAlias");
  publication.all_properties = properties.Flag("AutoPublishAliasAllProperties");
  publication.code_sha256 = properties.Text("AutoPublishCodeSha256");
  publication.description = properties.Text("VersionDescription");
  publication.provisioned = properties.ProvisionedConcurrency();
  const Node* alias = properties.Find("AutoPublishAlias");
  if (alias != nullptr && !invoker::IsAliasName(publication.alias)) {
    errors.Add(
        alias->position,
        fmt::format("'AutoPublishAlias' is a name of letters, digits, '-' and '_' that is no "
                    "number, not {}",
                    Describe(*alias)));
  }
  for (const auto* name : {"AutoPublishAliasAllProperties", "AutoPublishCodeSha256",
                           "VersionDescription", "ProvisionedConcurrencyConfig"}) {
    if (alias == nullptr && properties.Find(name) != nullptr) {
      errors.Add(properties.Find(name)->position,
                 fmt::format("'{}' needs AutoPublishAlias beside it", name));
    }
  }
}

}  // namespace

std::string Suggestion(std::string_view name, std::span<const std::string_view> known) {
  std::string_view best;
  size_t best_distance = 3;
  for (const auto candidate : known) {
    if (name.size() > 64) break;
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance && distance < candidate.size() / 2) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : fmt::format(" (did you mean '{}'?)", best);
}

void CheckPropertyNames(std::string_view type, const Node& properties,
                        std::span<const std::string_view> served,
                        std::span<const std::string_view> not_served, Diagnostics& errors) {
  for (const auto& property : properties.members) {
    if (std::ranges::find(not_served, property.name) != not_served.end()) {
      errors.Add(property.position,
                 fmt::format("the property '{}' of {} is not served yet", property.name, type));
    } else if (std::ranges::find(served, property.name) == served.end()) {
      errors.Add(property.position, fmt::format("unknown property '{}' of {}{}", property.name,
                                                type, Suggestion(property.name, served)));
    }
  }
}

void CheckFunctionProperties(const Member& resource, const NodeRef& properties, Diagnostics& errors,
                             Diagnostics& notices) {
  if (properties == nullptr) return;
  CheckPropertyNames("AWS::Serverless::Function", *properties, kServed, kNotServed, errors);
  if (const Member* policies = properties->Find("Policies")) {
    notices.Add(
        policies->position,
        fmt::format("Policies of '{}' are not enforced: this host has no IAM", resource.name));
  }
}

PlannedFunction ReadFunction(const Member& resource, const NodeRef& node, Diagnostics& errors) {
  PlannedFunction function;
  function.logical_id = resource.name;
  function.position = resource.position;
  for (const auto& member : node->members) function.properties[member.name] = member.position;
  const Properties properties(*node, "", errors);

  auto& settings = function.settings;
  settings.name = properties.Text("FunctionName");
  if (settings.name.empty()) settings.name = resource.name;
  settings.runtime = properties.Text("Runtime");
  settings.handler = properties.Text("Handler");
  settings.role = properties.Text("Role");
  settings.description = properties.Text("Description");
  settings.timeout_s = properties.Integer("Timeout", settings.timeout_s);
  settings.memory_mib = properties.Integer("MemorySize", settings.memory_mib);
  if (const auto storage = properties.Below("EphemeralStorage", "Size")) {
    settings.tmp_mib = storage->Integer("Size", settings.tmp_mib);
  }
  if (const auto environment = properties.Below("Environment", "Variables")) {
    settings.environment = environment->TextMap("Variables");
  }
  settings.tags = properties.TextMap("Tags");
  if (properties.Find("ReservedConcurrentExecutions") != nullptr) {
    settings.reserved = properties.Integer("ReservedConcurrentExecutions", 0);
  }
  settings.layers = properties.TextList("Layers");
  if (settings.layers.size() > limits::kMaxLayers) {
    errors.Add(properties.Find("Layers")->position,
               fmt::format("{} layers: a function has at most {}", settings.layers.size(),
                           limits::kMaxLayers));
  }
  if (const Node* architectures = properties.Find("Architectures")) {
    const bool is_one = architectures->is_list() && architectures->items.size() == 1 &&
                        architectures->items[0]->is_scalar();
    if (is_one) {
      settings.architectures = {architectures->items[0]->text};
    } else {
      errors.Add(architectures->position, "'Architectures' is a list of one: [x86_64] or [arm64]");
    }
  }
  if (properties.Find("Tracing") != nullptr && properties.Text("Tracing") != "PassThrough") {
    errors.Add(properties.Find("Tracing")->position,
               fmt::format("'Tracing' {} is not served yet: only PassThrough is",
                           Describe(*properties.Find("Tracing"))));
  }
  if (properties.Find("PackageType") != nullptr && properties.Text("PackageType") != "Zip") {
    errors.Add(properties.Find("PackageType")->position,
               fmt::format("'PackageType' {} is not served yet: only Zip is",
                           Describe(*properties.Find("PackageType"))));
  }
  ReadLogging(properties, function, errors);
  ReadControls(properties, function, errors);
  ReadPublication(properties, function, errors);
  ReadDeadLetter(properties, function, errors);
  function.events = ReadMap(*node, "Events", errors);
  function.url = ReadMap(*node, "FunctionUrlConfig", errors);
  function.event_invoke = ReadMap(*node, "EventInvokeConfig", errors);
  Require(properties, "Runtime", function, "Runtime: python3.12", errors);
  Require(properties, "Handler", function, "Handler: app.handler", errors);
  ReadCode(properties, function, errors);
  return function;
}

}  // namespace hearth::stacks
