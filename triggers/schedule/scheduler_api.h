// SchedulerApi: EventBridge Scheduler on the wire (rest-json): schedules, their groups, and the
// groups' tags.
//
// A change is answered when it is durable. Pages go on behind the last item of the one before, so
// they survive changes in between. Source: EventBridge Scheduler API 2021-06-30. Owner: host.
#pragma once

#include <memory>
#include <string>

#include "aws/gateway.h"
#include "invoker/destinations.h"
#include "invoker/function.h"
#include "io/loop.h"
#include "triggers/schedule/scheduler.h"

namespace hearth::schedule {

class SchedulerApi final : public aws::Service {
 public:
  SchedulerApi(io::Loop& loop, Scheduler& scheduler, const invoker::Destinations& destinations,
               invoker::Account account);
  std::string_view name() const override { return "scheduler"; }
  void Handle(aws::Call call) override;

 private:
  // Owned by whoever will answer it.
  struct Request {
    aws::Call call;
    std::string subject;  // What the path names; empty: nothing.
  };
  using RequestPtr = std::shared_ptr<Request>;
  using Operation = void (SchedulerApi::*)(const RequestPtr&);
  struct Route;
  static Operation Find(std::string_view method, std::string_view path, std::string& subject);

  // schedules_api.cc
  void CreateSchedule(const RequestPtr& request);
  void UpdateSchedule(const RequestPtr& request);
  void GetSchedule(const RequestPtr& request);
  void DeleteSchedule(const RequestPtr& request);
  void ListSchedules(const RequestPtr& request);
  std::expected<ScheduleRecord, ApiError> ReadBody(const RequestPtr& request) const;
  static std::expected<ScheduleKey, ApiError> KeyOf(const RequestPtr& request);
  Scheduler::Done<ScheduleRecord> AnsweringArn(const RequestPtr& request) const;

  // groups_api.cc
  void CreateScheduleGroup(const RequestPtr& request);
  void GetScheduleGroup(const RequestPtr& request);
  void DeleteScheduleGroup(const RequestPtr& request);
  void ListScheduleGroups(const RequestPtr& request);
  void TagResource(const RequestPtr& request);
  void UntagResource(const RequestPtr& request);
  void ListTagsForResource(const RequestPtr& request);
  base::Json GroupToJson(const GroupRecord& group) const;
  // The group of a resource's ARN.
  std::expected<std::string, ApiError> GroupOfArn(const std::string& arn) const;

  static void Answer(const RequestPtr& request, const base::Json& body = base::Json::object());
  static void Refuse(const RequestPtr& request, const ApiError& error);
  static Scheduler::Done<void> Answering(const RequestPtr& request);
  static std::expected<base::Json, ApiError> BodyOf(const RequestPtr& request);

  // A parameter of the query; empty: it is not there.
  static std::string Parameter(const RequestPtr& request, std::string_view name);
  // A name in the query, by its pattern; empty: it is not there.
  static std::expected<std::string, ApiError> NameIn(const RequestPtr& request,
                                                     std::string_view parameter);
  struct Page {
    size_t count = 100;
    std::string after{};  // Decoded; empty: from the first.
    std::string prefix{};
  };
  static std::expected<Page, ApiError> ReadPage(const RequestPtr& request);
  static std::string TokenOf(std::string_view last);

  io::Loop& loop_;
  Scheduler& scheduler_;
  const invoker::Destinations& destinations_;
  const invoker::Account account_;
};

}  // namespace hearth::schedule
