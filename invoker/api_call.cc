#include "invoker/api_call.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"
#include "invoker/api_errors.h"

namespace hearth::invoker {

void Refuse(aws::Call& call, const aws::ApiError& error) {
  call.responder.Send(aws::RestJsonError(error, call.request_id));
}

void AnswerNothing(aws::Call& call, int status) {
  io::HttpResponse response{.status = status, .headers = {}, .body = {}};
  response.headers.Add("x-amzn-RequestId", call.request_id);
  call.responder.Send(std::move(response));
}

std::expected<base::Json, aws::ApiError> ReadBody(const aws::Call& call) {
  if (call.request.body.empty()) return base::Json::object();
  auto body = base::ParseJson(call.request.body);
  if (!body || !body->is_object()) {
    return std::unexpected(aws::ApiError{
        .status = 400,
        .type = "SerializationException",
        .message = body ? "The request body must be a JSON object." : body.error().ToString()});
  }
  return std::move(*body);
}

std::optional<aws::ApiError> ReadText(const base::Json& body, const char* member,
                                      std::optional<std::string>& into) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) return WrongType(member, "a string");
  into = found->get<std::string>();
  return std::nullopt;
}

std::expected<PageRequest, aws::ApiError> ReadPage(const aws::Call& call) {
  PageRequest out;
  const std::string_view query = call.request.query();
  if (const auto asked = io::QueryParameter(query, "MaxItems"); asked.found) {
    size_t count = 0;
    const char* end = asked.value.data() + asked.value.size();
    const auto [stop, fault] = std::from_chars(asked.value.data(), end, count);
    if (fault != std::errc() || stop != end || count < 1 || count > 10000) {
      return std::unexpected(
          ValidationError(asked.value, "maxItems", "Member must have value between 1 and 10000"));
    }
    out.count = std::min(out.count, count);
  }
  if (const auto marker = io::QueryParameter(query, "Marker"); marker.found) {
    auto after = base::Base64Decode(marker.value);
    if (!after || after->empty()) {
      return std::unexpected(InvalidParameter("Invalid pagination token."));
    }
    out.after = std::move(*after);
  }
  return out;
}

std::string MarkerOf(const std::string& key) { return base::Base64Encode(key); }

bool ListPage::Add(const std::string& key, base::Json item) {
  has_more_ = items_.size() == count_;
  if (has_more_) return false;
  items_.push_back(std::move(item));
  last_ = key;
  return true;
}

base::Json ListPage::Take(const char* member) {
  base::Json answer{{member, std::move(items_)}};
  if (has_more_) answer["NextMarker"] = MarkerOf(last_);
  return answer;
}

}  // namespace hearth::invoker
