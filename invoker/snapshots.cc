#include "invoker/snapshots.h"

#include "invoker/snapshot_maker.h"

namespace hearth::invoker {
namespace {

// Each holds the whole size of its version, and calls need memory too.
constexpr size_t kMaxMaking = 4;

}  // namespace

Snapshots::Snapshots(const InstanceParts& parts, Admission& admission)
    : parts_(parts), admission_(admission) {}

Snapshots::~Snapshots() = default;

void Snapshots::Prepare(FunctionRef version, Done done) {
  const std::string revision = version->revision_id;
  auto& maker = makers_[revision];
  if (maker) {
    parts_.loop.Post([done = std::move(done)] {
      done(base::MakeError(base::ErrorKind::kConflict, "prepare", "it is being prepared already"));
    });
    return;
  }
  maker = std::make_unique<SnapshotMaker>(
      parts_, admission_, std::move(version), std::move(done),
      [this, revision](base::Result<base::UniqueFd> image) { OnMade(revision, std::move(image)); });
  queue_.push_back(revision);
  StartNext();
}

void Snapshots::StartNext() {
  while (!stopped_ && making_ < kMaxMaking && !queue_.empty()) {
    ++making_;
    SnapshotMaker& next = *makers_.at(queue_.front());
    queue_.pop_front();
    next.Start();
  }
}

void Snapshots::OnMade(const std::string& revision, base::Result<base::UniqueFd> image) {
  auto node = makers_.extract(revision);
  const std::shared_ptr<SnapshotMaker> maker = std::move(node.mapped());
  parts_.loop.Post([maker] {});  // It is inside its own callback.
  if (std::erase(queue_, revision) == 0) --making_;
  Done done = maker->TakeDone();
  if (!image && image.error().kind == base::ErrorKind::kLimit) {
    // There was no room for it: the others have their turn meanwhile.
    Prepare(maker->version(), std::move(done));
    return;
  }
  StartNext();
  if (!image) return done(std::unexpected(std::move(image).error()));
  if (image->valid()) snapshots_[revision] = {maker->version()->name, std::move(*image)};
  done({});
}

int Snapshots::Image(const FunctionVersion& version) const {
  if (snapshots_.empty()) return -1;
  const auto found = snapshots_.find(version.revision_id);
  return found == snapshots_.end() ? -1 : found->second.image.get();
}

void Snapshots::Renew(FunctionRef version) {
  if (snapshots_.erase(version->revision_id) == 0) return;
  if (!renewed_.emplace(version->revision_id, version->name).second) return;
  Prepare(std::move(version), [](const base::Result<void>&) {});
}

void Snapshots::Retire(const std::string& function_name,
                       const std::set<std::string>& live_revisions) {
  std::erase_if(snapshots_, [&](const auto& entry) {
    return entry.second.function == function_name && !live_revisions.contains(entry.first);
  });
  std::erase_if(renewed_, [&](const auto& entry) {
    return entry.second == function_name && !live_revisions.contains(entry.first);
  });
  std::vector<std::string> old;
  for (const auto& [revision, maker] : makers_) {
    if (maker->version()->name == function_name && !live_revisions.contains(revision)) {
      old.push_back(revision);
    }
  }
  // By revision: what one's end starts may be another of them, or end with it.
  for (const std::string& revision : old) {
    if (const auto found = makers_.find(revision); found != makers_.end()) {
      found->second->Stop("the version is gone");
    }
  }
}

void Snapshots::Stop() {
  stopped_ = true;
  while (!makers_.empty()) makers_.begin()->second->Stop("hearthd is stopping");
  snapshots_.clear();
}

}  // namespace hearth::invoker
