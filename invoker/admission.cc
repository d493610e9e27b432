#include "invoker/admission.h"

#include <algorithm>

namespace hearth::invoker {
namespace {

// Of functions whose starts are remembered; beyond it the past ones are looked for.
constexpr size_t kManyStarts = 1024;
constexpr base::Duration kStartsStep = kStartsPeriod / kStartsAtOnce;

}  // namespace

bool Admission::MayStart(const std::string& function, base::MonoTime now) const {
  const auto found = starts_.find(function);
  return found == starts_.end() || found->second + kStartsStep <= now + kStartsPeriod;
}

void Admission::CountStart(const std::string& function, base::MonoTime now) {
  if (starts_.size() >= kManyStarts) {
    std::erase_if(starts_, [now](const auto& entry) { return entry.second <= now; });
  }
  base::MonoTime& until = starts_[function];
  until = std::max(until, now) + kStartsStep;
}

Admission::Entry Admission::BeginCall(const FunctionVersion& function) {
  Use& use = uses_[function.name];
  bool is_provisioned = false;
  if (use.provisioned > 0) {
    const auto places = use.places.find(function.revision_id);
    is_provisioned = places != use.places.end() && places->second.count > 0;
    if (is_provisioned && places->second.taken < places->second.count) {
      ++places->second.taken;
      ++calls_;
      return Entry::kProvisioned;
    }
  }
  if (use.reserved) {
    if (use.on_demand + use.provisioned >= *use.reserved) return Entry::kFunctionLimit;
  } else {
    if (unreserved_calls_ >= unreserved()) return Entry::kAccountLimit;
    ++unreserved_calls_;
  }
  ++use.on_demand;
  ++calls_;
  return is_provisioned ? Entry::kSpilledOver : Entry::kOnDemand;
}

void Admission::EndCall(const FunctionVersion& function, Entry entry) {
  CHECK(IsIn(entry) && calls_ > 0);
  --calls_;
  const auto found = uses_.find(function.name);
  CHECK(found != uses_.end());
  Use& use = found->second;
  if (entry != Entry::kProvisioned) {
    CHECK(use.on_demand > 0);
    --use.on_demand;
    if (!use.reserved) --unreserved_calls_;
    return;
  }
  const auto places = use.places.find(function.revision_id);
  CHECK(places != use.places.end() && places->second.taken > 0);
  --places->second.taken;
  if (places->second.count == 0 && places->second.taken == 0) use.places.erase(places);
}

template <typename Change>
void Admission::ChangeUse(const std::string& function, Change change) {
  Use& use = uses_[function];
  set_aside_ -= use.set_aside();
  if (!use.reserved) unreserved_calls_ -= use.on_demand;
  change(use);
  set_aside_ += use.set_aside();
  if (!use.reserved) unreserved_calls_ += use.on_demand;
  if (use.is_idle()) uses_.erase(function);
}

void Admission::SetReserved(const std::string& function, std::optional<uint32_t> calls) {
  ChangeUse(function, [calls](Use& use) { use.reserved = calls; });
}

void Admission::SetProvisioned(const FunctionVersion& version, uint32_t instances) {
  ChangeUse(version.name, [&version, instances](Use& use) {
    Places& places = use.places[version.revision_id];
    use.provisioned += instances;
    use.provisioned -= places.count;
    places.count = instances;
    if (instances == 0 && places.taken == 0) use.places.erase(version.revision_id);
  });
}

}  // namespace hearth::invoker
