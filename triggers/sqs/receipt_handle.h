// Receipt handles: which receive of which message, opaque to clients and authenticated: nobody can
// make one, or turn one into another message's. They hold across restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::sqs {

struct Receipt {
  uint32_t queue = 0;
  uint64_t sequence = 0;
  uint32_t receipt = 0;
};

class ReceiptHandles {
 public:
  // The key is in `path`, which is made where it is missing. Blocking.
  static base::Result<ReceiptHandles> Open(const std::string& path);
  std::string Make(const Receipt& receipt) const;
  // nullopt: no such handle was ever made here.
  std::optional<Receipt> Read(std::string_view handle) const;

 private:
  explicit ReceiptHandles(std::string key) : key_(std::move(key)) {}
  std::string Seal(std::string_view bytes) const;
  std::string key_;
};

}  // namespace hearth::sqs
