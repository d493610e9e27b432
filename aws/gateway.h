// Gateway: which service an HTTP request is meant for, by AWS's own signs, and the way there.
//
// Order: the signature (SigV4's credential scope; one of version 2 is S3's), X-Amz-Target, the
// query protocol's Action, the host, the path; then whoever claims it. Source: aws-facts 1.0.
// Owner: host. Paths below /_hearth/ are the host's own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "io/http_message.h"
#include "io/http_server.h"

namespace hearth::aws {

// An error as the wire knows it: status, AWS's type, message, and members of its body beside them.
struct ApiError {
  int status = 500;
  std::string type;  // "ResourceNotFoundException"
  std::string message;
  base::Json extra = base::Json::object();  // e.g. {"Reason": "ConcurrentInvocationLimitExceeded"}
};

// A request on its way to a service.
struct Call {
  io::HttpRequest request;
  io::HttpResponder responder;
  std::string request_id;  // UUID made by the gateway; every answer carries it as x-amzn-RequestId.
};

class Service {
 public:
  virtual ~Service() = default;
  virtual std::string_view name() const = 0;  // "lambda": the credential scope's word
  // With request.upload where Upload has taken its body.
  virtual void Handle(Call call) = 0;
  // Asked of each request for the service when its head is there; nullopt: its body comes as a
  // whole, within the server's limit.
  virtual std::optional<io::HttpUploadReader> Upload(const io::HttpRequest& /*head*/,
                                                     io::HttpUpload /*upload*/) {
    return std::nullopt;
  }
  // Whether a request that bears no sign of any service is meant for this one.
  virtual bool Claims(const io::HttpRequest& /*head*/) const { return false; }
};

// rest-json: {"Type":"User","Message":…,"message":…} with x-amzn-ErrorType. 5xx: Type "Service".
io::HttpResponse RestJsonError(const ApiError& error, const std::string& request_id);
io::HttpResponse RestJsonAnswer(int status, const base::Json& body, const std::string& request_id);

class Gateway {
 public:
  // Neither owns the services. `own` gets paths below /_hearth/, by their beginning; another path
  // where it is just that, and the request bears no sign of a service.
  Gateway() = default;
  void Register(Service& service);
  void RegisterOwn(std::string path_prefix, std::function<void(Call)> handler);
  // An unknown service gets an error that names it and those that are served. What is Hearth's own
  // is for who governs the host, not for functions.
  enum class From { kClient, kFunction };
  void Handle(io::HttpRequest request, io::HttpResponder responder, From from = From::kClient);
  // The server's uploader: asks the service that Handle will choose. A server whose requests come
  // to Handle has this one or none.
  std::optional<io::HttpUploadReader> Upload(const io::HttpRequest& head, io::HttpUpload upload,
                                             From from = From::kClient);

 private:
  struct Choice;
  Choice Choose(const io::HttpRequest& request, From from) const;
  void HandleOwn(Call call, From from) const;
  void RefuseUnserved(Call call, const std::string& service) const;

  std::map<std::string, Service*, std::less<>> services_;
  std::vector<Service*> in_order_;  // Of registration: the first to claim has it.
  std::map<std::string, std::function<void(Call)>, std::greater<>> own_;
};

// The service name a request is meant for ("lambda", "sqs", ...), or empty.
std::string ServiceOf(const io::HttpRequest& request);

}  // namespace hearth::aws
