#include "triggers/s3/event_record.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/json.h"
#include "io/http_message.h"
#include "triggers/s3/addressing.h"
#include "triggers/s3/dates.h"

namespace hearth::s3 {
namespace {

constexpr std::string_view kCreated = "ObjectCreated:";
constexpr std::string_view kTagging = "ObjectTagging:";
constexpr std::string_view kLifecycle = "LifecycleExpiration:";
constexpr std::string_view kMarkerCreated = ":DeleteMarkerCreated";
// AWS: who asks for what nobody has asked for.
constexpr std::string_view kItself = "s3.amazonaws.com";
// AWS's, of a delete marker: that of no bytes.
constexpr std::string_view kEtagOfNothing = "d41d8cd98f00b204e9800998ecf8427e";

// The text of a JSON object, member by member: records are made within a commit.
class Members {
 public:
  void Text(std::string_view name, std::string_view value) { Raw(name, base::JsonQuote(value)); }
  void Raw(std::string_view name, std::string_view value) {
    out_ += out_.empty() ? "{\"" : ",\"";
    out_.append(name).append("\":").append(value);
  }
  std::string Take() { return out_.empty() ? "{}" : std::move(out_) + "}"; }

 private:
  std::string out_;
};

std::string Holding(std::string_view name, std::string_view text) {
  Members members;
  members.Text(name, text);
  return members.Take();
}

bool IsOfMarker(const ObjectEvent& event) { return event.name.ends_with(kMarkerCreated); }

std::string_view EtagOf(const ObjectEvent& event) {
  return IsOfMarker(event) ? kEtagOfNothing : std::string_view(event.etag);
}

// Which members an object has depends on what happened to it.
std::string ObjectMembers(const ObjectEvent& event, std::string_view key, std::string_view etag,
                          std::string_view version) {
  const bool is_created = event.name.starts_with(kCreated);
  const bool is_tagging = event.name.starts_with(kTagging);
  Members object;
  object.Text("key", key);
  if (is_created) object.Raw("size", std::to_string(event.size));
  if (is_created || is_tagging || IsOfMarker(event)) object.Text(etag, EtagOf(event));
  if (!event.version_id.empty()) object.Text(version, event.version_id);
  if (!is_tagging) object.Text("sequencer", event.sequencer);
  return object.Take();
}

struct BridgeWords {
  std::string_view event;
  std::string_view detail_type;
  std::string_view reason;
  std::string_view deletion_type;
};
constexpr std::array<BridgeWords, 10> kBridge = {{
    {"ObjectCreated:Put", "Object Created", "PutObject", ""},
    {"ObjectCreated:Post", "Object Created", "POST Object", ""},
    {"ObjectCreated:Copy", "Object Created", "CopyObject", ""},
    {"ObjectCreated:CompleteMultipartUpload", "Object Created", "CompleteMultipartUpload", ""},
    {"ObjectRemoved:Delete", "Object Deleted", "DeleteObject", "Permanently Deleted"},
    {"ObjectRemoved:DeleteMarkerCreated", "Object Deleted", "DeleteObject",
     "Delete Marker Created"},
    {"LifecycleExpiration:Delete", "Object Deleted", "Lifecycle Expiration", "Permanently Deleted"},
    {"LifecycleExpiration:DeleteMarkerCreated", "Object Deleted", "Lifecycle Expiration",
     "Delete Marker Created"},
    {"ObjectTagging:Put", "Object Tags Added", "", ""},
    {"ObjectTagging:Delete", "Object Tags Deleted", "", ""},
}};

BridgeWords BridgeWordsOf(std::string_view event) {
  for (const BridgeWords& words : kBridge) {
    if (words.event == event) return words;
  }
  return {event, event, "", ""};
}

}  // namespace

std::string Sequencer(int64_t sequence) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out(18, '0');
  auto rest = static_cast<uint64_t>(sequence);
  for (size_t at = out.size(); rest != 0; rest >>= 4) out[--at] = kDigits[rest & 15];
  return out;
}

std::string EncodeEventKey(std::string_view key) {
  std::string out = UrlEncoded(key, "*/ ");
  std::ranges::replace(out, ' ', '+');
  return out;
}

std::string DecodeEventKey(std::string_view text) {
  std::string spaced(text);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  return io::PercentDecode(spaced);
}

std::string HostId(std::string_view request_id) { return base::Base64Encode(request_id); }

std::string RecordJson(const ObjectEvent& event, std::string_view rule_id,
                       const invoker::Account& account) {
  Members response;
  response.Text("x-amz-request-id", event.request_id);
  response.Text("x-amz-id-2", HostId(event.request_id));
  Members bucket;
  bucket.Text("name", event.bucket);
  bucket.Raw("ownerIdentity", Holding("principalId", account.id));
  bucket.Text("arn", "arn:aws:s3:::" + event.bucket);
  Members s3;
  s3.Text("s3SchemaVersion", "1.0");
  s3.Text("configurationId", rule_id);
  s3.Raw("bucket", bucket.Take());
  s3.Raw("object", ObjectMembers(event, EncodeEventKey(event.key), "eTag", "versionId"));
  Members record;
  const bool is_newer = event.name.starts_with(kTagging) || event.name.starts_with(kLifecycle);
  record.Text("eventVersion", is_newer ? "2.3" : "2.1");
  record.Text("eventSource", "aws:s3");
  record.Text("awsRegion", account.region);
  record.Text("eventTime", IsoTime(event.time_ms));
  record.Text("eventName", event.name);
  record.Raw("userIdentity", Holding("principalId", event.principal));
  record.Raw("requestParameters", Holding("sourceIPAddress", event.source_ip));
  record.Raw("responseElements", response.Take());
  record.Raw("s3", s3.Take());
  return "{\"Records\":[" + record.Take() + "]}";
}

std::string BridgeJson(const ObjectEvent& event, const invoker::Account& account) {
  const BridgeWords words = BridgeWordsOf(event.name);
  Members detail;
  detail.Text("version", "0");
  detail.Raw("bucket", Holding("name", event.bucket));
  detail.Raw("object", ObjectMembers(event, event.key, "etag", "version-id"));
  detail.Text("request-id", event.request_id);
  // Nobody's request: the store did it itself.
  const bool is_own = event.name.starts_with(kLifecycle);
  detail.Text("requester", is_own ? kItself : std::string_view(account.id));
  if (!is_own) detail.Text("source-ip-address", event.source_ip);
  if (!words.reason.empty()) detail.Text("reason", words.reason);
  if (!words.deletion_type.empty()) detail.Text("deletion-type", words.deletion_type);
  Members out;
  out.Text("version", "0");
  out.Text("id", base::NewUuid());
  out.Text("detail-type", words.detail_type);
  out.Text("source", "aws.s3");
  out.Text("account", account.id);
  // To the second, as EventBridge has it.
  out.Text("time", IsoTime(event.time_ms).substr(0, 19) + "Z");
  out.Text("region", account.region);
  out.Raw("resources", "[" + base::JsonQuote("arn:aws:s3:::" + event.bucket) + "]");
  out.Raw("detail", detail.Take());
  return out.Take();
}

std::string TestEventJson(std::string_view bucket, int64_t time_ms, std::string_view request_id) {
  Members out;
  out.Text("Service", "Amazon S3");
  out.Text("Event", "s3:TestEvent");
  out.Text("Time", IsoTime(time_ms));
  out.Text("Bucket", bucket);
  out.Text("RequestId", request_id);
  out.Text("HostId", HostId(request_id));
  return out.Take();
}

}  // namespace hearth::s3
