// What is told of an event on an object, in AWS's forms: the record of a notification, an event of
// EventBridge, and the test that a new configuration sends.
//
// Pure values, any thread. Source: S3 User Guide, "Event message structure" and "EventBridge event
// message structure"; members of each kind of event as recorded on AWS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "invoker/function.h"

namespace hearth::s3 {

struct ObjectEvent {
  std::string name;  // "ObjectCreated:Put"
  std::string bucket;
  std::string key;         // As it is, not encoded.
  std::string etag;        // Without quotes.
  std::string version_id;  // Empty: the bucket has never had versions.
  std::string sequencer;   // Of one key, a later change has a greater one.
  uint64_t size = 0;
  int64_t time_ms = 0;  // When the request was done.
  std::string request_id;
  std::string source_ip;
  std::string principal;  // Who asked.
};

// Hexadecimal, so that texts compare as the numbers do.
std::string Sequencer(int64_t sequence);
// As records have keys: like a form's, but '/' stays. And back.
std::string EncodeEventKey(std::string_view key);
std::string DecodeEventKey(std::string_view text);

// {"Records":[…]}: what a function, a queue or a topic gets by the rule with this id.
std::string RecordJson(const ObjectEvent& event, std::string_view rule_id,
                       const invoker::Account& account);
// One event as EventBridge hands it out.
std::string BridgeJson(const ObjectEvent& event, const invoker::Account& account);
// What queues and topics get when they become targets.
std::string TestEventJson(std::string_view bucket, int64_t time_ms, std::string_view request_id);

// x-amz-id-2, which says nothing to anybody but AWS: made of the request's id.
std::string HostId(std::string_view request_id);

}  // namespace hearth::s3
