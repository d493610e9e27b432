#include "base/crc.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hearth::base {
namespace {

#if defined(__x86_64__)
const bool kHasMultiplication =
    __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
#endif

// A reflected CRC of a polynomial: the lowest bit of a word is its highest power. What is here
// works on the register as it stands; the inversions before and behind are the callers'.
template <typename Word, Word kPolynomial>
class Code {
 public:
  static Word Of(std::string_view data, Word before) {
    Word crc = static_cast<Word>(~before);
    const char* at = data.data();
    size_t left = data.size();
#if defined(__x86_64__)
    if (left >= kWorthFolding && kHasMultiplication) crc = Fold(crc, at, left);
#endif
    return static_cast<Word>(~Slice(crc, at, left));
  }

  static constexpr Word Combine(Word first, Word second, uint64_t second_size) {
    for (size_t bit = 0; second_size != 0; ++bit, second_size >>= 1) {
      if ((second_size & 1) != 0) first = Multiply(first, kPowers[bit]);
    }
    return first ^ second;
  }

 private:
  static constexpr int kBits = 8 * sizeof(Word);
  static constexpr size_t kBlock = 16;  // Bytes of a folded register.
  static constexpr size_t kLanes = 4;   // As many as hide a multiplication's latency.
  static constexpr size_t kWorthFolding = 2 * kLanes * kBlock;

  static constexpr Word TimesX(Word word) {
    return static_cast<Word>((word >> 1) ^ ((word & 1) != 0 ? kPolynomial : 0));
  }

  // x to the `n`, modulo the polynomial.
  static constexpr Word Power(size_t n) {
    Word word = Word{1} << (kBits - 1);
    for (; n > 0; --n) word = TimesX(word);
    return word;
  }

  static constexpr Word Multiply(Word a, Word b) {
    Word product = 0;
    for (Word bit = Word{1} << (kBits - 1); bit != 0; bit >>= 1, b = TimesX(b)) {
      if ((a & bit) != 0) product ^= b;
    }
    return product;
  }

  // Number n: what 2^n bytes of zeros behind a text multiply its CRC by.
  using Powers = std::array<Word, 64>;
  static constexpr Powers MakePowers() {
    Powers powers{Power(8)};
    for (size_t n = 1; n < powers.size(); ++n) {
      powers[n] = Multiply(powers[n - 1], powers[n - 1]);
    }
    return powers;
  }

  // Table n: the effect of a byte that n others follow, so that eight bytes cost eight look-ups.
  using Tables = std::array<std::array<Word, 256>, 8>;
  static constexpr Tables MakeTables() {
    Tables tables{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
      Word crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = TimesX(crc);
      tables[0][byte] = crc;
    }
    for (size_t n = 1; n < tables.size(); ++n) {
      for (uint32_t byte = 0; byte < 256; ++byte) {
        const Word crc = tables[n - 1][byte];
        tables[n][byte] = static_cast<Word>((crc >> 8) ^ tables[0][crc & 0xff]);
      }
    }
    return tables;
  }

  static Word Slice(Word crc, const char* at, size_t left) {
    for (; left >= 8; left -= 8, at += 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      word ^= crc;
      crc = 0;
      for (size_t i = 0; i < 8; ++i) crc ^= kTables[7 - i][(word >> (8 * i)) & 0xff];
    }
    for (; left > 0; --left, ++at) {
      crc = static_cast<Word>((crc >> 8) ^ kTables[0][(crc ^ static_cast<uint8_t>(*at)) & 0xff]);
    }
    return crc;
  }

#if defined(__x86_64__)
  // What moves a block ahead by `distance` bits: for its first half and its second. A product of
  // two reflected halves stands one bit too high, hence the one less.
  static constexpr long long Factor(size_t power) {
    return static_cast<long long>(uint64_t{Power(power - 1)} << (64 - kBits));
  }

  [[gnu::target("pclmul,sse4.1")]] static __m128i Ahead(__m128i block, __m128i factors,
                                                        __m128i onto) {
    return _mm_xor_si128(onto, _mm_xor_si128(_mm_clmulepi64_si128(block, factors, 0x00),
                                             _mm_clmulepi64_si128(block, factors, 0x11)));
  }

  [[gnu::target("pclmul,sse4.1")]] static __m128i Load(const char* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }

  // Folds whole blocks into one that has the same remainder, and takes the CRC of that. Source:
  // Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction".
  [[gnu::target("pclmul,sse4.1")]] static Word Fold(Word crc, const char*& at, size_t& left) {
    const __m128i by_lanes = _mm_set_epi64x(Factor(512), Factor(512 + 64));
    const __m128i by_one = _mm_set_epi64x(Factor(128), Factor(128 + 64));
    __m128i lanes[kLanes];
    for (size_t i = 0; i < kLanes; ++i) lanes[i] = Load(at + i * kBlock);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, static_cast<long long>(uint64_t{crc})));
    for (at += kLanes * kBlock, left -= kLanes * kBlock; left >= kLanes * kBlock;
         at += kLanes * kBlock, left -= kLanes * kBlock) {
      for (size_t i = 0; i < kLanes; ++i) {
        lanes[i] = Ahead(lanes[i], by_lanes, Load(at + i * kBlock));
      }
    }
    __m128i block = lanes[0];
    for (size_t i = 1; i < kLanes; ++i) block = Ahead(block, by_one, lanes[i]);
    for (; left >= kBlock; at += kBlock, left -= kBlock) block = Ahead(block, by_one, Load(at));
    std::array<char, kBlock> folded;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(folded.data()), block);
    return Slice(0, folded.data(), folded.size());
  }
#endif

  static const Powers kPowers;
  static const Tables kTables;
};

template <typename Word, Word kPolynomial>
constexpr typename Code<Word, kPolynomial>::Powers Code<Word, kPolynomial>::kPowers = MakePowers();
template <typename Word, Word kPolynomial>
constexpr typename Code<Word, kPolynomial>::Tables Code<Word, kPolynomial>::kTables = MakeTables();

// The polynomials, reflected.
using Ieee = Code<uint32_t, 0xedb88320>;
using Castagnoli = Code<uint32_t, 0x82f63b78>;
using Nvme = Code<uint64_t, 0x9a6c9329ac4bc9b5>;

}  // namespace

uint32_t Crc32(std::string_view data, uint32_t before) { return Ieee::Of(data, before); }
uint32_t Crc32c(std::string_view data, uint32_t before) { return Castagnoli::Of(data, before); }
uint64_t Crc64Nvme(std::string_view data, uint64_t before) { return Nvme::Of(data, before); }

uint32_t CombineCrc32(uint32_t first, uint32_t second, uint64_t second_size) {
  return Ieee::Combine(first, second, second_size);
}
uint32_t CombineCrc32c(uint32_t first, uint32_t second, uint64_t second_size) {
  return Castagnoli::Combine(first, second, second_size);
}
uint64_t CombineCrc64Nvme(uint64_t first, uint64_t second, uint64_t second_size) {
  return Nvme::Combine(first, second, second_size);
}

}  // namespace hearth::base
