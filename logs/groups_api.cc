// Log groups: made, deleted, listed; how long their events are kept; their tags.
#include <algorithm>
#include <array>

#include "base/limits.h"
#include "logs/logs_api.h"
#include "logs/page_token.h"

namespace hearth::logs {
namespace {

using base::Json;
using invoker::LogGroup;

constexpr std::array<int64_t, 22> kRetentions = {1,    3,    5,    7,    14,   30,  60,  90,
                                                 120,  150,  180,  365,  400,  545, 731, 1096,
                                                 1827, 2192, 2557, 2922, 3288, 3653};

// Read as long as they change nothing.
void AcceptStandardOnly(Members& in) {
  if (const auto kind = in.Text("logGroupClass", {.most = 64}); kind && *kind != "STANDARD") {
    in.Refuse(InvalidParameter("Hearth does not serve logGroupClass " + *kind + ", only STANDARD"));
  }
}

}  // namespace

Json LogsApi::ToJson(const LogGroup& group, size_t stored_bytes) const {
  const std::string arn = GroupArn(group.name);
  Json out = {{"logGroupName", group.name}, {"creationTime", group.creation_ms},
              {"metricFilterCount", 0},     {"arn", arn + ":*"},
              {"logGroupArn", arn},         {"logGroupClass", "STANDARD"},
              {"storedBytes", stored_bytes}};
  if (group.retention_days > 0) out["retentionInDays"] = group.retention_days;
  return out;
}

void LogsApi::CreateLogGroup(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  auto tags = in.Tags("tags");
  AcceptStandardOnly(in);
  if (IsRefused(call, in)) return;
  if (logs_.Find(name) != nullptr) {
    return Refuse(
        call, {400, "ResourceAlreadyExistsException", "The specified log group already exists"});
  }
  if (logs_.Groups().size() >= limits::kMaxLogGroups) {
    return Refuse(call, {400, "LimitExceededException", "Resource limit exceeded."});
  }
  logs_.Change(name, [&tags](LogGroup& group) { group.tags = std::move(tags); }, Answering(call));
}

void LogsApi::DeleteLogGroup(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  if (IsRefused(call, in) || Known(call, name) == nullptr) return;
  logs_.Remove(name, Answering(call));
}

void LogsApi::DescribeLogGroups(const CallPtr& call, Members& in) {
  const auto prefix = in.Text("logGroupNamePrefix", kGroupName);
  const auto pattern = in.Text("logGroupNamePattern", {.most = 512});
  const auto token = in.Text("nextToken", {.least = 1, .most = 4096});
  const auto limit = static_cast<size_t>(in.Number("limit", 1, 50).value_or(50));
  in.Flag("includeLinkedAccounts");  // There are none.
  AcceptStandardOnly(in);
  if (prefix && pattern) {
    in.Refuse(InvalidParameter(
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."));
  }
  const auto after = token ? DecodeToken(*token) : std::string();
  if (!after) in.Refuse(InvalidParameter("The specified nextToken is invalid."));
  if (IsRefused(call, in)) return;
  std::vector<LogGroup> page;
  Json next;
  for (const LogGroup* group : logs_.Groups()) {
    if (group->name <= *after || !group->name.starts_with(prefix.value_or("")) ||
        group->name.find(pattern.value_or("")) == std::string::npos) {
      continue;
    }
    if (page.size() == limit) {
      next = EncodeToken(page.back().name);
      break;
    }
    page.push_back(*group);
  }
  Search(call, [this, page = std::move(page), next](const invoker::LogFiles& files) -> Found {
    Json groups = Json::array();
    for (const LogGroup& group : page) {
      groups.push_back(ToJson(group, files.StoredBytes(group.name)));
    }
    Json out = {{"logGroups", std::move(groups)}};
    if (!next.is_null()) out["nextToken"] = next;
    return out;
  });
}

void LogsApi::PutRetentionPolicy(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  in.Require("retentionInDays");
  const auto days = in.Number("retentionInDays", INT64_MIN, INT64_MAX);
  if (days && !std::ranges::binary_search(kRetentions, *days)) {
    std::string allowed;
    for (const int64_t each : kRetentions) {
      allowed += (allowed.empty() ? "" : ", ") + std::to_string(each);
    }
    in.Refuse(InvalidParameter("1 validation error detected: Value '" + std::to_string(*days) +
                               "' at 'retentionInDays' failed to satisfy constraint: Member must "
                               "satisfy enum value set: [" +
                               allowed + "]"));
  }
  if (IsRefused(call, in) || Known(call, name) == nullptr) return;
  logs_.Change(
      name, [&days](LogGroup& group) { group.retention_days = static_cast<uint32_t>(*days); },
      Answering(call));
}

void LogsApi::DeleteRetentionPolicy(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  if (IsRefused(call, in) || Known(call, name) == nullptr) return;
  logs_.Change(name, [](LogGroup& group) { group.retention_days = 0; }, Answering(call));
}

void LogsApi::Tag(const CallPtr& call, Members& in, const std::string& group,
                  std::string_view member) {
  in.Require(member);
  const auto tags = in.Tags(member);
  if (IsRefused(call, in)) return;
  const LogGroup* known = Known(call, group);
  if (known == nullptr) return;
  auto all = tags;
  all.insert(known->tags.begin(), known->tags.end());
  if (all.size() > limits::kMaxTags) {
    return Refuse(call, {400, "TooManyTagsException",
                         "A resource can have at most 50 tags: " + GroupArn(group)});
  }
  logs_.Change(
      group, [&all](LogGroup& changed) { changed.tags = std::move(all); }, Answering(call));
}

void LogsApi::Untag(const CallPtr& call, Members& in, const std::string& group,
                    std::string_view member) {
  in.Require(member);
  const auto keys = in.Texts(member, 0, limits::kMaxTags, {.most = limits::kMaxTagKey});
  if (IsRefused(call, in) || Known(call, group) == nullptr) return;
  logs_.Change(
      group,
      [&keys](LogGroup& changed) {
        for (const std::string& key : keys) changed.tags.erase(key);
      },
      Answering(call));
}

void LogsApi::TagLogGroup(const CallPtr& call, Members& in) {
  Tag(call, in, in.RequiredText("logGroupName", kGroupName), "tags");
}

void LogsApi::UntagLogGroup(const CallPtr& call, Members& in) {
  Untag(call, in, in.RequiredText("logGroupName", kGroupName), "tags");
}

void LogsApi::TagResource(const CallPtr& call, Members& in) {
  Tag(call, in, GroupOfArn(in, "resourceArn"), "tags");
}

void LogsApi::UntagResource(const CallPtr& call, Members& in) {
  Untag(call, in, GroupOfArn(in, "resourceArn"), "tagKeys");
}

void LogsApi::ListTagsLogGroup(const CallPtr& call, Members& in) {
  const std::string name = in.RequiredText("logGroupName", kGroupName);
  if (IsRefused(call, in)) return;
  if (const LogGroup* group = Known(call, name)) Answer(call, {{"tags", group->tags}});
}

void LogsApi::ListTagsForResource(const CallPtr& call, Members& in) {
  const std::string name = GroupOfArn(in, "resourceArn");
  if (IsRefused(call, in)) return;
  if (const LogGroup* group = Known(call, name)) Answer(call, {{"tags", group->tags}});
}

}  // namespace hearth::logs
