// Random identifiers. Source of randomness: getrandom(2), read in blocks: a forked child that does
// not execute would repeat its parent's.
#pragma once

#include <string>

namespace hearth::base {

// A version 4 UUID (RFC 4122), lower case, 36 characters: request ids, revision ids.
std::string NewUuid();
// `digits` random lower-case hexadecimal digits: log stream suffixes, temporary names.
std::string NewHexId(size_t digits);

}  // namespace hearth::base
