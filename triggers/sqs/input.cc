#include "triggers/sqs/input.h"

#include "triggers/sqs/errors.h"

namespace hearth::sqs {

using base::Json;

void Input::Refuse(aws::ApiError error) {
  if (!error_) error_ = std::move(error);
}

void Input::WrongType(std::string_view name, std::string_view wanted) {
  Refuse({400, "SerializationException", std::string(name) + " is to be " + std::string(wanted)});
}

const Json* Input::Any(std::string_view name) {
  known_.emplace(name);
  const auto at = json_.find(name);
  return at == json_.end() || at->is_null() ? nullptr : &*at;
}

std::optional<std::string> Input::Text(std::string_view name) {
  const Json* const value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    WrongType(name, "a string");
    return std::nullopt;
  }
  return value->get<std::string>();
}

std::string Input::RequiredText(std::string_view name) {
  auto text = Text(name);
  if (!text || text->empty()) Refuse(MissingParameter(name));
  return text.value_or("");
}

std::optional<int64_t> Input::Number(std::string_view name, int64_t least, int64_t most,
                                     std::string_view reason) {
  const Json* const value = Any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    if (value->is_string()) {  // Of a form.
      Refuse(InvalidValue(value->get_ref<const std::string&>(), name, "Must be an integer."));
    } else {
      WrongType(name, "a whole number");
    }
    return std::nullopt;
  }
  const bool is_huge = value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX;
  const int64_t number = is_huge ? INT64_MAX : value->get<int64_t>();
  if (number < least || number > most) {
    Refuse(InvalidValue(base::ToJsonText(*value), name, reason));
    return std::nullopt;
  }
  return number;
}

std::vector<std::string> Input::Texts(std::string_view name) {
  std::vector<std::string> out;
  const Json* const value = Any(name);
  if (value == nullptr) return out;
  if (!value->is_array()) {
    WrongType(name, "a list of strings");
    return out;
  }
  for (const Json& each : *value) {
    if (!each.is_string()) {
      WrongType(name, "a list of strings");
      return {};
    }
    out.push_back(each.get<std::string>());
  }
  return out;
}

std::map<std::string, std::string> Input::TextMap(std::string_view name) {
  std::map<std::string, std::string> out;
  const Json* const value = Any(name);
  if (value == nullptr) return out;
  if (!value->is_object()) {
    WrongType(name, "an object of strings");
    return out;
  }
  for (const auto& [key, each] : value->items()) {
    if (!each.is_string()) {
      WrongType(name, "an object of strings");
      return {};
    }
    out.emplace(key, each.get<std::string>());
  }
  return out;
}

std::optional<aws::ApiError> Input::Finish() {
  if (error_) return error_;
  for (const auto& [name, value] : json_.items()) {
    if (known_.contains(name) || value.is_null()) continue;
    return InvalidParameter("Hearth does not serve the parameter '" + name.substr(0, 200) + "'.");
  }
  return std::nullopt;
}

}  // namespace hearth::sqs
