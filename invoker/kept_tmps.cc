#include "invoker/kept_tmps.h"

#include <algorithm>

namespace hearth::invoker {

void KeptTmps::Put(const FunctionRef& function, std::unique_ptr<sandbox::KeptTmp> tmp) {
  if (!tmp) return;
  const auto is_its = [&](const One& one) {
    return one.function->revision_id == function->revision_id;
  };
  if (std::ranges::count_if(kept_, is_its) >= kMostOfOne) {
    kept_.erase(std::ranges::find_if(kept_, is_its));
  }
  kept_.push_back({function, std::move(tmp), loop_.clock().Now() + kKeepFor});
  if (!timer_.active()) timer_.Start(kKeepFor, [this] { Expire(); });
}

std::unique_ptr<sandbox::KeptTmp> KeptTmps::Take(const FunctionVersion& function) {
  const auto found = std::find_if(kept_.rbegin(), kept_.rend(), [&](const One& one) {
    return one.function->revision_id == function.revision_id;
  });
  if (found == kept_.rend()) return nullptr;
  auto tmp = std::move(found->tmp);
  kept_.erase(std::next(found).base());
  return tmp;
}

void KeptTmps::Retire(const std::string& function_name,
                      const std::set<std::string>& live_revisions) {
  std::erase_if(kept_, [&](const One& one) {
    return one.function->name == function_name &&
           !live_revisions.contains(one.function->revision_id);
  });
}

void KeptTmps::Expire() {
  const base::MonoTime now = loop_.clock().Now();
  while (!kept_.empty() && kept_.front().until <= now) kept_.pop_front();
  if (!kept_.empty()) timer_.Start(kept_.front().until - now, [this] { Expire(); });
}

}  // namespace hearth::invoker
