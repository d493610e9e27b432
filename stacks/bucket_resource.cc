#include "stacks/bucket_resource.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "stacks/body.h"
#include "stacks/bucket_documents.h"
#include "stacks/function_resource.h"
#include "stacks/made_name.h"
#include "stacks/properties.h"
#include "stacks/resource_members.h"
#include "stacks/tokens.h"
#include "triggers/s3/bucket_text.h"
#include "triggers/s3/names.h"
#include "triggers/s3/tags.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr std::array<std::string_view, 5> kOfBucket = {
    "AccessControl", "BucketName", "NotificationConfiguration", "Tags", "VersioningConfiguration"};
constexpr std::array<std::string_view, 15> kNotServedOfBucket = {"AbacStatus",
                                                                 "AccelerateConfiguration",
                                                                 "AnalyticsConfigurations",
                                                                 "BucketNamePrefix",
                                                                 "BucketNamespace",
                                                                 "IntelligentTieringConfigurations",
                                                                 "InventoryConfigurations",
                                                                 "LoggingConfiguration",
                                                                 "MetadataConfiguration",
                                                                 "MetadataTableConfiguration",
                                                                 "MetricsConfigurations",
                                                                 "ObjectLockConfiguration",
                                                                 "ObjectLockEnabled",
                                                                 "ReplicationConfiguration",
                                                                 "WebsiteConfiguration"};
constexpr std::array<std::string_view, 2> kOfPolicy = {"Bucket", "PolicyDocument"};

constexpr size_t kMaxTags = 50;  // AWS.
constexpr size_t kLongest = 63;  // AWS.

std::string BucketName(std::string_view stack, std::string_view logical_id) {
  std::string name = MadeName(stack, logical_id, kLongest);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return name;
}

void ReadName(const Properties& properties, std::string_view stack, PlannedBucket& bucket,
              Diagnostics& errors) {
  bucket.name = properties.Text("BucketName");
  const bool is_given = !bucket.name.empty();
  if (!is_given) bucket.name = BucketName(stack, bucket.logical_id);
  if (!s3::CheckBucketName(bucket.name)) return;
  errors.Add(is_given ? bucket.properties.at("BucketName") : bucket.position,
             fmt::format("{}'{}' is no name of a bucket: 3 to 63 lower-case letters, digits, '-' "
                         "and '.', a letter or digit at both ends, no address, and none of the "
                         "beginnings and ends that AWS keeps{}",
                         is_given ? "'BucketName' " : "", WithoutTokens(bucket.name),
                         is_given ? "" : ": set BucketName"));
}

// Nobody is let in or kept out by an access control list: those that give nothing away are served.
void CheckAccess(const Properties& properties, Diagnostics& errors) {
  const Node* access = properties.Find("AccessControl");
  if (access == nullptr) return;
  const std::string word = properties.Text("AccessControl");
  if (word.empty() || word == "Private" || word == "BucketOwnerFullControl") return;
  errors.Add(access->position, fmt::format("'AccessControl' {} is not served yet: only Private and "
                                           "BucketOwnerFullControl are",
                                           Describe(*access)));
}

std::string ReadVersioning(const Properties& properties, Diagnostics& errors) {
  const auto versioning = properties.Below("VersioningConfiguration", "Status");
  if (!versioning) return "";
  const std::string status = versioning->Word("Status", {"Enabled", "Suspended"}, "");
  if (versioning->Find("Status") == nullptr) {
    errors.Add(properties.Find("VersioningConfiguration")->position,
               "'VersioningConfiguration' has no Status: Enabled or Suspended");
  }
  return status;
}

void CheckTags(const s3::Tags& tags, PlannedBucket& bucket, Diagnostics& errors) {
  if (tags.empty()) return;
  const auto read = s3::ReadTagging(s3::TaggingXml(tags), kMaxTags);
  if (read) return;
  errors.Add(bucket.properties["Tags"], bucket.logical_id + ": " + read.error().message);
}

}  // namespace

std::string BucketArn(const std::string& name) { return "arn:aws:s3:::" + name; }

ResourceValues BucketValues(const invoker::Account& account, const std::string& name) {
  const std::string& region = account.region;
  return {name,
          {{"Arn", BucketArn(name)},
           {"DomainName", name + ".s3.amazonaws.com"},
           {"DualStackDomainName", fmt::format("{}.s3.dualstack.{}.amazonaws.com", name, region)},
           {"RegionalDomainName", fmt::format("{}.s3.{}.amazonaws.com", name, region)},
           {"WebsiteURL", fmt::format("http://{}.s3-website-{}.amazonaws.com", name, region)}}};
}

void CheckBucketProperties(std::string_view type, const NodeRef& properties, Diagnostics& errors) {
  if (properties == nullptr) return;
  if (type == kBucketPolicyType) {
    return CheckPropertyNames(type, *properties, kOfPolicy, {}, errors);
  }
  std::vector<std::string_view> known = BucketDocumentNames();
  known.insert(known.end(), kOfBucket.begin(), kOfBucket.end());
  CheckPropertyNames(type, *properties, known, kNotServedOfBucket, errors);
}

PlannedBucket ReadBucket(const Member& resource, const NodeRef& node, std::string_view stack,
                         const std::vector<PlannedRule>& brought, Diagnostics& errors) {
  PlannedBucket bucket;
  bucket.logical_id = resource.name;
  bucket.position = resource.position;
  for (const auto& member : node->members) bucket.properties[member.name] = member.position;
  const Properties properties(*node, "", errors);
  ReadName(properties, stack, bucket, errors);
  CheckAccess(properties, errors);
  const auto tags = properties.TagList("Tags");
  CheckTags(tags, bucket, errors);
  bucket.told = {{"Versioning", ReadVersioning(properties, errors)},
                 {"Tags", tags},
                 {"Texts", ReadBucketDocuments(resource.name, bucket.name, *node, errors)}};
  bucket.notifications = ReadNotifications(resource.name, bucket.name, *node, brought, errors);
  if (!bucket.notifications.rules.empty() || bucket.notifications.event_bridge) {
    // As JSON, not as its text: a deployment puts numbers in the place of tokens.
    bucket.told["Notification"] =
        base::ParseJson(s3::NotificationText(bucket.notifications)).value_or(Json());
  }
  bucket.retain = IsRetained(resource, "DeletionPolicy");
  bucket.retain_replaced = IsRetained(resource, "UpdateReplacePolicy");
  return bucket;
}

PlannedBucketPolicy ReadBucketPolicy(const Member& resource, const NodeRef& node,
                                     std::span<const PlannedBucket> buckets, Diagnostics& errors) {
  PlannedBucketPolicy out{
      .logical_id = resource.name, .position = resource.position, .bucket = {}, .told = {}};
  const Properties properties(*node, "", errors);
  for (const std::string_view name : kOfPolicy) {
    if (properties.Find(name) != nullptr || node->Find(name) != nullptr) continue;
    errors.Add(resource.position, fmt::format("'{}' has no {}", resource.name, name));
  }
  if (const Node* name = properties.Find("Bucket"); name != nullptr) {
    out.bucket = properties.Text("Bucket");
    if (!out.bucket.empty() &&
        std::ranges::find(buckets, out.bucket, &PlannedBucket::name) == buckets.end()) {
      errors.Add(name->position,
                 fmt::format("'Bucket': '{}' is no bucket of this template (!Ref MyBucket): only "
                             "those are served",
                             WithoutTokens(out.bucket)));
      return out;
    }
  }
  const Node* document = properties.Find("PolicyDocument");
  if (document == nullptr) return out;
  if (!document->is_map()) {
    errors.Add(document->position,
               fmt::format("'PolicyDocument' is a map, not {}", Describe(*document)));
    return out;
  }
  const std::string text = base::ToJsonText(ToJson(*document));
  if (const auto read = s3::ReadBucketText(s3::BucketText::kPolicy, text, out.bucket)) {
    out.told = {{"Policy", *read}};
  } else {
    errors.Add(document->position, fmt::format("{}: {}", resource.name, read.error().message));
  }
  return out;
}

}  // namespace hearth::stacks
