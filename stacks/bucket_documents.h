// The configurations of a bucket that its API takes as XML: from a template's properties to the
// text that the bucket keeps.
//
// Each property becomes the body of the request that it stands for, and goes through that request's
// own reader: what the API would refuse is refused here, in its words. Source: CloudFormation User
// Guide, AWS::S3::Bucket; S3 API reference, PutBucketCors and its like.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stacks/node.h"

namespace hearth::stacks {

// The properties that are such configurations.
std::vector<std::string_view> BucketDocumentNames();
// What the bucket keeps with these properties, by its name in the API's query: "cors". Every error
// is at its property. `properties` is evaluated and a map.
std::map<std::string, std::string> ReadBucketDocuments(const std::string& logical_id,
                                                       const std::string& bucket,
                                                       const Node& properties, Diagnostics& errors);

}  // namespace hearth::stacks
