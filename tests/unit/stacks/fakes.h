// A control plane, a registry, a code store and a database in memory, whose next call can be made
// to fail or never to answer (as when the host is killed).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "fake_events.h"
#include "fake_objects.h"
#include "fake_queues.h"
#include "fake_source.h"
#include "invoker/control_plane.h"
#include "invoker/destinations.h"
#include "invoker/event_source_mappings.h"
#include "invoker/registry.h"
#include "io/loop.h"
#include "io/offload.h"
#include "layers/code_store.h"
#include "store/database.h"

namespace hearth::stacks {

// A data plane that only notes what it is told.
class FakeInvoker final : public invoker::Invoker {
 public:
  explicit FakeInvoker(io::Loop& loop) : loop_(loop) {}
  void Invoke(invoker::InvokeRequest, invoker::InvokeCallback) override {}
  void Retire(const std::string&, const std::set<std::string>&) override {}
  void Prepare(invoker::FunctionRef, std::function<void(base::Result<void>)> done) override {
    loop_.Post([this, done = std::move(done)] { done(preparation); });
  }
  void Reserve(const std::string& function, std::optional<uint32_t> calls) override {
    reserved[function] = calls;
  }
  void Provision(invoker::FunctionRef version, uint32_t count) override {
    provisioned[version->version] = count;
  }
  uint32_t Provisioned(const invoker::FunctionVersion&) const override { return 0; }
  size_t EndIdle(const std::string&) override { return 0; }
  std::vector<invoker::InstanceInfo> Instances() const override { return {}; }
  invoker::InvokerCounters counters() const override { return {}; }
  bool IsQuiet() const override { return true; }
  void Drain(base::Deadline, std::function<void()>) override {}

  std::map<std::string, std::optional<uint32_t>> reserved;  // By function, the last told.
  std::map<std::string, uint32_t> provisioned;              // By version.
  base::Result<void> preparation;                           // How every one ends.

 private:
  io::Loop& loop_;
};

class FakeRegistry final : public invoker::Registry {
 public:
  invoker::FunctionRef Find(const std::string& name) const override {
    const auto found = functions.find(name);
    return found == functions.end() ? nullptr : found->second;
  }
  std::vector<invoker::FunctionRef> List() const override { return {}; }
  invoker::RecordRef Record(const std::string& name) const override {
    const auto latest = Find(name);
    if (latest == nullptr) return nullptr;
    const auto found = rest.find(name);
    auto record = found == rest.end() ? std::make_shared<invoker::FunctionRecord>()
                                      : std::make_shared<invoker::FunctionRecord>(found->second);
    record->latest = latest;
    return record;
  }
  std::optional<invoker::FunctionName> FindUrl(std::string_view) const override {
    return std::nullopt;
  }
  uint64_t LastVersion(const std::string& name) const override {
    const auto found = last_versions.find(name);
    return found == last_versions.end() ? 0 : found->second;
  }
  void Change(const std::string& name, Edit edit, Done done) override {
    auto after = edit(Record(name));
    if (after && *after != nullptr) {
      functions[name] = (*after)->latest;
      rest[name] = **after;
      if (!(*after)->versions.empty()) {
        last_versions[name] = std::max(LastVersion(name), (*after)->versions.rbegin()->first);
      }
    } else if (after) {
      functions.erase(name);
      rest.erase(name);
    }
    loop->Post([after = std::move(after), done = std::move(done)] { done(after); });
  }

  std::map<std::string, invoker::FunctionRef> functions;
  std::map<std::string, invoker::FunctionRecord> rest;  // But for `latest`.
  std::map<std::string, uint64_t> last_versions;
  io::Loop* loop = nullptr;
};

class FakeCodeStore final : public layers::CodeStore {
 public:
  base::Result<layers::StoredCode> Put(std::string_view zip) override {
    const std::string digest = base::ToHex(base::Sha256Of(zip));
    zips[digest] = std::string(zip);
    return layers::StoredCode{digest, base::Bytes(zip.size()), base::Bytes(zip.size())};
  }
  bool Has(const std::string& digest) const override { return zips.contains(digest); }
  base::Result<std::string> TreeFolder(const std::string&) const override { return "/nowhere"; }
  base::Result<std::string> ReadZip(const std::string& digest) const override {
    const auto found = zips.find(digest);
    if (found == zips.end()) {
      return base::MakeError(base::ErrorKind::kNotFound, "read zip", digest);
    }
    return found->second;
  }
  base::Result<size_t> Collect(const std::set<std::string>&) override { return 0; }
  base::Result<base::Bytes> UnzippedSize(const std::string&) const override {
    return base::Bytes(0);
  }
  base::Result<void> Merge(const std::vector<std::string>&) override { return {}; }
  base::Result<std::string> MergedFolder(const std::vector<std::string>&) const override {
    return "/nowhere";
  }
  base::Result<size_t> CollectMerged(const std::set<std::vector<std::string>>&) override {
    return 0;
  }

  std::map<std::string, std::string> zips;
};

class FakeControlPlane final : public invoker::ControlPlane {
 public:
  FakeControlPlane(io::Loop& loop, FakeRegistry& registry)
      : data_plane(loop),
        loop_(loop),
        registry_(registry),
        versions_(registry, data_plane, loop.clock(), {}, limits::kAccountConcurrency) {
    registry.loop = &loop;
  }

  invoker::VersionsControl& versions() override { return versions_; }
  invoker::LayerRegistry& layers() override { return *layers_; }

  std::expected<Checked, aws::ApiError> Check(
      const invoker::FunctionSettings& settings) const override {
    if (settings.memory_mib < 128) {
      return std::unexpected(aws::ApiError{400, "ValidationException",
                                           "Value '" + std::to_string(settings.memory_mib) +
                                               "' at 'memorySize' failed to satisfy constraint"});
    }
    Checked checked;
    auto& f = checked.function;
    f.name = settings.name;
    f.runtime = settings.runtime;
    f.handler = settings.handler;
    f.role = settings.role;
    f.description = settings.description;
    f.timeout = std::chrono::seconds(settings.timeout_s);
    f.memory_mib = static_cast<uint32_t>((settings.memory_mib + 63) / 64 * 64);
    f.tmp_mib = static_cast<uint32_t>(settings.tmp_mib);
    f.environment = settings.environment;
    f.architecture = settings.architectures.at(0);
    f.tags = settings.tags;
    f.reserved = settings.reserved;
    f.snap_start = settings.snap_start;
    f.dead_letter_arn = settings.dead_letter_arn;
    f.allows_loops = settings.allows_loops;
    f.update_runtime_on = settings.update_runtime_on;
    f.runtime_version_arn = settings.runtime_version_arn;
    for (const auto& arn : settings.layers) {
      f.layers.push_back({.arn = arn, .code_digest = {}});
    }
    if (f.memory_mib != settings.memory_mib) checked.notices.push_back("MemorySize is rounded up");
    return checked;
  }
  void Create(invoker::FunctionSettings settings, std::string zip, invoker::Publication,
              Done done) override {
    Do(
        "create " + settings.name,
        [this, settings, zip]() -> std::string {
          if (registry_.Find(settings.name) != nullptr) return "Function already exist";
          Store(settings, zip);
          return "";
        },
        settings.name, std::move(done));
  }
  void Replace(invoker::FunctionSettings settings, std::string zip, Done done) override {
    Do(
        "replace " + settings.name,
        [this, settings, zip]() -> std::string {
          if (registry_.Find(settings.name) == nullptr) return "Function not found";
          Store(settings, zip);
          return "";
        },
        settings.name, std::move(done));
  }
  void Delete(const std::string& name, Done done) override {
    Do(
        "delete " + name,
        [this, name]() -> std::string {
          registry_.rest.erase(name);
          return registry_.functions.erase(name) == 0 ? "Function not found" : "";
        },
        name, std::move(done));
  }
  void UpdateCode(const std::string&, invoker::CodeUpdate, Done) override {}
  void UpdateConfiguration(const std::string&, const base::Json&, Done) override {}

  FakeInvoker data_plane;
  std::vector<std::string> calls;
  std::function<void(const std::string& call)> on_call;  // What others do meanwhile.
  std::set<std::string> failing;                         // "create A" fails without any effect.
  std::set<std::string> dies_before;  // "create A" never happens and never answers.
  std::set<std::string> dies_after;   // "create A" happens and never answers.

 private:
  void Store(const invoker::FunctionSettings& settings, const std::string& zip) {
    auto function = Check(settings)->function;
    const auto before = registry_.Find(settings.name);
    function.code_digest = zip.empty() ? before->code_digest : base::ToHex(base::Sha256Of(zip));
    function.revision_id = base::NewUuid();
    registry_.functions[settings.name] =
        std::make_shared<const invoker::FunctionVersion>(std::move(function));
  }
  void Do(const std::string& what, const std::function<std::string()>& act, const std::string& name,
          Done done) {
    calls.push_back(what);
    if (on_call) on_call(what);
    if (dies_before.contains(what)) return;
    std::string error = failing.contains(what) ? what + " was told to fail" : act();
    if (dies_after.contains(what)) return;
    loop_.Post([this, error, name, done = std::move(done)] {
      if (!error.empty()) {
        done(std::unexpected(aws::ApiError{500, "ServiceException", error}));
      } else {
        done(registry_.Find(name));
      }
    });
  }

  io::Loop& loop_;
  FakeRegistry& registry_;
  invoker::VersionsControl versions_;
  // A real one: there is nothing to fake in it.
  std::unique_ptr<store::Database> layers_database_ =
      *store::Database::Open(":memory:", invoker::LayerMigrations());
  io::Offload layers_writer_{loop_, 1};
  std::unique_ptr<invoker::LayerRegistry> layers_ =
      *invoker::LayerRegistry::Load(*layers_database_, layers_writer_);
};

// Understands the statements of stack_store.cc alone: (name, text) tables.
class FakeDatabase final : public store::Database {
 public:
  base::Result<int64_t> Run(std::string_view sql, std::span<const store::Value> values,
                            const std::function<void(const store::Row&)>& on_row) override {
    if (fails) return base::MakeError(base::ErrorKind::kSystem, "write", "database is full");
    auto& table = sql.find("stack_intents") != std::string_view::npos ? intents : stacks;
    if (sql.starts_with("SELECT")) {
      for (const auto& [name, text] : table) on_row(TwoTexts(name, text));
    } else if (sql.starts_with("DELETE")) {
      table.erase(std::get<std::string>(values[0]));
    } else {
      table[std::get<std::string>(values[0])] = std::get<std::string>(values[1]);
    }
    return 1;
  }
  bool IsInTransaction() const override { return false; }
  base::Result<void> Transaction(const std::function<base::Result<void>()>& body,
                                 Sync /*sync*/) override {
    const auto before = std::pair(stacks, intents);
    auto result = body();
    if (!result) std::tie(stacks, intents) = before;
    return result;
  }

  std::map<std::string, std::string> stacks, intents;
  bool fails = false;

 private:
  class TwoTexts final : public store::Row {
   public:
    TwoTexts(const std::string& a, const std::string& b) : texts_{a, b} {}
    bool IsNull(int) const override { return false; }
    int64_t Int(int) const override { return 0; }
    double Real(int) const override { return 0; }
    std::string_view Text(int column) const override { return texts_[column]; }

   private:
    std::string texts_[2];
  };
};

// What every test of deployments stands on.
class StacksOverFakes : public ::testing::Test {
 protected:
  StacksOverFakes() { mappings->Attach("sqs", source); }

  base::SystemClock clock;
  io::Loop loop{clock};
  // Outlives what is being written.
  std::unique_ptr<store::Database> mappings_database =
      *store::Database::Open(":memory:", invoker::EventSourceMigrations());
  io::Offload disk{loop, 1};
  io::Offload writer{loop, 1};
  FakeDatabase database;
  FakeRegistry registry;
  FakeCodeStore code;
  invoker::Destinations destinations;
  FakeQueues queues{loop};
  FakeObjects objects{loop};
  FakeBuses buses{loop};
  FakeArchives archives{loop};
  FakeScheduler schedules{loop};
  FakeSource source{loop, queues};
  // Real ones over a database of their own: there is nothing to fake in them.
  std::unique_ptr<invoker::EventSourceMappings> mappings =
      *invoker::EventSourceMappings::Load(loop, *mappings_database, writer);
  invoker::Account account;
};

}  // namespace hearth::stacks
