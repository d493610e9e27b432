#include "triggers/sqs/message_attributes.h"

#include <algorithm>
#include <charconv>

#include "aws/query_protocol.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/md5.h"
#include "triggers/sqs/errors.h"

namespace hearth::sqs {
namespace {

using aws::ApiError;
using base::Json;

bool IsName(std::string_view name) {
  const bool has_good_letters = std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  return !name.empty() && has_good_letters && !name.starts_with('.') && !name.ends_with('.') &&
         name.find("..") == std::string_view::npos;
}

bool IsReserved(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower.starts_with("aws.") || lower.starts_with("amazon.");
}

bool IsType(std::string_view type) {
  if (type.size() > limits::kMaxMessageAttributeName) return false;
  for (const std::string_view kind : {"String", "Number", "Binary"}) {
    if (!type.starts_with(kind)) continue;
    const std::string_view rest = type.substr(kind.size());
    return rest.empty() || (rest.size() > 1 && rest.front() == '.');
  }
  return false;
}

bool IsNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string Quoted(std::string_view name) {
  return "'" + std::string(name.substr(0, limits::kMaxMessageAttributeName)) + "'";
}

std::expected<MessageAttribute, ApiError> ReadOne(const std::string& name, const Json& json) {
  const auto refuse = [](std::string text) {
    return std::unexpected(InvalidParameter(std::move(text)));
  };
  if (name.size() > limits::kMaxMessageAttributeName || !IsName(name)) {
    return refuse(
        "Message (user) attribute names may only contain letters, digits, underscores, "
        "hyphens and single dots within, at most 256: " +
        Quoted(name) + ".");
  }
  if (IsReserved(name)) {
    return refuse("Message (user) attribute name " + Quoted(name) +
                  " can not start with AWS. or Amazon.");
  }
  MessageAttribute out{.name = name, .type = {}, .value = {}};
  if (!json.is_object()) return refuse("The message attribute " + Quoted(name) + " is no object.");
  const auto text = [&json](const char* member) -> const std::string* {
    const auto found = json.find(member);
    return found == json.end() || !found->is_string() ? nullptr
                                                      : &found->get_ref<const std::string&>();
  };
  for (const auto& [member, value] : json.items()) {
    if (member == "DataType" || member == "StringValue" || member == "BinaryValue") continue;
    // Never implemented by AWS: empty ones are sent by some clients.
    if ((member == "StringListValues" || member == "BinaryListValues") && value.empty()) continue;
    return refuse("Message attribute list values in SendMessage operation are not supported.");
  }
  const std::string* const type = text("DataType");
  if (type == nullptr || type->empty()) {
    return refuse("The message attribute " + Quoted(name) +
                  " must contain message attribute type.");
  }
  if (!IsType(*type)) {
    return refuse("The message attribute " + Quoted(name) +
                  " has an invalid message attribute type, the set of supported type prefixes is "
                  "Binary, Number, and String.");
  }
  out.type = *type;
  const std::string* const value = text(out.is_binary() ? "BinaryValue" : "StringValue");
  if (value == nullptr || value->empty()) {
    return refuse("The message attribute " + Quoted(name) +
                  " must contain non-empty message attribute value for message attribute type '" +
                  out.type + "'.");
  }
  out.value = *value;
  if (out.is_binary()) {
    auto bytes = base::Base64Decode(*value);
    if (!bytes) return refuse("The message attribute " + Quoted(name) + " is not base64.");
    out.value = std::move(*bytes);
  } else if (!aws::IsXmlText(out.value)) {
    return refuse("Invalid binary character was found in the message attribute value of " +
                  Quoted(name) + ".");
  } else if (out.type.starts_with("Number") && !IsNumber(out.value)) {
    return refuse("Can't cast the value of message (user) attribute " + Quoted(name) +
                  " to a number.");
  }
  return out;
}

void AddSized(base::Md5& hash, std::string_view bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  const char head[4] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                        static_cast<char>(size >> 8), static_cast<char>(size)};
  hash.Update({head, 4});
  hash.Update(bytes);
}

}  // namespace

std::expected<std::vector<MessageAttribute>, ApiError> ReadMessageAttributes(const Json& json) {
  if (!json.is_object()) {
    return std::unexpected(
        ApiError{400, "SerializationException", "message attributes are to be an object"});
  }
  if (json.size() > limits::kMaxMessageAttributes) {
    return std::unexpected(InvalidParameter("Number of message attributes [" +
                                            std::to_string(json.size()) +
                                            "] exceeds the allowed maximum [10]."));
  }
  std::vector<MessageAttribute> out;
  for (const auto& [name, value] : json.items()) {
    auto each = ReadOne(name, value);
    if (!each) return std::unexpected(std::move(each.error()));
    out.push_back(std::move(*each));
  }
  return out;
}

Json ToJson(const std::vector<MessageAttribute>& attributes) {
  Json out = Json::object();
  for (const MessageAttribute& each : attributes) {
    Json& to = out[each.name] = {{"DataType", each.type}};
    if (each.is_binary())
      to["BinaryValue"] = base::Base64Encode(each.value);
    else
      to["StringValue"] = each.value;
  }
  return out;
}

std::string Md5OfAttributes(std::vector<MessageAttribute> attributes) {
  if (attributes.empty()) return {};
  std::ranges::sort(attributes, {}, &MessageAttribute::name);
  base::Md5 hash;
  for (const MessageAttribute& each : attributes) {
    AddSized(hash, each.name);
    AddSized(hash, each.type);
    hash.Update(each.is_binary() ? "\x02" : "\x01");
    AddSized(hash, each.value);
  }
  return hash.Finish();
}

size_t SizeOf(const std::vector<MessageAttribute>& attributes) {
  size_t size = 0;
  for (const auto& each : attributes)
    size += each.name.size() + each.type.size() + each.value.size();
  return size;
}

std::vector<MessageAttribute> Select(const std::vector<MessageAttribute>& attributes,
                                     const std::vector<std::string>& names) {
  std::vector<MessageAttribute> out;
  for (const MessageAttribute& attribute : attributes) {
    const bool is_asked_for = std::ranges::any_of(names, [&attribute](std::string_view name) {
      if (name == "All" || name == attribute.name) return true;
      if (!name.ends_with('*')) return false;
      name.remove_suffix(1);
      if (name.ends_with('.')) name.remove_suffix(1);
      return attribute.name.starts_with(name);
    });
    if (is_asked_for) out.push_back(attribute);
  }
  return out;
}

std::string SequenceText(uint64_t sequence) {
  std::string digits = std::to_string(sequence);
  return std::string(20 - std::min<size_t>(20, digits.size()), '0') + digits;
}

}  // namespace hearth::sqs
