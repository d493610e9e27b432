// The configurations of a bucket that the API keeps as texts: by which name, how each is read, and
// what a Get says where there is none. Those that are not served have a Get all the same, which
// tells that nothing is configured; their Put is refused by name.
// Source: S3 API reference, GetBucket… and PutBucket….
#pragma once

#include <string>
#include <string_view>

#include "triggers/s3/object_record.h"

namespace hearth::s3 {

struct BucketConfiguration {
  std::string_view name;    // In the query, and in BucketRecord::texts.
  std::string_view absent;  // The code of a Get where there is none, or the document it answers.
  int put_status = 200;
  // Gives the canonical form, which Get answers. nullptr: it is not served.
  Answer<std::string> (*read)(std::string_view body, std::string_view bucket) = nullptr;
};
// nullptr: there is none of that name.
const BucketConfiguration* FindConfiguration(std::string_view name);

}  // namespace hearth::s3
