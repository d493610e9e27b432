// The XML of requests: refused with a code, or read into what keeps its bounds, and written and
// read again as it was.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "triggers/s3/bucket_text.h"
#include "triggers/s3/tags.h"
#include "triggers/s3/xml_input.h"

using namespace hearth;

namespace {

// Every text is whole, and none lies too deep.
void Walk(const aws::XmlElement& element, size_t depth) {
  CHECK(depth <= aws::kMaxXmlDepth + 1);  // An empty one needs no room within.
  CHECK(element.text().find('\0') == std::string::npos);
  for (const auto& child : element.children()) Walk(child, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto document = aws::XmlDocument::Parse(text)) Walk(document->root(), 1);
  if (const auto read = s3::ReadDeleteObjects(text)) {
    CHECK(!read->objects.empty() && read->objects.size() <= limits::kMaxObjectsDeleted);
  }
  if (const auto read = s3::ReadCompletedParts(text)) {
    int before = 0;
    for (const auto& part : *read) {
      CHECK(part.number > before && part.number <= limits::kMaxObjectParts);
      before = part.number;
    }
  }
  for (const auto& tags : {s3::ReadTagging(text, 10), s3::ReadTagHeader(text, 10)}) {
    if (!tags) continue;
    CHECK(tags->size() <= 10);
    const auto again = s3::ReadTagging(s3::TaggingXml(*tags), 10);
    CHECK(again && *again == *tags);
  }
  for (const auto kind : {s3::BucketText::kCors, s3::BucketText::kLifecycle,
                          s3::BucketText::kPolicy, s3::BucketText::kPublicAccessBlock,
                          s3::BucketText::kOwnershipControls, s3::BucketText::kEncryption}) {
    const auto kept = s3::ReadBucketText(kind, text, "bucket");
    if (!kept) continue;
    const auto again = s3::ReadBucketText(kind, *kept, "bucket");
    CHECK(again && *again == *kept);
  }
  (void)s3::ReadVersioning(text);
  (void)s3::ReadLocation(text);
  return 0;
}
