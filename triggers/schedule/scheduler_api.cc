#include "triggers/schedule/scheduler_api.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/digest.h"

namespace hearth::schedule {

using base::Json;
using std::unexpected;

struct SchedulerApi::Route {
  std::string_view method;
  std::string_view collection;
  bool names_one;
  Operation operation;
};

SchedulerApi::SchedulerApi(io::Loop& loop, Scheduler& scheduler,
                           const invoker::Destinations& destinations, invoker::Account account)
    : loop_(loop),
      scheduler_(scheduler),
      destinations_(destinations),
      account_(std::move(account)) {}

SchedulerApi::Operation SchedulerApi::Find(std::string_view method, std::string_view path,
                                           std::string& subject) {
  static constexpr std::array<Route, 12> kRoutes = {{
      {"POST", "schedules", true, &SchedulerApi::CreateSchedule},
      {"PUT", "schedules", true, &SchedulerApi::UpdateSchedule},
      {"GET", "schedules", true, &SchedulerApi::GetSchedule},
      {"DELETE", "schedules", true, &SchedulerApi::DeleteSchedule},
      {"GET", "schedules", false, &SchedulerApi::ListSchedules},
      {"POST", "schedule-groups", true, &SchedulerApi::CreateScheduleGroup},
      {"GET", "schedule-groups", true, &SchedulerApi::GetScheduleGroup},
      {"DELETE", "schedule-groups", true, &SchedulerApi::DeleteScheduleGroup},
      {"GET", "schedule-groups", false, &SchedulerApi::ListScheduleGroups},
      {"POST", "tags", true, &SchedulerApi::TagResource},
      {"DELETE", "tags", true, &SchedulerApi::UntagResource},
      {"GET", "tags", true, &SchedulerApi::ListTagsForResource},
  }};
  if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  const size_t slash = path.find('/');
  const std::string_view collection = path.substr(0, slash);
  const std::string_view rest =
      slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  for (const Route& route : kRoutes) {
    if (route.method == method && route.collection == collection &&
        route.names_one == !rest.empty()) {
      subject = io::PercentDecode(rest);
      return route.operation;
    }
  }
  return nullptr;
}

void SchedulerApi::Handle(aws::Call call) {
  auto request = std::make_shared<Request>();
  request->call = std::move(call);
  const io::HttpRequest& http = request->call.request;
  const Operation operation = Find(http.method, http.path(), request->subject);
  if (operation == nullptr) {
    return Refuse(request, {.status = 404,
                            .type = "UnknownOperationException",
                            .message = fmt::format("The scheduler has no operation {} {}.",
                                                   http.method, http.path().substr(0, 256))});
  }
  (this->*operation)(request);
}

void SchedulerApi::Answer(const RequestPtr& request, const Json& body) {
  request->call.responder.Send(aws::RestJsonAnswer(200, body, request->call.request_id));
}

void SchedulerApi::Refuse(const RequestPtr& request, const ApiError& error) {
  request->call.responder.Send(aws::RestJsonError(error, request->call.request_id));
}

Scheduler::Done<void> SchedulerApi::Answering(const RequestPtr& request) {
  return [request](const std::expected<void, ApiError>& done) {
    if (!done) {
      return Refuse(request, done.error());
    }
    Answer(request);
  };
}

std::expected<Json, ApiError> SchedulerApi::BodyOf(const RequestPtr& request) {
  const std::string& text = request->call.request.body;
  if (text.empty()) {
    return Json::object();
  }
  auto body = base::ParseJson(text);
  if (!body || !body->is_object()) {
    return unexpected(
        ApiError{.status = 400,
                 .type = "SerializationException",
                 .message = body ? "The body must be a JSON object." : body.error().ToString()});
  }
  return *std::move(body);
}

std::string SchedulerApi::Parameter(const RequestPtr& request, std::string_view name) {
  return io::QueryParameter(request->call.request.query(), name).value;
}

std::expected<std::string, ApiError> SchedulerApi::NameIn(const RequestPtr& request,
                                                          std::string_view parameter) {
  std::string name = Parameter(request, parameter);
  if (!name.empty() && !IsName(name)) {
    return unexpected(Violates(name, parameter,
                               "Member must satisfy regular expression pattern: "
                               "^[0-9a-zA-Z-_.]+$ and have length less than or equal to 64"));
  }
  return name;
}

std::expected<SchedulerApi::Page, ApiError> SchedulerApi::ReadPage(const RequestPtr& request) {
  Page page;
  page.prefix = TRY(NameIn(request, "NamePrefix"));
  if (const std::string text = Parameter(request, "MaxResults"); !text.empty()) {
    size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > 100) {
      return unexpected(Violates(text, "maxResults", "Member must have value between 1 and 100"));
    }
    page.count = count;
  }
  if (const std::string token = Parameter(request, "NextToken"); !token.empty()) {
    auto after = base::Base64Decode(token);
    if (!after || after->empty()) {
      return unexpected(Invalid("Invalid pagination token."));
    }
    page.after = *std::move(after);
  }
  return page;
}

std::string SchedulerApi::TokenOf(std::string_view last) { return base::Base64Encode(last); }

}  // namespace hearth::schedule
