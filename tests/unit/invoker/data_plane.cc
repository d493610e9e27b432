#include "tests/unit/invoker/data_plane.h"

#include "base/result.h"

namespace hearth::invoker::test {
namespace {

using namespace std::chrono_literals;

const runtime::Catalog& MachineCatalog() {
  static const runtime::Catalog catalog = runtime::Catalog::Probe();
  return catalog;
}

}  // namespace

DataPlane::DataPlane()
    : clock(base::WallTime(std::chrono::sys_days{std::chrono::year(2026) / 11 / 24} + 12h)) {
  clock.Advance(1h);
  logs = MUST(LogStore::Open(loop, disk, ""));
  options.memory_budget = base::Bytes::MiB(4096);
  options.runtime_folder = "/share/runtime";
  options.code_folder = [](const std::string& digest) { return "/code/" + digest; };
  options.layers_folder = [](const std::vector<std::string>& digests) {
    return "/merged/" + digests.front() + "+" + digests.back();
  };
}

DataPlane::~DataPlane() {
  invoker_.reset();
  Turn();
}

void DataPlane::SetUp() {
  if (!MachineCatalog().Find("python3.11")) GTEST_SKIP() << "/usr/bin/python3 is missing";
}

Invoker& DataPlane::invoker() {
  if (!invoker_) invoker_ = Invoker::Create(loop, zygote, MachineCatalog(), *logs, options);
  return *invoker_;
}

FunctionRef DataPlane::Function(const std::string& name, FunctionVersion settings) {
  settings.name = name;
  if (settings.runtime.empty()) settings.runtime = "python3.11";
  if (settings.handler.empty()) settings.handler = "app.handler";
  if (settings.revision_id.empty()) settings.revision_id = name + "-1";
  if (settings.code_digest.empty()) settings.code_digest = settings.revision_id;
  return std::make_shared<const FunctionVersion>(std::move(settings));
}

CallPtr DataPlane::Invoke(FunctionRef function, InvokeRequest request) {
  auto call = std::make_shared<Call>();
  call->id = "r" + std::to_string(++requests_);
  request.request_id = call->id;
  request.function = std::move(function);
  if (request.payload.empty()) request.payload = "{}";
  request.received = clock.Now();
  Invoker& data_plane = invoker();
  const bool outer = std::exchange(inside_invoke_, true);
  data_plane.Invoke(std::move(request), [this, call](InvocationResult result) {
    EXPECT_FALSE(inside_invoke_) << "a callback ran inside Invoke";
    ++call->answers;
    call->result = std::move(result);
    if (call->then) call->then();
  });
  inside_invoke_ = outer;
  return call;
}

void DataPlane::Turn() {
  for (int turn = 0; turn < 12; ++turn) loop.RunOnce();
}

void DataPlane::Pass(base::Duration time) {
  Turn();
  clock.Advance(time);
  loop.ClockMoved();
  Turn();
}

void DataPlane::Start(size_t index) {
  process(index).Launched();
  Turn();
  process(index).Ready();
  Turn();
}

void DataPlane::Serve(size_t index, const CallPtr& call) {
  const auto event = process(index).Take();
  ASSERT_TRUE(event) << "process " << index << " has no event";
  ASSERT_EQ(event->request_id, call->id);
  process(index).Respond(event->request_id, event->payload);
  Turn();
  ASSERT_EQ(call->answers, 1);
  ASSERT_EQ(call->status(), InvocationStatus::kSuccess);
}

std::string DataPlane::States() {
  std::string out;
  for (const auto& info : invoker().Instances()) out += (out.empty() ? "" : " ") + info.state;
  return out;
}

std::vector<std::string> DataPlane::Lines(const std::string& name) {
  std::vector<std::string> out;
  for (auto& event : logs->Read("/aws/lambda/" + name, 0, 100000)) {
    out.push_back(std::move(event.message));
  }
  return out;
}

}  // namespace hearth::invoker::test
