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

// Why `arn` can be nobody's destination here, or not of the function `of`; nothing: it can.
std::optional<aws::ApiError> CheckDestinationOf(const Registry& registry,
                                                const Destinations& destinations,
                                                const Account& account, const FunctionName& of,
                                                const std::string& arn);

// Put- and UpdateFunctionEventInvokeConfig: what is not named is the default's, or stays.
enum class EventInvokeChange { kPut, kUpdate };

// The changes that Put-, Update- and DeleteFunctionEventInvokeConfig make, of the function, version
// or alias that `name` means. Both stacks/ and the wire API come here. All references outlive
// `done`.
void PutEventInvoke(Registry& registry, const Destinations& destinations, const base::Clock& clock,
                    const Account& account, const FunctionName& name, EventInvokeChange change,
                    base::Json body, Registry::Done done);
void DeleteEventInvoke(Registry& registry, const Account& account, const FunctionName& name,
                       Registry::Done done);

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
  void Write(aws::Call call, const FunctionName& name, EventInvokeChange change);
  void Get(aws::Call call, const FunctionName& name);
  void Delete(aws::Call call, const FunctionName& name);
  void List(aws::Call call, const FunctionName& name);

  std::string ArnOf(const FunctionName& name) const {
    return FunctionArn(account_, name.name, QualifierKey(name));
  }

  Registry& registry_;
  const Destinations& destinations_;
  const base::Clock& clock_;
  const Account account_;
};

}  // namespace hearth::invoker
