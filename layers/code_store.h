// CodeStore: code by content digest. `root`/zip/<sha256>.zip and `root`/tree/<sha256>/;
// `root`/merged/<sha256 of a list of digests>/ holds trees that lie over each other.
//
// A put is durable before it returns: written to a temporary name, fsynced (files and folders),
// renamed, parent fsynced. A crash leaves only temporary names, which Open removes. Blocking; may
// be used from any one thread at a time. Trees are read-only by convention: root-owned,
// world-readable.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "layers/archive.h"

namespace hearth::layers {

struct StoredCode {
  std::string digest;  // SHA-256 of the zip, hex
  base::Bytes zipped;
  base::Bytes unzipped;
};

class CodeStore {
 public:
  static base::Result<std::unique_ptr<CodeStore>> Open(const std::string& root);
  virtual ~CodeStore() = default;
  // Idempotent: the same bytes give the same digest and are stored once.
  virtual base::Result<StoredCode> Put(std::string_view zip) = 0;
  virtual bool Has(const std::string& digest) const = 0;
  // The folder of the unpacked code; kNotFound where it was never put.
  virtual base::Result<std::string> TreeFolder(const std::string& digest) const = 0;
  virtual base::Result<std::string> ReadZip(const std::string& digest) const = 0;
  // Of all files of the unpacked code.
  virtual base::Result<base::Bytes> UnzippedSize(const std::string& digest) const = 0;
  // Lays the trees of `digests` over each other, later ones over earlier ones, where that has not
  // been done yet.
  virtual base::Result<void> Merge(const std::vector<std::string>& digests) = 0;
  // The folder of what Merge has made (of one: its tree); kNotFound where it never did.
  virtual base::Result<std::string> MergedFolder(const std::vector<std::string>& digests) const = 0;
  // Removes all merged folders but those of these lists; returns how many.
  virtual base::Result<size_t> CollectMerged(const std::set<std::vector<std::string>>& keep) = 0;
  // Removes all that is not in `keep`; returns how many.
  virtual base::Result<size_t> Collect(const std::set<std::string>& keep) = 0;
};

}  // namespace hearth::layers
