// UrlService: requests to function URLs, by their Host: ID.lambda-url.REGION.NAME.
//
// A request becomes an event, the function's answer the response; preflight requests are answered
// here. AuthType AWS_IAM asks for a well-formed signature, of any key: this host has no IAM. A
// failure of the function is a 502; one in the midst of an answer in pieces cuts the connection.
// Source: developer guide, "Lambda function URLs"; aws-facts 4.7. Owner: host.
#pragma once

#include <memory>

#include "aws/gateway.h"
#include "base/clock.h"
#include "invoker/invoker.h"
#include "invoker/registry.h"

namespace hearth::invoker {

// Everything given must outlive the service.
std::unique_ptr<aws::Service> MakeUrlService(const Registry& registry, Invoker& invoker,
                                             const base::Clock& clock, Account account);

}  // namespace hearth::invoker
