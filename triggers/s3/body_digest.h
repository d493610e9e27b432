// BodyDigest: MD5 and the wanted checksums of a body, in one pass.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/md5.h"
#include "triggers/s3/checksum.h"
#include "triggers/s3/object_record.h"

namespace hearth::s3 {

class BodyDigest {
 public:
  explicit BodyDigest(const std::vector<std::string>& checksums) {
    for (const std::string& name : checksums) {
      const auto kind = ParseChecksumKind(name);
      CHECK(kind.has_value());
      checksums_.emplace_back(name, Checksum::Make(*kind));
    }
  }
  void Update(std::string_view data) {
    md5_.Update(data);
    for (const auto& [_, checksum] : checksums_) checksum->Update(data);
  }
  // Once.
  void FinishTo(StagedBody& body) {
    body.md5 = md5_.Finish();
    for (const auto& [name, checksum] : checksums_) body.checksums[name] = checksum->Finish();
  }

 private:
  base::Md5 md5_;
  std::vector<std::pair<std::string, std::unique_ptr<Checksum>>> checksums_;
};

}  // namespace hearth::s3
