// Process images: what was one process goes on in many sandboxes, each on its own.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <optional>

#include "base/file.h"
#include "base/sys.h"
#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;

// Answers each order with its own state: how many orders, its process number, what lies in /tmp.
constexpr char kProgram[] = R"(
import os, signal
count = 0
big = list(range(50000))
%s
print("up", flush=True)
while True:
    order = os.read(3, 100).decode()
    if not order: break
    count += 1
    if order == "write": open("/tmp/mine", "w").write("x")
    if order == "grow": big += range(1000000)
    if order == "give back":
        import ctypes
        libc = ctypes.CDLL(None)
        print([libc.madvise(ctypes.c_void_p(at & ~4095), 4096, 4)
               for at in (id(big), id(ctypes.create_string_buffer(9)))])
    if order == "recurse":
        def down(n): return 0 if n == 0 else 1 + down(n - 1)
        count += 0 * down(900)
    print(order, count, os.getpid(), sum(big[:50000]), os.listdir("/tmp"), end=";\n", flush=True)
)";

std::string Program(const std::string& more) {
  std::string out = kProgram;
  return out.replace(out.find("%s"), 2, more);
}

struct Waiter {
  std::unique_ptr<Live> live;
  base::UniqueFd orders;
};

class ImageTest : public SandboxTest {
 protected:
  Waiter Start(const Spec& spec, int image = -1) {
    auto [mine, its] = MUST(base::sys::SocketPair(base::sys::SocketType::kStream));
    std::vector<PassedFd> fds{{its.get(), 3}};
    if (image >= 0) fds.push_back({image, kImageFd});
    auto live = Launch(spec, fds);
    EXPECT_TRUE(live.has_value()) << live.error().ToString();
    if (!live) return {};
    return {std::move(*live), std::move(mine)};
  }
  Waiter StartProgram(const std::string& more = "") {
    Waiter out = Start(Python(Program(more)));
    EXPECT_TRUE(WaitForOutput(*out.live, "up\n"));
    return out;
  }
  Waiter Restore(int image) {
    Spec spec = Script("");
    spec.executable = kRestoreProgram;
    spec.argv = {"restore"};
    return Start(spec, image);
  }
  base::Result<base::UniqueFd> Capture(const Waiter& waiter) {
    base::UniqueFd image(::memfd_create("image", MFD_CLOEXEC));
    std::optional<base::Result<void>> answer;
    client_->Capture(*waiter.live->sandbox, image.get(), {.last_descriptor = 3},
                     [&](auto r) { answer = std::move(r); });
    EXPECT_TRUE(RunUntil(*client_, [&] { return answer.has_value(); }));
    TRY(std::move(*answer));
    return image;
  }
  std::string Order(Waiter& waiter, const std::string& order) {
    EXPECT_TRUE(base::WriteAll(waiter.orders.get(), order).has_value());
    EXPECT_TRUE(WaitForOutput(*waiter.live, ";\n")) << seen_;
    return seen_;
  }
  std::string Refusal(const std::string& more) {
    const Waiter waiter = StartProgram(more);
    const auto image = Capture(waiter);
    return image ? "no refusal" : image.error().text;
  }
};

TEST_F(ImageTest, WhatWasOneProcessGoesOnInMany) {
  Waiter first = StartProgram();
  EXPECT_EQ(Order(first, "one"), "one 1 1 1249975000 [];\n");
  const auto image = Capture(first);
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  Waiter second = Restore(image->get());
  Waiter third = Restore(image->get());
  EXPECT_EQ(Order(second, "write"), "write 2 1 1249975000 ['mine'];\n");
  EXPECT_EQ(Order(third, "two"), "two 2 1 1249975000 [];\n") << "/tmp or memory is shared";
  EXPECT_EQ(Order(second, "grow"), "grow 3 1 1249975000 ['mine'];\n");
  EXPECT_EQ(Order(second, "recurse"), "recurse 4 1 1249975000 ['mine'];\n");
  EXPECT_EQ(Order(first, "three"), "three 2 1 1249975000 [];\n") << "the original goes on";
  third.orders.Reset();
  EXPECT_TRUE(WaitForExit(*third.live));
  EXPECT_EQ(third.live->outcome->kind, Outcome::Kind::kExited);
  EXPECT_EQ(third.live->outcome->exit_status, 0);
}

TEST_F(ImageTest, ARestoredProcessIsConfinedAsAnyOther) {
  Waiter first = StartProgram();
  const auto image = Capture(first);
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  Waiter second = Restore(image->get());
  Order(second, "one");
  const std::string folder = "/proc/" + std::to_string(second.live->sandbox->pid());
  const std::string status = MUST(base::ReadFile(folder + "/status"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(status, HasSubstr("Name:\tpython3"));
  // The image itself is closed: nobody inside can write what others map.
  for (const auto& entry : {"5", "198"}) {
    EXPECT_FALSE(base::FileExists(folder + "/fd/" + entry)) << entry;
  }
}

TEST_F(ImageTest, AnImageOutlivesTheProcessItWasMadeOf) {
  Waiter first = StartProgram();
  const auto image = Capture(first);
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  first.live->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(*first.live));
  Waiter second = Restore(image->get());
  EXPECT_EQ(Order(second, "one"), "one 1 1 1249975000 [];\n");
}

TEST_F(ImageTest, AnImageOfARestoredProcessIsAsGood) {
  Waiter first = StartProgram();
  const auto image = Capture(first);
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  Waiter second = Restore(image->get());
  Order(second, "one");
  const auto again = Capture(second);
  ASSERT_TRUE(again.has_value()) << again.error().ToString();
  Waiter third = Restore(again->get());
  EXPECT_EQ(Order(third, "two"), "two 2 1 1249975000 [];\n");
}

TEST_F(ImageTest, WhatIsNotInItsMemoryIsRefusedWithTheReason) {
  EXPECT_THAT(Refusal("import threading, time\n"
                      "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()"),
              HasSubstr("2 threads"));
  EXPECT_THAT(Refusal("f = open('/tmp/own', 'w')"), HasSubstr("/tmp/own"));
  EXPECT_THAT(Refusal("f = open('/proc/self/status')"), HasSubstr("/status"));
  EXPECT_THAT(Refusal("import socket\ns = socket.socket()"), HasSubstr("socket:"));
  EXPECT_THAT(Refusal("import subprocess\nsubprocess.Popen(['sleep', '1000'])"),
              HasSubstr("child processes"));
  EXPECT_THAT(Refusal("import mmap\nm = mmap.mmap(-1, 4096)"), HasSubstr("shared memory"));
}

TEST_F(ImageTest, WhatCostsTheProcessNothingCannotFillTheDisk) {
  // Pages that were only read are all the same page of zeros; the image would hold each.
  EXPECT_THAT(Refusal("import mmap\nm = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE)\n"
                      "m.madvise(mmap.MADV_NOHUGEPAGE)\n"
                      "for at in range(0, 1 << 30, 4096): m[at]"),
              HasSubstr("memory is too large"));
  EXPECT_THAT(Refusal("import mmap, os\nf = os.open('/tmp/holes', os.O_RDWR | os.O_CREAT)\n"
                      "os.truncate(f, 1 << 30)\n"
                      "m = mmap.mmap(f, 1 << 30, flags=mmap.MAP_PRIVATE)\nos.close(f)\n"
                      "for at in range(0, 1 << 30, 4096): m[at]"),
              HasSubstr("too large"));
  EXPECT_THAT(Refusal("import mmap\n"
                      "m = mmap.mmap(-1, 1 << 37, flags=mmap.MAP_PRIVATE | 0x4000, prot=0)"),
              HasSubstr("reserved too much memory"));
}

TEST_F(ImageTest, FilesThatEverySandboxHasAreOpenedAgainWhereTheyStood) {
  Waiter first = StartProgram(
      "f = open('/etc/passwd', 'rb', buffering=0); f.seek(2)\n"
      "u = open('/dev/urandom', 'rb', buffering=0)\nd = os.open('/usr', os.O_RDONLY)\n"
      "class Counting(int):\n"
      "    def __add__(self, more):\n"
      "        good = len(u.read(4)) == 4 and 'bin' in os.listdir(d) and f.read(4) == b'ot:x'\n"
      "        return Counting(int(self) + more * good)\n"
      "count = Counting(0)");
  const auto image = Capture(first);
  ASSERT_TRUE(image.has_value()) << image.error().ToString();
  Waiter second = Restore(image->get());
  Waiter third = Restore(image->get());
  EXPECT_EQ(Order(second, "one"), "one 1 1 1249975000 [];\n");
  EXPECT_EQ(Order(third, "two"), "two 1 1 1249975000 [];\n") << "each has its own place in a file";
}

TEST_F(ImageTest, AProcessThatDoesNotWaitIsRefused) {
  Waiter busy = Start(Python("print('up', flush=True)\nwhile True: pass"));
  ASSERT_TRUE(WaitForOutput(*busy.live, "up\n"));
  const auto image = Capture(busy);
  ASSERT_FALSE(image.has_value());
  EXPECT_THAT(image.error().text, HasSubstr("does not wait"));
}

TEST_F(ImageTest, GarbageIsNoImage) {
  const base::UniqueFd image(::memfd_create("image", MFD_CLOEXEC));
  ASSERT_TRUE(base::WriteAll(image.get(), std::string(100'000, 'x')).has_value());
  Waiter waiter = Restore(image.get());
  EXPECT_TRUE(WaitForExit(*waiter.live));
  EXPECT_EQ(waiter.live->outcome->exit_status, kRestoreFailed);
  EXPECT_THAT(ReadAll(*waiter.live), HasSubstr("hearth-restore: read the header"));
}

}  // namespace
}  // namespace hearth::sandbox
