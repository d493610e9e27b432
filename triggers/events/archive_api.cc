// EventsApi: archives and replays.
#include "triggers/events/errors.h"
#include "triggers/events/events_api.h"

namespace hearth::events {
namespace {

using aws::ApiError;
using base::Json;

const TextRule kArchiveName{1, 48, kNamePattern, IsName};

// As lists show it.
Json Listed(const ArchiveRecord& archive, const invoker::Account& account) {
  return {{"ArchiveName", archive.name},
          {"EventSourceArn", BusArn(account, archive.bus)},
          {"State", "ENABLED"},
          {"RetentionDays", archive.retention_days},
          {"SizeBytes", archive.bytes},
          {"EventCount", archive.events},
          {"CreationTime", WireTime(archive.created_ms)}};
}

Json Made(const ArchiveRecord& archive, const invoker::Account& account) {
  return {{"ArchiveArn", ArchiveArn(account, archive.name)},
          {"State", "ENABLED"},
          {"CreationTime", WireTime(archive.created_ms)}};
}

Json Listed(const ReplayRecord& replay, const invoker::Account& account) {
  Json out = {{"ReplayName", replay.name},
              {"EventSourceArn", ArchiveArn(account, replay.archive)},
              {"State", NameOf(replay.state)},
              {"EventStartTime", WireTime(replay.from_ms)},
              {"EventEndTime", WireTime(replay.to_ms)},
              {"ReplayStartTime", WireTime(replay.started_ms)}};
  if (!replay.reason.empty()) out["StateReason"] = replay.reason;
  if (replay.last_ms) out["EventLastReplayedTime"] = WireTime(*replay.last_ms);
  if (replay.ended_ms) out["ReplayEndTime"] = WireTime(*replay.ended_ms);
  return out;
}

}  // namespace

void EventsApi::CreateArchive(const RequestPtr& request) {
  auto archive = ReadArchive(request->json, parts_.account);
  if (!archive) return Refuse(request, archive.error());
  archive->created_ms = NowMs();
  Json body = Made(*archive, parts_.account);
  parts_.archives.Create(*std::move(archive), Answering(request, std::move(body)));
}

void EventsApi::UpdateArchive(const RequestPtr& request) {
  auto change = ReadArchiveChange(request->json);
  if (!change) return Refuse(request, change.error());
  parts_.archives.Change(*std::move(change),
                         [this, request](const std::expected<ArchiveRecord, ApiError>& archive) {
                           if (!archive) return Refuse(request, archive.error());
                           Answer(request, Made(*archive, parts_.account));
                         });
}

void EventsApi::DescribeArchive(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = in.RequiredText("ArchiveName", kArchiveName);
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.archives.Find(name,
                       [this, request](const std::expected<ArchiveRecord, ApiError>& archive) {
                         if (!archive) return Refuse(request, archive.error());
                         Json body = Listed(*archive, parts_.account);
                         body["ArchiveArn"] = ArchiveArn(parts_.account, archive->name);
                         if (!archive->description.empty()) {
                           body["Description"] = archive->description;
                         }
                         if (!archive->pattern.empty()) body["EventPattern"] = archive->pattern;
                         Answer(request, body);
                       });
}

void EventsApi::ListArchives(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const Page page = ReadPage(in, kArchiveName);
  const auto source = in.Text("EventSourceArn", kArn);
  const std::string state = in.OneOf(
      "State", {"ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"},
      "ENABLED");
  in.Done();
  std::string bus;
  if (source) {
    auto name = BusNameOf(*source, parts_.account);
    if (!name)
      faults.Refuse(name.error());
    else if (parts_.buses.FindBus(*name) == nullptr)
      faults.Refuse(NoSuchBus(*name));
    else
      bus = *name;
  }
  if (IsRefused(request, faults)) return;
  using Found = std::expected<std::vector<ArchiveRecord>, ApiError>;
  parts_.archives.List(page.after, [this, request, page, bus, state](const Found& found) {
    if (!found) return Refuse(request, found.error());
    std::vector<std::string> names;
    std::vector<Json> entries;
    for (const ArchiveRecord& archive : *found) {
      if (!IsOfPage(page, archive.name) || state != "ENABLED") continue;
      if (!bus.empty() && archive.bus != bus) continue;
      names.push_back(archive.name);
      entries.push_back(Listed(archive, parts_.account));
      if (entries.size() > page.most) break;
    }
    AnswerPage(request, page, "Archives", names, std::move(entries));
  });
}

void EventsApi::DeleteArchive(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = in.RequiredText("ArchiveName", kArchiveName);
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.archives.Delete(name, Answering(request));
}

void EventsApi::StartReplay(const RequestPtr& request) {
  auto replay = ReadReplay(request->json, parts_.account);
  if (!replay) return Refuse(request, replay.error());
  replay->started_ms = NowMs();
  Json body = {{"ReplayArn", ReplayArn(parts_.account, replay->name)},
               {"State", NameOf(ReplayState::kStarting)},
               {"ReplayStartTime", WireTime(replay->started_ms)}};
  parts_.archives.StartReplay(*std::move(replay), Answering(request, std::move(body)));
}

void EventsApi::CancelReplay(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = in.RequiredText("ReplayName", kRuleName);
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.archives.CancelReplay(name,
                               Answering(request, {{"ReplayArn", ReplayArn(parts_.account, name)},
                                                   {"State", NameOf(ReplayState::kCancelling)}}));
}

void EventsApi::DescribeReplay(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const std::string name = in.RequiredText("ReplayName", kRuleName);
  in.Done();
  if (IsRefused(request, faults)) return;
  parts_.archives.FindReplay(name,
                             [this, request](const std::expected<ReplayRecord, ApiError>& replay) {
                               if (!replay) return Refuse(request, replay.error());
                               Json body = Listed(*replay, parts_.account);
                               body["ReplayArn"] = ReplayArn(parts_.account, replay->name);
                               if (!replay->description.empty())
                                 body["Description"] = replay->description;
                               body["Destination"] = {{"Arn", BusArn(parts_.account, replay->bus)}};
                               if (!replay->filter_arns.empty())
                                 body["Destination"]["FilterArns"] = replay->filter_arns;
                               Answer(request, body);
                             });
}

void EventsApi::ListReplays(const RequestPtr& request) {
  Faults faults;
  Members in(request->json, faults);
  const Page page = ReadPage(in, kRuleName);
  const auto source = in.Text("EventSourceArn", kArn);
  const std::string state = in.OneOf(
      "State", {"STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"}, "");
  in.Done();
  if (IsRefused(request, faults)) return;
  using Found = std::expected<std::vector<ReplayRecord>, ApiError>;
  ReplayFilter filter{.after = page.after,
                      .prefix = page.prefix,
                      .state = state,
                      .most = static_cast<int64_t>(page.most) + 1};
  const std::string prefix = ArchiveArn(parts_.account, "");
  // No archive has a '/' in its name.
  const bool is_one = source && source->starts_with(prefix) && source->size() > prefix.size();
  if (source) filter.archive = is_one ? source->substr(prefix.size()) : "/";
  parts_.archives.ListReplays(std::move(filter), [this, request, page](const Found& found) {
    if (!found) return Refuse(request, found.error());
    std::vector<std::string> names;
    std::vector<Json> entries;
    for (const ReplayRecord& replay : *found) {
      names.push_back(replay.name);
      entries.push_back(Listed(replay, parts_.account));
    }
    AnswerPage(request, page, "Replays", names, std::move(entries));
  });
}

}  // namespace hearth::events
