// Destinations: the services to which the record of what became of an event can go, and events that
// are given up.
//
// Each service attaches one sender, under its name in ARNs; a configuration that names a service
// that has none is refused when it is made. Owner: host; outlives the AsyncQueue.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::invoker {

class Destinations {
 public:
  using Done = std::function<void(base::Result<void>)>;
  struct Attribute {
    std::string name;
    std::string type;  // "String", "Number"
    std::string value;
  };
  struct Delivery {
    std::string arn;
    std::string record;    // JSON text.
    std::string trace_id;  // Of the call that it tells of.
    std::vector<Attribute> attributes;
  };
  // `done` runs once, when the service has it durably or refuses it; kInvalid: for good.
  using Sender = std::function<void(Delivery delivery, Done done)>;

  void Attach(std::string service, Sender sender);
  bool Serves(std::string_view arn) const;
  // kUnsupported where no service has attached itself for it.
  void Send(Delivery delivery, Done done) const;

 private:
  const Sender* SenderOf(std::string_view arn) const;

  std::map<std::string, Sender, std::less<>> senders_;
};

}  // namespace hearth::invoker
