#include "stacks/bucket_steps.h"

#include <array>

#include "base/id.h"
#include "stacks/deployment.h"
#include "triggers/s3/notification_rules.h"
#include "triggers/s3/tags.h"

namespace hearth::stacks {
namespace {

using base::Json;
using s3::BucketRecord;
using Versioning = BucketRecord::Versioning;
using Done = std::function<void(std::expected<void, std::string>)>;

constexpr char kPolicy[] = "policy";
constexpr char kTagging[] = "tagging";
constexpr char kNotification[] = "notification";
// The other texts that a template has a say in; what it does not say is then absent.
constexpr std::array<const char*, 5> kDocuments = {"cors", "encryption", "lifecycle",
                                                   "ownershipControls", "publicAccessBlock"};

std::string_view WordOf(Versioning versioning) {
  if (versioning == Versioning::kEnabled) return "Enabled";
  return versioning == Versioning::kSuspended ? "Suspended" : "";
}

Json Told(const BucketRecord& bucket) {
  Json texts = Json::object();
  for (const char* name : kDocuments) {
    if (const std::string text = bucket.Text(name); !text.empty()) texts[name] = text;
  }
  Json out{{"Versioning", WordOf(bucket.versioning)},
           {"Tags", s3::TagsOf(bucket.Text(kTagging))},
           {"Texts", std::move(texts)}};
  const auto rules = s3::NotificationOfText(bucket.Text(kNotification));
  if (rules && !(rules->rules.empty() && !rules->event_bridge)) {
    out["Notification"] = base::ParseJson(bucket.Text(kNotification)).value_or(Json());
  }
  return out;
}

std::string NotificationOf(const Json& told) {
  const auto found = told.find("Notification");
  return found == told.end() ? "" : base::ToJsonText(*found);
}

void Become(const Json& told, BucketRecord& bucket) {
  const std::string versioning = told.value("Versioning", "");
  if (versioning == "Enabled") {
    bucket.versioning = Versioning::kEnabled;
  } else if (versioning == "Suspended" || bucket.versioning != Versioning::kNever) {
    bucket.versioning = Versioning::kSuspended;
  }
  const s3::Tags tags = told.value("Tags", s3::Tags());
  bucket.SetText(kTagging, tags.empty() ? "" : s3::TaggingXml(tags));
  bucket.SetText(kNotification, NotificationOf(told));
  const Json texts = told.value("Texts", Json::object());
  for (const char* name : kDocuments) bucket.SetText(name, texts.value(name, ""));
}

// "the bucket 'photos' is not empty (BucketNotEmpty)": the store's own words do not name it.
std::string Reason(const s3::ApiError& error, const std::string& name) {
  if (error.type == "BucketNotEmpty") {
    return "the bucket '" + name +
           "' is not empty (BucketNotEmpty): empty it first, or keep it with DeletionPolicy: "
           "Retain";
  }
  return "the bucket '" + name + "': " + error.message + " (" + error.type + ")";
}

s3::Done<void> Then(Done done, const std::string& name) {
  return [done = std::move(done), name](const s3::Answer<void>& answer) {
    if (answer) return done({});
    done(std::unexpected(Reason(answer.error(), name)));
  };
}

void Remove(const BucketHost& host, const std::string& name, Done done) {
  host.objects.DeleteBucket(name, [done = std::move(done), name](const s3::Answer<void>& answer) {
    // Somebody else took it away: that is as well.
    if (answer || answer.error().type == "NoSuchBucket") return done({});
    done(std::unexpected(Reason(answer.error(), name)));
  });
}

// Makes the bucket, or what is there what it is to be.
void Write(const BucketHost& host, const std::string& name, const Json& told, Done done) {
  if (host.objects.Find(name) == nullptr) {
    BucketRecord bucket{.name = name};
    Become(told, bucket);
    return host.objects.CreateBucket(std::move(bucket), Then(std::move(done), name));
  }
  host.objects.ChangeBucket(
      name, [&told](BucketRecord& bucket) { Become(told, bucket); }, Then(std::move(done), name));
}

// What is wrong with whom it is to send to, and the events that tell them of it.
std::optional<std::string> CheckTargets(const BucketHost& host, const std::string& name,
                                        const Json& told, std::vector<s3::OutgoingEvent>& tests) {
  auto config = s3::NotificationOfText(NotificationOf(told));
  if (!config) return config.error().ToString();
  if (auto refusal = host.targets.Check(*config, name)) {
    std::string out = refusal->message;
    for (const auto& [member, value] : refusal->extra.items()) {
      if (value.is_string()) out += ": " + value.get<std::string>();
    }
    return out;
  }
  tests = s3::NotificationRules(*std::move(config), name, host.targets.account)
              .Tests(base::EpochMillis(host.clock.WallNow()), base::NewUuid());
  return std::nullopt;
}

}  // namespace

bool IsOfBucket(ResourceKind kind) {
  return kind == ResourceKind::kBucket || kind == ResourceKind::kBucketPolicy;
}

std::optional<Json> CurrentBucket(const s3::ObjectStore& objects, const BucketKey& key) {
  const BucketRecord* const bucket = objects.Find(key.name);
  if (bucket == nullptr) return std::nullopt;
  if (key.kind == ResourceKind::kBucket) return Told(*bucket);
  const std::string policy = bucket->Text(kPolicy);
  return policy.empty() ? std::nullopt : std::optional(Json{{"Policy", policy}});
}

bool IsBucket(const s3::ObjectStore& objects, const BucketKey& key,
              const std::optional<Json>& told) {
  const BucketRecord* const bucket = objects.Find(key.name);
  if (key.kind == ResourceKind::kBucketPolicy || bucket == nullptr || !told) {
    return CurrentBucket(objects, key) == told;
  }
  BucketRecord wanted = *bucket;
  Become(*told, wanted);
  return Told(wanted) == Told(*bucket);
}

std::string StackOfBucket(const s3::ObjectStore& objects, const std::string& name) {
  const BucketRecord* const bucket = objects.Find(name);
  if (bucket == nullptr) return "";
  const s3::Tags tags = s3::TagsOf(bucket->Text(kTagging));
  const auto tag = tags.find(kStackNameTag);
  return tag == tags.end() ? "" : tag->second;
}

Json WithoutNotifications(Json told) {
  told.erase("Notification");
  return told;
}

void BringBucket(const BucketHost& host, const BucketKey& key, const std::optional<Json>& told,
                 BucketStep step, Done done) {
  const auto later = [&host, &done](std::expected<void, std::string> result) {
    host.disk.Run([] { return true; }, [done, result = std::move(result)](bool) { done(result); });
  };
  if (IsBucket(host.objects, key, told)) return later({});
  const bool is_there = host.objects.Find(key.name) != nullptr;
  if (key.kind == ResourceKind::kBucketPolicy) {
    if (!is_there && !told) return later({});
    if (!is_there) return later(std::unexpected("there is no bucket '" + key.name + "'"));
    return host.objects.ChangeBucket(
        key.name,
        [&told](BucketRecord& bucket) {
          bucket.SetText(kPolicy, told ? told->value("Policy", "") : "");
        },
        Then(std::move(done), key.name));
  }
  if (!told) return Remove(host, key.name, std::move(done));
  std::vector<s3::OutgoingEvent> tests;
  const auto now = CurrentBucket(host.objects, key);
  if (step == BucketStep::kApply && told->contains("Notification") &&
      (!now || NotificationOf(*now) != NotificationOf(*told))) {
    if (const auto wrong = CheckTargets(host, key.name, *told, tests)) {
      return later(std::unexpected(*wrong));
    }
  }
  if (tests.empty()) return Write(host, key.name, *told, std::move(done));
  host.objects.PutOutbox(std::move(tests),
                         [host, name = key.name, told = *told,
                          done = std::move(done)](const s3::Answer<void>& tested) {
                           if (!tested) return done(std::unexpected(Reason(tested.error(), name)));
                           Write(host, name, told, done);
                         });
}

}  // namespace hearth::stacks
