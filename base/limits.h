// Every limit of Hearth in one place, with its reason. AWS's number stands where AWS has one
// (Lambda quotas page; API models of 2026-08).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace hearth::limits {

using base::Bytes;
using namespace std::chrono_literals;

// Functions.
constexpr uint32_t kMinMemoryMiB = 128;    // AWS: 128.
constexpr uint32_t kMaxMemoryMiB = 3072;   // The mission's; AWS today: 10,240.
constexpr uint32_t kMemoryStepMiB = 64;    // The mission's.
constexpr uint32_t kMemoryMiBPerVcpu = 1769;  // AWS: one vCPU at 1,769 MB.
constexpr auto kMinTimeout = 1s;
constexpr auto kMaxTimeout = 900s;         // AWS: 15 minutes.
constexpr auto kDefaultTimeout = 3s;       // AWS.
constexpr auto kInitTimeout = 10s;         // AWS: on-demand init phase.
constexpr uint32_t kMinTmpMiB = 512;       // AWS: EphemeralStorage.
constexpr uint32_t kMaxTmpMiB = 10240;     // AWS.
constexpr uint64_t kTmpInodes = 65536;     // Ours: a function must not exhaust the host's inodes.
constexpr size_t kMaxEnvironmentBytes = 4096;   // AWS: all names and values together.
constexpr size_t kMaxFunctionName = 64;    // AWS.
constexpr size_t kMaxHandler = 128;        // AWS.
constexpr size_t kMaxPolicy = 20480;       // AWS: bytes of a resource's policy.
constexpr size_t kMaxTags = 50;            // AWS.
constexpr size_t kMaxLayers = 5;           // AWS.
constexpr size_t kMaxExtensions = 10;      // AWS: internal ones too.
constexpr uint32_t kPidsMax = 1024;        // AWS: processes and threads.
constexpr uint32_t kNoFile = 1024;         // AWS: open files.

// Code.
constexpr Bytes kMaxZippedUpload{52428800};     // AWS: direct upload.
constexpr Bytes kMaxUnzipped{262144000};        // AWS: 250 MiB with layers.
constexpr Bytes kMaxTotalCode{80530636800};     // AWS: 75 GB of all functions and layers.
constexpr size_t kMaxArchiveEntries = 100000;   // Ours: an archive of empty names is a bomb too.
constexpr size_t kMaxArchivePath = 1024;        // Ours: PATH_MAX with room for our own prefix.

// Invocations.
constexpr size_t kMaxSyncPayload = 6 * 1024 * 1024;          // AWS: 6 MB.
constexpr size_t kMaxResponsePayload = 6 * 1024 * 1024 + 100;  // AWS: 6,291,556, runtime API.
constexpr size_t kMaxStreamedResponse = 200 * 1024 * 1024;   // AWS: 200 MB.
constexpr size_t kMaxAsyncPayload = 1024 * 1024;             // AWS: 1 MB (2025).
constexpr size_t kMaxClientContext = 3583;                   // AWS: base64 characters.
constexpr size_t kLogTail = 4096;                            // AWS: X-Amz-Log-Result.
constexpr uint32_t kAccountConcurrency = 1000;               // AWS.
constexpr auto kKeepAlive = 600s;          // Ours: idle instances live ten minutes.
constexpr auto kLongestKeepAlive = 14400s; // Ours: of what is learned; the histogram's range.
constexpr auto kReclaimAfter = 30s;        // Ours: idle instances give file pages back.

// HTTP.
constexpr size_t kMaxRequestBody = 70167211;     // AWS: Lambda's API.
constexpr size_t kMaxHeaderBytes = 65536;        // Ours: all header lines of a request.
constexpr size_t kMaxHeaders = 200;              // Ours.
constexpr size_t kMaxTarget = 8192;              // Ours: request line's target.
constexpr size_t kMaxConnections = 10000;        // Ours: below the usual file descriptor limit.
constexpr size_t kStreamQueue = 256 * 1024;      // Ours: of a streamed answer, not yet taken.
constexpr auto kHeaderTimeout = 30s;             // Ours: a request line and headers (slow loris).
constexpr auto kIdleConnection = 300s;           // Ours: keep-alive connections.

constexpr size_t kMaxSandboxConnections = 64;    // Ours: of a sandbox to its APIs.
constexpr size_t kMaxExtensionBody = 65536;      // Ours: of a request of an extension's.

// Telemetry, which extensions subscribe to.
constexpr size_t kMinTelemetryItems = 1000;      // AWS: of a batch.
constexpr size_t kMaxTelemetryItems = 10000;     // AWS.
constexpr size_t kDefaultTelemetryItems = 10000; // AWS.
constexpr size_t kMinTelemetryBytes = 262144;    // AWS: of a batch; the default too.
constexpr size_t kMaxTelemetryBytes = 1048576;   // AWS.
constexpr std::chrono::milliseconds kMinTelemetryTimeout = 25ms;     // AWS: that a batch waits.
constexpr std::chrono::milliseconds kMaxTelemetryTimeout = 30000ms;  // AWS.
constexpr size_t kMaxTelemetryBatches = 3;       // Ours: of one subscription, by their bytes.
constexpr size_t kMaxTelemetryHeld = 4 << 20;    // Ours: of all subscriptions of an instance.
constexpr size_t kMaxTelemetryOfInit = 262144;   // Ours: made before anybody has subscribed.
constexpr size_t kMaxTelemetryAnswer = 65536;    // Ours: of a listener, to a batch.
constexpr int kMaxTelemetryAttempts = 10;        // Ours: to deliver one batch.
constexpr auto kTelemetryDelivery = 10s;         // Ours: for one attempt.

// Logs.
constexpr size_t kMaxLogLine = 262144;           // AWS: CloudWatch's event size (256 KiB then).
constexpr size_t kMaxLogFile = 8 << 20;          // Ours: a group's file is rotated at this size.
constexpr size_t kMaxLogFiles = 64;              // Ours: of one group; the oldest is removed.
constexpr size_t kMaxLogBytes = 64 << 20;        // Ours: of one group's files together.
constexpr size_t kMaxLogEventsInMemory = 1000;   // Ours: of one group; older ones come from disk.
constexpr size_t kMaxLogBytesInMemory = 1 << 20; // Ours: the same, in bytes.
constexpr size_t kMaxLogBytesUnwritten = 8 << 20;  // Ours: of one group; a faster flood is dropped.
constexpr size_t kMaxLogBytesOfAll = size_t{4} << 30;  // Ours: of all groups; the oldest files go.
constexpr size_t kMaxLogGroups = 10000;          // Ours: those written longest ago go.
constexpr size_t kMaxLogGroupName = 512;         // AWS.
constexpr size_t kMaxLogStreamsMade = 1000;      // Ours: by CreateLogStream, in one group.
constexpr size_t kMaxLogEventsAPage = 10000;     // AWS: of GetLogEvents and FilterLogEvents.
constexpr size_t kMaxLogBytesAPage = 1 << 20;    // AWS: the same, in bytes.
constexpr size_t kMaxFilterPattern = 1024;       // AWS.
constexpr size_t kMaxPutLogEvents = 10000;       // AWS: events of one PutLogEvents.
constexpr size_t kMaxPutLogBytes = 1 << 20;      // AWS: the same, in bytes, 26 more an event.
constexpr size_t kMaxTagKey = 128;               // AWS.
constexpr size_t kMaxTagValue = 256;             // AWS.

// Queues.
constexpr size_t kMaxQueues = 10000;             // Ours: each keeps some KB in memory.
constexpr size_t kMaxQueueName = 80;             // AWS: with the .fifo of a FIFO queue.
constexpr size_t kMaxMessage = 1024 * 1024;      // AWS: body and attributes; of a batch, together.
constexpr size_t kMaxMessageBatch = 10;          // AWS: entries of a batch, messages of a receive.
constexpr size_t kMaxMessageAttributes = 10;     // AWS.
constexpr size_t kMaxMessageAttributeName = 256; // AWS.
constexpr size_t kMaxMessageWords = 128;         // AWS: a deduplication's, group's, attempt's id.
constexpr size_t kMaxInFlight = 120000;          // AWS: of a standard queue.
constexpr size_t kMaxInFlightFifo = 20000;       // AWS: of a FIFO queue.
constexpr size_t kMaxQueuePermissions = 20;      // AWS: statements that AddPermission made.
constexpr size_t kMaxMoveTasks = 100;            // AWS: running at once.
constexpr int64_t kMaxMoveRate = 500;            // AWS: messages a second of one move task.
constexpr auto kMaxVisibilityTimeout = 43200s;   // AWS: 12 hours.
constexpr auto kMaxLongPoll = 20s;               // AWS.
constexpr auto kDeduplicationWindow = 300s;      // AWS.
constexpr auto kPurgePause = 60s;                // AWS: between two purges of a queue.
constexpr auto kQueueNameRest = 60s;             // AWS: before a deleted queue's name is free.
constexpr size_t kMaxMessagesOfAll = 20000000;   // Ours: each costs some 100 bytes of memory.
constexpr size_t kMaxLongPolls = 5000;           // Ours: each holds a connection; half of them.
constexpr size_t kQueueSegment = 32 << 20;       // Ours: one file of the queues' log.
constexpr size_t kQueueReserve = 4 << 20;        // Ours: of a file, for deletes on a full disk.
constexpr size_t kMaxQueueBytesUnwritten = 64 << 20;  // Ours: of sends; more is refused.

// Event source mappings of queues.
constexpr size_t kFirstQueueBatches = 5;         // AWS: of a mapping, called at once.
constexpr size_t kMaxQueueBatches = 1000;        // AWS: the same, with a backlog that lasts.
constexpr size_t kMoreQueueBatches = 5;          // AWS: a second; 300 a minute.
constexpr size_t kMaxQueueEventBytes = 256 << 20;  // Ours: of all events being made and handled.
constexpr size_t kMaxGatheredAtOnce = 1000;      // Ours: messages of one receive of a mapping's.
constexpr auto kFirstQueueBackOff = 1s;          // Ours: no call of a mapping's was let in.
constexpr auto kMaxQueueBackOff = 60s;           // Ours.

// Objects.
constexpr size_t kMaxBuckets = 10000;            // AWS: general purpose buckets of an account.
constexpr size_t kMaxObjectKey = 1024;           // AWS: bytes of UTF-8.
constexpr uint64_t kMaxObjectPut = uint64_t{5} << 30;   // AWS: one PutObject, UploadPart or copy.
constexpr uint64_t kMaxObject = uint64_t{5} << 40;      // AWS: 5 TB, of parts.
constexpr uint64_t kMinObjectPart = 5 << 20;     // AWS: but for the last one.
constexpr int kMaxObjectParts = 10000;           // AWS.
constexpr size_t kMaxObjectsAPage = 1000;        // AWS: keys, versions, parts, uploads.
constexpr size_t kMaxObjectsDeleted = 1000;      // AWS: keys of one DeleteObjects.
constexpr size_t kMaxUserMetadata = 2048;        // AWS: names and values of x-amz-meta-.
constexpr size_t kMaxObjectTags = 10;            // AWS.
constexpr size_t kMaxBucketText = 65536;         // Ours: of one of a bucket's configurations.
constexpr size_t kMaxObjectXml = 8 << 20;        // Ours: a thousand keys, each byte escaped.
constexpr size_t kMaxPostFields = 20480;         // AWS: of a browser's form, but for its file.
constexpr size_t kMaxNotifications = 100;        // AWS: of a bucket.
constexpr auto kMaxPresigned = 604800s;          // AWS: seven days.
constexpr size_t kUploadBuffer = 1 << 20;        // Ours: of one body on its way to the disk.
constexpr size_t kUploadBuffers = 64 << 20;      // Ours: of all of them; more of them get less.
constexpr int kObjectThreads = 8;                // Ours: that write, read and sync objects.
constexpr size_t kMaxObjectWrites = 20000;       // Ours: commits that wait; more are refused.
constexpr size_t kMaxObjectEvents = 256;         // Ours: notifications on their way at once.

// Templates.
constexpr size_t kMaxTemplateBytes = 1000000;    // AWS: 1 MB through S3.
constexpr size_t kMaxTemplateResources = 500;    // AWS.
constexpr size_t kMaxTemplateDepth = 64;         // Ours: nesting of nodes and intrinsics.

// A virtual clock.
constexpr auto kClockAdvance = 24h * 3660;       // Ours: of one move; ten years.
constexpr auto kClockPatience = 60s;             // Ours: for calls that a move waits for.

}  // namespace hearth::limits
