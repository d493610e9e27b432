// Which messages of a batch failed, as a function says that reports them one by one.
//
//   {"batchItemFailures": [{"itemIdentifier": MESSAGE ID}, ...]}
//
// Nothing at all, null, an empty text, object or list, and a list that is null or absent: none has
// failed. What is no JSON, or names no message of the batch: all have, as nobody knows which.
// Source: developer guide, "Implementing partial batch responses"; what AWS was recorded to do
// (aws-facts 4.6).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::sqs {

// Ids of messages; nullopt: the whole batch failed. `ids`: of the batch.
std::optional<std::set<std::string>> ReadBatchOutcome(std::string_view answer,
                                                      const std::vector<std::string>& ids);

}  // namespace hearth::sqs
