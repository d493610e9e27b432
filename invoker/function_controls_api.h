// FunctionControlsApi: the part of Lambda's wire API for what is kept of a function and shown, and
// has no other effect here: what becomes of its loops, when its runtime is updated, who signs its
// code (nobody: there are no code signing configurations).
//
// Source: Lambda API 2024-08-31, 2021-07-20 and 2020-06-30. Owner: LambdaApi.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "aws/gateway.h"
#include "invoker/function_name.h"
#include "invoker/registry.h"

namespace hearth::invoker {

// Why a function of this runtime cannot have these runtime management settings. `arn` empty: none
// is given. Both stacks/ and the wire API come here.
std::optional<aws::ApiError> CheckRuntimeManagement(const Account& account,
                                                    const std::string& runtime,
                                                    const std::string& mode,
                                                    const std::string& arn);

class FunctionControlsApi {
 public:
  FunctionControlsApi(Registry& registry, Account account)
      : registry_(registry), account_(std::move(account)) {}

  // `part` is the path below the function's name. False: it is none of these operations, and the
  // call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);

 private:
  void PutRecursion(aws::Call call, const FunctionName& name);
  void PutRuntimeManagement(aws::Call call, const FunctionName& name);
  void PutCodeSigning(aws::Call call, const FunctionName& name);
  // `shown`: the answer's body, of the version that `name` means.
  void Get(aws::Call call, const FunctionName& name,
           std::function<base::Json(const FunctionVersion&)> shown);
  // Changes that version, which is answered as Get does.
  void Change(aws::Call call, const FunctionName& name, std::function<void(FunctionVersion&)> edit,
              std::function<base::Json(const FunctionVersion&)> shown);

  Registry& registry_;
  const Account account_;
};

}  // namespace hearth::invoker
