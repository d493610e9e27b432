#include "invoker/destinations.h"

#include "aws/arn.h"

namespace hearth::invoker {

void Destinations::Attach(std::string service, Sender sender) {
  senders_[std::move(service)] = std::move(sender);
}

const Destinations::Sender* Destinations::SenderOf(std::string_view arn) const {
  const auto parsed = aws::ParseArn(arn);
  const auto found = parsed ? senders_.find(parsed->service) : senders_.end();
  return found == senders_.end() ? nullptr : &found->second;
}

bool Destinations::Serves(std::string_view arn) const { return SenderOf(arn) != nullptr; }

void Destinations::Send(Delivery delivery, Done done) const {
  const Sender* const sender = SenderOf(delivery.arn);
  if (sender == nullptr) {
    return done(base::MakeError(base::ErrorKind::kUnsupported, "send to " + delivery.arn,
                                "this host has no such service"));
  }
  (*sender)(std::move(delivery), std::move(done));
}

}  // namespace hearth::invoker
