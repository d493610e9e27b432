#include "invoker/destinations.h"

#include "aws/arn.h"

namespace hearth::invoker {

void Destinations::Attach(std::string service, Sender sender, Admits admits) {
  services_[std::move(service)] = {std::move(sender), std::move(admits)};
}

const Destinations::Service* Destinations::ServiceOf(std::string_view arn) const {
  const auto parsed = aws::ParseArn(arn);
  const auto found = parsed ? services_.find(parsed->service) : services_.end();
  return found == services_.end() ? nullptr : &found->second;
}

bool Destinations::IsFinal(const base::Error& error) {
  return error.kind == base::ErrorKind::kInvalid || error.kind == base::ErrorKind::kNotFound ||
         error.kind == base::ErrorKind::kUnsupported;
}

bool Destinations::Serves(std::string_view arn) const { return ServiceOf(arn) != nullptr; }

Destinations::Admission Destinations::Ask(const std::string& arn, const Source& source) const {
  const Service* const service = ServiceOf(arn);
  if (service == nullptr) return Admission::kAbsent;
  return service->admits ? service->admits(arn, source) : Admission::kAdmitted;
}

void Destinations::Send(Delivery delivery, Done done) const {
  const Service* const service = ServiceOf(delivery.arn);
  if (service == nullptr) {
    return done(base::MakeError(base::ErrorKind::kUnsupported, "send to " + delivery.arn,
                                "this host has no such service"));
  }
  service->sender(std::move(delivery), std::move(done));
}

}  // namespace hearth::invoker
