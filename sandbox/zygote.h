// Zygote: the server side of ZygoteClient, the whole of the hearth-zygote process.
//
// One thread, one epoll loop. Owns every embryo and sandbox: keeps embryos ready (zygote_pool.cc),
// gives each launch request one (zygote_launch.cc), reports how it ended, and removes its group.
// When hearthd's socket ends it kills everything, removes everything and returns (zygote_setup.cc).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/capture.h"
#include "sandbox/cgroup.h"
#include "sandbox/closer.h"
#include "sandbox/demand.h"
#include "sandbox/embryo.h"
#include "sandbox/filler.h"
#include "sandbox/root_image.h"
#include "sandbox/slots.h"
#include "sandbox/tmp_volume.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {

// The /tmp that embryos of the pool have.
constexpr TmpSize kUsualTmp{base::Bytes::MiB(512), 65536};

class Zygote {
 public:
  static base::Result<std::unique_ptr<Zygote>> Create(ZygoteOptions options, base::UniqueFd host,
                                                      const base::Clock& clock);
  ~Zygote();
  // Until hearthd's end of the socket is closed.
  base::Result<void> Run();
  const MachineReport& machine() const { return machine_; }

 private:
  struct Launch {
    uint64_t id = 0;
    Spec spec;
    std::vector<int> passed_as;
    std::vector<base::UniqueFd> passed;
    base::MonoTime asked_at{};
  };
  enum class Source : uint64_t { kHost, kFillers, kFillerExit, kControl, kExit, kCapture };

  Zygote(ZygoteOptions options, base::UniqueFd host, const base::Clock& clock)
      : options_(std::move(options)), host_(std::move(host)), clock_(clock) {}

  base::Result<void> Prepare();
  base::Result<void> LockGroups(const CgroupLayout& layout);
  base::Result<void> LeaveHostsMounts();
  void LimitSlots();
  base::Result<void> Watch(int fd, Source source, uint64_t slot, uint32_t events);
  void Unwatch(base::UniqueFd& fd);
  void Dispatch(Source source, Slot& slot);

  // Each handles one readiness.
  void OnHost();
  void OnFillers();
  void OnFillerExit(Slot& slot);
  void OnControl(Slot& slot);
  void OnExit(Slot& slot);

  // One request; an error where it is none.
  base::Result<void> Take(std::string_view packet, std::vector<base::UniqueFd> fds);
  void Accept(LaunchPacket packet, std::vector<base::UniqueFd> fds);
  void Adopt(const AdoptPacket& packet);
  void Capture(const CapturePacket& packet, const std::vector<base::UniqueFd>& fds);
  void MakeSocket(const SocketPacket& packet);
  void Release(uint64_t sandbox);
  void OnCapture(uint64_t id);
  int TimeoutMs();

  // The pool.
  void Serve(const TmpSize& tmp);  // gives waiting launches their embryos
  void Refill();                   // starts fillers
  void FillOne(const TmpSize& tmp);
  void OnFilled(FillerReport report);
  void FailFill(Slot& slot, base::Error error);
  bool IsFull() const;
  size_t PoolTarget();
  void Shrink();
  base::Result<void> StartSlot(const TmpSize& tmp);
  void Transition(Slot& slot, Slot::State to);

  // One launch.
  void Order(Slot& slot, Launch launch);
  base::Result<void> SendOrder(Slot& slot, const Launch& launch);
  base::Result<void> Mount(Slot& slot, const std::vector<BindMount>& mounts, uint64_t tmp_of);
  void Launched(Slot& slot);
  void FailLaunch(Slot& slot, base::Error error);
  void FailWaiting(const TmpSize& tmp, base::Error error);
  void ExpireLaunches();
  void End(Slot& slot);
  void RemoveDead();

  void Send(std::string packet, std::vector<int> fds = {});
  void Flush();
  void WatchHost();

  ZygoteOptions options_;
  base::UniqueFd host_;
  const base::Clock& clock_;
  FillerReports fillers_;
  base::UniqueFd epoll_;
  base::UniqueFd lock_;
  base::UniqueFd own_mounts_;   // This process's mount namespace,
  base::UniqueFd own_network_;  // and network namespace.
  MachineReport machine_;
  std::unique_ptr<CgroupTree> groups_;
  std::unique_ptr<RootImage> root_;
  std::unique_ptr<TmpVolumes> volumes_;
  std::optional<Closer> closer_;
  bool closes_wait_ = false;
  std::vector<struct sock_filter> filter_;

  std::unique_ptr<SlotTable> slots_;
  size_t max_slots_ = 0;
  std::string why_full_;  // what a launch beyond it is told
  // Embryos of one /tmp size and who waits for them. That of the usual size is always there.
  struct Kind {
    std::deque<Launch> waiting;
    std::vector<Slot*> ready;
    size_t coming = 0;  // being filled or preparing
    bool IsUnused() const { return waiting.empty() && ready.empty() && coming == 0; }
  };
  std::map<TmpSize, Kind> kinds_;
  size_t waiting_ = 0;  // over all kinds
  size_t max_waiting_ = 0;
  Demand demand_;
  std::deque<std::pair<base::MonoTime, uint64_t>> launch_deadlines_;  // slot numbers
  std::deque<uint64_t> dead_;       // slots whose group is removed when there is nothing else to do
  base::MonoTime dead_again_at_{};  // a group was still busy
  base::MonoTime quiet_at_{};       // after the last launch
  bool refill_waits_ = false;       // until then
  std::map<uint64_t, Capturer> captures_;         // by the request's id
  std::unordered_map<uint64_t, TmpVolume> kept_;  // of sandboxes that have ended, by launch
  struct Outgoing {
    std::string packet;
    std::vector<base::UniqueFd> fds;
  };
  std::deque<Outgoing> outgoing_;
  bool host_gone_ = false;
  uint32_t host_events_ = 0;  // for which host_ is watched
  int failed_fills_ = 0;
};

}  // namespace hearth::sandbox
