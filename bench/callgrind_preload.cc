// Preloaded by bench/callgrind into a hearthd that valgrind runs. Valgrind 3.19 knows neither
// clone3 nor pidfds, with which hearthd starts its zygote and sees it end. Here these calls become
// what valgrind knows: unshare and fork; a pipe that ends with the child; wait and kill by its pid.
// The zygote itself runs as ever, outside valgrind.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

pid_t zygote = 0;
int zygote_pidfd = -1;  // The pipe's end that stands for it.

template <typename Function>
Function Real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

long StartZygote(int* pidfd) {
  int ends[2];
  const int home = ::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  if (home < 0 || ::pipe(ends) != 0 || ::unshare(CLONE_NEWPID) != 0) return -1;
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  zygote = ::fork();
  if (zygote == 0) {
    ::unsetenv("LD_PRELOAD");  // It and what comes from it do not inherit this library.
    return 0;
  }
  // A process whose children go elsewhere may make no threads.
  if (zygote < 0 || ::setns(home, CLONE_NEWPID) != 0) return -1;
  ::close(home);
  ::close(ends[1]);
  *pidfd = zygote_pidfd = ends[0];
  return zygote;
}

}  // namespace

extern "C" long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long args[6];
  for (long& arg : args) arg = va_arg(list, long);
  va_end(list);
  if (number == SYS_clone3) {
    const auto* wanted = reinterpret_cast<const struct clone_args*>(args[0]);
    if (wanted->flags == (CLONE_NEWPID | CLONE_PIDFD)) {
      return StartZygote(reinterpret_cast<int*>(wanted->pidfd));
    }
  }
  if (number == SYS_pidfd_send_signal && args[0] == zygote_pidfd) {
    return ::kill(zygote, static_cast<int>(args[1]));
  }
  static const auto real = Real<long (*)(long, ...)>("syscall");
  return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

extern "C" int waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  if (type == P_PIDFD && static_cast<int>(id) == zygote_pidfd) {
    type = P_PID;
    id = static_cast<id_t>(zygote);
  }
  static const auto real = Real<int (*)(idtype_t, id_t, siginfo_t*, int)>("waitid");
  return real(type, id, info, options);
}
