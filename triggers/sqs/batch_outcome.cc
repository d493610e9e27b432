#include "triggers/sqs/batch_outcome.h"

#include "base/json.h"

namespace hearth::sqs {
namespace {

using base::Json;

bool IsEmpty(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_null() || (value.is_structured() && value.empty());
}

}  // namespace

std::optional<std::set<std::string>> ReadBatchOutcome(std::string_view answer,
                                                      const std::vector<std::string>& ids) {
  std::set<std::string> failed;
  if (answer.empty()) return failed;
  const auto parsed = base::ParseJson(answer);
  if (!parsed) return std::nullopt;
  if (IsEmpty(*parsed)) return failed;
  if (!parsed->is_object()) return std::nullopt;
  const auto list = parsed->find("batchItemFailures");
  if (list == parsed->end() || list->is_null()) return failed;
  if (!list->is_array()) return std::nullopt;
  const std::set<std::string_view> known(ids.begin(), ids.end());
  for (const Json& item : *list) {
    const auto id = item.is_object() ? item.find("itemIdentifier") : item.end();
    if (id == item.end() || !id->is_string()) return std::nullopt;
    const auto& text = id->get_ref<const std::string&>();
    if (!known.contains(text)) return std::nullopt;
    failed.insert(text);
  }
  return failed;
}

}  // namespace hearth::sqs
