#include <fmt/format.h>

#include "aws/arn.h"
#include "triggers/schedule/scheduler_api.h"

namespace hearth::schedule {
namespace {

using base::Json;
using std::unexpected;

constexpr std::string_view kArnPattern =
    "Member must satisfy regular expression pattern: ^arn:aws(-[a-z]+)?:scheduler:[a-z0-9\\-]+:"
    "\\d{12}:schedule-group\\/[0-9a-zA-Z-_.]+$";

// Every TagKeys=... of the query.
std::vector<std::string> TagKeysOf(std::string_view query) {
  std::vector<std::string> keys;
  while (!query.empty()) {
    const size_t end = query.find('&');
    auto key = io::QueryParameter(query.substr(0, end), "TagKeys");
    if (key.found) {
      keys.push_back(std::move(key.value));
    }
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return keys;
}

}  // namespace

Json SchedulerApi::GroupToJson(const GroupRecord& group) const {
  return {{"Arn", GroupArn(account_, group.name)},
          {"Name", group.name},
          {"State", group.is_deleting ? "DELETING" : "ACTIVE"},
          {"CreationDate", EpochSeconds(group.created_ms)},
          {"LastModificationDate", EpochSeconds(group.modified_ms)}};
}

std::expected<std::string, ApiError> SchedulerApi::GroupOfArn(const std::string& arn) const {
  constexpr std::string_view kGroup = "schedule-group/";
  const auto parsed = aws::ParseArn(arn);
  if (!parsed || parsed->service != "scheduler" || !parsed->resource.starts_with(kGroup) ||
      !IsName(parsed->resource.substr(kGroup.size()))) {
    return unexpected(Violates(arn, "resourceArn", kArnPattern));
  }
  std::string name = parsed->resource.substr(kGroup.size());
  if (parsed->region != account_.region || parsed->account != account_.id) {
    return unexpected(GroupNotFound(name));
  }
  return name;
}

void SchedulerApi::CreateScheduleGroup(const RequestPtr& request) {
  const auto body = BodyOf(request);
  auto group = body ? ReadGroup(*body, request->subject) : unexpected(body.error());
  if (!group) {
    return Refuse(request, group.error());
  }
  scheduler_.CreateGroup(*std::move(group), [account = account_, request](
                                                const std::expected<GroupRecord, ApiError>& made) {
    if (!made) {
      return Refuse(request, made.error());
    }
    Answer(request, {{"ScheduleGroupArn", GroupArn(account, made->name)}});
  });
}

void SchedulerApi::GetScheduleGroup(const RequestPtr& request) {
  scheduler_.FindGroup(request->subject,
                       [this, request](const std::expected<GroupRecord, ApiError>& group) {
                         if (!group) {
                           return Refuse(request, group.error());
                         }
                         Answer(request, GroupToJson(*group));
                       });
}

void SchedulerApi::DeleteScheduleGroup(const RequestPtr& request) {
  scheduler_.DeleteGroup(request->subject, Answering(request));
}

void SchedulerApi::ListScheduleGroups(const RequestPtr& request) {
  const auto page = ReadPage(request);
  if (!page) {
    return Refuse(request, page.error());
  }
  scheduler_.ListGroups({.prefix = page->prefix, .after = page->after, .count = page->count + 1},
                        [this, request, count = page->count](
                            const std::expected<std::vector<GroupRecord>, ApiError>& groups) {
                          if (!groups) {
                            return Refuse(request, groups.error());
                          }
                          Json list = Json::array();
                          for (size_t i = 0; i < std::min(count, groups->size()); ++i) {
                            list.push_back(GroupToJson((*groups)[i]));
                          }
                          Json body = {{"ScheduleGroups", std::move(list)}};
                          if (groups->size() > count) {
                            body["NextToken"] = TokenOf((*groups)[count - 1].name);
                          }
                          Answer(request, body);
                        });
}

void SchedulerApi::TagResource(const RequestPtr& request) {
  const auto group = GroupOfArn(request->subject);
  const auto body = BodyOf(request);
  if (!group || !body) {
    return Refuse(request, group ? body.error() : group.error());
  }
  if (!body->contains("Tags")) {
    return Refuse(request, Missing("tags"));
  }
  auto given = ReadTags((*body)["Tags"]);
  if (!given) {
    return Refuse(request, given.error());
  }
  scheduler_.ChangeTags(
      *group, [given = *std::move(given)](Tags& tags) { return AddTags(given, tags); },
      Answering(request));
}

void SchedulerApi::UntagResource(const RequestPtr& request) {
  const auto group = GroupOfArn(request->subject);
  if (!group) {
    return Refuse(request, group.error());
  }
  auto keys = TagKeysOf(request->call.request.query());
  if (keys.empty()) {
    return Refuse(request, Missing("tagKeys"));
  }
  for (const std::string& key : keys) {
    if (key.starts_with("aws:")) {
      return Refuse(request,
                    Invalid("The tag key '" + key + "' is reserved: aws: is for system use."));
    }
  }
  scheduler_.ChangeTags(
      *group,
      [keys = std::move(keys)](Tags& tags) -> std::optional<ApiError> {
        for (const std::string& key : keys) {
          tags.erase(key);
        }
        return std::nullopt;
      },
      Answering(request));
}

void SchedulerApi::ListTagsForResource(const RequestPtr& request) {
  const auto group = GroupOfArn(request->subject);
  if (!group) {
    return Refuse(request, group.error());
  }
  scheduler_.FindGroup(*group, [request](const std::expected<GroupRecord, ApiError>& found) {
    if (!found) {
      return Refuse(request, found.error());
    }
    Answer(request, {{"Tags", TagsToJson(found->tags)}});
  });
}

}  // namespace hearth::schedule
