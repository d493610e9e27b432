// What every operation of Lambda's API does with its call: refuse it, read its body, page its list.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "aws/gateway.h"
#include "base/json.h"

namespace hearth::invoker {

void Refuse(aws::Call& call, const aws::ApiError& error);
void AnswerNothing(aws::Call& call, int status);  // 204 and its like.

// The `done` of a change whose success has no body: refuses with what it failed with, else answers
// 204.
inline auto AnswersNothing(aws::Call call) {
  return [held = std::make_shared<aws::Call>(std::move(call))](const auto& changed) {
    if (!changed) return Refuse(*held, changed.error());
    AnswerNothing(*held, 204);
  };
}

// The body as an object; an empty one is an empty object.
std::expected<base::Json, aws::ApiError> ReadBody(const aws::Call& call);

// A text of the body; absent and null leave `into` as it is.
std::optional<aws::ApiError> ReadText(const base::Json& body, const char* member,
                                      std::optional<std::string>& into);

// What a list operation asks for. The marker is the key of the last item before, so it survives
// changes in between.
struct PageRequest {
  size_t count = 50;  // AWS never lists more than 50 on a page.
  std::string after;  // Empty: from the first.
};
std::expected<PageRequest, aws::ApiError> ReadPage(const aws::Call& call);
// `key` of the last item shown, as NextMarker.
std::string MarkerOf(const std::string& key);

// The page that is answered: items that come after the marker, in the order of their keys.
class ListPage {
 public:
  explicit ListPage(const PageRequest& asked) : count_(asked.count) {}
  // False: the page is full, and `item` is on the next one.
  bool Add(const std::string& key, base::Json item);
  // {`member`: [...], "NextMarker": ...}, and nothing is left.
  base::Json Take(const char* member);

 private:
  const size_t count_;
  base::Json items_ = base::Json::array();
  std::string last_;
  bool has_more_ = false;
};

}  // namespace hearth::invoker
