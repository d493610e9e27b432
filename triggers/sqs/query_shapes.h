// How SQS's inputs and outputs look in the query protocol. Source: SQS's service model of
// 2012-11-05, the last one that spoke it.
#pragma once

#include <string_view>

#include "aws/query_protocol.h"

namespace hearth::sqs {

constexpr std::string_view kQueryNamespace = "http://queue.amazonaws.com/doc/2012-11-05/";

// Every member of every operation's input; operations differ only in what a batch's entries are
// called.
const aws::QueryShape& InputShape(std::string_view operation);
const aws::QueryShape& OutputShape(std::string_view operation);

}  // namespace hearth::sqs
