// SqsApi: what is done with receipt handles, and move tasks.
#include "triggers/sqs/errors.h"
#include "triggers/sqs/sqs_api.h"

namespace hearth::sqs {
namespace {

using aws::ApiError;
using base::Json;

constexpr std::string_view kVisibilityReason =
    "VisibilityTimeout must be an integer between 0 and 43200";

std::optional<ApiError> ErrorOf(HandleOutcome outcome, const std::string& handle) {
  switch (outcome) {
    case HandleOutcome::kDone:
      return std::nullopt;
    case HandleOutcome::kInvalid:
      return InvalidHandle(handle);
    case HandleOutcome::kExpired:
      return InvalidValue(handle, "ReceiptHandle", "The receipt handle has expired.");
    case HandleOutcome::kNotInFlight:
      return ModelError("MessageNotInflight", "The message referred to isn't in flight.");
    case HandleOutcome::kGone:
      return InvalidValue(handle, "ReceiptHandle",
                          "Message does not exist or is not available for visibility timeout "
                          "change.");
    case HandleOutcome::kFailed:
      return ApiError{503, "ServiceUnavailable", "Hearth could not write this: is the disk full?"};
  }
  return std::nullopt;
}

std::optional<int64_t> RequiredVisibility(Input& in) {
  const auto seconds = in.Number("VisibilityTimeout", 0, 43200, kVisibilityReason);
  if (in.Any("VisibilityTimeout") == nullptr) in.Refuse(MissingParameter("VisibilityTimeout"));
  return seconds;
}

}  // namespace

QueueEngine::Outcomes SqsApi::AnsweringOne(const RequestPtr& request, const std::string& handle) {
  return [request, handle](const std::vector<HandleOutcome>& outcomes) {
    if (auto error = ErrorOf(outcomes.front(), handle)) return Refuse(request, std::move(*error));
    Answer(request);
  };
}

void SqsApi::DeleteMessage(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const std::string handle = in.RequiredText("ReceiptHandle");
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  engine_.Delete(name, {handle}, AnsweringOne(request, handle));
}

void SqsApi::ChangeMessageVisibility(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const std::string handle = in.RequiredText("ReceiptHandle");
  const auto seconds = RequiredVisibility(in);
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  engine_.ChangeVisibility(name, {{handle, *seconds}}, AnsweringOne(request, handle));
}

// Entries that go to the engine, and how those ended that do not.
struct SqsApi::HandleBatch {
  std::vector<std::string> ids;
  std::vector<std::string> handles;
  Json failed = Json::array();
};

QueueEngine::Outcomes SqsApi::AnsweringBatch(const RequestPtr& request, HandleBatch batch) {
  return [request, batch = std::move(batch)](const std::vector<HandleOutcome>& outcomes) {
    Json successful = Json::array();
    Json failed = batch.failed;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (const auto error = ErrorOf(outcomes[i], batch.handles[i])) {
        failed.push_back(FailedEntry(batch.ids[i], *error));
      } else {
        successful.push_back({{"Id", batch.ids[i]}});
      }
    }
    Answer(request, {{"Successful", std::move(successful)}, {"Failed", std::move(failed)}});
  };
}

// Reads an entry's handle, and by `more` what stands beside it; a faulty one is in `batch` only.
bool SqsApi::ReadHandle(const Entries::value_type& from, const std::function<void(Input&)>& more,
                        HandleBatch& batch) {
  Input entry(*from.second);
  entry.Text("Id");
  std::string handle = entry.RequiredText("ReceiptHandle");
  more(entry);
  if (const auto error = entry.Finish()) {
    batch.failed.push_back(FailedEntry(from.first, *error));
    return false;
  }
  batch.ids.push_back(from.first);
  batch.handles.push_back(std::move(handle));
  return true;
}

void SqsApi::DeleteMessageBatch(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto entries = BatchEntries(request, in, "DeleteMessageBatchRequestEntry");
  if (!entries || Known(request, name) == nullptr) return;
  HandleBatch batch;
  for (const auto& entry : *entries) ReadHandle(entry, [](Input&) {}, batch);
  std::vector<std::string> handles = batch.handles;
  engine_.Delete(name, std::move(handles), AnsweringBatch(request, std::move(batch)));
}

void SqsApi::ChangeMessageVisibilityBatch(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto entries = BatchEntries(request, in, "ChangeMessageVisibilityBatchRequestEntry");
  if (!entries || Known(request, name) == nullptr) return;
  HandleBatch batch;
  std::vector<QueueEngine::Visibility> changes;
  for (const auto& entry : *entries) {
    std::optional<int64_t> seconds;
    const auto read_seconds = [&seconds](Input& input) { seconds = RequiredVisibility(input); };
    if (ReadHandle(entry, read_seconds, batch)) changes.push_back({batch.handles.back(), *seconds});
  }
  engine_.ChangeVisibility(name, std::move(changes), AnsweringBatch(request, std::move(batch)));
}

void SqsApi::StartMessageMoveTask(const RequestPtr& request, Input& in) {
  const std::string source_arn = in.RequiredText("SourceArn");
  const auto target_arn = in.Text("DestinationArn");
  const auto rate = in.Number("MaxNumberOfMessagesPerSecond", 1, limits::kMaxMoveRate,
                              "Must be between 1 and 500, if provided.");
  if (IsRefused(request, in)) return;
  const auto find = [this](const std::string& arn) {
    const auto name = NameOfArn(arn);
    return name ? engine_.Find(*name) : nullptr;
  };
  const QueueRecord* const source = find(source_arn);
  if (source == nullptr) {
    return Refuse(request, NoSuchResource("The resource that you specified for the SourceArn "
                                          "parameter doesn't exist."));
  }
  bool is_dead_letter_queue = false;
  for (const QueueRecord* each : engine_.List()) {
    const auto& redrive = each->settings.redrive;
    if (redrive && redrive->target_arn == source_arn) is_dead_letter_queue = true;
  }
  if (!is_dead_letter_queue) {
    return Refuse(request,
                  InvalidParameter("Source queue must be configured as a Dead Letter Queue."));
  }
  const QueueRecord* const target = target_arn ? find(*target_arn) : nullptr;
  if (target_arn && target == nullptr) {
    return Refuse(request, NoSuchResource("The resource that you specified for the DestinationArn "
                                          "parameter doesn't exist."));
  }
  if (target == source) {
    return Refuse(request, InvalidParameter("Source queue arn and destination queue arn cannot be "
                                            "the same."));
  }
  if (target != nullptr && target->settings.is_fifo != source->settings.is_fifo) {
    return Refuse(request, InvalidParameter("Source and destination queues must be of the same "
                                            "type."));
  }
  const auto handle = tasks_.Start({.source = source->name,
                                    .source_arn = source_arn,
                                    .target = target == nullptr ? std::string() : target->name,
                                    .target_arn = target_arn.value_or(""),
                                    .rate = rate});
  if (!handle) return Refuse(request, InvalidParameter(handle.error()));
  Answer(request, {{"TaskHandle", *handle}});
}

void SqsApi::CancelMessageMoveTask(const RequestPtr& request, Input& in) {
  const std::string handle = in.RequiredText("TaskHandle");
  if (IsRefused(request, in)) return;
  const auto moved = tasks_.Cancel(handle);
  if (!moved) {
    return Refuse(request, moved.error() == MoveTasks::Fault::kMalformed
                               ? InvalidParameter("Value for parameter TaskHandle is invalid.")
                               : NoSuchResource("Task does not exist."));
  }
  Answer(request, {{"ApproximateNumberOfMessagesMoved", *moved}});
}

void SqsApi::ListMessageMoveTasks(const RequestPtr& request, Input& in) {
  const std::string source_arn = in.RequiredText("SourceArn");
  const auto most = in.Number("MaxResults", 1, 10, "Must be between 1 and 10, if provided.");
  if (IsRefused(request, in)) return;
  const auto name = NameOfArn(source_arn);
  if (!name || engine_.Find(*name) == nullptr) {
    return Refuse(request, NoSuchResource("The resource that you specified for the SourceArn "
                                          "parameter doesn't exist."));
  }
  Json results = Json::array();
  for (const MoveTask& task : tasks_.List(*name, static_cast<size_t>(most.value_or(1)))) {
    Json each = {{"Status", task.status},
                 {"SourceArn", task.order.source_arn},
                 {"ApproximateNumberOfMessagesMoved", task.moved},
                 {"ApproximateNumberOfMessagesToMove", task.to_move},
                 {"StartedTimestamp", task.started_ms}};
    if (task.status == "RUNNING") each["TaskHandle"] = task.handle;
    if (!task.order.target_arn.empty()) each["DestinationArn"] = task.order.target_arn;
    if (task.order.rate) each["MaxNumberOfMessagesPerSecond"] = *task.order.rate;
    if (!task.failure.empty()) each["FailureReason"] = task.failure;
    results.push_back(std::move(each));
  }
  Answer(request, {{"Results", std::move(results)}});
}

}  // namespace hearth::sqs
