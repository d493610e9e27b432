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

// "sqs.us-east-1.amazonaws.com", "sqs.localhost.localstack.cloud" -> "sqs"
std::string_view ServiceOfHost(std::string_view host) {
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view rest = host.substr(dot);
  if (rest.find(".amazonaws.com") == std::string_view::npos &&
      rest.find(".localhost") == std::string_view::npos) {
    return {};
  }
  return host.substr(0, dot);
}

}  // namespace

// "0123abcd.lambda-url.us-east-1.localhost:4566": a function's own address, whatever else is said.
static bool IsFunctionUrl(std::string_view host) {
  const auto dot = host.find('.');
  return dot != std::string_view::npos && host.substr(dot + 1).starts_with("lambda-url.");
}

std::string ServiceOf(const HttpRequest& request) {
  if (IsFunctionUrl(request.headers.Get("Host"))) return "lambda-url";
  if (const auto service = ServiceOfAuthorization(request.headers.Get("Authorization"));
      !service.empty()) {
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
  if (request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded")) {
    if (std::string service = ServiceOfQuery(request.body); !service.empty()) return service;
  }
  if (const auto service = ServiceOfHost(request.headers.Get("Host")); !service.empty()) {
    return std::string(service);
  }
  return std::string(FindPrefix(kPaths, request.path()));
}

void Gateway::Register(Service& service) {
  CHECK(services_.emplace(std::string(service.name()), &service).second);
}

void Gateway::RegisterOwn(std::string path_prefix, std::function<void(Call)> handler) {
  CHECK(own_.emplace(std::move(path_prefix), std::move(handler)).second);
}

void Gateway::Handle(HttpRequest request, io::HttpResponder responder, From from) {
  Call call{std::move(request), std::move(responder), base::NewUuid()};
  const std::string_view path = call.request.path();
  if (path.starts_with("/_hearth/") && !IsFunctionUrl(call.request.headers.Get("Host"))) {
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
    return;
  }
  const std::string service = ServiceOf(call.request);
  if (const auto at = services_.find(service); at != services_.end()) {
    at->second->Handle(std::move(call));
    return;
  }
  // What nothing else could be meant for.
  if (service.empty() && from == From::kClient) {
    if (const auto at = own_.find(std::string(path)); at != own_.end()) {
      at->second(std::move(call));
      return;
    }
  }
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
