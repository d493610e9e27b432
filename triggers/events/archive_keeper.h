// ArchiveKeeper: the archives of buses, as whoever makes and changes them sees them.
//
// A callback runs once, later, on the loop: what it reports as done is durable. Loop's thread only.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "aws/gateway.h"
#include "triggers/events/archive.h"
#include "triggers/events/event_buses.h"

namespace hearth::events {

class ArchiveKeeper {
 public:
  virtual ~ArchiveKeeper() = default;

  template <typename T>
  using DoneWith = std::function<void(std::expected<T, aws::ApiError>)>;

  virtual void Create(ArchiveRecord archive, EventBuses::Done done) = 0;
  virtual void Change(ArchiveChange change, DoneWith<ArchiveRecord> done) = 0;
  virtual void Delete(const std::string& name, EventBuses::Done done) = 0;
  virtual void Find(const std::string& name, DoneWith<ArchiveRecord> done) = 0;
};

}  // namespace hearth::events
