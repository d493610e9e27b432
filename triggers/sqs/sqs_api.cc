#include "triggers/sqs/sqs_api.h"

#include <algorithm>
#include <array>
#include <set>

#include "aws/arn.h"
#include "aws/json_protocol.h"
#include "aws/query_protocol.h"
#include "base/limits.h"
#include "base/log.h"
#include "triggers/sqs/errors.h"
#include "triggers/sqs/query_shapes.h"
#include "triggers/sqs/queue_rules.h"

namespace hearth::sqs {

using aws::ApiError;
using base::Json;

SqsApi::SqsApi(io::Loop& loop, QueueEngine& engine, MoveTasks& tasks, invoker::Account account)
    : loop_(loop), engine_(engine), tasks_(tasks), account_(std::move(account)) {}

SqsApi::Operation SqsApi::Find(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Operation>, 23> kOperations = {{
      {"AddPermission", &SqsApi::AddPermission},
      {"CancelMessageMoveTask", &SqsApi::CancelMessageMoveTask},
      {"ChangeMessageVisibility", &SqsApi::ChangeMessageVisibility},
      {"ChangeMessageVisibilityBatch", &SqsApi::ChangeMessageVisibilityBatch},
      {"CreateQueue", &SqsApi::CreateQueue},
      {"DeleteMessage", &SqsApi::DeleteMessage},
      {"DeleteMessageBatch", &SqsApi::DeleteMessageBatch},
      {"DeleteQueue", &SqsApi::DeleteQueue},
      {"GetQueueAttributes", &SqsApi::GetQueueAttributes},
      {"GetQueueUrl", &SqsApi::GetQueueUrl},
      {"ListDeadLetterSourceQueues", &SqsApi::ListDeadLetterSourceQueues},
      {"ListMessageMoveTasks", &SqsApi::ListMessageMoveTasks},
      {"ListQueueTags", &SqsApi::ListQueueTags},
      {"ListQueues", &SqsApi::ListQueues},
      {"PurgeQueue", &SqsApi::PurgeQueue},
      {"ReceiveMessage", &SqsApi::ReceiveMessage},
      {"RemovePermission", &SqsApi::RemovePermission},
      {"SendMessage", &SqsApi::SendMessage},
      {"SendMessageBatch", &SqsApi::SendMessageBatch},
      {"SetQueueAttributes", &SqsApi::SetQueueAttributes},
      {"StartMessageMoveTask", &SqsApi::StartMessageMoveTask},
      {"TagQueue", &SqsApi::TagQueue},
      {"UntagQueue", &SqsApi::UntagQueue},
  }};
  for (const auto& [each, operation] : kOperations) {
    if (each == name) return operation;
  }
  return nullptr;
}

void SqsApi::Handle(aws::Call call) {
  auto request = std::make_shared<Request>();
  request->call = std::move(call);
  const io::HttpRequest& http = request->call.request;
  request->operation = aws::JsonOperation(http);
  if (request->operation.empty()) {
    request->is_query = true;
    request->operation = aws::QueryAction(http);
  }
  const Operation operation = Find(request->operation);
  if (operation == nullptr) {
    const std::string name = request->operation.substr(0, 200);
    return Refuse(
        request, {400, "InvalidAction", "The action " + name + " is not valid for this endpoint."});
  }
  if (request->is_query) {
    auto input = aws::ReadQuery(http, InputShape(request->operation));
    if (!input) return Refuse(request, input.error());
    request->json = std::move(*input);
  } else {
    auto input = base::ParseJson(http.body.empty() ? "{}" : http.body);
    if (!input || !input->is_object()) {
      return Refuse(request, {400, "SerializationException", "the body is no JSON object"});
    }
    request->json = std::move(*input);
  }
  // What came as text is not needed any more; a batch may be a megabyte.
  request->call.request.body = {};
  Input in(request->json);
  (this->*operation)(request, in);
}

void SqsApi::Answer(const RequestPtr& request, const Json& body) {
  aws::Call& call = request->call;
  call.responder.Send(request->is_query
                          ? aws::QueryAnswer({kQueryNamespace}, request->operation, body,
                                             OutputShape(request->operation), call.request_id)
                          : aws::JsonAnswer("1.0", body, call.request_id));
}

void SqsApi::Refuse(const RequestPtr& request, ApiError error) {
  aws::Call& call = request->call;
  const std::string code(QueryCode(error.type));
  if (request->is_query) {
    if (error.type == "QueueDoesNotExist") {
      error.message = "The specified queue does not exist for this wsdl version.";
    }
    call.responder.Send(
        aws::QueryError({kQueryNamespace}, error.status, code, error.message, call.request_id));
    return;
  }
  const bool is_general =
      error.type.starts_with("InvalidParameterValue") || error.type.starts_with("MissingRequired");
  error.type = (is_general ? "com.amazon.coral.service#" : "com.amazonaws.sqs#") + error.type;
  io::HttpResponse response = aws::JsonError("1.0", error, call.request_id);
  response.headers.Add("x-amzn-query-error", code + (error.status < 500 ? ";Sender" : ";Receiver"));
  call.responder.Send(std::move(response));
}

void SqsApi::RefuseFailure(const RequestPtr& request, const base::Error& error) {
  const auto full = [&] {
    return Refuse(request, {503, "ServiceUnavailable", "Hearth cannot take this: " + error.text});
  };
  if (error.error_number == ENOSPC) return full();
  switch (error.kind) {
    case base::ErrorKind::kNotFound:
      return Refuse(request, NoSuchQueue());
    case base::ErrorKind::kLimit:
      return full();
    default:
      HLOG_ERROR("{}: {}", request->operation, error.ToString());
      return Refuse(request, {500, "InternalFailure", "Hearth failed: " + error.ToString()});
  }
}

QueueEngine::Done SqsApi::Answering(const RequestPtr& request) {
  return [request](base::Result<void> result) {
    if (result)
      Answer(request);
    else
      RefuseFailure(request, result.error());
  };
}

bool SqsApi::IsRefused(const RequestPtr& request, Input& in) {
  auto error = in.Finish();
  if (error) Refuse(request, std::move(*error));
  return error.has_value();
}

std::string SqsApi::QueueName(const RequestPtr& request, Input& in) const {
  auto url = in.Text("QueueUrl");
  if (!url && request->is_query) {
    const std::string path(request->call.request.path());
    if (std::ranges::count(path, '/') >= 2) url = path;
  }
  if (!url || url->empty()) {
    in.Refuse(MissingParameter("QueueUrl"));
    return {};
  }
  // "http://host:4566/000000000000/name"; also behind a path, as some local tools make them.
  std::string_view path = *url;
  if (const auto scheme = path.find("://"); scheme != std::string_view::npos) {
    path.remove_prefix(scheme + 3);
    path.remove_prefix(std::min(path.find('/'), path.size()));
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) {
    in.Refuse(ModelError("InvalidAddress", "The address " + url->substr(0, 500) +
                                               " is not valid for this endpoint."));
    return {};
  }
  const std::string_view before = path.substr(0, slash);
  if (before.substr(before.rfind('/') + 1) != account_.id) in.Refuse(NoSuchQueue());
  return std::string(path.substr(slash + 1));
}

const QueueRecord* SqsApi::Known(const RequestPtr& request, const std::string& name) const {
  const QueueRecord* const record = engine_.Find(name);
  if (record == nullptr) Refuse(request, NoSuchQueue());
  return record;
}

std::string SqsApi::QueueUrl(const RequestPtr& request, std::string_view name) const {
  return sqs::QueueUrl(account_, request->call.request.headers.Get("Host"), name);
}

std::string SqsApi::QueueArn(std::string_view name) const { return sqs::QueueArn(account_, name); }

std::optional<std::string> SqsApi::NameOfArn(std::string_view text) const {
  return sqs::NameOfArn(account_, text);
}

int64_t SqsApi::NowMs() const { return base::EpochMillis(loop_.service_clock().WallNow()); }

std::optional<SqsApi::Entries> SqsApi::BatchEntries(const RequestPtr& request, Input& in,
                                                    std::string_view entry_type) {
  const Json* const list = in.Any("Entries");
  const auto refuse = [&](ApiError error) {
    in.Refuse(std::move(error));
    IsRefused(request, in);
    return std::nullopt;
  };
  if (list != nullptr && !list->is_array()) {
    return refuse({400, "SerializationException", "Entries is to be a list"});
  }
  if (list == nullptr || list->empty()) {
    return refuse(
        ModelError("EmptyBatchRequest",
                   "There should be at least one " + std::string(entry_type) + " in the request."));
  }
  if (list->size() > limits::kMaxMessageBatch) {
    return refuse(ModelError("TooManyEntriesInBatchRequest",
                             "Maximum number of entries per request are 10. You have sent " +
                                 std::to_string(list->size()) + "."));
  }
  Entries out;
  std::set<std::string> seen;
  for (const Json& each : *list) {
    if (!each.is_object()) {
      return refuse({400, "SerializationException", "an entry is to be an object"});
    }
    const auto id = each.find("Id");
    if (id == each.end() || !id->is_string()) return refuse(MissingParameter("Id"));
    const auto& text = id->get_ref<const std::string&>();
    if (text.empty() || text.size() > 80 || !aws::IsNameWord(text)) {
      return refuse(ModelError("InvalidBatchEntryId",
                               "A batch entry id can only contain alphanumeric characters, "
                               "hyphens and underscores. It can be at most 80 letters long."));
    }
    if (!seen.insert(text).second) {
      return refuse(ModelError("BatchEntryIdsNotDistinct", "Id " + text + " repeated."));
    }
    out.emplace_back(text, &each);
  }
  if (IsRefused(request, in)) return std::nullopt;
  return out;
}

Json SqsApi::FailedEntry(const std::string& id, const ApiError& error) {
  return {{"Id", id},
          {"SenderFault", error.status < 500},
          {"Code", QueryCode(error.type)},
          {"Message", error.message}};
}

}  // namespace hearth::sqs
