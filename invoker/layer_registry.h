// LayerRegistry: every layer version this host knows. Memory for reading, SQLite for truth.
//
// A change is durable (committed, fsynced) before its callback runs; readers see it only then. A
// version's number is never given again, whatever is deleted. The database is used from one serial
// Offload. Loop's thread only; callbacks never run inside the call that takes them.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/result.h"
#include "invoker/layer.h"
#include "io/offload.h"
#include "store/database.h"

namespace hearth::invoker {

class LayerRegistry {
 public:
  using Versions = std::map<uint64_t, LayerRef>;

  // Loads every stored layer version. Blocking: called once, at start. `database` must outlive it
  // and is used only through `writer`, which has one thread.
  static base::Result<std::unique_ptr<LayerRegistry>> Load(store::Database& database,
                                                           io::Offload& writer);

  // nullptr: there is no such layer version.
  LayerRef Find(const std::string& name, uint64_t number) const;
  // By the layer's name; a layer without versions is not there.
  const std::map<std::string, Versions>& layers() const { return layers_; }

  using Done = std::function<void(std::expected<LayerRef, aws::ApiError>)>;
  // Under the next number; `done` gets it with that.
  void Publish(LayerVersion layer, Done done);
  // Makes of what is there (nullptr: nothing) what shall be (nullptr: nothing), or says why not.
  // Changes are made one after the other; each edit sees what those before it have made durable.
  using Edit = std::function<std::expected<LayerRef, aws::ApiError>(const LayerRef& current)>;
  void Change(const std::string& name, uint64_t number, Edit edit, Done done);

 private:
  struct Pending {
    std::string name;
    uint64_t number = 0;  // 0: the next one.
    Edit edit;
    Done done;
  };

  LayerRegistry(store::Database& database, io::Offload& writer)
      : database_(database), writer_(writer) {}
  base::Result<void> LoadAll();
  void Enqueue(Pending change);
  void StartNext();
  void Settle(uint64_t number, std::expected<LayerRef, aws::ApiError> after);

  store::Database& database_;
  io::Offload& writer_;
  std::map<std::string, Versions> layers_;
  std::map<std::string, uint64_t> last_numbers_;
  std::deque<Pending> queue_;  // The first is under way.
};

// The layers that a function asks for by their ARNs, in that order, or AWS's refusal. One that the
// function has used before is found in `known`, for it may be deleted since.
std::expected<std::vector<UsedLayer>, aws::ApiError> ResolveLayers(
    const Account& account, const LayerRegistry& layers, const std::vector<std::string>& arns,
    const std::vector<UsedLayer>& known);

// Digests of the content of all layer versions.
std::set<std::string> CodeInUse(const LayerRegistry& layers);

// The schema's steps that the registry needs; host passes them, with others, to Database::Open.
std::vector<store::Migration> LayerMigrations();

}  // namespace hearth::invoker
