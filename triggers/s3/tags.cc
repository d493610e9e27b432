#include "triggers/s3/tags.h"

#include <algorithm>
#include <optional>

#include "aws/query_protocol.h"
#include "base/limits.h"
#include "triggers/s3/xml_input.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::s3 {
namespace {

ApiError Invalid(std::string message) { return RefusalBecause("InvalidTag", std::move(message)); }

// Letters, digits and spaces of any script, and some others; all that an answer's XML can hold.
bool IsTagText(std::string_view text, size_t most) {
  constexpr std::string_view kOthers = " +-=._:/@";
  const auto is_allowed = [&](char c) {
    return static_cast<uint8_t>(c) >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || kOthers.find(c) != std::string_view::npos;
  };
  return std::ranges::all_of(text, is_allowed) && aws::IsXmlText(text) &&
         std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }) <=
             static_cast<ptrdiff_t>(most);
}

std::optional<ApiError> CheckTag(std::string_view key, std::string_view value) {
  if (key.empty() || !IsTagText(key, limits::kMaxTagKey)) {
    return Invalid("The TagKey you have provided is invalid");
  }
  if (!IsTagText(value, limits::kMaxTagValue)) {
    return Invalid("The TagValue you have provided is invalid");
  }
  if (key.starts_with("aws:")) {
    return Invalid("System tags cannot be added/updated by requester");
  }
  return std::nullopt;
}

ApiError TooMany(size_t most) {
  const std::string_view what = most == limits::kMaxObjectTags ? "Object tags" : "Bucket tag count";
  return RefusalBecause("BadRequest",
                        std::string(what) + " cannot be greater than " + std::to_string(most));
}

}  // namespace

std::expected<Tags, ApiError> ReadTagging(std::string_view body, size_t most) {
  const auto document = ReadXml(body, "Tagging");
  if (!document) return std::unexpected(document.error());
  const aws::XmlElement set = document->root().Child("TagSet");
  if (!set) return std::unexpected(Refusal("MalformedXML"));
  if (auto error = RefuseOthers(document->root(), {"TagSet"})) return std::unexpected(*error);
  if (auto error = RefuseOthers(set, {"Tag"})) return std::unexpected(*error);
  const auto each = set.children();
  if (each.size() > most) return std::unexpected(TooMany(most));
  Tags out;
  for (const aws::XmlElement& tag : each) {
    if (!tag.Child("Key") || !tag.Child("Value")) return std::unexpected(Refusal("MalformedXML"));
    if (auto error = RefuseOthers(tag, {"Key", "Value"})) return std::unexpected(*error);
    const std::string key = tag.Child("Key").text();
    const std::string value = tag.Child("Value").text();
    if (auto error = CheckTag(key, value)) return std::unexpected(*error);
    if (!out.emplace(key, value).second) {
      return std::unexpected(Invalid("Cannot provide multiple Tags with the same key"));
    }
  }
  return out;
}

std::expected<Tags, ApiError> ReadTagHeader(std::string_view form, size_t most) {
  Tags out;
  const std::string sent(form);
  while (!form.empty()) {
    const size_t end = form.find('&');
    const std::string_view part = form.substr(0, end);
    form = end == std::string_view::npos ? std::string_view() : form.substr(end + 1);
    if (part.empty()) continue;
    if (out.size() == most) return std::unexpected(TooMany(most));
    const size_t equals = part.find('=');
    const std::string key = aws::FormDecode(part.substr(0, equals));
    const std::string value =
        equals == std::string_view::npos ? "" : aws::FormDecode(part.substr(equals + 1));
    if (auto error = CheckTag(key, value)) return std::unexpected(*error);
    if (!out.emplace(key, value).second) {
      return std::unexpected(RefusalBecause(
          "InvalidArgument",
          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
          "parameters without tag name duplicates.",
          {{"ArgumentName", "x-amz-tagging"}, {"ArgumentValue", sent}}));
    }
  }
  return out;
}

std::string TaggingXml(const Tags& tags) {
  XmlWriter xml;
  xml.Open("Tagging");
  xml.Open("TagSet");
  for (const auto& [key, value] : tags) {
    xml.Open("Tag");
    xml.Element("Key", key);
    xml.Element("Value", value);
    xml.Close();
  }
  return xml.Take();
}

Tags TagsOf(std::string_view text) {
  Tags out;
  const auto document = aws::XmlDocument::Parse(text);
  if (!document) return out;
  for (const aws::XmlElement& tag : document->root().Child("TagSet").children()) {
    out[tag.Child("Key").text()] = tag.Child("Value").text();
  }
  return out;
}

std::string WithSystemTags(std::string text, std::string_view before) {
  Tags kept = TagsOf(before);
  std::erase_if(kept, [](const auto& tag) { return !tag.first.starts_with("aws:"); });
  if (kept.empty()) return text;
  kept.merge(TagsOf(text));
  return TaggingXml(kept);
}

}  // namespace hearth::s3
