#include "invoker/tags_api.h"

#include <algorithm>

#include "base/id.h"
#include "base/limits.h"
#include "invoker/api_call.h"
#include "invoker/function_name.h"

namespace hearth::invoker {
namespace {

using base::Json;
using Edited = Registry::Edited;

constexpr std::string_view kSystem = "aws:";

aws::ApiError SystemTag(const std::string& key) {
  return InvalidParameter("The tag key '" + key +
                          "' is reserved: keys that begin with aws: are for system use.");
}

// ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$; what is not ASCII is taken for a letter.
bool IsTagText(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) {
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || std::string_view(" _.:/=+-@").contains(static_cast<char>(c));
  });
}

// Every tagKeys=... of the query.
std::vector<std::string> KeysOf(std::string_view query) {
  std::vector<std::string> out;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const auto key = io::QueryParameter(query.substr(0, end), "tagKeys");
    if (key.found) out.push_back(key.value);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
  }
  return out;
}

}  // namespace

std::expected<std::optional<Tags>, aws::ApiError> ReadTags(const Json& body) {
  const Json given = body.value("Tags", Json());
  if (given.is_null()) return std::nullopt;
  if (!given.is_object()) return std::unexpected(WrongType("Tags", "an object of strings"));
  Tags out;
  for (const auto& [key, value] : given.items()) {
    if (!value.is_string()) return std::unexpected(WrongType("Tags." + key, "a string"));
    out[key] = value.get<std::string>();
  }
  return out;
}

std::optional<aws::ApiError> CheckUsersTags(const Tags& given, const Tags& others) {
  size_t count = std::ranges::count_if(
      others, [](const auto& tag) { return !tag.first.starts_with(kSystem); });
  for (const auto& [key, value] : given) {
    if (key.starts_with(kSystem)) return SystemTag(key);
    if (key.empty() || key.size() > 128 || value.size() > 256) {
      return InvalidParameter("The tag '" + key.substr(0, 128) +
                              "' must have a key of 1 to 128 and a value of at most 256 bytes.");
    }
    if (!IsTagText(key) || !IsTagText(value)) {
      return InvalidParameter("The tag '" + key +
                              "' may hold letters, digits, spaces and _ . : / = + - @ only.");
    }
    if (!others.contains(key)) ++count;
  }
  if (count > limits::kMaxTags) {
    return InvalidParameter("Number of tags exceeds resource tag limit.");
  }
  return std::nullopt;
}

bool TagsApi::Handle(aws::Call& call) {
  const std::string& method = call.request.method;
  if (method != "GET" && method != "POST" && method != "DELETE") return false;
  const auto function = FunctionOf(io::PercentDecode(call.request.path().substr(kPath.size())));
  if (!function) {
    Refuse(call, function.error());
  } else if (method == "POST") {
    Tag(std::move(call), *function);
  } else if (method == "DELETE") {
    Untag(std::move(call), *function);
  } else {
    List(std::move(call), *function);
  }
  return true;
}

std::expected<std::string, aws::ApiError> TagsApi::FunctionOf(const std::string& arn) const {
  constexpr char kPattern[] =
      "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|"
      "(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|"
      "[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|"
      "event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})";
  const auto parsed = aws::ParseArn(arn);
  const auto named = aws::ParseFunctionName(arn);
  if (!parsed || !named) {
    const bool is_other = parsed && parsed->service == "lambda" &&
                          aws::IsAccountId(parsed->account) &&
                          (parsed->resource.starts_with("event-source-mapping:") ||
                           parsed->resource.starts_with("code-signing-config:"));
    if (is_other) {
      return std::unexpected(InvalidParameter("Hearth keeps tags of functions only yet: " + arn));
    }
    return std::unexpected(ValidationError(arn.substr(0, 300), "resource", kPattern));
  }
  const auto name = ParseFunctionName(account_, arn, {});
  if (!name) return std::unexpected(name.error());
  if (!name->qualifier.empty()) {
    return std::unexpected(InvalidParameter(
        "Tags on function aliases and versions are not supported. Please specify a function ARN."));
  }
  return name->name;
}

void TagsApi::Change(aws::Call call, const std::string& function,
                     std::function<std::optional<aws::ApiError>(Tags& tags)> edit) {
  registry_.Change(
      function,
      [missing = FunctionNotFound(account_, {function, {}}),
       edit = std::move(edit)](const RecordRef& current) -> Edited {
        if (current == nullptr) return std::unexpected(missing);
        FunctionVersion latest = *current->latest;
        if (auto refusal = edit(latest.tags)) return std::unexpected(std::move(*refusal));
        if (latest.tags == current->latest->tags) return current;
        latest.shown_revision = base::NewUuid();
        FunctionRecord next = *current;
        next.latest = std::make_shared<const FunctionVersion>(std::move(latest));
        return std::make_shared<const FunctionRecord>(std::move(next));
      },
      AnswersNothing(std::move(call)));
}

void TagsApi::Tag(aws::Call call, const std::string& function) {
  const auto body = ReadBody(call);
  if (!body) return Refuse(call, body.error());
  auto given = ReadTags(*body);
  if (!given) return Refuse(call, given.error());
  if (!*given) return Refuse(call, MissingMember("tags"));
  if ((*given)->empty()) {
    return Refuse(call, InvalidParameter("An error occurred and the request cannot be processed."));
  }
  Change(std::move(call), function,
         [given = **std::move(given)](Tags& tags) -> std::optional<aws::ApiError> {
           if (auto refusal = CheckUsersTags(given, tags)) return refusal;
           for (const auto& [key, value] : given) tags[key] = value;
           return std::nullopt;
         });
}

void TagsApi::Untag(aws::Call call, const std::string& function) {
  auto keys = KeysOf(call.request.query());
  if (keys.empty()) return Refuse(call, MissingMember("tagKeys"));
  for (const std::string& key : keys) {
    if (key.starts_with(kSystem)) return Refuse(call, SystemTag(key));
  }
  Change(std::move(call), function,
         [keys = std::move(keys)](Tags& tags) -> std::optional<aws::ApiError> {
           for (const std::string& key : keys) tags.erase(key);
           return std::nullopt;
         });
}

void TagsApi::List(aws::Call call, const std::string& function) {
  const FunctionRef found = registry_.Find(function);
  if (found == nullptr) return Refuse(call, FunctionNotFound(account_, {function, {}}));
  call.responder.Send(aws::RestJsonAnswer(200, {{"Tags", found->tags}}, call.request_id));
}

}  // namespace hearth::invoker
