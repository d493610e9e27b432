#include "triggers/s3/bucket_configurations.h"

#include <array>

#include "triggers/s3/bucket_text.h"
#include "triggers/s3/tags.h"

namespace hearth::s3 {
namespace {

constexpr size_t kMaxBucketTags = 50;  // AWS.

Answer<std::string> ReadTags(std::string_view body, std::string_view) {
  return TaggingXml(TRY(ReadTagging(body, kMaxBucketTags)));
}

template <BucketText kText>
Answer<std::string> Read(std::string_view body, std::string_view bucket) {
  return ReadBucketText(kText, body, bucket);
}

constexpr auto kConfigurations = std::to_array<BucketConfiguration>({
    {"cors", "NoSuchCORSConfiguration", 200, Read<BucketText::kCors>},
    {"encryption", "ServerSideEncryptionConfigurationNotFoundError", 200,
     Read<BucketText::kEncryption>},
    {"lifecycle", "NoSuchLifecycleConfiguration", 200, Read<BucketText::kLifecycle>},
    {"ownershipControls", "OwnershipControlsNotFoundError", 200,
     Read<BucketText::kOwnershipControls>},
    {"policy", "NoSuchBucketPolicy", 204, Read<BucketText::kPolicy>},
    {"publicAccessBlock", "NoSuchPublicAccessBlockConfiguration", 200,
     Read<BucketText::kPublicAccessBlock>},
    {"tagging", "NoSuchTagSet", 204, ReadTags},
    {"accelerate", "<AccelerateConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"},
    {"logging", "<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"},
    {"object-lock", "ObjectLockConfigurationNotFoundError"},
    {"policyStatus", "NoSuchBucketPolicy"},
    {"replication", "ReplicationConfigurationNotFoundError"},
    {"requestPayment",
     "<RequestPaymentConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
     "<Payer>BucketOwner</Payer></RequestPaymentConfiguration>"},
    {"website", "NoSuchWebsiteConfiguration"},
});

}  // namespace

const BucketConfiguration* FindConfiguration(std::string_view name) {
  for (const BucketConfiguration& one : kConfigurations) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

}  // namespace hearth::s3
