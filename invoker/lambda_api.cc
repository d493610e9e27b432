#include "invoker/lambda_api.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "invoker/function_json.h"
#include "invoker/function_name.h"
#include "invoker/invoke_api.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr std::string_view kFunctions = "/2015-03-31/functions";

void Refuse(aws::Call& call, const aws::ApiError& error) {
  call.responder.Send(aws::RestJsonError(error, call.request_id));
}

aws::ApiError NotImplemented(const aws::Call& call) {
  return {.status = 501,
          .type = "NotImplementedException",
          .message = "Hearth does not serve " + call.request.method + " " +
                     std::string(call.request.path()) + " yet"};
}

// The operation's own name where a stock client would know it by that.
std::string_view OperationOf(std::string_view method, std::string_view part) {
  if (part == "versions") return method == "GET" ? "ListVersionsByFunction" : "PublishVersion";
  if (part == "aliases") return method == "GET" ? "ListAliases" : "CreateAlias";
  if (part == "policy") return method == "GET" ? "GetPolicy" : "AddPermission";
  return {};
}

std::expected<std::string, aws::ApiError> ReadZip(const Json& code) {
  if (!code.is_object()) {
    return std::unexpected(InvalidParameter("Code must be an object with ZipFile."));
  }
  for (const char* member :
       {"S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri", "SourceKMSKeyArn"}) {
    if (code.contains(member) && !code[member].is_null()) {
      return std::unexpected(InvalidParameter(std::string("Hearth does not serve ") + member +
                                              " yet; send the code as ZipFile."));
    }
  }
  if (!code.contains("ZipFile") || !code["ZipFile"].is_string()) {
    return std::unexpected(InvalidParameter("Please provide a source for function code."));
  }
  auto zip = base::Base64Decode(code["ZipFile"].get_ref<const std::string&>());
  if (!zip) {
    return std::unexpected(aws::ApiError{.status = 400,
                                         .type = "SerializationException",
                                         .message = "ZipFile: " + zip.error().ToString()});
  }
  return std::move(*zip);
}

std::optional<aws::ApiError> CheckUpdateCodeMembers(const Json& body,
                                                    const FunctionVersion& current) {
  for (const auto& [member, value] : body.items()) {
    if (value.is_null() || value == false || member == "ZipFile" || member.starts_with("S3") ||
        member == "ImageUri" || member == "SourceKMSKeyArn") {
      continue;
    }
    if (member == "DryRun" || member == "RevisionId") {
      if (member == "DryRun" ? value.is_boolean() : value.is_string()) continue;
    } else if (member == "Architectures" && value == Json::array({current.architecture})) {
      continue;
    }
    return InvalidParameter("Hearth does not serve " + member + " " + base::ToJsonText(value) +
                            " in UpdateFunctionCode yet; leave the member out.");
  }
  return std::nullopt;
}

class LambdaApi final : public aws::Service {
 public:
  LambdaApi(ControlPlane& control, Registry& registry, Invoker& invoker, const base::Clock& clock,
            LambdaApiOptions options, AsyncQueue* events, CodeDownload* downloads)
      : control_(control),
        registry_(registry),
        options_(std::move(options)),
        downloads_(downloads),
        invoke_(registry, invoker, clock, options_.account, events) {}

  std::string_view name() const override { return "lambda"; }

  void Handle(aws::Call call) override {
    std::string_view path = call.request.path();
    if (!path.starts_with(kFunctions)) return Refuse(call, NotImplemented(call));
    path.remove_prefix(kFunctions.size());
    const std::string method = call.request.method;
    if (path.empty() || path == "/") {
      if (method == "POST") return Create(std::move(call));
      if (method == "GET") return List(std::move(call));
      return Refuse(call, NotImplemented(call));
    }
    if (path.front() != '/') return Refuse(call, NotImplemented(call));
    path.remove_prefix(1);
    const size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    const std::string part(slash == std::string_view::npos ? "" : path.substr(slash + 1));
    if (part == "invocations" && method == "POST") return invoke_.Handle(std::move(call), name);
    Route(std::move(call), method, name, part);
  }

 private:
  void Route(aws::Call call, const std::string& method, const std::string& encoded_name,
             const std::string& part) {
    const std::string_view operation = OperationOf(method, part);
    if (!operation.empty()) {
      return Refuse(call, {.status = 501,
                           .type = "NotImplementedException",
                           .message = "Hearth does not serve " + std::string(operation) + " yet"});
    }
    const bool served = (part.empty() && (method == "GET" || method == "DELETE")) ||
                        (part == "configuration" && (method == "GET" || method == "PUT")) ||
                        (part == "code" && method == "PUT");
    if (!served) return Refuse(call, NotImplemented(call));
    const auto name =
        ParseFunctionName(options_.account, io::PercentDecode(encoded_name),
                          io::QueryParameter(call.request.query(), "Qualifier").value);
    if (!name) return Refuse(call, name.error());
    FunctionRef function = registry_.Find(name->name);
    if (function == nullptr || (!name->qualifier.empty() && name->qualifier != "$LATEST")) {
      return Refuse(call, FunctionNotFound(options_.account, *name));
    }
    if (method == "DELETE") {
      if (!name->qualifier.empty()) {
        return Refuse(
            call,
            InvalidParameter("$LATEST version cannot be deleted without deleting the function."));
      }
      return Delete(std::move(call), name->name);
    }
    if (method == "GET") return Get(std::move(call), *function, *name, part);
    Update(std::move(call), *function, part);
  }

  Json Configuration(const FunctionVersion& function, const std::string& qualifier = {}) const {
    Json out = FunctionConfigurationJson(options_.account, function);
    if (!qualifier.empty()) {
      out["FunctionArn"] = FunctionArn(options_.account, function.name, qualifier);
    }
    return out;
  }

  static std::expected<Json, aws::ApiError> ReadBody(const aws::Call& call) {
    auto body = base::ParseJson(call.request.body);
    if (!body || !body->is_object()) {
      return std::unexpected(aws::ApiError{
          .status = 400,
          .type = "SerializationException",
          .message = body ? "The request body must be a JSON object." : body.error().ToString()});
    }
    return std::move(*body);
  }

  ControlPlane::Done Answer(aws::Call call, int status) {
    auto held = std::make_shared<aws::Call>(std::move(call));
    return [this, held, status](std::expected<FunctionRef, aws::ApiError> result) {
      if (!result) return Refuse(*held, result.error());
      held->responder.Send(aws::RestJsonAnswer(status, Configuration(**result), held->request_id));
    };
  }

  void Create(aws::Call call) {
    auto body = ReadBody(call);
    if (!body) return Refuse(call, body.error());
    auto settings = ApplyMembers({}, *body, SettingsMembers::kCreate);
    if (!settings) return Refuse(call, settings.error());
    const auto name = ParseFunctionName(options_.account, settings->name, {});
    if (!name) return Refuse(call, name.error());
    settings->name = name->name;
    auto zip = ReadZip(body->value("Code", Json()));
    if (!zip) return Refuse(call, zip.error());
    control_.Create(std::move(*settings), std::move(*zip), Answer(std::move(call), 201));
  }

  void Update(aws::Call call, const FunctionVersion& function, const std::string& part) {
    auto body = ReadBody(call);
    if (!body) return Refuse(call, body.error());
    if (part == "configuration") {
      return control_.UpdateConfiguration(function.name, *body, Answer(std::move(call), 200));
    }
    if (auto refusal = CheckUpdateCodeMembers(*body, function)) return Refuse(call, *refusal);
    auto zip = ReadZip(*body);
    if (!zip) return Refuse(call, zip.error());
    const Json revision = body->value("RevisionId", Json());
    control_.UpdateCode(function.name, std::move(*zip),
                        revision.is_string() ? revision.get<std::string>() : std::string(),
                        body->value("DryRun", Json()) == true, Answer(std::move(call), 200));
  }

  void Get(aws::Call call, const FunctionVersion& function, const FunctionName& name,
           const std::string& part) {
    Json configuration = Configuration(function, name.qualifier);
    if (part == "configuration") {
      return call.responder.Send(aws::RestJsonAnswer(200, configuration, call.request_id));
    }
    Json code{{"RepositoryType", "S3"}};
    if (downloads_ != nullptr) {
      code["Location"] =
          downloads_->Location(call.request.headers.Get("Host"), function.code_digest);
    }
    Json answer{{"Configuration", std::move(configuration)}, {"Code", std::move(code)}};
    if (!function.tags.empty()) answer["Tags"] = function.tags;
    call.responder.Send(aws::RestJsonAnswer(200, answer, call.request_id));
  }

  void Delete(aws::Call call, const std::string& name) {
    auto held = std::make_shared<aws::Call>(std::move(call));
    control_.Delete(name, [held](std::expected<FunctionRef, aws::ApiError> result) {
      if (!result) return Refuse(*held, result.error());
      io::HttpResponse response{.status = 204, .headers = {}, .body = {}};
      response.headers.Add("x-amzn-RequestId", held->request_id);
      held->responder.Send(std::move(response));
    });
  }

  void List(aws::Call call) {
    const std::string_view query = call.request.query();
    size_t count = 50;
    if (const auto asked = io::QueryParameter(query, "MaxItems"); asked.found) {
      const char* end = asked.value.data() + asked.value.size();
      const auto [stop, fault] = std::from_chars(asked.value.data(), end, count);
      if (fault != std::errc() || stop != end || count < 1 || count > 10000) {
        return Refuse(call, ValidationError(asked.value, "maxItems",
                                            "Member must have value between 1 and 10000"));
      }
    }
    count = std::min<size_t>(count, 50);  // AWS never lists more than 50 on a page.
    if (const auto all = io::QueryParameter(query, "FunctionVersion");
        all.found && all.value != "ALL") {
      return Refuse(call, ValidationError(all.value, "functionVersion",
                                          "Member must satisfy enum value set: [ALL]"));
    }
    // The marker is the last name of the page before, so it survives changes in between.
    const auto marker = io::QueryParameter(query, "Marker");
    auto after = base::Base64Decode(marker.value);
    if (marker.found && !after) {
      return Refuse(call, InvalidParameter("Invalid pagination token."));
    }
    const std::vector<FunctionRef> functions = registry_.List();
    auto at = functions.begin();
    if (marker.found) {
      at = std::ranges::upper_bound(
          functions, *after, {},
          [](const FunctionRef& f) -> const std::string& { return f->name; });
    }
    Json answer{{"Functions", Json::array()}};
    for (; at != functions.end() && answer["Functions"].size() < count; ++at) {
      Json one = Configuration(**at);
      // Only single-function answers carry these.
      for (const char* member : {"State", "LastUpdateStatus", "RuntimeVersionConfig"}) {
        one.erase(member);
      }
      answer["Functions"].push_back(std::move(one));
    }
    if (at != functions.end()) answer["NextMarker"] = base::Base64Encode((*std::prev(at))->name);
    call.responder.Send(aws::RestJsonAnswer(200, answer, call.request_id));
  }

  ControlPlane& control_;
  Registry& registry_;
  const LambdaApiOptions options_;
  CodeDownload* const downloads_;
  InvokeApi invoke_;
};

}  // namespace

std::unique_ptr<aws::Service> MakeLambdaApi(ControlPlane& control, Registry& registry,
                                            Invoker& invoker, layers::CodeStore&, io::Offload&,
                                            const base::Clock& clock, LambdaApiOptions options,
                                            AsyncQueue* events, CodeDownload* downloads) {
  return std::make_unique<LambdaApi>(control, registry, invoker, clock, std::move(options), events,
                                     downloads);
}

}  // namespace hearth::invoker
