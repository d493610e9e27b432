// The headers of an object: what is kept of a request that makes one, and what an answer gives of
// it. Source: S3 API reference, PutObject and GetObject.
#pragma once

#include <string>

#include "triggers/s3/addressing.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

// Parts of AWS's that change what a request means: NotImplemented, lest somebody believe in them.
// An ACL that gives rights is refused as by a bucket that has none.
std::optional<ApiError> CheckHeaders(const io::HttpHeaders& headers);

// What a new object takes from its request.
struct Described {
  Words headers;
  Words tags;
};
Answer<Described> Describe(const io::HttpHeaders& headers);

// If-Match and If-None-Match of a write.
Answer<PutCondition> ReadPutCondition(const io::HttpHeaders& headers);
// Content-MD5, x-amz-content-sha256 and x-amz-checksum-… of a body that came as a whole.
std::optional<ApiError> CheckBodyDigest(const io::HttpRequest& request);

// ETag, Last-Modified, Content-Type, …; without Content-Length and version.
void AddObjectHeaders(const ObjectRecord& object, bool with_checksum, io::HttpHeaders& out);
// x-amz-checksum-… and its type, where the object has one.
void AddChecksum(const ObjectChecksum& checksum, io::HttpHeaders& out);
std::string_view ChecksumType(const ObjectChecksum& checksum);  // "COMPOSITE", "FULL_OBJECT"
std::string_view StorageClassOf(const Words& headers);          // "STANDARD"
// response-content-type=… and its like of a GET.
void OverrideHeaders(const Address& address, io::HttpHeaders& out);

std::string HexOf(std::string_view raw);
std::string Quoted(std::string_view etag);

}  // namespace hearth::s3
