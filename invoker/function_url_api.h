// FunctionUrlApi: the part of Lambda's wire API that is about function URLs.
//
// Source: Lambda API 2021-10-31, Create/Get/Update/Delete/ListFunctionUrlConfig(s). Owner:
// LambdaApi.
#pragma once

#include <string>

#include "aws/gateway.h"
#include "base/clock.h"
#include "invoker/function_name.h"
#include "invoker/registry.h"

namespace hearth::invoker {

class FunctionUrlApi {
 public:
  FunctionUrlApi(Registry& registry, const base::Clock& clock, Account account)
      : registry_(registry), clock_(clock), account_(std::move(account)) {}

  // `part` is the path below the function's name. False: it is none of these operations, and the
  // call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);

 private:
  enum class How { kCreate, kUpdate };
  void Write(aws::Call call, const FunctionName& name, How how);
  void Get(aws::Call call, const FunctionName& name);
  void Delete(aws::Call call, const FunctionName& name);
  void List(aws::Call call, const FunctionName& name);
  base::Json Shown(const aws::Call& call, const std::string& function, const std::string& qualifier,
                   const FunctionUrl& url) const;

  Registry& registry_;
  const base::Clock& clock_;
  const Account account_;
};

}  // namespace hearth::invoker
