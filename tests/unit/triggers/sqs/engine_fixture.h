// An engine on a folder of its own, under a clock that the test moves.
#pragma once

#include <gmock/gmock.h>

#include <optional>

#include "tests/unit/base/temporary_folder.h"
#include "triggers/sqs/log_engine.h"

namespace hearth::sqs::test {

using namespace std::chrono_literals;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { Open(); }
  ~EngineTest() override { Close(); }

  void Open() {
    const auto migrations = QueueMigrations();
    database = MUST(store::Database::Open(folder / "db", migrations));
    writer = std::make_unique<io::Offload>(loop, 1);
    engine = MUST(LogEngine::Open(loop, *database, *writer, folder / "queues", options));
  }
  void Close() {
    engine.reset();
    writer.reset();
    database.reset();
  }
  void Reopen() {
    Close();
    Open();
  }
  void Pass(base::Duration time) {
    service.Advance(time);
    loop.ClockMoved();
  }

  template <typename T>
  T Wait(std::optional<T>& result) {
    loop.RunUntil([&] { return result.has_value(); });
    return std::move(*result);
  }
  base::Result<void> Create(const std::string& name, const Attributes& attributes = {}) {
    std::optional<base::Result<void>> result;
    auto settings = ReadSettings(attributes);
    EXPECT_TRUE(settings.has_value()) << (settings ? "" : settings.error().message);
    engine->Create({.name = name, .settings = settings.value_or(QueueSettings())},
                   [&](base::Result<void> done) { result = std::move(done); });
    return Wait(result);
  }
  base::Result<std::vector<SentMessage>> Send(const std::string& queue,
                                              std::vector<OutgoingMessage> messages) {
    std::optional<base::Result<std::vector<SentMessage>>> result;
    engine->Send(queue, std::move(messages), [&](auto sent) { result = std::move(sent); });
    return Wait(result);
  }
  void SendBody(const std::string& queue, const std::string& body) {
    ASSERT_TRUE(Send(queue, {{.body = body}}).has_value());
  }
  void SendFifo(const std::string& queue, const std::string& group, const std::string& body) {
    ASSERT_TRUE(
        Send(queue, {{.body = body, .group = group, .deduplication_id = body}}).has_value());
  }
  std::vector<ReceivedMessage> Receive(const std::string& queue, size_t most = 10,
                                       const std::string& attempt = {}) {
    std::optional<base::Result<std::vector<ReceivedMessage>>> result;
    engine->Receive(queue, {.most = most, .attempt_id = attempt},
                    [&](auto received) { result = std::move(received); });
    return MUST(Wait(result));
  }
  std::vector<std::string> Bodies(const std::string& queue, size_t most = 10) {
    std::vector<std::string> out;
    for (const auto& each : Receive(queue, most)) out.push_back(each.body);
    return out;
  }
  HandleOutcome Delete(const std::string& queue, const std::string& handle) {
    std::optional<std::vector<HandleOutcome>> result;
    engine->Delete(queue, {handle}, [&](auto outcomes) { result = std::move(outcomes); });
    return Wait(result).front();
  }
  HandleOutcome Change(const std::string& queue, const std::string& handle, int64_t seconds) {
    std::optional<std::vector<HandleOutcome>> result;
    engine->ChangeVisibility(queue, {{handle, seconds}},
                             [&](auto outcomes) { result = std::move(outcomes); });
    return Wait(result).front();
  }
  // Until nothing is being written.
  void Settle() {
    loop.RunOnce();
    loop.RunUntil([&] { return engine->IsQuiet(); });
    loop.RunOnce();
  }

  hearth::test::TemporaryFolder folder;
  base::SystemClock machine;
  base::VirtualClock service{base::WallTime(std::chrono::seconds(1764000000))};
  io::Loop loop{machine, service};
  SegmentLogOptions options{.segment_bytes = 1 << 20, .reserve_bytes = 64 << 10};
  std::unique_ptr<store::Database> database;
  std::unique_ptr<io::Offload> writer;
  std::unique_ptr<LogEngine> engine;
};

}  // namespace hearth::sqs::test
