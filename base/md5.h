// MD5, as wire protocols ask for it (SQS, S3): a checksum, never a protection. Source: RFC 1321.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::base {

// Update any number of times, then Finish once.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;
  void Update(std::string_view data);
  std::string Finish();  // 32 lower-case hexadecimal digits.

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Md5Hex(std::string_view data);

}  // namespace hearth::base
