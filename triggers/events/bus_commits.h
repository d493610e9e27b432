// BusCommits: changes that are decided on the writer's thread, and told to memory when they are
// committed, in the order of their commits. Loop's thread only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "store/group_commit.h"
#include "triggers/events/errors.h"
#include "triggers/events/event_buses.h"

namespace hearth::events {

class BusCommits {
 public:
  using Refusal = std::optional<aws::ApiError>;
  template <typename T>
  using Decide = std::function<base::Result<T>(store::Database& database, Refusal& refusal)>;

  explicit BusCommits(store::GroupCommit& commits) : commits_(commits) {}

  // `decide` runs on the writer's thread: its captures are values. `apply` gets what it returned,
  // before `done` is told.
  template <typename T>
  void Write(Decide<T> decide, std::function<void(T)> apply, EventBuses::Done done) {
    struct Outcome {
      Refusal refusal;
      std::optional<T> value;
    };
    const auto outcome = std::make_shared<Outcome>();
    commits_.Write(
        [decide = std::move(decide), outcome](store::Database& database) -> base::Result<void> {
          outcome->value = TRY(decide(database, outcome->refusal));
          if (!outcome->refusal) return {};
          return base::MakeError(base::ErrorKind::kConflict, "change events", "refused");
        },
        [apply = std::move(apply), done = std::move(done), alive = std::weak_ptr<bool>(alive_),
         outcome](const base::Result<void>& result) {
          if (alive.expired()) return;
          if (outcome->refusal) return done(std::unexpected(*std::move(outcome->refusal)));
          if (!result) return done(std::unexpected(HostFailure(result.error())));
          apply(*std::move(outcome->value));
          done({});
        });
  }
  store::GroupCommit& commits() { return commits_; }

 private:
  store::GroupCommit& commits_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hearth::events
