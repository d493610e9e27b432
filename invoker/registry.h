// Registry: every function this host knows. Memory for reading, SQLite for truth.
//
// A change is durable (committed, fsynced) before its callback runs; readers see it only then. The
// database is used from one serial Offload. Narrow on purpose: another engine can serve it later.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "invoker/function.h"
#include "io/offload.h"
#include "store/database.h"

namespace hearth::invoker {

class Registry {
 public:
  // Loads every stored function. Blocking: called once, at start. `database` must outlive it and is
  // used only through `writer`, which has one thread.
  static base::Result<std::unique_ptr<Registry>> Load(store::Database& database,
                                                      io::Offload& writer);
  virtual ~Registry() = default;

  // nullptr: no such function.
  virtual FunctionRef Find(const std::string& name) const = 0;
  // By name, ascending.
  virtual std::vector<FunctionRef> List() const = 0;

  using Done = std::function<void(base::Result<void>)>;
  // kConflict where the name is taken (also by a create under way).
  virtual void Create(FunctionVersion function, Done done) = 0;
  // kNotFound where it is gone; kConflict where `expected_revision_id` (if not empty) is not
  // current.
  virtual void Update(FunctionVersion function, const std::string& expected_revision_id,
                      Done done) = 0;
  virtual void Delete(const std::string& name, Done done) = 0;
};

// The schema's steps that the registry needs; host passes them, with others, to Database::Open.
std::vector<store::Migration> RegistryMigrations();

}  // namespace hearth::invoker
