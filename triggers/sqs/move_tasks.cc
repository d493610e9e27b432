#include "triggers/sqs/move_tasks.h"

#include <algorithm>

#include "base/digest.h"
#include "base/id.h"
#include "base/json.h"

namespace hearth::sqs {
namespace {

constexpr size_t kKept = 10;  // AWS: of a source, for List.

}  // namespace

struct MoveTasks::Running {
  explicit Running(io::Loop& loop) : timer(loop, io::Time::kService) {}
  MoveTask task;
  io::Timer timer;  // To the next one, where there is a rate.
  bool is_moving = false;
};

MoveTasks::MoveTasks(io::Loop& loop, QueueEngine& engine) : loop_(loop), engine_(engine) {}
MoveTasks::~MoveTasks() = default;

std::expected<std::string, std::string> MoveTasks::Start(MoveOrder order) {
  size_t running = 0;
  for (const auto& [_, tasks] : tasks_) {
    running += static_cast<size_t>(
        std::ranges::count(tasks, "RUNNING", [](const auto& each) { return each->task.status; }));
  }
  // What is still known of queues that are gone.
  std::erase_if(tasks_, [this](const auto& each) {
    const bool is_moving =
        std::ranges::any_of(each.second, [](const auto& task) { return task->is_moving; });
    return !is_moving && engine_.Find(each.first) == nullptr;
  });
  auto& of_source = tasks_[order.source];
  if (!of_source.empty() && of_source.front()->task.status == "RUNNING") {
    return std::unexpected(
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time.");
  }
  if (running >= limits::kMaxMoveTasks) {
    return std::unexpected("The maximum number of active message movement tasks is 100.");
  }
  auto made = std::make_shared<Running>(loop_);
  const QueueCounts counts = engine_.Counts(order.source);
  made->task = {.handle = base::Base64Encode(base::ToJsonText(
                    {{"taskId", base::NewUuid()}, {"sourceArn", order.source_arn}})),
                .order = std::move(order),
                .status = "RUNNING",
                .to_move = static_cast<int64_t>(counts.ready),
                .started_ms = base::EpochMillis(loop_.service_clock().WallNow())};
  of_source.push_front(made);
  if (of_source.size() > kKept) of_source.pop_back();
  Move(made);
  return made->task.handle;
}

void MoveTasks::Move(const std::shared_ptr<Running>& running) {
  running->is_moving = true;
  engine_.MoveOne(running->task.order.source, running->task.order.target,
                  [this, alive = std::weak_ptr<bool>(alive_), running](base::Result<bool> moved) {
                    if (!alive.expired()) OnMoved(running, moved);
                  });
}

void MoveTasks::OnMoved(const std::shared_ptr<Running>& running, const base::Result<bool>& moved) {
  MoveTask& task = running->task;
  running->is_moving = false;
  if (moved.value_or(false)) ++task.moved;
  if (task.status != "RUNNING") return;
  if (!moved) {
    task.status = "FAILED";
    task.failure = moved.error().kind == base::ErrorKind::kNotFound
                       ? "AWS.SimpleQueueService.NonExistentQueue"
                       : "InternalFailure: " + moved.error().text;
  } else if (!*moved || task.moved >= task.to_move) {
    // What came after the start is not its: else a message that fails again would go round.
    task.status = "COMPLETED";
  } else if (task.order.rate) {
    running->timer.Start(std::chrono::microseconds(1000000 / *task.order.rate),
                         [this, next = std::weak_ptr<Running>(running)] {
                           if (const auto still = next.lock()) Move(still);
                         });
  } else {
    Move(running);
  }
}

std::expected<int64_t, MoveTasks::Fault> MoveTasks::Cancel(const std::string& handle) {
  const auto decoded = base::Base64Decode(handle);
  const auto json = decoded ? base::ParseJson(*decoded) : base::Result<base::Json>();
  if (!decoded || !json || !json->is_object() || !json->contains("taskId")) {
    return std::unexpected(Fault::kMalformed);
  }
  for (auto& [_, tasks] : tasks_) {
    for (const auto& each : tasks) {
      if (each->task.handle != handle || each->task.status != "RUNNING") continue;
      each->task.status = "CANCELLED";
      each->timer.Cancel();
      return each->task.moved;
    }
  }
  return std::unexpected(Fault::kUnknown);
}

std::vector<MoveTask> MoveTasks::List(const std::string& source, size_t most) const {
  std::vector<MoveTask> out;
  const auto found = tasks_.find(source);
  if (found == tasks_.end()) return out;
  for (const auto& each : found->second) {
    if (out.size() < most) out.push_back(each->task);
  }
  return out;
}

bool MoveTasks::IsQuiet() const {
  return std::ranges::none_of(tasks_, [](const auto& of_source) {
    return std::ranges::any_of(of_source.second, [](const auto& each) { return each->is_moving; });
  });
}

}  // namespace hearth::sqs
