#include "triggers/s3/xml_input.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "triggers/s3/words.h"

namespace hearth::s3 {
namespace {

using aws::XmlElement;

std::unexpected<ApiError> Malformed() { return std::unexpected(Refusal("MalformedXML")); }

ApiError NotServed(std::string_view what, std::string_view value) {
  return RefusalBecause("NotImplemented",
                        std::string(what) + " '" + std::string(value) + "' is not implemented");
}

std::expected<DeleteObjects::One, ApiError> ReadDeleted(const XmlElement& object) {
  // AWS has the others for directory buckets alone.
  if (auto error = RefuseOthers(object, {"Key", "VersionId", "ETag"})) {
    return std::unexpected(*error);
  }
  if (!object.Child("Key")) return Malformed();
  return DeleteObjects::One{.key = object.Child("Key").text(),
                            .version_id = object.Child("VersionId").text(),
                            .etag = std::string(Unquoted(object.Child("ETag").text()))};
}

std::expected<CompletedPart, ApiError> ReadPart(const XmlElement& part) {
  CompletedPart out;
  bool has_number = false;
  bool has_etag = false;
  for (const XmlElement& child : part.children()) {
    const std::string_view name = child.name();
    const std::string text = child.text();
    if (name == "PartNumber") {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.number);
      if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
        return Malformed();
      }
      if (error != std::errc() || out.number < 1 || out.number > limits::kMaxObjectParts) {
        return std::unexpected(RefusalBecause(
            "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive",
            {{"ArgumentName", "partNumber"}, {"ArgumentValue", text}}));
      }
      has_number = true;
    } else if (name == "ETag") {
      out.etag = Unquoted(text);
      has_etag = true;
    } else {
      const auto kind = std::ranges::find(kChecksumKinds, name, ChecksumElement);
      if (kind == kChecksumKinds.end()) return std::unexpected(NotServed("The element", name));
      out.checksums[*kind] = text;
    }
  }
  if (!has_number || !has_etag) return Malformed();
  return out;
}

}  // namespace

std::expected<aws::XmlDocument, ApiError> ReadXml(std::string_view body, std::string_view root) {
  if (body.size() > limits::kMaxObjectXml) {
    return std::unexpected(
        Refusal("MaxMessageLengthExceeded", {{"MaxMessageLengthBytes", limits::kMaxObjectXml}}));
  }
  auto document = aws::XmlDocument::Parse(body);
  if (!document || document->root().name() != root) return Malformed();
  return std::move(*document);
}

std::optional<ApiError> RefuseOthers(const XmlElement& element,
                                     std::initializer_list<std::string_view> known) {
  for (const XmlElement& child : element.children()) {
    if (std::ranges::find(known, child.name()) == known.end()) {
      return NotServed("The element", child.name());
    }
  }
  return std::nullopt;
}

std::expected<DeleteObjects, ApiError> ReadDeleteObjects(std::string_view body) {
  const auto document = ReadXml(body, "Delete");
  if (!document) return std::unexpected(document.error());
  DeleteObjects out;
  for (const XmlElement& child : document->root().children()) {
    if (child.name() == "Quiet") {
      const std::string text = child.text();
      if (text != "true" && text != "false") return Malformed();
      out.quiet = text == "true";
    } else if (child.name() == "Object") {
      auto object = ReadDeleted(child);
      if (!object) return std::unexpected(object.error());
      if (out.objects.size() == limits::kMaxObjectsDeleted) return Malformed();
      out.objects.push_back(std::move(*object));
    } else {
      return std::unexpected(NotServed("The element", child.name()));
    }
  }
  if (out.objects.empty()) return Malformed();
  return out;
}

std::expected<std::vector<CompletedPart>, ApiError> ReadCompletedParts(std::string_view body) {
  const auto document = ReadXml(body, "CompleteMultipartUpload");
  if (!document) return std::unexpected(document.error());
  if (auto error = RefuseOthers(document->root(), {"Part"})) return std::unexpected(*error);
  std::vector<CompletedPart> out;
  for (const XmlElement& child : document->root().children()) {
    auto part = ReadPart(child);
    if (!part) return std::unexpected(part.error());
    if (!out.empty() && part->number <= out.back().number) {
      return std::unexpected(Refusal("InvalidPartOrder"));
    }
    out.push_back(std::move(*part));
  }
  if (out.empty()) return Malformed();
  return out;
}

std::expected<Versioning, ApiError> ReadVersioning(std::string_view body) {
  const auto document = ReadXml(body, "VersioningConfiguration");
  if (!document) return std::unexpected(document.error());
  const XmlElement root = document->root();
  if (auto error = RefuseOthers(root, {"Status", "MfaDelete"})) return std::unexpected(*error);
  if (root.Child("MfaDelete")) {
    const std::string text = root.Child("MfaDelete").text();
    if (text == "Enabled") return std::unexpected(NotServed("MfaDelete", text));
    if (text != "Disabled") return Malformed();
  }
  if (!root.Child("Status")) {
    return std::unexpected(Refusal("IllegalVersioningConfigurationException"));
  }
  const std::string status = root.Child("Status").text();
  if (status == "Enabled") return Versioning::kEnabled;
  if (status == "Suspended") return Versioning::kSuspended;
  return Malformed();
}

std::expected<std::string, ApiError> ReadLocation(std::string_view body) {
  if (body.empty()) return "";
  const auto document = ReadXml(body, "CreateBucketConfiguration");
  if (!document) return std::unexpected(document.error());
  // AWS has the others for directory buckets, and tags, which PutBucketTagging sets.
  if (auto error = RefuseOthers(document->root(), {"LocationConstraint"})) {
    return std::unexpected(*error);
  }
  return document->root().Child("LocationConstraint").text();
}

}  // namespace hearth::s3
