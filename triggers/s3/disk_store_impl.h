// DiskStore's templates, for its sources alone.
#pragma once

#include "triggers/s3/disk_store.h"

namespace hearth::s3 {

template <typename T>
void DiskStore::Later(Done<T> done, Answer<T> answer) {
  loop_.Post([done = std::move(done), answer = std::move(answer),
              alive = std::weak_ptr<bool>(alive_)]() mutable {
    if (!alive.expired()) done(std::move(answer));
  });
}

template <typename T>
void DiskStore::Submit(std::function<Outcome<T>(ObjectIndex&)> apply, Done<T> done, Ended<T> ended,
                       Need need) {
  if (auto overload = Overload(need)) {
    Answer<T> answer = std::unexpected(std::move(*overload));
    if (ended) ended(answer, Ending::kNotTried);
    Later<T>(std::move(done), std::move(answer));
    return;
  }
  auto answer = std::make_shared<std::optional<Answer<T>>>();
  Queue({[apply = std::move(apply), answer](ObjectIndex& index) -> base::Result<void> {
           answer->emplace(TRY(apply(index)));
           return {};
         },
         [answer, done = std::move(done), ended = std::move(ended)](const base::Error* failure) {
           if (failure != nullptr) answer->emplace(std::unexpected(HostFailure(*failure)));
           if (ended) ended(**answer, failure ? Ending::kCommitFailed : Ending::kCommitted);
           done(std::move(**answer));
         },
         need});
}

template <typename T>
void DiskStore::Read(std::function<Outcome<T>(ObjectIndex&)> read, Done<T> done) {
  if (holds_reads_) {
    held_reads_.push_back(
        [this, read = std::move(read), done = std::move(done)] { Read<T>(read, done); });
    return;
  }
  const uint64_t ticket = next_read_++;
  reads_.insert(ticket);
  reading_.Run(
      [read = std::move(read), readers = readers_]() -> Outcome<T> {
        std::unique_ptr<ObjectIndex> index;
        {
          const std::lock_guard lock(readers->mutex);
          index = std::move(readers->idle.back());
          readers->idle.pop_back();
        }
        std::optional<Outcome<T>> out;
        auto read_all = index->Snapshot([&] { out.emplace(read(*index)); });
        if (!read_all) out.emplace(std::unexpected(std::move(read_all.error())));
        const std::lock_guard lock(readers->mutex);
        readers->idle.push_back(std::move(index));
        return std::move(*out);
      },
      [this, ticket, done = std::move(done)](Outcome<T> out) {
        reads_.erase(ticket);
        if (holds_reads_ && reads_.empty()) CutLog();
        if (out)
          done(std::move(*out));
        else
          done(std::unexpected(HostFailure(out.error())));
      });
}

}  // namespace hearth::s3
