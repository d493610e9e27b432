#include "stacks/bucket_documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "stacks/body.h"
#include "stacks/tokens.h"
#include "triggers/s3/bucket_text.h"
#include "triggers/s3/xml_writer.h"

namespace hearth::stacks {
namespace {

using base::Json;
using s3::XmlWriter;

constexpr std::array<Field, 6> kCorsRule = {{{"AllowedHeaders", Shape::kTexts, {}, "AllowedHeader"},
                                             {"AllowedMethods", Shape::kTexts, {}, "AllowedMethod"},
                                             {"AllowedOrigins", Shape::kTexts, {}, "AllowedOrigin"},
                                             {"ExposedHeaders", Shape::kTexts, {}, "ExposeHeader"},
                                             {"Id", Shape::kText, {}, "ID"},
                                             {"MaxAge", Shape::kInteger, {}, "MaxAgeSeconds"}}};
constexpr std::array<Field, 1> kCors = {{{"CorsRules", Shape::kMaps, kCorsRule, "CORSRule"}}};

constexpr std::array<Field, 4> kPublicAccess = {{{"BlockPublicAcls", Shape::kFlag},
                                                 {"IgnorePublicAcls", Shape::kFlag},
                                                 {"BlockPublicPolicy", Shape::kFlag},
                                                 {"RestrictPublicBuckets", Shape::kFlag}}};

constexpr std::array<Field, 1> kOwnershipRule = {{{"ObjectOwnership"}}};
constexpr std::array<Field, 1> kOwnership = {{{"Rules", Shape::kMaps, kOwnershipRule, "Rule"}}};

constexpr std::array<Field, 2> kEncryptionDefault = {{{"SSEAlgorithm"}, {"KMSMasterKeyID"}}};
constexpr std::array<Field, 2> kEncryptionRule = {
    {{"ServerSideEncryptionByDefault", Shape::kMap, kEncryptionDefault,
      "ApplyServerSideEncryptionByDefault"},
     {"BucketKeyEnabled", Shape::kFlag}}};
constexpr std::array<Field, 1> kEncryption = {
    {{"ServerSideEncryptionConfiguration", Shape::kMaps, kEncryptionRule, "Rule"}}};

constexpr std::array<Field, 2> kTag = {{{"Key"}, {"Value"}}};
constexpr std::array<Field, 1> kAbort = {{{"DaysAfterInitiation", Shape::kInteger}}};
constexpr std::array<Field, 2> kNoncurrent = {
    {{"NewerNoncurrentVersions", Shape::kInteger}, {"NoncurrentDays", Shape::kInteger}}};
constexpr std::array<Field, 12> kLifecycleRule = {
    {{"Id"},
     {"Status"},
     {"Prefix"},
     {"TagFilters", Shape::kMaps, kTag},
     {"ObjectSizeGreaterThan", Shape::kInteger},
     {"ObjectSizeLessThan", Shape::kInteger},
     {"ExpirationInDays", Shape::kInteger},
     {"ExpirationDate"},
     {"ExpiredObjectDeleteMarker", Shape::kFlag},
     {"NoncurrentVersionExpiration", Shape::kMap, kNoncurrent},
     {"NoncurrentVersionExpirationInDays", Shape::kInteger},
     {"AbortIncompleteMultipartUpload", Shape::kMap, kAbort}}};
constexpr std::array<Field, 1> kLifecycle = {{{"Rules", Shape::kMaps, kLifecycleRule}}};

std::string TextOf(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return base::ToJsonText(value);  // A number, or true.
}

// The members of `body`, in the order of `fields`.
void WriteXml(const Json& body, std::span<const Field> fields, XmlWriter& xml) {
  for (const Field& field : fields) {
    const auto found = body.find(field.name);
    if (found == body.end()) continue;
    const std::string_view element = field.element.empty() ? field.name : field.element;
    const bool is_list = field.shape == Shape::kTexts || field.shape == Shape::kMaps;
    for (const Json& one : is_list ? *found : Json::array({*found})) {
      if (!one.is_object()) {
        xml.Element(element, std::string_view(TextOf(one)));
        continue;
      }
      xml.Open(element);
      WriteXml(one, field.members, xml);
      xml.Close();
    }
  }
}

// One condition stands alone, several below And; none is an empty prefix.
void WriteFilter(const Json& rule, XmlWriter& xml) {
  static constexpr std::array<Field, 4> kFilter = {{{"Prefix"},
                                                    {"TagFilters", Shape::kMaps, kTag, "Tag"},
                                                    {"ObjectSizeGreaterThan", Shape::kInteger},
                                                    {"ObjectSizeLessThan", Shape::kInteger}}};
  size_t conditions = 0;
  for (const Field& field : kFilter) {
    if (!rule.contains(field.name)) continue;
    conditions += field.shape == Shape::kMaps ? rule[std::string(field.name)].size() : 1;
  }
  xml.Open("Filter");
  if (conditions == 0) xml.Element("Prefix", std::string_view());
  if (conditions > 1) xml.Open("And");
  WriteXml(rule, kFilter, xml);
  if (conditions > 1) xml.Close();
  xml.Close();
}

// A template writes a rule flat, the API nests it.
void WriteLifecycle(const Json& body, XmlWriter& xml) {
  static constexpr std::array<Field, 2> kHead = {{{"Id", Shape::kText, {}, "ID"}, {"Status"}}};
  static constexpr std::array<Field, 3> kExpiration = {
      {{"ExpirationInDays", Shape::kInteger, {}, "Days"},
       {"ExpirationDate", Shape::kText, {}, "Date"},
       {"ExpiredObjectDeleteMarker", Shape::kFlag}}};
  static constexpr std::array<Field, 2> kRest = {
      {{"NoncurrentVersionExpiration", Shape::kMap, kNoncurrent},
       {"AbortIncompleteMultipartUpload", Shape::kMap, kAbort}}};
  const auto rules = body.find("Rules");
  if (rules == body.end()) return;
  for (Json rule : *rules) {
    xml.Open("Rule");
    WriteXml(rule, kHead, xml);
    WriteFilter(rule, xml);
    bool expires = false;
    for (const Field& field : kExpiration) expires = expires || rule.contains(field.name);
    if (expires) {
      xml.Open("Expiration");
      WriteXml(rule, kExpiration, xml);
      xml.Close();
    }
    // An older word for the same.
    if (const auto days = rule.find("NoncurrentVersionExpirationInDays"); days != rule.end()) {
      rule["NoncurrentVersionExpiration"]["NoncurrentDays"] = *days;
    }
    WriteXml(rule, kRest, xml);
    xml.Close();
  }
}

struct Document {
  std::string_view property;
  s3::BucketText kind;
  std::string_view name;  // In the API's query.
  std::string_view root;
  std::span<const Field> fields;
  void (*write)(const Json& body, XmlWriter& xml) = nullptr;  // Where WriteXml does not.
};
constexpr std::array<Document, 5> kDocuments = {
    {{"BucketEncryption", s3::BucketText::kEncryption, "encryption",
      "ServerSideEncryptionConfiguration", kEncryption},
     {"CorsConfiguration", s3::BucketText::kCors, "cors", "CORSConfiguration", kCors},
     {"LifecycleConfiguration", s3::BucketText::kLifecycle, "lifecycle", "LifecycleConfiguration",
      kLifecycle, WriteLifecycle},
     {"OwnershipControls", s3::BucketText::kOwnershipControls, "ownershipControls",
      "OwnershipControls", kOwnership},
     {"PublicAccessBlockConfiguration", s3::BucketText::kPublicAccessBlock, "publicAccessBlock",
      "PublicAccessBlockConfiguration", kPublicAccess}}};

// Right, wherever they stand within a document, and not served.
constexpr std::array<std::string_view, 6> kNotServed = {"BlockedEncryptionTypes",
                                                        "NoncurrentVersionTransition",
                                                        "NoncurrentVersionTransitions",
                                                        "Transition",
                                                        "Transitions",
                                                        "TransitionDefaultMinimumObjectSize"};

}  // namespace

std::vector<std::string_view> BucketDocumentNames() {
  std::vector<std::string_view> names;
  for (const Document& document : kDocuments) names.push_back(document.property);
  return names;
}

std::map<std::string, std::string> ReadBucketDocuments(const std::string& logical_id,
                                                       const std::string& bucket,
                                                       const Node& properties,
                                                       Diagnostics& errors) {
  std::map<std::string, std::string> out;
  for (const Document& document : kDocuments) {
    const Member* found = properties.Find(document.property);
    if (found == nullptr || found->value->kind == NodeKind::kNull ||
        found->value->kind == NodeKind::kPoison) {
      continue;
    }
    if (!found->value->is_map()) {
      errors.Add(found->value->position,
                 fmt::format("'{}' is a map, not {}", document.property, Describe(*found->value)));
      continue;
    }
    const size_t errors_before = errors.size();
    const NodeRef served = WithoutUnserved(found->value, document.property, kNotServed, errors);
    const Json body =
        ReadBody(*served, std::string(document.property) + ".", document.fields, errors);
    if (errors.size() != errors_before) continue;
    XmlWriter xml;
    xml.Open(document.root);
    if (document.write != nullptr) {
      document.write(body, xml);
    } else {
      WriteXml(body, document.fields, xml);
    }
    auto text = s3::ReadBucketText(document.kind, xml.Take(), bucket);
    if (text) {
      out[std::string(document.name)] = *std::move(text);
    } else {
      errors.Add(found->position, fmt::format("{}: '{}': {}", logical_id, document.property,
                                              WithoutTokens(text.error().message)));
    }
  }
  return out;
}

}  // namespace hearth::stacks
