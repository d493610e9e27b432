// The XML bodies of requests, read into values. What is not well-formed, has a document type or
// lacks what it must have is MalformedXML; more than limits::kMaxObjectXml
// MaxMessageLengthExceeded. Source: S3 API reference, the operations' request syntax.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/xml.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {

// The body's tree; its root element is called `root`.
std::expected<aws::XmlDocument, ApiError> ReadXml(std::string_view body, std::string_view root);
// NotImplemented, where an element has a child that is not among `known`: it names the child.
std::optional<ApiError> RefuseOthers(const aws::XmlElement& element,
                                     std::initializer_list<std::string_view> known);

struct DeleteObjects {
  struct One {
    std::string key;
    std::string version_id;  // Empty: the newest.
    std::string etag;        // Empty: whatever it is.
  };
  std::vector<One> objects;  // 1 to limits::kMaxObjectsDeleted. Keys are not looked at.
  bool quiet = false;
};
std::expected<DeleteObjects, ApiError> ReadDeleteObjects(std::string_view body);

struct CompletedPart {
  int number = 0;
  std::string etag;                               // Without quotes.
  std::map<ChecksumKind, std::string> checksums;  // base64, as sent.
};
// At least one, ascending (else InvalidPartOrder), of numbers 1 to limits::kMaxObjectParts.
std::expected<std::vector<CompletedPart>, ApiError> ReadCompletedParts(std::string_view body);

enum class Versioning { kNever, kEnabled, kSuspended };
// Never kNever. MfaDelete is NotImplemented.
std::expected<Versioning, ApiError> ReadVersioning(std::string_view body);

// CreateBucket's LocationConstraint; empty: none, or no body.
std::expected<std::string, ApiError> ReadLocation(std::string_view body);

}  // namespace hearth::s3
