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

// What becomes of what there is: it must not be there; it is there, and keeps what the change does
// not name; or whatever was there has another's settings, as a template says them.
enum class UrlChange { kCreate, kUpdate, kReplace };

// The changes that Create-, Update- and DeleteFunctionUrlConfig make, of the function or alias that
// `name` means. `body` is a request's; `id`, where it is not empty, that of a URL that is made: one
// that is brought back has the address it had. Both stacks/ and the wire API come here.
void PutFunctionUrl(Registry& registry, const base::Clock& clock, const Account& account,
                    const FunctionName& name, UrlChange change, base::Json body,
                    const std::string& id, Registry::Done done);
void DeleteFunctionUrl(Registry& registry, const FunctionName& name, Registry::Done done);

class FunctionUrlApi {
 public:
  FunctionUrlApi(Registry& registry, const base::Clock& clock, Account account)
      : registry_(registry), clock_(clock), account_(std::move(account)) {}

  // `part` is the path below the function's name. False: it is none of these operations, and the
  // call is untouched.
  bool Handle(aws::Call& call, const FunctionName& name, const std::string& part);

 private:
  void Write(aws::Call call, const FunctionName& name, UrlChange change);
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
