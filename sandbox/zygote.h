// Zygote: the server side of ZygoteClient, the whole of the hearth-zygote process.
//
// One thread, one epoll loop. Owns every embryo and sandbox: keeps `pool_size` embryos ready, gives
// each launch request one, reports how it ended, and removes its group. When hearthd's socket ends
// it kills everything, removes everything and returns.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/capture.h"
#include "sandbox/cgroup.h"
#include "sandbox/embryo.h"
#include "sandbox/filler.h"
#include "sandbox/root_image.h"
#include "sandbox/tmp_volume.h"
#include "sandbox/wire.h"

namespace hearth::sandbox {

// The /tmp that embryos of the pool have.
constexpr TmpSize kUsualTmp{base::Bytes::MiB(512), 65536};

// One sandbox from its group's making to its group's removal.
struct Slot {
  enum class State {
    kFilling,    // a filler is at work
    kPreparing,  // the embryo builds what every sandbox has
    kReady,      // in the pool
    kLaunching,  // has its order; not executed yet
    kRunning,    // executed; hearthd knows it
    kEnding,     // dead; its group is being removed
  };
  State state = State::kFilling;
  uint64_t number = 0;     // never reused; names the group
  uint32_t uid_index = 0;  // its range of host uids; reused
  TmpSize tmp;
  Filler filler;
  FilledEmbryo embryo;
  Cgroup group;
  uint64_t launch_id = 0;
  base::MonoTime ordered_at{};
  std::vector<StepTiming> timings;
  std::vector<base::UniqueFd> listeners;
  bool listening = false;  // the kListening report came
};

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
  enum class Source : uint64_t { kHost, kFiller, kFillerExit, kControl, kExit, kCapture };

  Zygote(ZygoteOptions options, base::UniqueFd host, const base::Clock& clock)
      : options_(std::move(options)), host_(std::move(host)), clock_(clock) {}

  base::Result<void> Prepare();
  base::Result<void> LockGroups(const CgroupLayout& layout);
  base::Result<void> LeaveHostsMounts();
  base::Result<void> Watch(int fd, Source source, uint64_t slot, uint32_t events);
  void Unwatch(base::UniqueFd& fd);
  void Dispatch(Source source, Slot& slot);

  // Each handles one readiness.
  void OnHost();
  void OnFiller(Slot& slot);
  void OnFillerExit(Slot& slot);
  void OnControl(Slot& slot);
  void OnExit(Slot& slot);

  void Accept(LaunchPacket packet, std::vector<base::UniqueFd> fds);
  void Adopt(const AdoptPacket& packet);
  void Capture(const CapturePacket& packet, const std::vector<base::UniqueFd>& fds);
  void OnCapture(uint64_t id);
  void Serve();   // gives waiting launches their embryos
  void Refill();  // starts fillers
  base::Result<void> StartSlot(const TmpSize& tmp);
  void Order(Slot& slot, Launch launch);
  base::Result<void> SendOrder(Slot& slot, const Launch& launch);
  void Launched(Slot& slot);
  void FailLaunch(Slot& slot, base::Error error);
  void FailWaiting(const TmpSize& tmp, base::Error error);
  void Transition(Slot& slot, Slot::State to);
  void End(Slot& slot);
  void SweepEnding();
  Slot* FindReady(const TmpSize& tmp);
  Slot* FindRunning(uint64_t launch_id);
  uint32_t FreeUidIndex() const;

  void Send(std::string packet, std::vector<int> fds = {});
  void Flush();

  ZygoteOptions options_;
  base::UniqueFd host_;
  const base::Clock& clock_;
  base::UniqueFd epoll_;
  base::UniqueFd lock_;
  base::UniqueFd own_mounts_;  // This process's mount namespace.
  MachineReport machine_;
  std::unique_ptr<CgroupTree> groups_;
  std::unique_ptr<RootImage> root_;
  std::unique_ptr<TmpVolumes> volumes_;
  std::vector<struct sock_filter> filter_;

  std::map<uint64_t, std::unique_ptr<Slot>> slots_;
  std::deque<Launch> waiting_;
  std::map<uint64_t, Capturer> captures_;  // By the request's id.
  struct Outgoing {
    std::string packet;
    std::vector<base::UniqueFd> fds;
  };
  std::deque<Outgoing> outgoing_;
  uint64_t next_slot_ = 1;
  bool host_gone_ = false;
  int failed_fills_ = 0;
};

}  // namespace hearth::sandbox
