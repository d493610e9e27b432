// EventInvokeApi: the part of Lambda's wire API that is about asynchronous invocations' settings.
//
// Source: Lambda API 2019-09-25, Put/Update/Get/List/DeleteFunctionEventInvokeConfig. Owner:
// LambdaApi.
#pragma once

#include <string>

#include "aws/gateway.h"
#include "base/clock.h"
#include "invoker/destinations.h"
#include "invoker/event_invoke.h"
#include "invoker/function_name.h"
#include "invoker/registry.h"

namespace hearth::invoker {

class EventInvokeApi {
 public:
  // `destinations` outlives the result.
  EventInvokeApi(Registry& registry, const Destinations& destinations, const base::Clock& clock,
                 Account account)
      : registry_(registry),
        destinations_(destinations),
        clock_(clock),
        account_(std::move(account)) {}

  // `part` is the path below the function's name. False: it is none of these operations, and the
  // call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);

 private:
  void Write(aws::Call call, const FunctionName& name, bool keeps_current);
  void Get(aws::Call call, const FunctionName& name);
  void Delete(aws::Call call, const FunctionName& name);
  void List(aws::Call call, const FunctionName& name);

  std::string ArnOf(const FunctionName& name) const;
  std::optional<aws::ApiError> CheckDestination(const std::string& arn,
                                                const FunctionName& of) const;
  aws::ApiError HasNone(const FunctionName& name) const;

  Registry& registry_;
  const Destinations& destinations_;
  const base::Clock& clock_;
  const Account account_;
};

}  // namespace hearth::invoker
