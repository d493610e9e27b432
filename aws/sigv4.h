// Signature Version 4 as a request carries it: whether it is well formed, and whose key it names.
// Nothing is verified: this host knows no secret keys. Source: IAM User Guide, "AWS Signature
// Version 4 for API requests".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/http_message.h"

namespace hearth::aws {

struct Signature {
  std::string access_key;
  std::string region;
  std::string service;
};

// Of the Authorization field, or of a presigned query. nullopt: there is none, or it is malformed.
std::optional<Signature> ReadSignature(const io::HttpRequest& request);

}  // namespace hearth::aws
