// Buckets in memory, each with a number of objects but without their bytes, whose next change can
// be made to fail or never to answer.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/loop.h"
#include "triggers/s3/object_store.h"

namespace hearth::stacks {

class FakeObjects final : public s3::ObjectStore {
 public:
  explicit FakeObjects(io::Loop& loop) : loop_(loop) {}

  const s3::BucketRecord* Find(std::string_view bucket) const override {
    const auto found = buckets.find(std::string(bucket));
    return found == buckets.end() ? nullptr : &found->second;
  }
  std::vector<const s3::BucketRecord*> Buckets() const override { return {}; }
  void CreateBucket(s3::BucketRecord bucket, s3::Done<void> done) override {
    Do("create " + bucket.name, std::move(done), [this, bucket]() -> s3::Answer<void> {
      if (buckets.emplace(bucket.name, bucket).second) return {};
      return std::unexpected(s3::Refusal("BucketAlreadyOwnedByYou"));
    });
  }
  void DeleteBucket(const std::string& name, s3::Done<void> done) override {
    Do("delete " + name, std::move(done), [this, name]() -> s3::Answer<void> {
      if (!buckets.contains(name)) return std::unexpected(s3::Refusal("NoSuchBucket"));
      if (full.contains(name)) return std::unexpected(s3::Refusal("BucketNotEmpty"));
      buckets.erase(name);
      return {};
    });
  }
  void ChangeBucket(const std::string& name, const std::function<void(s3::BucketRecord&)>& change,
                    s3::Done<void> done) override {
    const auto found = buckets.find(name);
    s3::BucketRecord changed = found == buckets.end() ? s3::BucketRecord{} : found->second;
    change(changed);
    Do("change " + name, std::move(done), [this, name, changed]() -> s3::Answer<void> {
      if (!buckets.contains(name)) return std::unexpected(s3::Refusal("NoSuchBucket"));
      buckets[name] = changed;
      return {};
    });
  }
  void PutOutbox(std::vector<s3::OutgoingEvent> events, s3::Done<void> done) override {
    Do("tell", std::move(done), [this, events]() -> s3::Answer<void> {
      for (const s3::OutgoingEvent& event : events) told.emplace_back(event.arn, event.payload);
      return {};
    });
  }

  // Nothing in a template is about objects.
  void Put(s3::PutRequest, s3::Done<s3::ObjectRecord>) override {}
  void Look(const std::string&, const std::string&, const std::string&,
            s3::Done<s3::ObjectRecord>) override {}
  void Delete(s3::DeleteRequest, s3::Done<s3::Deleted>) override {}
  void SetTags(const std::string&, const std::string&, const std::string&, s3::Words, s3::Announce,
               s3::Done<s3::ObjectRecord>) override {}
  void List(s3::ListRequest, s3::Done<s3::ListPage>) override {}
  void ListVersions(s3::ListRequest, s3::Done<s3::ListPage>) override {}
  void CreateUpload(s3::UploadRecord, s3::Done<s3::UploadRecord>) override {}
  void FindUpload(const std::string&, const std::string&, const std::string&,
                  s3::Done<s3::UploadRecord>) override {}
  void PutPart(const std::string&, const std::string&, const std::string&, s3::PartRecord,
               s3::Done<s3::PartRecord>) override {}
  void ListParts(const std::string&, const std::string&, const std::string&, int, int,
                 s3::Done<s3::PartsPage>) override {}
  void ListUploads(const s3::ListRequest&, s3::Done<s3::UploadsPage>) override {}
  void Complete(s3::CompleteRequest, s3::Done<s3::ObjectRecord>) override {}
  void Abort(const std::string&, const std::string&, const std::string&, s3::Done<void>) override {}
  std::unique_ptr<s3::BodyWriter> Write(std::vector<std::string>, std::function<void()>) override {
    return nullptr;
  }
  void Copy(const s3::ObjectRecord&, s3::Piece, std::vector<std::string>, bool,
            s3::Done<s3::StagedBody>) override {}
  void Discard(std::vector<s3::Extent>) override {}
  void Read(const s3::ObjectRecord&, s3::Done<std::string>) override {}
  void Send(const s3::ObjectRecord&, s3::Piece, int, io::HttpHeaders, io::HttpResponder) override {}
  void OnOutbox(std::function<void(std::vector<s3::OutboxRow>)>) override {}
  void LoadOutbox(int64_t, int, s3::Done<std::vector<s3::OutboxRow>>) override {}
  void ForgetOutbox(std::vector<int64_t>) override {}
  bool IsQuiet() const override { return true; }

  std::map<std::string, s3::BucketRecord> buckets;
  std::set<std::string> full;                             // Buckets with objects in them.
  std::vector<std::pair<std::string, std::string>> told;  // ARNs and what was sent there.
  std::vector<std::string> calls;
  std::set<std::string> failing;      // "create photos" fails without any effect.
  std::set<std::string> dies_before;  // "create photos" never happens and never answers.
  std::set<std::string> dies_after;   // "create photos" happens and never answers.

 private:
  void Do(const std::string& what, s3::Done<void> done, std::function<s3::Answer<void>()> act) {
    loop_.Post([this, what, act = std::move(act), done = std::move(done)] {
      calls.push_back(what);
      if (dies_before.contains(what)) return;
      if (failing.contains(what)) {
        return done(std::unexpected(s3::RefusalBecause("InternalError", "told to fail")));
      }
      const s3::Answer<void> answer = act();
      if (!dies_after.contains(what)) done(answer);
    });
  }

  io::Loop& loop_;
};

}  // namespace hearth::stacks
