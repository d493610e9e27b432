// Cyclic redundancy checks: CRC-32C, which tells a torn or rotten record on disk, and those that
// S3's clients send. Each is of `data` behind what `before` is of.
//
// Carry-less multiplication where the processor has it, tables where not. Source: RFC 3720, B.4
// (CRC-32C); RFC 1952, 8 (CRC-32); NVM Express NVM Command Set 1.0, 5.2.1.3.4 (CRC-64/NVME).
#pragma once

#include <cstdint>
#include <string_view>

namespace hearth::base {

uint32_t Crc32(std::string_view data, uint32_t before = 0);
uint32_t Crc32c(std::string_view data, uint32_t before = 0);
uint64_t Crc64Nvme(std::string_view data, uint64_t before = 0);

// Of two texts, one behind the other, by what each has; the cost grows with the size's bits alone.
uint32_t CombineCrc32(uint32_t first, uint32_t second, uint64_t second_size);
uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t second_size);
uint64_t CombineCrc64Nvme(uint64_t first, uint64_t second, uint64_t second_size);

}  // namespace hearth::base
