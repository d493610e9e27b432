// The product's version; CMakeLists.txt says which.
#pragma once

namespace hearth::host {

inline constexpr const char* kVersion = HEARTH_VERSION;

}  // namespace hearth::host
