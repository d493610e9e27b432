// CRC-32C (Castagnoli), which tells a torn or rotten record on disk. Source: RFC 3720, B.4.
#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::base {

// Of `data` behind what `before` is of.
uint32_t Crc32c(std::string_view data, uint32_t before = 0);

}  // namespace hearth::base
