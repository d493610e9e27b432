// Reading fields of a JSON answer without trusting it: a missing field, or one of another type,
// reads as empty. For .cc files only (nlohmann's header is heavy).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace hearth::cli {

inline const base::Json& Field(const base::Json& object, std::string_view name) {
  static const base::Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

// A string as it is; a number or a boolean as JSON writes it.
inline std::string Text(const base::Json& object, std::string_view name) {
  const base::Json& field = Field(object, name);
  if (field.is_string()) return field.get<std::string>();
  return field.is_primitive() && !field.is_null() ? base::ToJsonText(field) : std::string();
}

inline double Number(const base::Json& object, std::string_view name) {
  const base::Json& field = Field(object, name);
  return field.is_number() ? field.get<double>() : 0;
}

// Negative numbers, fractions and other types read as zero.
inline uint64_t Count(const base::Json& object, std::string_view name) {
  const base::Json& field = Field(object, name);
  if (field.is_number_unsigned()) return field.get<uint64_t>();
  if (!field.is_number_integer()) return 0;
  const auto number = field.get<int64_t>();
  return number < 0 ? 0 : static_cast<uint64_t>(number);
}

}  // namespace hearth::cli
