// What the object store keeps and is asked for, as values.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "triggers/s3/errors.h"

namespace hearth::s3 {

template <typename T>
using Answer = std::expected<T, ApiError>;
template <typename T>
using Done = std::function<void(Answer<T>)>;
using Words = std::map<std::string, std::string>;

struct BucketRecord {
  std::string name{};
  int64_t created_ms = 0;
  enum class Versioning { kNever, kEnabled, kSuspended } versioning = Versioning::kNever;
  // Configurations as they are kept, by their name in the API's query: "notification", "tagging",
  // "policy", "cors", "lifecycle", ... Absent: not configured. Some are the store's own.
  Words texts{};

  // Empty: it is not configured.
  std::string Text(const std::string& of) const {
    const auto found = texts.find(of);
    return found == texts.end() ? std::string() : found->second;
  }
  void SetText(const std::string& of, std::string text) {
    if (text.empty()) {
      texts.erase(of);
    } else {
      texts[of] = std::move(text);
    }
  }
};

// A file of bytes that never changes, by its number. Of one owner: an object's version or a part.
struct Extent {
  int64_t file = 0;
  uint64_t size = 0;
};

// Of the whole object; of several parts, a checksum of theirs ("…-3") where `is_composite`.
struct ObjectChecksum {
  std::string algorithm{};  // "CRC32"; empty: none was asked for.
  std::string value{};      // base64, with "-3" behind where it is composite.
  bool is_composite = false;
};

// A version of an object, or a delete marker.
struct ObjectRecord {
  int64_t sequence = 0;  // Rises with every commit; the notifications' sequencer.
  std::string key{};
  std::string version_id = "null";  // "null" where the bucket had no versioning when it was made.
  bool is_latest = true;
  bool is_delete_marker = false;
  int64_t modified_ms = 0;
  uint64_t size = 0;
  std::string etag{};  // Without quotes; "…-3" where it was put in parts.
  Words headers{};     // Lower-case names: content-type, x-amz-meta-…, …; given back as they came.
  Words tags{};
  ObjectChecksum checksum{};
  std::vector<Extent> extents{};  // In order. More than one: its parts.
};

// What goes to a target of the bucket's notifications; committed together with its cause.
struct OutgoingEvent {
  std::string arn{};
  std::string payload{};
};
struct OutboxRow {
  int64_t id = 0;
  OutgoingEvent event{};
};

struct Change {
  enum class Kind { kCreated, kDeleted, kMarkerCreated, kTagged, kUntagged };
  Kind kind;
  const ObjectRecord& object;  // With its sequence. Of kMarkerCreated: the marker.
};
// Who hears of a change. Called on another thread, inside the transaction: pure. Empty: nobody.
using Announce = std::function<std::vector<OutgoingEvent>(const Change&)>;

struct PutCondition {
  bool if_none_match = false;  // "*": only where there is no current object.
  std::string if_match{};      // Only over this ETag (or "*"); NoSuchKey where there is none.
};

struct PutRequest {
  std::string bucket{};
  // Without sequence, version_id, is_latest, modified_ms. Its extents are the store's from now on,
  // and are removed where the put is refused.
  ObjectRecord object{};
  PutCondition condition{};
  Announce announce{};
};

struct DeleteRequest {
  std::string bucket{};
  std::string key{};
  std::string version_id{};  // Empty: the current one, which in a versioned bucket adds a marker.
  std::string if_match{};    // Empty: whatever is there.
  // Asked of what is to go, or to be hidden, inside the transaction: pure. False, or there is
  // nothing: PreconditionFailed. Empty: whatever is there.
  std::function<bool(const ObjectRecord&)> only_if{};
  int64_t marked_ms = 0;  // When a marker is made by it; 0: now.
  Announce announce{};
};
struct Deleted {
  bool is_delete_marker = false;  // What was made, or what was removed by its version id.
  std::string version_id{};       // Of that; empty where the bucket was never versioned.
};

struct ListRequest {
  std::string bucket{};
  std::string prefix{};
  std::string delimiter{};
  std::string after{};  // Exclusive: a key, or a common prefix all of whose keys are passed over.
  std::string after_version{};              // ListVersions: goes on behind this version of `after`.
  std::optional<int64_t> after_sequence{};  // The same, of a version that may be gone.
  int most = 1000;
  bool with_tags = false;  // ListVersions.
};
struct ListPage {
  // Without extents, headers and, unless they were asked for, tags; for versions, markers too.
  std::vector<ObjectRecord> objects{};
  std::vector<std::string> common_prefixes;
  bool is_truncated = false;
  std::string next{};  // The last key or common prefix of this page.
  std::string next_version{};
};

struct UploadRecord {
  std::string id{};  // Made by the store.
  std::string bucket{};
  std::string key{};
  int64_t started_ms = 0;
  Words headers{};
  Words tags{};
  ObjectChecksum checksum{};  // What its parts have; is_composite as CompleteMultipartUpload will.
};
struct PartRecord {
  int number = 0;
  int64_t modified_ms = 0;
  uint64_t size = 0;
  std::string etag{};
  ObjectChecksum checksum{};
  std::vector<Extent> extents{};
};
struct UploadsPage {
  std::vector<UploadRecord> uploads{};
  std::vector<std::string> common_prefixes;
  bool is_truncated = false;
  std::string next_key{};
  std::string next_id{};
};
struct PartsPage {
  UploadRecord upload{};
  std::vector<PartRecord> parts{};
  bool is_truncated = false;
};
struct CompleteRequest {
  std::string bucket{};
  std::string key{};
  std::string upload_id{};
  // Called on another thread with the parts as they are stored: chooses, checks, and makes of them
  // the object (its etag, checksum, extents), or refuses. Pure. The parts it leaves are removed.
  std::function<Answer<ObjectRecord>(const UploadRecord&, std::vector<PartRecord>)> assemble;
  PutCondition condition{};
  Announce announce{};
};

// A body on the disk that is nothing yet.
struct StagedBody {
  std::vector<Extent> extents{};  // None where it is empty.
  uint64_t size = 0;
  std::string md5{};  // Hexadecimal.
  Words checksums{};  // Algorithm ("CRC32C") -> raw bytes, of those asked for.
};

// A part of an object's bytes: `first` to `first + size - 1`.
struct Piece {
  uint64_t first = 0;
  uint64_t size = 0;
};

}  // namespace hearth::s3
