// Gateway: which service an HTTP request is meant for, by AWS's own signs, and the way there.
//
// Order: the SigV4 credential scope's service name, X-Amz-Target, the query protocol's Action, the
// host, the path. Source: aws-facts 1.0. Owner: host. Paths below /_hearth/ are the host's own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

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
  virtual void Handle(Call call) = 0;
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

 private:
  std::map<std::string, Service*, std::less<>> services_;
  std::map<std::string, std::function<void(Call)>, std::greater<>> own_;
};

// The service name a request is meant for ("lambda", "sqs", ...), or empty.
std::string ServiceOf(const io::HttpRequest& request);

}  // namespace hearth::aws
