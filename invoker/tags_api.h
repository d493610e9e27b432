// TagsApi: the part of Lambda's wire API below /2017-03-31/tags: TagResource, UntagResource,
// ListTags, of functions.
//
// Source: Lambda API 2017-03-31; developer guide, "Using tags on Lambda functions"; error texts as
// recorded on AWS. Owner: LambdaApi.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/json.h"
#include "invoker/registry.h"

namespace hearth::invoker {

using Tags = std::map<std::string, std::string>;

// Why a user may not give these tags to a resource that has `others`; keys of "aws:" are AWS's own.
std::optional<aws::ApiError> CheckUsersTags(const Tags& given, const Tags& others = {});

// The Tags of a request's body; nothing where it has none.
std::expected<std::optional<Tags>, aws::ApiError> ReadTags(const base::Json& body);

class TagsApi {
 public:
  static constexpr std::string_view kPath = "/2017-03-31/tags/";

  TagsApi(Registry& registry, Account account)
      : registry_(registry), account_(std::move(account)) {}

  // A path that begins with kPath. False: it is none of these operations, and the call is
  // untouched.
  bool Handle(aws::Call& call);

 private:
  void Tag(aws::Call call, const std::string& function);
  void Untag(aws::Call call, const std::string& function);
  void List(aws::Call call, const std::string& function);
  // Makes of the function's tags others, and answers.
  void Change(aws::Call call, const std::string& function,
              std::function<std::optional<aws::ApiError>(Tags& tags)> edit);
  // Which function an ARN means.
  std::expected<std::string, aws::ApiError> FunctionOf(const std::string& arn) const;

  Registry& registry_;
  const Account account_;
};

}  // namespace hearth::invoker
