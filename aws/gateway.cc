#include "aws/gateway.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/id.h"

namespace hearth::aws {
namespace {

using io::HttpRequest;

// X-Amz-Target's prefix -> service (aws-facts 1.0).
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kTargets = {{
    {"AmazonSQS.", "sqs"},
    {"AWSEvents.", "events"},
    {"Kinesis_20131202.", "kinesis"},
    {"Firehose_20150804.", "firehose"},
    {"AWSStepFunctions.", "states"},
    {"Logs_20140328.", "logs"},
    {"AmazonSSM.", "ssm"},
    {"secretsmanager.", "secretsmanager"},
    {"GraniteServiceVersion20100801.", "monitoring"},
    {"DynamoDB_20120810.", "dynamodb"},
    {"DynamoDBStreams_20120810.", "dynamodb"},
    {"AWSCognitoIdentityService.", "cognito-identity"},
    {"AWSCognitoIdentityProviderService.", "cognito-idp"},
    {"TrentService.", "kms"},
    {"CertificateManager.", "acm"},
    {"AmazonSNS.", "sns"},
}};

// The query protocol's Version -> service.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kVersions = {{
    {"2012-11-05", "sqs"},
    {"2010-03-31", "sns"},
    {"2011-06-15", "sts"},
    {"2010-05-08", "iam"},
    {"2010-05-15", "cloudformation"},
    {"2010-08-01", "monitoring"},
}};

// Path prefixes that only one service uses. Lambda's are its API's dates.
constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kPaths = {{
    {"/2015-03-31/", "lambda"}, {"/2014-11-13/", "lambda"},    {"/2016-08-19/", "lambda"},
    {"/2017-03-31/", "lambda"}, {"/2017-10-31/", "lambda"},    {"/2018-10-31/", "lambda"},
    {"/2019-09-25/", "lambda"}, {"/2019-09-30/", "lambda"},    {"/2020-04-22/", "lambda"},
    {"/2020-06-30/", "lambda"}, {"/2021-07-20/", "lambda"},    {"/2021-10-31/", "lambda"},
    {"/2021-11-15/", "lambda"}, {"/2024-08-31/", "lambda"},    {"/2025-11-30/", "lambda"},
    {"/2025-12-01/", "lambda"}, {"/schedules", "scheduler"},   {"/schedule-groups", "scheduler"},
    {"/v1/pipes", "pipes"},     {"/restapis", "apigateway"},   {"/v2/apis", "apigateway"},
    {"/apikeys", "apigateway"}, {"/usageplans", "apigateway"}, {"/@connections", "execute-api"},
}};

// Other services, whose hosts begin like S3's.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kNotS3 = {{
    {"s3-control", "s3-control"},
    {"s3-outposts", "s3-outposts"},
    {"s3-object-lambda", "s3-object-lambda"},
    {"s3-accesspoint", "s3-accesspoint"},
    {"s3-website", "s3-website"},
    {"s3-global", "s3-global"},
}};

// "KEY/20260806/us-east-1/lambda/aws4_request" -> "lambda"
std::string_view ServiceOfScope(std::string_view credential) {
  for (int field = 0; field < 3; ++field) {
    const auto slash = credential.find('/');
    if (slash == std::string_view::npos) return {};
    credential.remove_prefix(slash + 1);
  }
  const auto slash = credential.find('/');
  if (slash == std::string_view::npos || !credential.substr(slash).starts_with("/aws4_request")) {
    return {};
  }
  return credential.substr(0, slash);
}

std::string_view ServiceOfAuthorization(std::string_view header) {
  constexpr std::string_view kMark = "Credential=";
  if (!header.starts_with("AWS4-")) return {};
  const auto at = header.find(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view credential = header.substr(at + kMark.size());
  return ServiceOfScope(credential.substr(0, credential.find_first_of(", ")));
}

template <typename Table>
std::string_view FindPrefix(const Table& table, std::string_view text) {
  for (const auto& [prefix, service] : table) {
    if (text.starts_with(prefix)) return service;
  }
  return {};
}

std::string ServiceOfQuery(std::string_view form) {
  if (!io::QueryParameter(form, "Action").found) return {};
  const io::QueryValue version = io::QueryParameter(form, "Version");
  for (const auto& [date, service] : kVersions) {
    if (version.value == date) return std::string(service);
  }
  return {};
}

// "0123abcd.lambda-url.us-east-1.localhost:4566": a function's own address, whatever else is said.
bool IsFunctionUrl(std::string_view host) {
  const auto dot = host.find('.');
  return dot != std::string_view::npos && host.substr(dot + 1).starts_with("lambda-url.");
}

// "s3", and its older endpoints "s3-us-west-2"; not services whose names begin like that.
bool IsS3Label(std::string_view label) {
  if (label == "s3") return true;
  return label.starts_with("s3-") && FindPrefix(kNotS3, label).empty();
}

// "s3.us-east-1.amazonaws.com", "my.bucket.s3.example.com": a bucket's name may hold dots.
bool IsS3Host(std::string_view host) {
  for (auto dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.')) {
    if (IsS3Label(host.substr(0, dot))) return true;
    host.remove_prefix(dot + 1);
  }
  return false;
}

// "sqs.us-east-1.amazonaws.com", "sqs.localhost.localstack.cloud" -> "sqs"
std::string_view ServiceOfHost(std::string_view host) {
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view rest = host.substr(dot);
  if (rest.find(".amazonaws.com") == std::string_view::npos &&
      rest.find(".localhost") == std::string_view::npos) {
    return {};
  }
  return IsS3Host(host) ? "s3" : host.substr(0, dot);
}

bool IsForm(const HttpRequest& request) {
  return request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded");
}

bool HasFiles(const HttpRequest& request) {
  constexpr std::string_view kType = "multipart/form-data";
  return io::SameName(request.headers.Get("Content-Type").substr(0, kType.size()), kType);
}

// What the caller says itself, in the head.
std::string ServiceOfSigns(const HttpRequest& request) {
  if (IsFunctionUrl(request.headers.Get("Host"))) return "lambda-url";
  const std::string_view authorization = request.headers.Get("Authorization");
  if (const auto service = ServiceOfAuthorization(authorization); !service.empty()) {
    return std::string(service);
  }
  if (const auto credential = io::QueryParameter(request.query(), "X-Amz-Credential");
      credential.found) {
    if (const auto service = ServiceOfScope(credential.value); !service.empty()) {
      return std::string(service);
    }
  }
  if (const auto service = FindPrefix(kTargets, request.headers.Get("X-Amz-Target"));
      !service.empty()) {
    return std::string(service);
  }
  if (std::string service = ServiceOfQuery(request.query()); !service.empty()) return service;
  // Version 2 of the signature names no service; S3 alone has it in these forms.
  if (authorization.starts_with("AWS ") ||
      (io::QueryParameter(request.query(), "AWSAccessKeyId").found &&
       io::QueryParameter(request.query(), "Signature").found)) {
    return "s3";
  }
  return {};
}

// What the address alone says: weaker, as any name may lead to this host.
std::string ServiceOfAddress(const HttpRequest& request) {
  const std::string_view host = request.headers.Get("Host");
  if (const auto service = ServiceOfHost(host); !service.empty()) return std::string(service);
  if (const auto service = FindPrefix(kPaths, request.path()); !service.empty()) {
    return std::string(service);
  }
  return IsS3Host(host) ? "s3" : "";
}

}  // namespace

std::string ServiceOf(const HttpRequest& request) {
  if (std::string service = ServiceOfSigns(request); !service.empty()) return service;
  if (IsForm(request)) {
    if (std::string service = ServiceOfQuery(request.body); !service.empty()) return service;
  }
  return ServiceOfAddress(request);
}

void Gateway::Register(Service& service) {
  CHECK(services_.emplace(std::string(service.name()), &service).second);
  in_order_.push_back(&service);
}

void Gateway::RegisterOwn(std::string path_prefix, std::function<void(Call)> handler) {
  CHECK(own_.emplace(std::move(path_prefix), std::move(handler)).second);
}

struct Gateway::Choice {
  std::string name;            // Of the service, served or not; empty: nothing says.
  Service* service = nullptr;  // nullptr: another's, as `own` says, or none's.
  const std::function<void(Call)>* own = nullptr;
};

// Of a request that is not below /_hearth/.
Gateway::Choice Gateway::Choose(const HttpRequest& request, From from) const {
  Choice choice{.name = ServiceOf(request)};
  if (const auto at = services_.find(choice.name); at != services_.end()) {
    choice.service = at->second;
    return choice;
  }
  if (choice.name.empty() && from == From::kClient) {
    if (const auto at = own_.find(request.path()); at != own_.end()) {
      choice.own = &at->second;
      return choice;
    }
  }
  // A host's first label may as well be a bucket's name.
  if (choice.name.empty() || choice.name == ServiceOfHost(request.headers.Get("Host"))) {
    const auto claims = [&](const Service* service) { return service->Claims(request); };
    const auto at = std::ranges::find_if(in_order_, claims);
    if (at != in_order_.end()) choice.service = *at;
  }
  return choice;
}

namespace {

// Of a request whose body a service has taken: it is that one's to the end, whatever it has come to
// claim meanwhile.
struct Taken {
  Service* service = nullptr;
  std::shared_ptr<void> state;
};

bool IsOwn(const HttpRequest& request) {
  return request.path().starts_with("/_hearth/") && !IsFunctionUrl(request.headers.Get("Host"));
}

}  // namespace

std::optional<io::HttpUploadReader> Gateway::Upload(const HttpRequest& head, io::HttpUpload upload,
                                                    From from) {
  // Asked before each request: calls, which are posted as no form with files, are let by at once.
  if (head.method != "PUT" && !HasFiles(head)) return std::nullopt;
  if (IsOwn(head)) return std::nullopt;
  // A form may say in its body whose it is.
  if (IsForm(head) && ServiceOfSigns(head).empty()) return std::nullopt;
  Service* service = Choose(head, from).service;
  if (service == nullptr) return std::nullopt;
  auto reader = service->Upload(head, std::move(upload));
  if (reader) reader->state = std::make_shared<Taken>(service, std::move(reader->state));
  return reader;
}

void Gateway::Handle(HttpRequest request, io::HttpResponder responder, From from) {
  Call call{std::move(request), std::move(responder), base::NewUuid()};
  if (call.request.upload != nullptr) {
    const auto taken = std::static_pointer_cast<Taken>(std::move(call.request.upload));
    call.request.upload = std::move(taken->state);
    taken->service->Handle(std::move(call));
    return;
  }
  if (IsOwn(call.request)) {
    HandleOwn(std::move(call), from);
    return;
  }
  const Choice choice = Choose(call.request, from);
  if (choice.service != nullptr) {
    choice.service->Handle(std::move(call));
  } else if (choice.own != nullptr) {
    (*choice.own)(std::move(call));
  } else {
    RefuseUnserved(std::move(call), choice.name);
  }
}

void Gateway::HandleOwn(Call call, From from) const {
  const std::string_view path = call.request.path();
  if (from == From::kFunction) {
    const ApiError error{403, "AccessDeniedException",
                         "what governs this host is not for functions"};
    call.responder.Send(RestJsonError(error, call.request_id));
    return;
  }
  // Longest prefix first: the map is ordered downwards.
  for (const auto& [prefix, handler] : own_) {
    if (path.starts_with(prefix)) {
      handler(std::move(call));
      return;
    }
  }
  const ApiError error{404, "ResourceNotFoundException",
                       "Hearth has nothing at " + std::string(path.substr(0, 200))};
  call.responder.Send(RestJsonError(error, call.request_id));
}

void Gateway::RefuseUnserved(Call call, const std::string& service) const {
  std::string served;
  for (const auto& [name, _] : services_) served += (served.empty() ? "" : ", ") + name;
  const ApiError error{
      service.empty() ? 404 : 501,
      service.empty() ? "UnknownOperationException" : "NotImplementedException",
      (service.empty() ? "cannot tell which AWS service this request is meant for"
                       : "Hearth does not serve the AWS service '" + service + "' yet") +
          "; served are: " + served};
  call.responder.Send(RestJsonError(error, call.request_id));
}

}  // namespace hearth::aws
