// MessageFilter: which of a queue's messages an event source mapping's patterns let through.
//
// A message needs one of them. Of a record, `body` is compared as what it is: an object in the
// pattern asks for JSON, a list for a plain text; a body that is the other of the two does not
// match, whatever is in it. Source: developer guide, "Using event filtering with an Amazon SQS
// event source", its table of formats. A value; owner: the mapping's poller.
#pragma once

#include <string>
#include <vector>

#include "expressions/event_pattern.h"

namespace hearth::sqs {

class MessageFilter {
 public:
  // Patterns that the mapping was made with, so good ones; none: every message is let through. One
  // that no longer reads lets nothing through, rather than everything.
  explicit MessageFilter(const std::vector<std::string>& patterns);
  // `record`: the message as the function would get it.
  bool Takes(const std::string& record) const;

 private:
  std::vector<expressions::EventPattern> patterns_;
  bool takes_all_;
};

}  // namespace hearth::sqs
