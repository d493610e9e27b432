// Message attributes on the wire: read and checked, written, and their MD5, which clients check.
// Source: SQS developer guide, "Amazon SQS message metadata" (with the MD5's layout).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "triggers/sqs/record.h"

namespace hearth::sqs {

// {"name": {"DataType", "StringValue" | "BinaryValue" (base64)}}
std::expected<std::vector<MessageAttribute>, aws::ApiError> ReadMessageAttributes(
    const base::Json& json);
base::Json ToJson(const std::vector<MessageAttribute>& attributes);

// Of attributes in any order; empty where there are none.
std::string Md5OfAttributes(std::vector<MessageAttribute> attributes);
// What they count for in a message's size.
size_t SizeOf(const std::vector<MessageAttribute>& attributes);
// Those that a receive asks for: "All", ".*", "prefix.*", or names.
std::vector<MessageAttribute> Select(const std::vector<MessageAttribute>& attributes,
                                     const std::vector<std::string>& names);

// A FIFO queue's sequence number as it is shown: twenty digits, so that they sort as texts.
std::string SequenceText(uint64_t sequence);

}  // namespace hearth::sqs
