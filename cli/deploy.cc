#include "cli/deploy.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/json_fields.h"
#include "cli/stack_events.h"
#include "cli/table.h"
#include "cli/units.h"
#include "layers/archive.h"

namespace hearth::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::unexpected<Failure> Usage(std::string message) {
  return std::unexpected(Failure{kUsage, std::move(message)});
}

std::expected<Json, Failure> ReadParameters(const std::vector<std::string>& pairs) {
  Json parameters = Json::object();
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Usage(fmt::format("--parameter '{}' is not of the form Key=Value", pair));
    }
    const std::string key = pair.substr(0, equals);
    if (parameters.contains(key)) return Usage(fmt::format("--parameter {} is given twice", key));
    parameters[key] = pair.substr(equals + 1);
  }
  return parameters;
}

struct Template {
  std::string shown;  // As the user wrote it, for messages.
  fs::path folder;    // Absolute.
  std::string name;   // "template.yaml"
  std::string text;
};

std::expected<Template, Failure> ReadTemplate(const std::string& path) {
  std::error_code error;
  fs::path file(path);
  if (fs::is_directory(file, error)) file /= "template.yaml";
  auto text = base::ReadFile(file.string(), base::Bytes(limits::kMaxTemplateBytes));
  if (!text) {
    return Usage(
        fmt::format("cannot read the template {}: {}", file.string(), text.error().ToString()));
  }
  const fs::path absolute = fs::canonical(file, error);
  if (error) return Usage(fmt::format("{}: {}", file.string(), error.message()));
  return Template{file.string(), absolute.parent_path(), absolute.filename().string(),
                  std::move(*text)};
}

// "template.yaml:12:7: error: ...", a line each, as compilers write them.
Failure TemplateErrors(const Template& source, const io::HttpResponse& response) {
  const auto body = base::ParseJson(response.body);
  const Json errors = body ? Field(*body, "errors") : Json();
  if (!errors.is_array() || errors.empty()) {
    Failure refusal = RefusalOf(response);
    if (response.status == 400) refusal.exit_code = kUsage;
    return refusal;
  }
  if (response.status != 400) return RefusalOf(response);
  std::string text = fmt::format("{} was not deployed; {} {} to correct:", source.shown,
                                 errors.size(), errors.size() == 1 ? "error" : "errors");
  for (const Json& error : errors) {
    const uint64_t line = Count(error, "line");  // 0: the template as a whole.
    text += line == 0 ? fmt::format("\n{}", source.shown)
                      : fmt::format("\n{}:{}:{}", source.shown, line, Count(error, "column"));
    text += ": error: " + Text(error, "message");
  }
  return Failure{kUsage, text};
}

base::Result<std::string> Pack(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return layers::PackZip(fs::canonical(path, error).string());
  std::string content = TRY(base::ReadFile(path.string(), limits::kMaxUnzipped));
  if (path.extension() == ".zip") return content;
  return layers::PackZipOfText(path.filename().string(), content);
}

// What a plan's artifact names: a folder, a zip, or one file.
std::expected<std::string, Failure> PackArtifact(const Template& source, const Json& artifact) {
  const fs::path full = source.folder / Text(artifact, "path");
  const std::string at = fmt::format("{}:{}:{}: error", source.shown, Count(artifact, "line"),
                                     Count(artifact, "column"));
  std::error_code error;
  if (!fs::exists(full, error)) {
    return Usage(fmt::format("{}: there is no {}, the {} that is named here", at,
                             full.lexically_normal().string(), Text(artifact, "kind")));
  }
  auto zip = Pack(full);
  if (!zip) {
    return Usage(fmt::format("{}: cannot pack {}: {}", at, full.lexically_normal().string(),
                             zip.error().ToString()));
  }
  return std::move(*zip);
}

// Uploads what the host lacks; returns the artifact's digest.
std::expected<std::string, Failure> Upload(const Client& client, Console& console,
                                           const Template& source, const Json& artifact) {
  auto zip = PackArtifact(source, artifact);
  if (!zip) return std::unexpected(zip.error());
  const std::string digest = base::ToHex(base::Sha256Of(*zip));
  const std::string size = FormatSize(base::Bytes(zip->size()));
  const std::string target = "/_hearth/artifacts/" + digest;
  const auto known = client.Send({.method = "HEAD", .path = target});
  if (!known) return std::unexpected(known.error());
  const bool have = known->status == 200;
  if (!have) {
    const auto put = client.Ask({.method = "PUT",
                                 .path = target,
                                 .body = std::move(*zip),
                                 .content_type = "application/zip"});
    if (!put) return std::unexpected(put.error());
  }
  console.err << fmt::format("  {:<6}  {}  {}{}\n", Printable(Text(artifact, "kind")),
                             Text(artifact, "path"), size, have ? ", unchanged" : "");
  return digest;
}

std::expected<Json, Failure> Plan(const Client& client, const Template& source,
                                  const std::string& stack, const Json& request) {
  const auto response = client.Send({.method = "POST",
                                     .path = "/_hearth/stacks/" + stack + "/plan",
                                     .body = base::ToJsonText(request)});
  if (!response) return std::unexpected(response.error());
  if (response->status >= 400) return std::unexpected(TemplateErrors(source, *response));
  const auto plan = base::ParseJson(response->body);
  if (!plan) {
    return std::unexpected(
        Failure{kHostError, "hearthd's plan is not JSON: " + plan.error().ToString()});
  }
  return *plan;
}

int Deploy(const Client& client, Console& console, const Template& source, const std::string& stack,
           Json request) {
  const auto began = std::chrono::steady_clock::now();
  const auto plan = Plan(client, source, stack, request);
  if (!plan) return Fail(console, plan.error());
  console.err << fmt::format("Deploying stack {} to {}\n", stack, client.endpoint());
  Json artifacts = Json::object();
  for (const Json& artifact : Field(*plan, "artifacts")) {
    const std::string path = Text(artifact, "path");
    if (artifacts.contains(path)) continue;
    const auto digest = Upload(client, console, source, artifact);
    if (!digest) return Fail(console, digest.error());
    artifacts[path] = *digest;
  }
  request["artifacts"] = std::move(artifacts);
  return ApplyStack(
      client, console,
      {.method = "POST", .path = "/_hearth/stacks/" + stack, .body = base::ToJsonText(request)},
      {.stack = stack,
       .verb = "deployed",
       .began = began,
       .explain = [&source](const io::HttpResponse& response) {
         return TemplateErrors(source, response);
       }});
}

}  // namespace

int RunDeploy(const Client& client, Console& console, const DeployOptions& options) {
  const auto source = ReadTemplate(options.template_path);
  if (!source) return Fail(console, source.error());
  auto parameters = ReadParameters(options.parameters);
  if (!parameters) return Fail(console, parameters.error());
  std::string stack = options.stack;
  if (stack.empty()) stack = StackNameFrom(source->folder.filename().string());
  if (stack != StackNameFrom(stack)) {
    return FailUsage(console, fmt::format("--stack '{}' is not a stack's name: letters, digits "
                                          "and '-', starting with a letter, at most 128; '{}' is",
                                          stack, StackNameFrom(stack)));
  }
  Json request = {{"template", source->text},
                  {"template_name", source->name},
                  {"parameters", std::move(*parameters)}};
  return Deploy(client, console, *source, stack, std::move(request));
}

int RunStacks(const Client& client, Console& console) {
  const auto response = client.Ask({.path = "/_hearth/stacks"});
  if (!response) return Fail(console, response.error());
  if (console.json) {
    console.out << response->body << '\n';
    return kOk;
  }
  const auto body = base::ParseJson(response->body);
  if (!body) return Fail(console, {kHostError, body.error().ToString()});
  Table table({{"STACK"}, {"STATUS"}, {"RESOURCES", Align::kRight}, {"UPDATED"}});
  for (const Json& stack : Field(*body, "stacks")) {
    const Json& resources = Field(stack, "resources");
    table.Add(
        {Text(stack, "name"), Text(stack, "status"),
         resources.is_structured() ? std::to_string(resources.size()) : Text(stack, "resources"),
         Text(stack, "updated")});
  }
  if (table.rows() == 0) {
    console.err << "no stacks; deploy one with: hearth deploy template.yaml\n";
  } else {
    console.out << table.Render();
  }
  return kOk;
}

int RunDelete(const Client& client, Console& console, const std::string& stack) {
  return ApplyStack(client, console,
                    {.method = "DELETE", .path = "/_hearth/stacks/" + PercentEncode(stack)},
                    {.stack = stack,
                     .verb = "deleted",
                     .began = std::chrono::steady_clock::now(),
                     .explain = RefusalOf});
}

std::string StackNameFrom(std::string_view folder) {
  std::string name;
  for (const char c : folder) {
    if (IsAlnum(c)) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (name.ends_with('-')) name.pop_back();
  if (name.empty()) return "stack";
  if (name[0] >= '0' && name[0] <= '9') name = "stack-" + name;
  return name.substr(0, 128);
}

}  // namespace hearth::cli
