// EventsApi: the event bus on the wire: json 1.1 (AWSEvents.<Operation>).
//
// What Hearth does not serve is refused by its name. Source: EventBridge API 2015-10-07. Owner:
// EventBusService.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "invoker/destinations.h"
#include "triggers/events/archives.h"
#include "triggers/events/event_buses.h"
#include "triggers/events/members.h"

namespace hearth::events {

class EventsApi final : public aws::Service {
 public:
  struct Parts {
    io::Loop& loop;
    EventBuses& buses;
    Archives& archives;
    const invoker::Destinations& destinations;
    invoker::Account account;
  };
  explicit EventsApi(Parts parts) : parts_(std::move(parts)) {}
  std::string_view name() const override { return "events"; }
  void Handle(aws::Call call) override;

 private:
  // Owned by whoever will answer it.
  struct Request {
    aws::Call call;
    base::Json json;
  };
  using RequestPtr = std::shared_ptr<Request>;
  using Operation = void (EventsApi::*)(const RequestPtr&);
  static Operation Find(std::string_view name);

  // bus_api.cc
  void CreateEventBus(const RequestPtr& request);
  void UpdateEventBus(const RequestPtr& request);
  void DescribeEventBus(const RequestPtr& request);
  void ListEventBuses(const RequestPtr& request);
  void DeleteEventBus(const RequestPtr& request);
  void PutPermission(const RequestPtr& request);
  void RemovePermission(const RequestPtr& request);

  // rule_api.cc
  void PutRule(const RequestPtr& request);
  void DescribeRule(const RequestPtr& request);
  void ListRules(const RequestPtr& request);
  void EnableRule(const RequestPtr& request);
  void DisableRule(const RequestPtr& request);
  void DeleteRule(const RequestPtr& request);
  void TestEventPattern(const RequestPtr& request);
  void SetState(const RequestPtr& request, RuleState state);

  // target_api.cc
  void PutTargets(const RequestPtr& request);
  void RemoveTargets(const RequestPtr& request);
  void ListTargetsByRule(const RequestPtr& request);
  void ListRuleNamesByTarget(const RequestPtr& request);

  // tags_api.cc
  void TagResource(const RequestPtr& request);
  void UntagResource(const RequestPtr& request);
  void ListTagsForResource(const RequestPtr& request);
  void ChangeTags(const RequestPtr& request, const std::string& arn,
                  std::function<std::optional<aws::ApiError>(Tags&)> change);

  // put_events_api.cc
  void PutEvents(const RequestPtr& request);

  // archive_api.cc
  void CreateArchive(const RequestPtr& request);
  void UpdateArchive(const RequestPtr& request);
  void DescribeArchive(const RequestPtr& request);
  void ListArchives(const RequestPtr& request);
  void DeleteArchive(const RequestPtr& request);
  void StartReplay(const RequestPtr& request);
  void CancelReplay(const RequestPtr& request);
  void DescribeReplay(const RequestPtr& request);
  void ListReplays(const RequestPtr& request);

  static void Answer(const RequestPtr& request, const base::Json& body = nullptr);
  static void Refuse(const RequestPtr& request, const aws::ApiError& error);
  // Answers with `body`.
  static EventBuses::Done Answering(const RequestPtr& request, base::Json body = nullptr);
  static bool IsRefused(const RequestPtr& request, Faults& faults);

  // A page of a list: so many entries behind one, by their names.
  struct Page {
    size_t most = 100;
    std::string after;
    std::string prefix;
  };
  Page ReadPage(Members& in, const TextRule& prefix) const;
  static bool IsOfPage(const Page& page, std::string_view name) {
    return name.starts_with(page.prefix);
  }
  // The list as that member, with NextToken where there is more. `names` and `entries` are of the
  // page's most and one more.
  static void AnswerPage(const RequestPtr& request, const Page& page, const char* member,
                         const std::vector<std::string>& names, std::vector<base::Json> entries);
  std::string BusName(Members& in, std::string_view member) const;
  int64_t NowMs() const { return base::EpochMillis(parts_.loop.service_clock().WallNow()); }

  const Parts parts_;
};

// Seconds since 1970, as json 1.1 writes a moment.
double WireTime(int64_t time_ms);

}  // namespace hearth::events
