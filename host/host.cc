#include "host/host.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <charconv>
#include <climits>
#include <set>

#include "aws/gateway.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "host/admin_api.h"
#include "host/clock_api.h"
#include "host/event_services.h"
#include "host/object_services.h"
#include "host/privilege.h"
#include "host/virtual_time.h"
#include "invoker/async_queue.h"
#include "invoker/code_download.h"
#include "invoker/event_source_mappings.h"
#include "invoker/instance_spec.h"
#include "invoker/invoker.h"
#include "invoker/lambda_api.h"
#include "invoker/layer_registry.h"
#include "invoker/log_store.h"
#include "invoker/registry.h"
#include "invoker/url_service.h"
#include "invoker/usage.h"
#include "io/fd_watcher.h"
#include "io/http_server.h"
#include "io/offload.h"
#include "io/timer.h"
#include "layers/code_store.h"
#include "logs/logs_api.h"
#include "runtime/catalog.h"
#include "sandbox/zygote_client.h"
#include "stacks/stacks_api.h"
#include "store/database.h"
#include "triggers/sqs/log_engine.h"
#include "triggers/sqs/move_tasks.h"
#include "triggers/sqs/queue_source.h"
#include "triggers/sqs/queue_target.h"
#include "triggers/sqs/sqs_api.h"

namespace hearth::host {

using base::Result;
using base::UniqueFd;

// At the end: for answers that their clients still read, and for changes that are being stored.
constexpr auto kLastAnswers = std::chrono::seconds(5);
// After the drain's deadline, for sandboxes to end.
constexpr auto kZygotePatience = std::chrono::seconds(10);

// In order of making; destroyed in reverse.
struct Host::Parts {
  Options options;
  UniqueFd lock;
  UniqueFd signals;
  base::SystemClock clock;
  std::unique_ptr<VirtualTime> virtual_time;  // nullptr: the service's time is the machine's.
  std::unique_ptr<sandbox::ZygoteClient> zygote;
  runtime::Catalog catalog;
  std::unique_ptr<io::Loop> loop;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<layers::CodeStore> code;
  std::unique_ptr<io::Offload> writer;  // One thread: the only user of the database.
  std::unique_ptr<io::Offload> disk;    // One thread: the only user of the code store.
  std::unique_ptr<io::Offload> log_disk;
  std::unique_ptr<invoker::LogStore> logs;
  std::unique_ptr<invoker::Registry> registry;
  std::unique_ptr<invoker::LayerRegistry> layers;
  std::unique_ptr<invoker::EventSourceMappings> mappings;
  std::unique_ptr<invoker::Invoker> invoker;
  std::unique_ptr<invoker::UsageStore> usage;
  std::unique_ptr<invoker::ControlPlane> control;
  std::unique_ptr<invoker::AsyncQueue> events;
  std::unique_ptr<invoker::CodeDownload> downloads;
  std::unique_ptr<aws::Service> lambda;
  std::unique_ptr<hearth::logs::LogsApi> logs_api;
  std::unique_ptr<aws::Service> urls;
  std::unique_ptr<sqs::LogEngine> queues;
  std::unique_ptr<sqs::MoveTasks> queue_moves;
  std::unique_ptr<sqs::SqsApi> queue_api;
  std::unique_ptr<sqs::QueueSource> queue_source;
  std::unique_ptr<s3::DiskStore> objects;
  std::unique_ptr<ObjectServices> object_services;
  std::unique_ptr<EventServices> event_services;
  std::unique_ptr<stacks::StacksApi> stacks;
  std::unique_ptr<AdminApi> admin;
  std::unique_ptr<ClockApi> clock_api;
  aws::Gateway gateway;
  std::unique_ptr<io::HttpServer> server;
  std::unique_ptr<io::FdWatcher> zygote_watcher;
  std::unique_ptr<io::FdWatcher> signal_watcher;
  std::string address;
  std::unique_ptr<io::Timer> last_resort;  // Of Stop.
  bool stopping = false;
  bool lost_zygote = false;

  Result<void> LockState();
  Result<void> StartZygote();
  Result<void> OpenStores();
  Result<void> StartServices();
  void ServeClock();
  Result<void> CollectCode();
  Result<void> Listen();
  Result<void> WatchSignals();
  void RefuseLaunches();
  void Stop();
  void FinishStop();
};

namespace {

// The folder of hearthd's own program; the zygote and the bootstraps are found from there.
Result<std::string> ProgramFolder() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (size < 0) return base::SystemError("readlink /proc/self/exe");
  const std::string program(path, static_cast<size_t>(size));
  return program.substr(0, program.rfind('/'));
}

// The first of `places` that exists.
Result<std::string> FindPart(const char* what, const std::vector<std::string>& places) {
  std::string tried;
  for (const std::string& place : places) {
    if (base::FileExists(place)) return place;
    tried += (tried.empty() ? "" : ", ") + place;
  }
  return base::MakeError(base::ErrorKind::kNotFound, std::string("find ") + what,
                         "it is in none of: " + tried);
}

// On which functions find this host: its own, unless the Runtime API has that, or only root may
// listen on it: in a sandbox nobody is.
uint16_t EndpointPort(std::string_view address) {
  constexpr uint16_t kUsual = 4566;
  uint16_t port = 0;
  const std::string_view text = address.substr(address.rfind(':') + 1);
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port < IPPORT_RESERVED || port == invoker::kRuntimeApiPort ? kUsual : port;
}

// Every sandbox costs several descriptors; take what the machine allows.
void RaiseDescriptorLimit() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

sigset_t StopSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Result<void> Host::Parts::LockState() {
  TRY(base::MakeFolders(options.state_folder, 0700));
  const std::string path = options.state_folder + "/lock";
  lock.Reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) return base::SystemError("open " + path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return base::SystemError("lock " + path);
    return base::MakeError(base::ErrorKind::kConflict, "lock " + path,
                           "another hearthd uses this state folder; give another --state");
  }
  return {};
}

Result<void> Host::Parts::StartZygote() {
  const std::string here = TRY(ProgramFolder());
  sandbox::ZygoteOptions zygote_options;
  zygote_options.program = TRY(FindPart(
      "hearth-zygote", {here + "/hearth-zygote", here + "/../libexec/hearth/hearth-zygote"}));
  zygote_options.state_folder = options.state_folder + "/sandbox";
  zygote_options.cgroup_name = options.cgroup_name;
  zygote_options.pool_size = options.pool_size;
  zygote_options.allow_unenforced = options.allow_unenforced;
  if (!options.user.empty()) zygote_options.governor = TRY(UserId(options.user));
  zygote = TRY(sandbox::ZygoteClient::Start(zygote_options));
  for (const std::string& missing : zygote->machine().unenforced) {
    HLOG_WARN("NOT ENFORCED on this machine: {}", missing);
  }
  for (const std::string& notice : zygote->machine().notices) HLOG_INFO("{}", notice);
  return {};
}

Result<void> Host::Parts::OpenStores() {
  writer = std::make_unique<io::Offload>(*loop, 1);
  disk = std::make_unique<io::Offload>(*loop, 1);
  log_disk = std::make_unique<io::Offload>(*loop, 1);
  std::vector<store::Migration> migrations = invoker::RegistryMigrations();
  for (auto& step : stacks::StackMigrations()) migrations.push_back(std::move(step));
  for (auto& step : invoker::VersionMigrations()) migrations.push_back(std::move(step));
  for (auto& step : invoker::LayerMigrations()) migrations.push_back(std::move(step));
  for (auto& step : invoker::PolicyMigrations()) migrations.push_back(std::move(step));
  for (auto& step : invoker::EventSourceMigrations()) migrations.push_back(std::move(step));
  for (auto& step : invoker::UsageMigrations()) migrations.push_back(std::move(step));
  for (auto& step : invoker::FunctionUrlMigrations()) migrations.push_back(std::move(step));
  for (auto& step : sqs::QueueMigrations()) migrations.push_back(std::move(step));
  database = TRY(store::Database::Open(options.state_folder + "/hearth.db", migrations));
  code = TRY(layers::CodeStore::Open(options.state_folder + "/code"));
  logs = TRY(invoker::LogStore::Open(*loop, *log_disk, options.state_folder + "/logs"));
  registry = TRY(invoker::Registry::Load(*database, *writer));
  layers = TRY(invoker::LayerRegistry::Load(*database, *writer));
  mappings = TRY(invoker::EventSourceMappings::Load(*loop, *database, *writer));
  queues = TRY(sqs::LogEngine::Open(*loop, *database, *writer, options.state_folder + "/queues"));
  objects = TRY(s3::DiskStore::Open(*loop, options.state_folder + "/objects"));
  return {};
}

Result<void> Host::Parts::StartServices() {
  const std::string here = TRY(ProgramFolder());
  invoker::InvokerOptions invoker_options;
  invoker_options.account = options.account;
  invoker_options.memory_budget = options.memory_budget;
  invoker_options.concurrency = options.concurrency;
  invoker_options.keep_alive = options.keep_alive;
  invoker_options.freeze_after = options.freeze_after;
  invoker_options.reclaim_after = options.reclaim_after;
  invoker_options.stem_cells = options.stem_cells;
  invoker_options.image_folder = options.state_folder;
  invoker_options.runtime_folder =
      TRY(FindPart("the runtimes' bootstraps", {here + "/../share/hearth/runtime"}));
  invoker_options.code_folder = [this](const std::string& digest) {
    return code->TreeFolder(digest);
  };
  invoker_options.layers_folder = [this](const std::vector<std::string>& digests) {
    return code->MergedFolder(digests);
  };
  if (options.function_endpoint) {
    invoker_options.endpoint_port = [this] {
      return EndpointPort(address.empty() ? options.listen : address);
    };
    invoker_options.endpoint = [this](io::HttpRequest request, io::HttpResponder responder) {
      gateway.Handle(std::move(request), std::move(responder), aws::Gateway::From::kFunction);
    };
    invoker_options.endpoint_uploader = [this](const io::HttpRequest& head, io::HttpUpload upload) {
      return gateway.Upload(head, std::move(upload), aws::Gateway::From::kFunction);
    };
  }
  invoker = invoker::Invoker::Create(*loop, *zygote, catalog, *logs, std::move(invoker_options));
  usage = std::make_unique<invoker::UsageStore>(*loop, invoker->metrics(), *database, *writer);
  const invoker::LambdaApiOptions api{
      .account = options.account,
      .memory_step = options.memory_step,
      .concurrency = options.concurrency,
      .fetch_code = [this](const invoker::CodeObject& object, invoker::CodeDone done) {
        object_services->FetchCode(object, std::move(done));
      }};
  control = invoker::ControlPlane::Create(*registry, *layers, *invoker, *code, *disk, catalog,
                                          loop->service_clock(), api);
  events = TRY(invoker::AsyncQueue::Open(*loop, *database, *writer, *registry, *invoker));
  downloads = std::make_unique<invoker::CodeDownload>(*code, *disk);
  gateway.RegisterOwn(std::string(invoker::CodeDownload::kPath),
                      [this](aws::Call call) { downloads->Handle(std::move(call)); });
  lambda = invoker::MakeLambdaApi(*control, *registry, *invoker, *code, *disk, *loop, api,
                                  events.get(), downloads.get(), mappings.get());
  gateway.Register(*lambda);
  logs_api = std::make_unique<hearth::logs::LogsApi>(*loop, *logs, options.account);
  gateway.Register(*logs_api);
  urls = invoker::MakeUrlService(*registry, *invoker, clock, options.account);
  gateway.Register(*urls);
  queue_moves = std::make_unique<sqs::MoveTasks>(*loop, *queues);
  queue_api = std::make_unique<sqs::SqsApi>(*loop, *queues, *queue_moves, options.account);
  gateway.Register(*queue_api);
  queue_source = std::make_unique<sqs::QueueSource>(
      sqs::QueueSource::Parts{.loop = *loop,
                              .engine = *queues,
                              .registry = *registry,
                              .invoker = *invoker,
                              .account = options.account,
                              .report = [this](const std::string& uuid, std::string result) {
                                mappings->Report(uuid, std::move(result));
                              }});
  mappings->Attach("sqs", *queue_source);
  events->destinations().Attach("sqs", sqs::MakeQueueTarget(*queues, options.account),
                                sqs::MakeQueueAdmission(*queues, options.account));
  object_services = std::make_unique<ObjectServices>(ObjectServices::Parts{
      *loop, *objects, *registry, *events, options.account, options.webhook_token});
  object_services->Register(gateway);
  event_services =
      TRY(EventServices::Open({*loop, *events, *registry, options.account, options.state_folder}));
  event_services->Register(gateway);
  stacks = TRY(stacks::StacksApi::Create(
      {*control, *registry, *code, *disk, loop->service_clock(), options.account,
       events->destinations(), *queues, *mappings, *objects, event_services->buses(),
       event_services->archives(), event_services->scheduler()},
      *database, *writer));
  TRY(CollectCode());
  stacks->Recover([](const std::vector<std::string>& report) {
    for (const std::string& line : report) HLOG_WARN("{}", line);
  });
  stacks->Register(gateway);
  admin = std::make_unique<AdminApi>(
      AdminApi::Parts{*loop, options, *zygote, *registry, *invoker, *control, *logs, usage.get()});
  admin->Register(gateway);
  ServeClock();
  return {};
}

void Host::Parts::ServeClock() {
  if (virtual_time != nullptr) {
    virtual_time->Attach(*loop, *disk, [this] {
      return invoker->IsQuiet() && events->IsQuiet() && queues->IsQuiet() &&
             queue_moves->IsQuiet() && queue_source->IsQuiet() && object_services->IsQuiet() &&
             event_services->IsQuiet() && writer->pending() == 0 && disk->pending() == 0;
    });
  }
  clock_api = std::make_unique<ClockApi>(loop->service_clock(), virtual_time.get());
  clock_api->Register(gateway);
}

// Removes code that nothing refers to any more. Only here, before the first request: later, code
// may be stored whose function is not committed yet.
Result<void> Host::Parts::CollectCode() {
  std::set<std::string> used = stacks->CodeInUse();
  used.merge(invoker::CodeInUse(*registry));
  used.merge(invoker::CodeInUse(*layers));
  const size_t removed = TRY(code->Collect(used));
  if (removed > 0) HLOG_INFO("removed the code of {} older revisions", removed);
  const auto lists = invoker::LayersInUse(*registry);
  TRY(code->CollectMerged(lists));
  for (const auto& digests : lists) {
    if (const auto merged = code->Merge(digests); !merged) {
      HLOG_WARN("a function's layers are not whole: {}", merged.error().ToString());
    }
  }
  return {};
}

Result<void> Host::Parts::Listen() {
  io::HttpServerOptions server_options;
  server_options.uploader = [this](const io::HttpRequest& head, io::HttpUpload upload) {
    return gateway.Upload(head, std::move(upload));
  };
  server = std::make_unique<io::HttpServer>(
      *loop, std::move(server_options),
      [this](io::HttpRequest request, io::HttpResponder responder) {
        gateway.Handle(std::move(request), std::move(responder));
      });
  auto bound = server->Listen(options.listen);
  if (!bound) {
    // The loop lets go of what was bound before the server ends.
    bool closed = false;
    server->Close([&closed] { closed = true; });
    loop->RunUntil([&closed] { return closed; });
    return std::unexpected(bound.error());
  }
  address = *bound;
  return {};
}

Result<void> Host::Parts::WatchSignals() {
  const sigset_t set = StopSignals();
  signals.Reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!signals.valid()) return base::SystemError("signalfd");
  signal_watcher =
      TRY(io::FdWatcher::Create(*loop, signals.get(), io::FdWatcher::kReadable, [this](int) {
        struct signalfd_siginfo info{};
        while (::read(signals.get(), &info, sizeof info) == sizeof info) {
          if (!stopping) HLOG_INFO("signal {}: draining", info.ssi_signo);
          Stop();
        }
      }));
  zygote_watcher = TRY(io::FdWatcher::Create(*loop, zygote->fd(), io::FdWatcher::kReadable,
                                             [this](int) { zygote->OnReadable(); }));
  zygote->OnLost([this] {
    zygote_watcher->SetEvents(0);
    RefuseLaunches();
    if (stopping) return;
    HLOG_ERROR("the zygote is gone: no sandbox can be made; ending, for a supervisor to restart");
    lost_zygote = true;
    Stop();
  });
  return {};
}

// Nothing wakes the client of a lost zygote, and it still owes an answer to each launch that came
// after: the drain waits for them. Goes on until the loop has stopped, a few turns later.
void Host::Parts::RefuseLaunches() {
  loop->Post([this] {
    zygote->OnReadable();
    RefuseLaunches();
  });
}

void Host::Parts::Stop() {
  if (stopping) return;
  stopping = true;
  admin->SetDraining();
  admin->ReleaseWaiters();
  queues->EndWaits();
  const auto deadline =
      base::Deadline::After(clock, lost_zygote ? base::Duration::zero() : options.drain_timeout);
  // The gate: what is already accepted is answered, nothing new is.
  auto left = std::make_shared<int>(3);
  const auto part_done = [this, left] {
    if (--*left == 0) FinishStop();
  };
  // Sandboxes end through the zygote: one that answers no more must not keep hearthd for ever.
  last_resort = std::make_unique<io::Timer>(*loop);
  last_resort->Start(deadline.Remaining(clock) + kZygotePatience, [this] {
    HLOG_ERROR("sandboxes do not end: the zygote (pid {}) is killed", zygote->pid());
    if (::kill(zygote->pid(), SIGKILL) != 0) {
      HLOG_ERROR("{}", base::SystemError("kill the zygote").error().ToString());
    }
  });
  queue_source->Drain(part_done);
  invoker->Drain(deadline, [this, part_done] {
    last_resort->Start(kLastAnswers, [this] { server->CloseNow(nullptr); });
    server->Close([part_done] { part_done(); });
    part_done();
  });
}

void Host::Parts::FinishStop() {
  if (virtual_time != nullptr) virtual_time->Stop();
  last_resort->Cancel();
  usage->Flush([this] { logs->Flush([this](const auto&) { loop->Stop(); }); });
}

Host::Host(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Host>> Host::Start(const Options& options) {
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  RaiseDescriptorLimit();
  TRY(parts->LockState());
  TRY(parts->StartZygote());
  // From here on threads may start: each inherits the mask, so only the signalfd sees these.
  const sigset_t set = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (!options.user.empty()) TRY(DropPrivilege(options.user, options.state_folder));
  parts->catalog = runtime::Catalog::Probe();
  if (options.is_clock_virtual) {
    parts->virtual_time = TRY(VirtualTime::Open(options.state_folder, parts->clock.WallNow()));
    HLOG_WARN("the clock is virtual: it stands at {} until 'hearth clock advance' moves it",
              base::FormatIso8601(parts->virtual_time->clock().WallNow()));
  }
  const base::Clock* service = &parts->clock;
  if (parts->virtual_time != nullptr) service = &parts->virtual_time->clock();
  parts->loop = std::make_unique<io::Loop>(parts->clock, *service);
  TRY(parts->OpenStores());
  TRY(parts->StartServices());
  TRY(parts->WatchSignals());
  TRY(parts->Listen());
  HLOG_INFO("listening on {}; state in {}; {} functions; cgroups {}, /tmp on {}", parts->address,
            options.state_folder, parts->registry->List().size(),
            parts->zygote->machine().cgroup_layout, parts->zygote->machine().tmp_kind);
  return std::unique_ptr<Host>(new Host(std::move(parts)));
}

Host::~Host() = default;

bool Host::Run() {
  parts_->loop->Run();
  return !parts_->lost_zygote;
}

const std::string& Host::address() const { return parts_->address; }

}  // namespace hearth::host
