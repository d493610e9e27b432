// A file of the queues' log: a head, then records; and what is done to it on disk. Blocking.
//
// A record: u32 size, u32 CRC-32C of size and payload, payload. A size of zero ends a file.
// Errors: kLimit where the disk is full. Who calls: SegmentLog, on its threads and at its start.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hearth::sqs {

// Where a record's payload stands.
struct LogPosition {
  uint32_t segment = 0;
  uint32_t offset = 0;
  uint32_t size = 0;
  bool operator==(const LogPosition&) const = default;
};

using OnLogRecord = std::function<void(std::string_view payload, LogPosition at)>;

constexpr size_t kSegmentHead = 32;  // Magic, floor, CRC of both; the rest is zero.
constexpr size_t kRecordFrame = 8;   // Size and CRC before a payload.

struct SegmentHead {
  uint64_t floor = 0;
};

// The records of one file's bytes, up to the first that is not whole; returns where that stands.
// Never reads beyond `bytes`. kInvalid where the head is not a segment's.
base::Result<size_t> ReadSegment(std::string_view bytes, uint32_t segment, SegmentHead& head,
                                 const OnLogRecord& on_record);
// Of a part of a file, that begins at `from` with a record: the same.
size_t ReadRecords(std::string_view part, uint32_t segment, size_t from,
                   const OnLogRecord& on_record);

// How many bytes the record takes that a part begins with.
size_t FirstRecordSize(std::string_view part);
// A record as it stands in a file is appended to `out`; gives where its payload begins there.
size_t AppendRecord(std::string_view payload, std::string& out);

std::string SegmentPath(const std::string& folder, uint32_t segment);

// Makes room for writes into a part of a file.
using Preallocate = std::function<base::Result<void>(int fd, size_t from, size_t to)>;
base::Result<void> PreallocateOnDisk(int fd, size_t from, size_t to);

// A new file of that size, under a name that no start takes for a segment until its head is
// durable.
base::Result<base::UniqueFd> MakeSegment(const std::string& folder, uint32_t segment,
                                         uint64_t floor, size_t bytes,
                                         const Preallocate& preallocate);

base::Result<void> WriteAt(int fd, std::string_view data, size_t at);
// What there is, at most `size` bytes.
base::Result<std::string> ReadAt(int fd, size_t at, size_t size);

bool IsZero(std::string_view bytes);

}  // namespace hearth::sqs
