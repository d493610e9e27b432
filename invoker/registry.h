// Registry: every function this host knows. Memory for reading, SQLite for truth.
//
// A change is durable (committed, fsynced) before its callback runs; readers see it only then. The
// database is used from one serial Offload. Narrow on purpose: another engine can serve it later.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/result.h"
#include "invoker/function.h"
#include "invoker/function_name.h"
#include "invoker/versions.h"
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

  // $LATEST; nullptr: no such function.
  virtual FunctionRef Find(const std::string& name) const = 0;
  virtual RecordRef Record(const std::string& name) const = 0;
  // $LATEST of every function, by name, ascending.
  virtual std::vector<FunctionRef> List() const = 0;
  // The last number that a version of this name was given, even of a function deleted since:
  // numbers are never used again. 0: none yet.
  virtual uint64_t LastVersion(const std::string& name) const = 0;
  // What the function URL with this id belongs to: a function, and an alias or nothing. nullopt:
  // there is no such URL.
  virtual std::optional<FunctionName> FindUrl(std::string_view id) const = 0;

  // The version that a call is for, chosen by weight where an alias stands for two. nullptr: there
  // is none.
  FunctionRef Resolve(const FunctionName& name) const;

  // Makes of the current record (nullptr: there is none) what shall be (nullptr: nothing), or says
  // why not. Pure: it runs once, inside Change or later.
  using Edited = std::expected<RecordRef, aws::ApiError>;
  using Edit = std::function<Edited(const RecordRef& current)>;
  using Done = std::function<void(std::expected<RecordRef, aws::ApiError>)>;
  // One transaction. Changes of one name go one after the other: each edit sees what those before
  // it have made durable. `done` gets what then is; a 500 where it could not be stored.
  virtual void Change(const std::string& name, Edit edit, Done done) = 0;
};

// Digests of the code of all that can be called, and of their layers.
std::set<std::string> CodeInUse(const Registry& registry);
// The lists of layers, as digests, of all that can be called.
std::set<std::vector<std::string>> LayersInUse(const Registry& registry);

// The schema's steps that the registry needs; host passes them, with others, to Database::Open.
// Steps are never moved: what came later is the last of all.
std::vector<store::Migration> RegistryMigrations();
std::vector<store::Migration> VersionMigrations();
std::vector<store::Migration> PolicyMigrations();
std::vector<store::Migration> FunctionUrlMigrations();

}  // namespace hearth::invoker
