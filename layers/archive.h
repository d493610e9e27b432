// Archives: what users upload. The only door to libarchive. Every archive is hostile.
//
// Refused: absolute paths, "..", names over limits::kMaxArchivePath, links that lead outside (also
// by way of other links), devices, more than limits::kMaxArchiveEntries entries (implied folders
// count), more than the limit unpacked (counted while unpacking, not believed from headers),
// truncated, encrypted or empty archives.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace hearth::layers {

struct UnpackLimits {
  base::Bytes unpacked{262144000};
  size_t entries = 100000;
};

struct Unpacked {
  base::Bytes size;
  size_t files = 0;
};

// Unpacks a zip held in memory into `folder`, which exists and is empty. On failure the folder's
// content is unspecified: the caller removes it. Errors: kInvalid for what the archive says, kLimit
// with AWS's text "Unzipped size must be smaller than 262144000 bytes".
// Modes: 0644 or 0755 as the archive's execute bits say; owner: the caller. Blocking.
base::Result<Unpacked> UnpackZip(std::string_view zip, const std::string& folder,
                                 const UnpackLimits& limits = {});

// A zip of a folder: entries sorted by name, times fixed to 1980-01-01, so that equal content gives
// equal bytes. Symbolic links are kept; one that leads outside is an error. Blocking.
base::Result<std::string> PackZip(const std::string& folder);
// A zip of one file with this name and content (SAM's InlineCode).
base::Result<std::string> PackZipOfText(const std::string& name, std::string_view content);

}  // namespace hearth::layers
