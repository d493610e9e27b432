// Buckets and what is configured of them.
#include "triggers/s3/bucket_configurations.h"
#include "triggers/s3/dates.h"
#include "triggers/s3/names.h"
#include "triggers/s3/notification_config.h"
#include "triggers/s3/object_headers.h"
#include "triggers/s3/owner.h"
#include "triggers/s3/s3_api.h"
#include "triggers/s3/tags.h"
#include "triggers/s3/xml_input.h"

namespace hearth::s3 {
namespace {

constexpr std::string_view kFirstRegion = "us-east-1";

// Which of its configurations a request is about.
const BucketConfiguration* ConfigurationOf(const Address& address) {
  for (const auto& [name, _] : address.query) {
    if (const BucketConfiguration* const text = FindConfiguration(name)) return text;
  }
  return nullptr;
}

// A stack's tags stay on its bucket.
void SetText(BucketRecord& bucket, const std::string& name, std::string text) {
  const std::string now = bucket.Text(name);
  if (name == "tagging" && !now.empty()) text = WithSystemTags(std::move(text), now);
  bucket.SetText(name, std::move(text));
}

}  // namespace

void S3Api::ListBuckets(const RequestPtr& request) {
  XmlWriter xml;
  xml.Open("ListAllMyBucketsResult");
  WriteOwner(xml, "Owner");
  const std::string prefix = request->Query("prefix");
  xml.Open("Buckets");
  for (const BucketRecord* const bucket : store_.Buckets()) {
    if (!bucket->name.starts_with(prefix)) continue;
    xml.Open("Bucket");
    xml.Element("Name", bucket->name);
    xml.Element("CreationDate", IsoTime(bucket->created_ms));
    xml.Element("BucketRegion", account_.region);
    xml.Close();
  }
  xml.Close();
  if (!prefix.empty()) xml.Element("Prefix", prefix);
  Answer200(request, xml);
}

void S3Api::CreateBucket(const RequestPtr& request) {
  const std::string& name = request->bucket();
  if (auto error = CheckBucketName(name)) return Fail(request, *error);
  const auto location = ReadLocation(request->http().body);
  if (!location) return Fail(request, location.error());
  BucketRecord bucket{.name = name};
  if (!location->empty()) bucket.texts["location"] = *location;
  const auto made = [this, request, name](s3::Answer<void> answer) {
    // Whoever makes a bucket of his own again is told so, but for the region that came first.
    const bool is_again = !answer && answer.error().type == "BucketAlreadyOwnedByYou";
    if (!answer && !(is_again && account_.region == kFirstRegion)) {
      return Fail(request, answer.error());
    }
    io::HttpHeaders headers = Headers(*request);
    headers.Add("Location", "/" + name);
    Answer(request, 200, std::move(headers));
  };
  store_.CreateBucket(std::move(bucket), made);
}

void S3Api::HeadBucket(const RequestPtr& request) {
  io::HttpHeaders headers = Headers(*request);
  headers.Add("x-amz-bucket-region", account_.region);
  headers.Add("x-amz-access-point-alias", "false");
  headers.Add("Content-Type", "application/xml");
  Answer(request, 200, std::move(headers));
}

void S3Api::DeleteBucket(const RequestPtr& request) {
  store_.DeleteBucket(request->bucket(), OrFail<void>(request, [this, request] {
                        Answer(request, 204, Headers(*request));
                      }));
}

void S3Api::GetBucketLocation(const RequestPtr& request) {
  const BucketRecord& bucket = *store_.Find(request->bucket());
  std::string region = bucket.Text("location");
  if (region.empty()) region = account_.region;
  if (region == kFirstRegion) region.clear();
  XmlWriter xml;
  xml.Open("LocationConstraint");
  std::string text = xml.Take();
  text.insert(text.rfind("</"), region);
  io::HttpHeaders headers = Headers(*request);
  headers.Add("Content-Type", "application/xml");
  Answer(request, 200, std::move(headers), std::move(text));
}

void S3Api::GetBucketVersioning(const RequestPtr& request) {
  const BucketRecord& bucket = *store_.Find(request->bucket());
  XmlWriter xml;
  xml.Open("VersioningConfiguration");
  if (bucket.versioning == BucketRecord::Versioning::kEnabled) xml.Element("Status", "Enabled");
  if (bucket.versioning == BucketRecord::Versioning::kSuspended) {
    xml.Element("Status", "Suspended");
  }
  Answer200(request, xml);
}

void S3Api::PutBucketVersioning(const RequestPtr& request) {
  if (auto error = CheckBodyDigest(request->http())) return Fail(request, *error);
  const auto wanted = ReadVersioning(request->http().body);
  if (!wanted) return Fail(request, wanted.error());
  ChangeBucket(request, 200, [wanted = *wanted](BucketRecord& bucket) {
    bucket.versioning = wanted == Versioning::kEnabled ? BucketRecord::Versioning::kEnabled
                                                       : BucketRecord::Versioning::kSuspended;
  });
}

void S3Api::ChangeBucket(const RequestPtr& request, int status,
                         const std::function<void(BucketRecord&)>& change) {
  store_.ChangeBucket(request->bucket(), change, OrFail<void>(request, [this, request, status] {
                        Answer(request, status, Headers(*request));
                      }));
}

// --- Configurations that are kept as texts

void S3Api::GetBucketText(const RequestPtr& request) {
  const BucketConfiguration& text = *ConfigurationOf(request->address);
  const BucketRecord& bucket = *store_.Find(request->bucket());
  std::string value = bucket.Text(std::string(text.name));
  if (value.empty()) value = text.absent;
  if (value == text.absent && !value.starts_with('<')) {
    return Fail(request, Refusal(text.absent, {{"BucketName", bucket.name}}));
  }
  io::HttpHeaders headers = Headers(*request);
  headers.Add("Content-Type", value.starts_with('<') ? "application/xml" : "application/json");
  Answer(request, 200, std::move(headers), std::move(value));
}

void S3Api::PutBucketText(const RequestPtr& request) {
  if (auto error = CheckBodyDigest(request->http())) return Fail(request, *error);
  const BucketConfiguration& text = *ConfigurationOf(request->address);
  if (text.read == nullptr) return Unserved(request);
  auto read = text.read(request->http().body, request->bucket());
  if (!read) return Fail(request, read.error());
  ChangeBucket(request, text.put_status,
               [name = std::string(text.name), value = std::move(*read)](BucketRecord& bucket) {
                 SetText(bucket, name, value);
               });
}

void S3Api::DeleteBucketText(const RequestPtr& request) {
  const BucketConfiguration& text = *ConfigurationOf(request->address);
  if (text.read == nullptr) return Unserved(request);
  ChangeBucket(request, 204, [name = std::string(text.name)](BucketRecord& bucket) {
    SetText(bucket, name, "");
  });
}

// --- Access control lists: there is one owner, who may do all

void S3Api::GetAcl(const RequestPtr& request) {
  XmlWriter xml;
  xml.Open("AccessControlPolicy");
  WriteOwner(xml, "Owner");
  xml.Open("AccessControlList");
  xml.Open("Grant");
  xml.Open("Grantee",
           "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"");
  WriteOwner(xml);
  xml.Close();
  xml.Element("Permission", "FULL_CONTROL");
  Answer200(request, xml);
}

void S3Api::PutAcl(const RequestPtr& request) {
  const std::string_view canned = request->http().headers.Get("x-amz-acl");
  if (canned.empty()) {
    return Fail(request,
                RefusalBecause("AccessControlListNotSupported", "The bucket does not allow ACLs"));
  }
  Answer(request, 200, Headers(*request));  // CheckHeaders has let those in that give nothing.
}

void S3Api::Preflight(const RequestPtr& request) {
  const BucketRecord* const bucket = store_.Find(request->bucket());
  const auto rules = bucket == nullptr ? nullptr : cors_.Of(*bucket);
  auto headers = PreflightAnswer(rules.get(), request->http().headers, !request->key().empty());
  if (!headers) return Fail(request, headers.error());
  headers->Add("x-amz-request-id", request->call.request_id);
  Answer(request, 200, std::move(*headers));
}

// --- Notifications

void S3Api::GetBucketNotification(const RequestPtr& request) {
  io::HttpHeaders headers = Headers(*request);
  headers.Add("Content-Type", "application/xml");
  const NotificationRulesRef rules = book_.Of(request->bucket());
  Answer(request, 200, std::move(headers),
         NotificationXml(rules == nullptr ? NotificationConfig() : rules->config()));
}

void S3Api::PutBucketNotification(const RequestPtr& request) {
  if (auto error = CheckBodyDigest(request->http())) return Fail(request, *error);
  auto config = ReadNotificationXml(request->http().body);
  if (!config) return Fail(request, config.error());
  const bool skips =
      io::SameName(request->http().headers.Get("x-amz-skip-destination-validation"), "true");
  book_.Put(request->bucket(), std::move(*config),
            skips ? NotificationTargets::Validation::kSkip : NotificationTargets::Validation::kFull,
            request->call.request_id,
            OrFail<void>(request, [this, request] { Answer(request, 200, Headers(*request)); }));
}

}  // namespace hearth::s3
