// The configurations of a bucket that the API keeps as texts: by which name, how they are read and
// what is said where there is none. Each reader gives the canonical form that is given back.
// Source: S3 API reference, PutBucketCors, PutBucketPolicy, PutBucketLifecycleConfiguration, ….
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/http_message.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

struct BucketConfiguration {
  std::string_view name;    // In the query, and in BucketRecord::texts.
  std::string_view absent;  // The code of a Get where there is none.
  std::string_view content_type;
  int put_status;
  Answer<std::string> (*read)(std::string_view body);
};
// nullptr: there is none of that name.
const BucketConfiguration* FindConfiguration(std::string_view name);

// What a browser of another origin may do with an answer; nothing where the bucket does not say.
void AddCors(const BucketRecord& bucket, const io::HttpRequest& request, io::HttpHeaders& out);
// OPTIONS; `bucket` may be nullptr. AccessForbidden where no rule allows it.
std::optional<ApiError> AnswerPreflight(const BucketRecord* bucket, const io::HttpRequest& request,
                                        io::HttpHeaders& out);

}  // namespace hearth::s3
