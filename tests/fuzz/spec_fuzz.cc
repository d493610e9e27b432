// A sandbox's spec, as the zygote reads it: refused, or complete and the same when written again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sandbox/spec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto spec = hearth::sandbox::DecodeSpec(bytes);
  if (!spec) {
    CHECK(!spec.error().text.empty());
    return 0;
  }
  CHECK(hearth::sandbox::EncodeSpec(*spec) == bytes);
  CHECK(!spec->argv.empty());
  CHECK(spec->executable.starts_with('/'));
  CHECK(spec->mounts.size() <= hearth::sandbox::kMaxMounts);
  CHECK(spec->listen_ports.size() <= hearth::sandbox::kMaxListenPorts);
  return 0;
}
