// SqsApi: the queue service on the wire: json 1.0 (AmazonSQS.<Operation>) and query (Action=…).
//
// Both read to one JSON form and are written from one; errors are the model's shapes, with query's
// codes beside them (x-amzn-query-error). A queue's URL is made of the Host that was addressed.
// Source: SQS API 2012-11-05. Owner: host.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "aws/gateway.h"
#include "invoker/function.h"
#include "triggers/sqs/input.h"
#include "triggers/sqs/move_tasks.h"
#include "triggers/sqs/queue_engine.h"

namespace hearth::sqs {

class SqsApi final : public aws::Service {
 public:
  SqsApi(io::Loop& loop, QueueEngine& engine, MoveTasks& tasks, invoker::Account account);
  std::string_view name() const override { return "sqs"; }
  void Handle(aws::Call call) override;

 private:
  // Owned by whoever will answer it.
  struct Request {
    aws::Call call;
    bool is_query = false;
    std::string operation;
    base::Json json;
  };
  using RequestPtr = std::shared_ptr<Request>;
  using Operation = void (SqsApi::*)(const RequestPtr&, Input&);
  static Operation Find(std::string_view name);

  // queue_api.cc
  void CreateQueue(const RequestPtr& request, Input& in);
  void DeleteQueue(const RequestPtr& request, Input& in);
  void GetQueueUrl(const RequestPtr& request, Input& in);
  void ListQueues(const RequestPtr& request, Input& in);
  void ListDeadLetterSourceQueues(const RequestPtr& request, Input& in);
  void GetQueueAttributes(const RequestPtr& request, Input& in);
  void SetQueueAttributes(const RequestPtr& request, Input& in);
  void PurgeQueue(const RequestPtr& request, Input& in);
  void AnswerPage(const RequestPtr& request, std::vector<std::string> names,
                  std::string_view member, std::optional<int64_t> most,
                  const std::optional<std::string>& token);
  std::optional<aws::ApiError> CheckRedrive(const std::string& name,
                                            const QueueSettings& settings) const;
  void AnswerExisting(const RequestPtr& request, const QueueRecord& record,
                      const QueueSettings& wanted);

  // labels_api.cc
  void TagQueue(const RequestPtr& request, Input& in);
  void UntagQueue(const RequestPtr& request, Input& in);
  void ListQueueTags(const RequestPtr& request, Input& in);
  void AddPermission(const RequestPtr& request, Input& in);
  void RemovePermission(const RequestPtr& request, Input& in);
  // Answers; what `change` refuses leaves the queue as it was.
  using Refusal = std::optional<aws::ApiError>;
  void Change(const RequestPtr& request, const std::string& name,
              std::function<Refusal(QueueRecord&)> change);

  // message_api.cc
  void SendMessage(const RequestPtr& request, Input& in);
  void SendMessageBatch(const RequestPtr& request, Input& in);
  void ReceiveMessage(const RequestPtr& request, Input& in);

  // handle_api.cc
  void DeleteMessage(const RequestPtr& request, Input& in);
  void DeleteMessageBatch(const RequestPtr& request, Input& in);
  void ChangeMessageVisibility(const RequestPtr& request, Input& in);
  void ChangeMessageVisibilityBatch(const RequestPtr& request, Input& in);
  void StartMessageMoveTask(const RequestPtr& request, Input& in);
  void CancelMessageMoveTask(const RequestPtr& request, Input& in);
  void ListMessageMoveTasks(const RequestPtr& request, Input& in);

  static void Answer(const RequestPtr& request, const base::Json& body = nullptr);
  static void Refuse(const RequestPtr& request, aws::ApiError error);
  // What the host could not do.
  static void RefuseFailure(const RequestPtr& request, const base::Error& error);
  static QueueEngine::Done Answering(const RequestPtr& request);
  static bool IsRefused(const RequestPtr& request, Input& in);

  // The name in QueueUrl (or, in the query protocol, in the path).
  std::string QueueName(const RequestPtr& request, Input& in) const;
  // nullptr: there is none, which is then answered.
  const QueueRecord* Known(const RequestPtr& request, const std::string& name) const;
  std::string QueueUrl(const RequestPtr& request, std::string_view name) const;
  std::string QueueArn(std::string_view name) const;
  // The queue's name, where the ARN is one of this account's and region's.
  std::optional<std::string> NameOfArn(std::string_view arn) const;
  int64_t NowMs() const;

  // Entries of a batch, by their ids, which are checked; nullopt: refused and answered.
  using Entries = std::vector<std::pair<std::string, const base::Json*>>;
  static std::optional<Entries> BatchEntries(const RequestPtr& request, Input& in,
                                             std::string_view entry_type);
  static base::Json FailedEntry(const std::string& id, const aws::ApiError& error);

  // Of calls with receipt handles: their answers, and a batch's entries.
  struct HandleBatch;
  static QueueEngine::Outcomes AnsweringOne(const RequestPtr& request, const std::string& handle);
  static QueueEngine::Outcomes AnsweringBatch(const RequestPtr& request, HandleBatch batch);
  static bool ReadHandle(const Entries::value_type& from, const std::function<void(Input&)>& more,
                         HandleBatch& batch);

  io::Loop& loop_;
  QueueEngine& engine_;
  MoveTasks& tasks_;
  const invoker::Account account_;
};

}  // namespace hearth::sqs
