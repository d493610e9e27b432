// Which bucket and key a request is about, by its path or its host, and what its query asks.
// Source: S3 User Guide, "Virtual hosting of general purpose buckets".
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/http_message.h"
#include "triggers/s3/errors.h"

namespace hearth::s3 {

struct Address {
  std::string bucket;  // Empty: the service itself.
  std::string key;     // Decoded once; empty: the bucket itself.
  bool virtual_host = false;
  // Decoded, in order of arrival; a '+' is a space.
  std::vector<std::pair<std::string, std::string>> query{};

  const std::string* Find(std::string_view name) const;  // The first of that name, or nullptr.
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
};

// Names are not looked at (names.h). InvalidURI: the target is no path, or an escape is malformed.
std::expected<Address, ApiError> ReadAddress(const io::HttpRequest& request);

// All but letters, digits, "-_." and what `plain` holds becomes %XX, so that XML and URLs can hold
// it. A space is %20, which readers of forms and of paths take alike.
std::string UrlEncoded(std::string_view text, std::string_view plain = "");

// The bucket that a Host field names: `bucket.s3.ANY`, `bucket.s3-REGION.ANY`, `bucket.localhost`,
// each with or without a port; empty for any other, which the path then names.
std::string BucketOfHost(std::string_view host);

}  // namespace hearth::s3
