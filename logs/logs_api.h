// LogsApi: the CloudWatch Logs API (json 1.1, Logs_20140328) over what functions have written.
//
// Searches read files on a thread of their own, after a flush: they see all that was written before
// they were asked. A change of a group is durable before its answer; events of PutLogEvents are
// written (not synced) before theirs, so that they outlive hearthd, not the machine's power.
// Source: Logs API 2014-03-28. Owner: host.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "aws/gateway.h"
#include "invoker/function.h"
#include "invoker/log_files.h"
#include "invoker/log_store.h"
#include "io/offload.h"
#include "logs/members.h"

namespace hearth::logs {

class LogsApi final : public aws::Service {
 public:
  LogsApi(io::Loop& loop, invoker::LogStore& logs, invoker::Account account);
  std::string_view name() const override { return "logs"; }
  void Handle(aws::Call call) override;

 private:
  // Each owns its call until it is answered.
  using CallPtr = std::shared_ptr<aws::Call>;
  using Operation = void (LogsApi::*)(const CallPtr&, Members&);
  static Operation Find(std::string_view name);

  // groups_api.cc
  void CreateLogGroup(const CallPtr& call, Members& in);
  void DeleteLogGroup(const CallPtr& call, Members& in);
  void DescribeLogGroups(const CallPtr& call, Members& in);
  void PutRetentionPolicy(const CallPtr& call, Members& in);
  void DeleteRetentionPolicy(const CallPtr& call, Members& in);
  void TagLogGroup(const CallPtr& call, Members& in);
  void UntagLogGroup(const CallPtr& call, Members& in);
  void ListTagsLogGroup(const CallPtr& call, Members& in);
  void TagResource(const CallPtr& call, Members& in);
  void UntagResource(const CallPtr& call, Members& in);
  void ListTagsForResource(const CallPtr& call, Members& in);
  void Tag(const CallPtr& call, Members& in, const std::string& group, std::string_view tags);
  void Untag(const CallPtr& call, Members& in, const std::string& group, std::string_view keys);

  // streams_api.cc
  void CreateLogStream(const CallPtr& call, Members& in);
  void DeleteLogStream(const CallPtr& call, Members& in);
  void DescribeLogStreams(const CallPtr& call, Members& in);

  // events_api.cc
  void GetLogEvents(const CallPtr& call, Members& in);
  void FilterLogEvents(const CallPtr& call, Members& in);
  void PutLogEvents(const CallPtr& call, Members& in);

  static void Answer(const CallPtr& call, const base::Json& body = nullptr);
  static void Refuse(const CallPtr& call, const aws::ApiError& error);
  // The answer to a change, once it is durable.
  static invoker::LogStore::Done Answering(const CallPtr& call, base::Json body = nullptr);
  // True where the input is refused, which is then answered.
  static bool IsRefused(const CallPtr& call, Members& in);

  // Of `logGroupName`, or where `identifier` names another member, of that: a name or an ARN.
  std::string GroupName(Members& in, bool identifier);
  std::string GroupOfArn(Members& in, std::string_view member);
  // Null: there is none, which is then answered.
  const invoker::LogGroup* Known(const CallPtr& call, const std::string& group);
  std::string GroupArn(const std::string& group) const;
  // The oldest moment of which a group still tells.
  int64_t OldestMs(const invoker::LogGroup& group) const;
  base::Json ToJson(const invoker::LogGroup& group, size_t stored_bytes) const;

  // Flushes, runs `work` beside the loop, and answers with what it returns.
  using Found = std::expected<base::Json, aws::ApiError>;
  void Search(const CallPtr& call, std::function<Found(const invoker::LogFiles&)> work);
  // Calls back where there is such a stream; else that is answered.
  void WithStream(const CallPtr& call, const std::string& group, const std::string& stream,
                  std::function<void()> then);

  io::Loop& loop_;
  invoker::LogStore& logs_;
  const invoker::Account account_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  io::Offload reader_;
};

aws::ApiError StreamNotFound();

}  // namespace hearth::logs
