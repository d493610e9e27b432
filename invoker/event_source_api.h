// EventSourceApi: the part of Lambda's wire API below /2015-03-31/event-source-mappings.
//
// Source: Lambda API 2015-03-31, Create-, Get-, Update-, Delete-, ListEventSourceMapping(s); error
// texts as recorded on AWS. Owner: LambdaApi.
#pragma once

#include <string>
#include <string_view>

#include "aws/gateway.h"
#include "base/clock.h"
#include "invoker/event_source_mappings.h"
#include "invoker/registry.h"

namespace hearth::invoker {

class EventSourceApi {
 public:
  static constexpr std::string_view kPath = "/2015-03-31/event-source-mappings";

  EventSourceApi(EventSourceMappings& mappings, const Registry& registry, const base::Clock& clock,
                 Account account)
      : mappings_(mappings), registry_(registry), clock_(clock), account_(std::move(account)) {}

  // A path that begins with kPath. False: it is none of these operations, and the call is
  // untouched.
  bool Handle(aws::Call& call);

 private:
  void Create(aws::Call call);
  void Get(aws::Call call, const std::string& uuid);
  void Update(aws::Call call, const std::string& uuid);
  void Delete(aws::Call call, const std::string& uuid);
  void List(aws::Call call);

  base::Json ShownJson(const EventSourceMappings::Shown& shown) const;
  EventSourceMappings::Done Answer(aws::Call call, int status) const;
  // Reads FunctionName where the body has it.
  std::optional<aws::ApiError> ReadFunction(const base::Json& body, EventSourceMapping& into) const;
  // What a mapping of this source may ask for, or why there is none.
  std::expected<SourceRules, aws::ApiError> RulesOf(const std::string& arn) const;

  EventSourceMappings& mappings_;
  const Registry& registry_;
  const base::Clock& clock_;
  const Account account_;
};

}  // namespace hearth::invoker
