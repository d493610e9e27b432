#include "logs/logs_api.h"

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "aws/json_protocol.h"
#include "base/log.h"
#include "logs/log_search.h"

namespace hearth::logs {
namespace {

constexpr std::string_view kVersion = "1.1";
// A megabyte of events may be six in JSON's escapes.
constexpr size_t kMaxBody = 8 << 20;
// A search takes up to some tenths of a second.
constexpr size_t kMaxSearches = 64;

}  // namespace

LogsApi::LogsApi(io::Loop& loop, invoker::LogStore& logs, invoker::Account account)
    : loop_(loop), logs_(logs), account_(std::move(account)), reader_(loop, 1) {}

LogsApi::Operation LogsApi::Find(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Operation>, 17> kOperations = {{
      {"CreateLogGroup", &LogsApi::CreateLogGroup},
      {"CreateLogStream", &LogsApi::CreateLogStream},
      {"DeleteLogGroup", &LogsApi::DeleteLogGroup},
      {"DeleteLogStream", &LogsApi::DeleteLogStream},
      {"DeleteRetentionPolicy", &LogsApi::DeleteRetentionPolicy},
      {"DescribeLogGroups", &LogsApi::DescribeLogGroups},
      {"DescribeLogStreams", &LogsApi::DescribeLogStreams},
      {"FilterLogEvents", &LogsApi::FilterLogEvents},
      {"GetLogEvents", &LogsApi::GetLogEvents},
      {"ListTagsForResource", &LogsApi::ListTagsForResource},
      {"ListTagsLogGroup", &LogsApi::ListTagsLogGroup},
      {"PutLogEvents", &LogsApi::PutLogEvents},
      {"PutRetentionPolicy", &LogsApi::PutRetentionPolicy},
      {"TagLogGroup", &LogsApi::TagLogGroup},
      {"TagResource", &LogsApi::TagResource},
      {"UntagLogGroup", &LogsApi::UntagLogGroup},
      {"UntagResource", &LogsApi::UntagResource},
  }};
  for (const auto& [operation, handler] : kOperations) {
    if (operation == name) return handler;
  }
  return nullptr;
}

void LogsApi::Handle(aws::Call received) {
  const auto call = std::make_shared<aws::Call>(std::move(received));
  const std::string operation(aws::JsonOperation(call->request));
  const Operation handler = Find(operation);
  if (handler == nullptr) {
    const std::string hint =
        operation == "StartLiveTail" ? "; `aws logs tail --follow` works, which polls" : "";
    return Refuse(call, {501, "NotImplementedException",
                         "Hearth does not serve CloudWatch Logs' operation '" +
                             operation.substr(0, 100) + "' yet" + hint});
  }
  if (call->request.body.size() > kMaxBody) {
    return Refuse(call, {413, "RequestEntityTooLargeException",
                         "A request to CloudWatch Logs has at most 8388608 bytes here"});
  }
  const auto input = base::ParseJson(call->request.body.empty() ? "{}" : call->request.body);
  if (!input || !input->is_object()) {
    return Refuse(call, {400, "SerializationException",
                         input ? "the input is not a JSON object" : input.error().text});
  }
  Members members(*input);
  (this->*handler)(call, members);
}

void LogsApi::Answer(const CallPtr& call, const base::Json& body) {
  call->responder.Send(aws::JsonAnswer(kVersion, body, call->request_id));
}

void LogsApi::Refuse(const CallPtr& call, const aws::ApiError& error) {
  call->responder.Send(aws::JsonError(kVersion, error, call->request_id));
}

bool LogsApi::IsRefused(const CallPtr& call, Members& in) {
  const auto error = in.Finish();
  if (error) Refuse(call, *error);
  return error.has_value();
}

invoker::LogStore::Done LogsApi::Answering(const CallPtr& call, base::Json body) {
  return [call, body = std::move(body)](const base::Result<void>& done) {
    if (done) return Answer(call, body);
    HLOG_ERROR("logs: request {}: {}", call->request_id, done.error().ToString());
    Refuse(call, {500, "ServiceUnavailableException", "The service cannot complete the request."});
  };
}

std::string LogsApi::GroupOfArn(Members& in, std::string_view member) {
  const std::string text = in.RequiredText(member, {.least = 1, .most = 2048});
  const auto arn = aws::ParseArn(text);
  constexpr std::string_view kKind = "log-group:";
  if (arn && arn->service == "logs" && arn->region == account_.region &&
      arn->account == account_.id && arn->resource.starts_with(kKind)) {
    std::string name = arn->resource.substr(kKind.size());
    if (name.ends_with(":*")) name.resize(name.size() - 2);
    return name;
  }
  if (!text.starts_with("arn:")) return text;
  in.Refuse(InvalidParameter("The ARN is not of a log group of this account and region: " +
                             text.substr(0, 300)));
  return {};
}

std::string LogsApi::GroupName(Members& in, bool identifier) {
  if (identifier && in.Any("logGroupIdentifier") != nullptr) {
    if (in.Any("logGroupName") != nullptr) {
      in.Refuse(
          InvalidParameter("LogGroup name and LogGroup ARN are mutually exclusive "
                           "parameters."));
    }
    return GroupOfArn(in, "logGroupIdentifier");
  }
  return in.RequiredText("logGroupName", kGroupName);
}

const invoker::LogGroup* LogsApi::Known(const CallPtr& call, const std::string& group) {
  const invoker::LogGroup* found = logs_.Find(group);
  if (found == nullptr) {
    Refuse(call, {400, "ResourceNotFoundException", "The specified log group does not exist."});
  }
  return found;
}

aws::ApiError StreamNotFound() {
  return {400, "ResourceNotFoundException", "The specified log stream does not exist."};
}

std::string LogsApi::GroupArn(const std::string& group) const {
  return aws::Arn{.service = "logs",
                  .region = account_.region,
                  .account = account_.id,
                  .resource = "log-group:" + group}
      .ToString();
}

int64_t LogsApi::OldestMs(const invoker::LogGroup& group) const {
  if (group.retention_days == 0) return 0;
  return base::EpochMillis(loop_.clock().WallNow()) - int64_t{group.retention_days} * 86'400'000;
}

void LogsApi::Search(const CallPtr& call, std::function<Found(const invoker::LogFiles&)> work) {
  const auto files = logs_.files();
  if (!files || reader_.pending() >= kMaxSearches) {
    return Refuse(call, {400, "ThrottlingException", "Rate exceeded"});
  }
  logs_.Flush([this, alive = std::weak_ptr<bool>(alive_), call, files,
               work = std::move(work)](const base::Result<void>&) {
    if (alive.expired()) return;
    reader_.Run(
        [files, work] { return work(*files); },
        [call](const Found& found) { found ? Answer(call, *found) : Refuse(call, found.error()); });
  });
}

void LogsApi::WithStream(const CallPtr& call, const std::string& group, const std::string& stream,
                         std::function<void()> then) {
  const invoker::LogGroup* known = Known(call, group);
  if (known == nullptr) return;
  if (known->streams.contains(stream)) return then();
  const auto files = logs_.files();
  if (!files || reader_.pending() >= kMaxSearches) {
    return Refuse(call, {400, "ThrottlingException", "Rate exceeded"});
  }
  const LogQuery any{.group = group, .streams = {stream}, .limit = 1};
  logs_.Flush([this, alive = std::weak_ptr<bool>(alive_), call, files, any,
               then = std::move(then)](const base::Result<void>&) {
    if (alive.expired()) return;
    reader_.Run([files, any] { return !SearchForward(*files, any).events.empty(); },
                [call, then](bool found) { found ? then() : Refuse(call, StreamNotFound()); });
  });
}

}  // namespace hearth::logs
