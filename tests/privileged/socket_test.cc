// A socket in a sandbox's network: what listens inside is reached from outside, and only it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <optional>

#include "tests/privileged/sandbox_harness.h"

namespace hearth::sandbox {
namespace {

using ::testing::HasSubstr;

constexpr uint16_t kPort = 47311;  // Nobody on this machine listens there.

class SocketTest : public SandboxTest {
 protected:
  base::Result<base::UniqueFd> Make(const Sandbox& sandbox) {
    std::optional<base::Result<base::UniqueFd>> answer;
    client_->MakeSocket(sandbox, [&](auto result) { answer = std::move(result); });
    EXPECT_TRUE(RunUntil(*client_, [&] { return answer.has_value(); }));
    return std::move(*answer);
  }

  // 0, or the error of connecting to what listens on that port.
  static int Connect(int socket) {
    struct sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(kPort);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<struct sockaddr*>(&where), sizeof where) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    struct pollfd ready{socket, POLLOUT, 0};
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
    int error = -1;
    socklen_t size = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
  static std::string Read(int socket) {
    struct pollfd ready{socket, POLLIN, 0};
    EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
    char bytes[64];
    const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
    return {bytes, static_cast<size_t>(std::max<ssize_t>(got, 0))};
  }
  static Spec Listening(const std::string& says) {
    return Python("import socket\ns = socket.create_server(('127.0.0.1', " + std::to_string(kPort) +
                  "))\nprint('up', flush=True)\nwhile True:\n    c = s.accept()[0]\n" +
                  "    c.sendall(b'" + says + "')\n    c.close()\n");
  }
};

TEST_F(SocketTest, ReachesWhatListensInItsOwnSandbox) {
  auto first = Launch(Listening("first"));
  ASSERT_TRUE(first.has_value()) << first.error().ToString();
  ASSERT_TRUE(WaitForOutput(**first, "up"));
  auto second = Launch(Listening("second"));
  ASSERT_TRUE(second.has_value()) << second.error().ToString();
  seen_.clear();
  ASSERT_TRUE(WaitForOutput(**second, "up"));
  for (const auto& [live, says] : {std::pair(&**first, "first"), std::pair(&**second, "second")}) {
    const auto socket = Make(*live->sandbox);
    ASSERT_TRUE(socket.has_value()) << socket.error().ToString();
    EXPECT_EQ(Connect(socket->get()), 0);
    EXPECT_EQ(Read(socket->get()), says);
  }
}

TEST_F(SocketTest, IsRefusedWhereNobodyListensAndTheZygoteIsBackInItsOwnNetwork) {
  auto live = Launch(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(live.has_value()) << live.error().ToString();
  ASSERT_TRUE(WaitForOutput(**live, "up"));
  const auto socket = Make(*(*live)->sandbox);
  ASSERT_TRUE(socket.has_value()) << socket.error().ToString();
  EXPECT_EQ(Connect(socket->get()), ECONNREFUSED);
  EXPECT_EQ(OutputOf(Script("echo fine")), "fine\n");
  (*live)->sandbox->Kill();
  ASSERT_TRUE(WaitForExit(**live));
  const auto dead = Make(*(*live)->sandbox);
  ASSERT_FALSE(dead.has_value());
  EXPECT_THAT(dead.error().ToString(), HasSubstr("has ended"));
}

}  // namespace
}  // namespace hearth::sandbox
