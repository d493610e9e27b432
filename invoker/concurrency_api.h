// ConcurrencyApi: the part of Lambda's wire API that is about the account's concurrency and its
// other limits: Put-, Get-, DeleteFunctionConcurrency and GetAccountSettings.
//
// Source: Lambda API 2017-10-31, 2019-09-30 and 2016-08-19; error texts as recorded on AWS. Owner:
// LambdaApi.
#pragma once

#include <string>

#include "aws/gateway.h"
#include "invoker/function_name.h"
#include "invoker/layer_registry.h"
#include "invoker/registry.h"
#include "invoker/versions_control.h"

namespace hearth::invoker {

class ConcurrencyApi {
 public:
  static constexpr std::string_view kAccountPath = "/2016-08-19/account-settings";

  ConcurrencyApi(VersionsControl& versions, const Registry& registry, const LayerRegistry& layers,
                 Account account)
      : versions_(versions), registry_(registry), layers_(layers), account_(std::move(account)) {}

  // `part` is the path below the function's name. False: it is none of these operations, and the
  // call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);
  void GetAccountSettings(aws::Call call);

 private:
  void Put(aws::Call call, const FunctionName& name);
  void Get(aws::Call call, const FunctionName& name);
  void Delete(aws::Call call, const FunctionName& name);

  VersionsControl& versions_;
  const Registry& registry_;
  const LayerRegistry& layers_;
  const Account account_;
};

}  // namespace hearth::invoker
