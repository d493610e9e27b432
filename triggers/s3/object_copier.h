// Makes another body of an object's bytes. Loop's thread; the bytes move on threads beside it.
#pragma once

#include "triggers/s3/object_disk.h"

namespace hearth::s3 {

// As ObjectStore::Copy: links to the same bytes where the whole object is meant and nothing of it
// is to be digested; else one file of them, which the file system may share underneath.
void CopyObject(ObjectDisk& disk, const ObjectRecord& from, Piece piece,
                std::vector<std::string> checksums, bool needs_md5, Done<StagedBody> done);

}  // namespace hearth::s3
