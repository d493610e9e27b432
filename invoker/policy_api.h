// PolicyApi: the part of Lambda's wire API that is about who else may call a function, a version or
// an alias: AddPermission, RemovePermission, GetPolicy.
//
// A change gives the function, or the alias, another RevisionId; its instances stay. Source: Lambda
// API 2015-03-31; error texts as recorded on AWS. Owner: LambdaApi.
#pragma once

#include <functional>
#include <string>

#include "aws/gateway.h"
#include "invoker/function_name.h"
#include "invoker/registry.h"

namespace hearth::invoker {

// The change of a policy that AddPermission makes, and the one that RemovePermission makes: of the
// function, version or alias that `name` means. `expected_revision`: empty: any. The record that
// `done` gets has the change; both stacks/ and the wire API come here.
void AddPermission(Registry& registry, const Account& account, const FunctionName& name,
                   PolicyStatement statement, const std::string& expected_revision,
                   Registry::Done done);
// The same, but the statement takes the place of the one with its id: what a template does.
void ReplacePermission(Registry& registry, const Account& account, const FunctionName& name,
                       PolicyStatement statement, Registry::Done done);
void RemovePermission(Registry& registry, const Account& account, const FunctionName& name,
                      const std::string& id, const std::string& expected_revision,
                      Registry::Done done);

class PolicyApi {
 public:
  PolicyApi(Registry& registry, Account account)
      : registry_(registry), account_(std::move(account)) {}

  // `part` is the path below the function's name. False: it is none of these operations, and the
  // call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);

 private:
  void Add(aws::Call call, FunctionName name);
  void Remove(aws::Call call, const FunctionName& name, const std::string& id);
  void Get(aws::Call call, const FunctionName& name);

  Registry& registry_;
  const Account account_;
};

}  // namespace hearth::invoker
