#include "invoker/concurrency_api.h"

#include <algorithm>

#include "base/limits.h"
#include "invoker/api_call.h"
#include "invoker/versions.h"

namespace hearth::invoker {
namespace {

using base::Json;

constexpr char kMember[] = "ReservedConcurrentExecutions";

// Nothing where a function is named, and no version of it.
std::expected<uint32_t, aws::ApiError> ReadReservation(const Json& body) {
  constexpr char kName[] = "reservedConcurrentExecutions";
  const Json asked = body.value(kMember, Json());
  if (asked.is_null()) return std::unexpected(MissingMember(kName));
  if (!asked.is_number_integer()) return std::unexpected(WrongType(kMember, "an integer"));
  const std::string text = base::ToJsonText(asked);
  if (text.starts_with('-')) {
    return std::unexpected(
        ValidationError(text, kName, "Member must have value greater than or equal to 0"));
  }
  // Far above every account's limit.
  return static_cast<uint32_t>(std::min<uint64_t>(asked.get<uint64_t>(), INT32_MAX));
}

}  // namespace

bool ConcurrencyApi::Handle(aws::Call& call, const FunctionName& name, const std::string& part) {
  if (part != "concurrency") return false;
  const std::string& method = call.request.method;
  if (method == "PUT") {
    Put(std::move(call), name);
  } else if (method == "GET") {
    Get(std::move(call), name);
  } else if (method == "DELETE") {
    Delete(std::move(call), name);
  } else {
    return false;
  }
  return true;
}

void ConcurrencyApi::Put(aws::Call call, const FunctionName& name) {
  if (auto refusal = CheckUnqualified(name)) return Refuse(call, *refusal);
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  const auto calls = ReadReservation(*body);
  if (!calls) return Refuse(call, calls.error());
  auto held = std::make_shared<aws::Call>(std::move(call));
  versions_.PutReserved(
      name.name, *calls, [held, calls = *calls](const std::expected<void, aws::ApiError>& result) {
        if (!result) return Refuse(*held, result.error());
        held->responder.Send(aws::RestJsonAnswer(200, {{kMember, calls}}, held->request_id));
      });
}

void ConcurrencyApi::Get(aws::Call call, const FunctionName& name) {
  const FunctionRef function = registry_.Find(name.name);
  if (function == nullptr) return Refuse(call, FunctionNotFound(account_, {name.name, {}}));
  Json answer = Json::object();
  if (function->reserved) answer[kMember] = *function->reserved;
  call.responder.Send(aws::RestJsonAnswer(200, answer, call.request_id));
}

void ConcurrencyApi::Delete(aws::Call call, const FunctionName& name) {
  if (auto refusal = CheckUnqualified(name)) return Refuse(call, *refusal);
  versions_.PutReserved(name.name, std::nullopt, AnswersNothing(std::move(call)));
}

void ConcurrencyApi::GetAccountSettings(aws::Call call) {
  uint64_t functions = 0;
  uint64_t code_size = 0;
  for (const FunctionRef& latest : registry_.List()) {
    ++functions;
    code_size += latest->code_size;
    for (const auto& [number, version] : registry_.Record(latest->name)->versions) {
      code_size += version->code_size;
    }
  }
  for (const auto& [name, versions] : layers_.layers()) {
    for (const auto& [number, layer] : versions) code_size += layer->code_size;
  }
  const Json answer{{"AccountLimit",
                     {{"TotalCodeSize", limits::kMaxTotalCode.count()},
                      {"CodeSizeUnzipped", limits::kMaxUnzipped.count()},
                      {"CodeSizeZipped", limits::kMaxZippedUpload.count()},
                      {"ConcurrentExecutions", versions_.ledger().concurrency()},
                      {"UnreservedConcurrentExecutions", versions_.ledger().Unreserved()}}},
                    {"AccountUsage", {{"TotalCodeSize", code_size}, {"FunctionCount", functions}}}};
  call.responder.Send(aws::RestJsonAnswer(200, answer, call.request_id));
}

}  // namespace hearth::invoker
