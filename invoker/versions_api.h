// VersionsApi: the part of Lambda's wire API below /functions/NAME/ that is about published
// versions, aliases and provisioned concurrency.
//
// Source: Lambda API 2015-03-31 (versions, aliases) and 2019-09-30 (provisioned concurrency);
// aws-facts 1.1. Owner: LambdaApi.
#pragma once

#include <string>

#include "aws/gateway.h"
#include "invoker/function_name.h"
#include "invoker/registry.h"
#include "invoker/versions_control.h"

namespace hearth::invoker {

class VersionsApi {
 public:
  VersionsApi(VersionsControl& versions, Registry& registry, Account account)
      : versions_(versions), registry_(registry), account_(std::move(account)) {}

  // `part` is the path below the function's name: "versions", "aliases/PROD". False: it is none of
  // these operations, and the call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);
  // Of one version: DeleteFunction with a qualifier.
  void DeleteVersion(aws::Call call, const FunctionName& name);

 private:
  void Publish(aws::Call call, const FunctionName& name);
  void ListVersions(aws::Call call, const FunctionName& name);

  void HandleAlias(aws::Call call, const FunctionName& name, const std::string& alias);
  void CreateAlias(aws::Call call, const FunctionName& name);
  void GetAlias(aws::Call call, const FunctionName& name, const std::string& alias);
  void UpdateAlias(aws::Call call, const FunctionName& name, const std::string& alias);
  void ListAliases(aws::Call call, const FunctionName& name);

  void HandleProvisioned(aws::Call call, const FunctionName& name);
  void PutProvisioned(aws::Call call, const FunctionName& name);
  void GetProvisioned(aws::Call call, const FunctionName& name, const FunctionRecord& record);
  void ListProvisioned(aws::Call call, const FunctionName& name);

  aws::ApiError NotFound(const FunctionName& name) const {
    return FunctionNotFound(account_, name);
  }

  VersionsControl& versions_;
  Registry& registry_;
  const Account account_;
};

}  // namespace hearth::invoker
