#include "triggers/schedule/group_record.h"

#include <fmt/format.h>

#include "triggers/schedule/fields.h"
#include "triggers/schedule/schedule_record.h"

namespace hearth::schedule {

using base::Json;

std::expected<GroupRecord, ApiError> ReadGroup(const Json& body, std::string name) {
  Fields in(body);
  GroupRecord group;
  constexpr Fields::TextRule kName{.most = 64, .allows = IsName, .pattern = "^[0-9a-zA-Z-_.]+$"};
  if (name.empty()) {
    group.name = in.RequiredText("Name", kName);
  } else {
    in.Ignore("Name");
    group.name = std::move(name);
    if (!IsName(group.name)) {
      in.Refuse(Violates(group.name, "name",
                         "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"));
    }
  }
  group.client_token = in.Text("ClientToken", {.most = 64}).value_or("");
  in.Ignore("Tags");
  const auto given = body.is_object() ? body.find("Tags") : body.end();
  if (given != body.end()) {
    auto tags = ReadTags(*given);
    if (tags) {
      in.Refuse(AddTags(*tags, group.tags));
    } else {
      in.Refuse(std::move(tags).error());
    }
  }
  if (auto error = in.Finish()) {
    return std::unexpected(*std::move(error));
  }
  return group;
}

std::expected<Tags, ApiError> ReadTags(const Json& list) {
  if (list.is_null()) {
    return Tags();
  }
  if (!list.is_array()) {
    return std::unexpected(WrongType("tags", "a list"));
  }
  constexpr size_t kMostInACall = 200;
  if (list.size() > kMostInACall) {
    return std::unexpected(Violates(fmt::format("[{} tags]", list.size()), "tags",
                                    "Member must have length less than or equal to 200"));
  }
  Tags tags;
  for (size_t i = 0; i < list.size(); ++i) {
    Fields in(list[i], fmt::format("tags.{}.member", i + 1));
    const std::string key = in.RequiredText("Key", {.most = 128});
    tags[key] = in.RequiredText("Value", {.most = 256});
    if (key.starts_with("aws:")) {
      in.Refuse(Invalid(fmt::format("The tag key '{}' is reserved: aws: is for system use.", key)));
    }
    if (auto error = in.Finish()) {
      return std::unexpected(*std::move(error));
    }
  }
  return tags;
}

Json TagsToJson(const Tags& tags) {
  Json list = Json::array();
  for (const auto& [key, value] : tags) {
    list.push_back({{"Key", key}, {"Value", value}});
  }
  return list;
}

std::optional<ApiError> AddTags(const Tags& given, Tags& tags) {
  for (const auto& [key, value] : given) {
    tags[key] = value;
  }
  if (tags.size() > kMaxTags) {
    return QuotaExceeded(fmt::format("A schedule group has at most {} tags.", kMaxTags));
  }
  return std::nullopt;
}

}  // namespace hearth::schedule
