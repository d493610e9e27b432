// sandboxes: what making, holding and ending sandboxes costs, without hearthd around them.
//
//   sandboxes burst  --count 100 --rounds 5    all at once: until the last one runs
//   sandboxes churn  --count 1000 --at-once 8  made and killed at once: how many a second and core
//   sandboxes spaced --count 40 --gap-ms 150   one after the other, with a pause between
//   sandboxes live   --count 5000              kept: memory of each, CPU of the zygote as they grow
//
// Drives the real zygote through ZygoteClient, as hearthd does; each sandbox runs native_idle.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "bench/machine.h"
#include "sandbox/zygote_client.h"

namespace hearth::bench {
namespace {

using std::chrono::milliseconds;

struct Options {
  std::string mode;
  size_t count = 100;
  size_t rounds = 5;
  size_t at_once = 8;
  size_t gap_ms = 150;
  size_t pool_size = 4;
  std::string executable;  // of each sandbox; native_idle where empty
};

double Ms(base::Duration duration) { return std::chrono::duration<double>(duration).count() * 1e3; }

// `part` of 1 of the sorted values lie below.
double Quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<size_t>(part * values.size()))];
}

class Bench {
 public:
  static base::Result<std::unique_ptr<Bench>> Create(const Options& options) {
    std::unique_ptr<Bench> out(new Bench(options));
    const auto own = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    const std::string tag = base::NewHexId(8);
    out->zygote_options_.program = (own / "hearth-zygote").string();
    out->zygote_options_.state_folder = "/var/tmp/hearth-bench-" + tag;
    out->zygote_options_.cgroup_name = "hearth-bench-" + tag;
    out->zygote_options_.pool_size = options.pool_size;
    out->code_ = out->zygote_options_.state_folder + "-code";
    TRY(base::MakeFolders(out->code_, 0755));
    std::filesystem::copy(own / "native_idle", out->code_ + "/bootstrap");
    out->client_ = TRY(sandbox::ZygoteClient::Start(out->zygote_options_));
    return out;
  }
  ~Bench() {
    live_.clear();
    client_.reset();
    (void)base::RemoveTree(zygote_options_.state_folder);
    (void)base::RemoveTree(code_);
  }

  int Run() {
    if (options_.mode == "burst") return Burst();
    if (options_.mode == "churn") return Churn();
    if (options_.mode == "spaced") return Spaced();
    return Live();
  }

 private:
  explicit Bench(const Options& options) : options_(options) {}

  sandbox::Spec MakeSpec() const {
    sandbox::Spec spec;
    spec.name = "idle";
    spec.cpu_permille = 1000;
    spec.executable = options_.executable.empty() ? "/var/task/bootstrap" : options_.executable;
    spec.argv = {"bootstrap"};
    if (!options_.executable.empty()) {
      spec.argv = {"python3", "-c", "import time\nwhile True: time.sleep(1000)"};
    }
    spec.environment = {"PATH=/usr/bin:/bin"};
    spec.mounts = {{code_, "/var/task"}};
    return spec;
  }

  void Launch(std::function<void(sandbox::Sandbox&)> then = {}) {
    ++asked_;
    client_->Launch(MakeSpec(), {}, [this, then](auto result) {
      ++answered_;
      if (!result) {
        if (++failed_ == 1) std::printf("failed: %s\n", result.error().ToString().c_str());
        return;
      }
      for (const auto& timing : (*result)->timings()) {
        steps_[timing.step].push_back(Ms(timing.took));
      }
      const uint64_t id = (*result)->id();
      (*result)->OnExit([this, id](sandbox::Outcome) {
        ++exited_;
        ended_.push_back(id);
      });
      auto& kept = live_[id] = std::move(*result);
      if (then) then(*kept);
    });
  }

  void Turn(int wait_ms) {
    struct pollfd ready{client_->fd(), POLLIN, 0};
    if (::poll(&ready, 1, wait_ms) > 0) client_->OnReadable();
    for (const uint64_t id : std::exchange(ended_, {})) live_.erase(id);
  }
  void Until(const std::function<bool()>& done) {
    while (!done()) Turn(1000);
  }
  // Lets `gap` pass while the zygote does what it does.
  void Pause(base::Duration gap) {
    const auto deadline = base::Deadline::After(clock_, gap);
    while (!deadline.HasPassed(clock_)) {
      Turn(static_cast<int>(std::max<double>(1, Ms(deadline.Remaining(clock_)))));
    }
  }
  void EndAll() {
    for (auto& [id, one] : live_) one->Kill();
    Until([this] { return live_.empty(); });
  }

  int Burst() {
    std::vector<double> walls;
    for (size_t round = 0; round < options_.rounds; ++round) {
      Pause(milliseconds(1000));
      const auto began = clock_.Now();
      for (size_t i = 0; i < options_.count; ++i) Launch();
      Until([this] { return answered_ == asked_; });
      walls.push_back(Ms(clock_.Now() - began));
      std::printf("%zu at once: %.0f ms\n", options_.count, walls.back());
      EndAll();
    }
    std::printf("median %.0f ms (%.0f - %.0f)\n", Quantile(walls, 0.5), Quantile(walls, 0),
                Quantile(walls, 1));
    PrintSteps();
    return failed_ > 0;
  }

  int Churn() {
    Pause(milliseconds(1000));
    const CpuTime cpu = ReadMachineCpu();
    const double zygote = ProcessCpu(client_->pid());
    const double children = ReapedCpu(client_->pid());
    const auto began = clock_.Now();
    const auto kill = [](sandbox::Sandbox& one) { one.Kill(); };
    while (exited_ + failed_ < options_.count) {
      while (asked_ < options_.count && asked_ - exited_ - failed_ < options_.at_once) Launch(kill);
      Turn(1000);
    }
    const double seconds = Ms(clock_.Now() - began) / 1e3;
    const CpuTime spent = ReadMachineCpu() - cpu;
    const double count = static_cast<double>(options_.count);
    std::printf(
        "%.0f/s; machine busy %.2f of %ld cores: %.0f/s a core, %.2f ms of CPU each "
        "(user %.2f, system %.2f, interrupts %.2f)\n",
        count / seconds, spent.busy() / seconds, ::sysconf(_SC_NPROCESSORS_ONLN),
        count / spent.busy(), spent.busy() / count * 1e3, spent.user / count * 1e3,
        spent.system / count * 1e3, spent.interrupts / count * 1e3);
    std::printf(
        "of these the zygote %.2f, its children %.2f; the rest: kernel threads, this program, "
        "and others on this machine\n",
        (ProcessCpu(client_->pid()) - zygote) / count * 1e3,
        (ReapedCpu(client_->pid()) - children) / count * 1e3);
    PrintSteps();
    return failed_ > 0;
  }

  int Spaced() {
    std::vector<double> walls;
    for (size_t i = 0; i < options_.count; ++i) {
      Pause(milliseconds(options_.gap_ms));
      const auto began = clock_.Now();
      Launch();
      Until([this] { return answered_ == asked_; });
      walls.push_back(Ms(clock_.Now() - began));
      EndAll();
    }
    std::printf("%zu ms apart: p50 %.2f ms, p90 %.2f, p99 %.2f\n", options_.gap_ms,
                Quantile(walls, 0.5), Quantile(walls, 0.9), Quantile(walls, 0.99));
    PrintSteps();
    return failed_ > 0;
  }

  int Live() {
    Pause(milliseconds(1000));
    const Memory empty = ReadMemory();
    CpuTime cpu = ReadMachineCpu();
    double zygote = ProcessCpu(client_->pid());
    auto began = clock_.Now();
    const size_t step = std::max<size_t>(1, options_.count / 10);
    for (size_t made = 0; made < options_.count && failed_ == 0; made += step) {
      for (size_t i = 0; i < step; ++i) {
        Launch();
        Until([this] { return asked_ - answered_ < options_.at_once; });
      }
      Until([this] { return answered_ == asked_; });
      const auto now = clock_.Now();
      const CpuTime spent = ReadMachineCpu() - std::exchange(cpu, ReadMachineCpu());
      const double own = ProcessCpu(client_->pid());
      std::printf("%zu live: %.0f/s, %.2f ms of CPU each, the zygote itself %.3f ms each\n",
                  live_.size(), step / (Ms(now - std::exchange(began, now)) / 1e3),
                  spent.busy() / step * 1e3, (own - std::exchange(zygote, own)) / step * 1e3);
      std::fflush(stdout);
    }
    Pause(milliseconds(2000));
    const Memory full = ReadMemory();
    const double count = static_cast<double>(live_.size());
    std::printf(
        "each of %zu: %.0f KiB of the machine (slab %.0f, percpu %.0f, stacks %.0f, page "
        "tables %.0f), PSS %.0f KiB\n",
        live_.size(), (full.used_kib - empty.used_kib) / count,
        (full.slab_kib - empty.slab_kib) / count, (full.percpu_kib - empty.percpu_kib) / count,
        (full.stack_kib - empty.stack_kib) / count, (full.table_kib - empty.table_kib) / count,
        ProportionalKib(live_.begin()->second->pid()));
    std::printf("this process: %zu descriptors; the zygote: %zu\n", CountDescriptors(::getpid()),
                CountDescriptors(client_->pid()));
    const auto ending = clock_.Now();
    EndAll();
    std::printf("all ended after %.1f s\n", Ms(clock_.Now() - ending) / 1e3);
    return failed_ > 0;
  }

  void PrintSteps() const {
    for (const auto& [step, times] : steps_) {
      std::printf("  %-24s p50 %.3f ms, p90 %.3f\n", step.c_str(), Quantile(times, 0.5),
                  Quantile(times, 0.9));
    }
  }

  Options options_;
  base::SystemClock clock_;
  sandbox::ZygoteOptions zygote_options_;
  std::string code_;
  std::unique_ptr<sandbox::ZygoteClient> client_;
  std::map<uint64_t, std::unique_ptr<sandbox::Sandbox>> live_;
  std::vector<uint64_t> ended_;
  std::map<std::string, std::vector<double>> steps_;
  size_t asked_ = 0, answered_ = 0, exited_ = 0, failed_ = 0;
};

int Main(int argc, char** argv) {
  Options options;
  if (argc > 1) options.mode = argv[1];
  const std::map<std::string, size_t*> numbers = {{"--count", &options.count},
                                                  {"--rounds", &options.rounds},
                                                  {"--at-once", &options.at_once},
                                                  {"--gap-ms", &options.gap_ms},
                                                  {"--pool", &options.pool_size}};
  bool good = options.mode == "burst" || options.mode == "churn" || options.mode == "spaced" ||
              options.mode == "live";
  for (int i = 2; i + 1 < argc && good; i += 2) {
    const auto found = numbers.find(argv[i]);
    if (found != numbers.end()) {
      *found->second = std::strtoul(argv[i + 1], nullptr, 10);
    } else if (std::string_view(argv[i]) == "--executable") {
      options.executable = argv[i + 1];
    } else {
      good = false;
    }
  }
  if (!good) {
    std::fprintf(stderr,
                 "usage: sandboxes burst|churn|spaced|live [--count N] [--rounds N] "
                 "[--at-once N] [--gap-ms N] [--pool N] [--executable /usr/bin/python3]\n");
    return 2;
  }
  auto bench = Bench::Create(options);
  if (!bench) {
    std::fprintf(stderr, "sandboxes: %s\n", bench.error().ToString().c_str());
    return 1;
  }
  return (*bench)->Run();
}

}  // namespace
}  // namespace hearth::bench

int main(int argc, char** argv) { return hearth::bench::Main(argc, argv); }
