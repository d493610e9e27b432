// Destinations: the services to which the record of what became of an event can go, events that are
// given up, and what other services tell.
//
// Each service attaches one sender, under its name in ARNs, and says of its targets who may send to
// them; a configuration that names a service that has none is refused when it is made. Owner: host;
// outlives the AsyncQueue.
#pragma once

#include <functional>
#include <map>
#include <optional>
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
  // What a bus makes an event of, whose detail is the record.
  struct BusEvent {
    std::string source;
    std::string detail_type;
    std::vector<std::string> resources;
  };
  struct Delivery {
    std::string arn;
    std::string record;      // JSON text.
    std::string trace_id{};  // Of the call that it tells of.
    std::vector<Attribute> attributes{};
    std::string group_id{};           // Of a message in a FIFO queue; empty: none.
    std::optional<BusEvent> event{};  // None: to a bus, the record is an event already.
    std::string by_bus{};             // The ARN of the bus that passes it on; empty: none does.
  };
  // `done` runs once, maybe inside the call, when the service has it durably or refuses it.
  using Sender = std::function<void(Delivery delivery, Done done)>;

  // Whether a refusal is for good: kInvalid, kNotFound, kUnsupported. Else it may be tried again.
  static bool IsFinal(const base::Error& error);

  // Who would send, as a target's policy knows it.
  struct Source {
    std::string service;  // "s3.amazonaws.com"
    std::string arn;
    std::string account;
  };
  // kUnfit: a FIFO queue, for who has no message groups; its policy lets the source in.
  enum class Admission { kAdmitted, kAbsent, kUnfit, kForbidden };
  using Admits = std::function<Admission(const std::string& arn, const Source& source)>;

  // Without `admits` whoever asks is let in.
  void Attach(std::string service, Sender sender, Admits admits = {});
  // Before anything is sent; kAbsent where no service has attached itself. A target without a
  // policy admits everybody: authorisation is off.
  Admission Ask(const std::string& arn, const Source& source) const;
  bool Serves(std::string_view arn) const;
  // kUnsupported where no service has attached itself for it.
  void Send(Delivery delivery, Done done) const;

 private:
  struct Service {
    Sender sender;
    Admits admits;
  };
  const Service* ServiceOf(std::string_view arn) const;

  std::map<std::string, Service, std::less<>> services_;
};

}  // namespace hearth::invoker
