#include "triggers/events/archive.h"

#include <algorithm>
#include <array>

#include "aws/arn.h"
#include "expressions/event_pattern.h"
#include "triggers/events/errors.h"
#include "triggers/events/members.h"

namespace hearth::events {
namespace {

using base::Json;

constexpr std::string_view kArchiveResource = "archive/";
const TextRule kArchiveName{1, 48, kNamePattern, IsName};
// AWS's name of the service that makes the rules of archives.
constexpr char kArchivist[] = "prod.vhs.events.aws.internal";
constexpr int64_t kMaxRetentionDays = 1'000'000;  // Ours: further than any clock here tells.
constexpr size_t kMaxFilters = 100;               // Ours.

constexpr char kReplayName[] = "replay-name";
constexpr char kNoReplay[] = R"([{"exists":false}])";

constexpr std::array<std::pair<ReplayState, std::string_view>, 6> kStates = {{
    {ReplayState::kStarting, "STARTING"},
    {ReplayState::kRunning, "RUNNING"},
    {ReplayState::kCancelling, "CANCELLING"},
    {ReplayState::kCompleted, "COMPLETED"},
    {ReplayState::kCancelled, "CANCELLED"},
    {ReplayState::kFailed, "FAILED"},
}};

std::string ArnOf(const invoker::Account& account, std::string_view kind, std::string_view name) {
  return "arn:aws:events:" + account.region + ":" + account.id + ":" + std::string(kind) +
         std::string(name);
}

void CheckPattern(const std::string& pattern, Faults& faults) {
  if (pattern.empty() || pattern.size() > kMaxPattern) return;
  if (auto read = expressions::EventPattern::Parse(pattern); !read) {
    faults.Refuse(InvalidPattern(read.error()));
  }
}

// Whether it asks for what replays name, other than to leave them out as the archive's rule does.
bool AsksForReplays(const std::string& text) {
  const auto json = base::ParseJson(text);
  const auto pattern = expressions::EventPattern::Parse(text);
  if (!json || !pattern) return false;
  const auto asked = std::ranges::count_if(pattern->fields(), [](const auto& field) {
    return field.path == std::vector<std::string>{kReplayName};
  });
  if (asked == 0) return false;
  return asked > 1 || !json->contains(kReplayName) ||
         base::ToJsonText(json->at(kReplayName)) != kNoReplay;
}

// The rule that it becomes asks for more than its own pattern does, which was found to be one.
void CheckRuleOf(const ArchiveRecord& archive, Faults& faults) {
  if (faults.other || archive.pattern.size() > kMaxPattern) return;
  if (AsksForReplays(archive.pattern)) {
    return faults.Refuse(
        NotServed("archives of replayed events: the pattern may not ask for a replay-name"));
  }
  const std::string pattern = RuleOfArchive(archive).pattern;
  if (pattern.size() > kMaxPattern) {
    return faults.Refuse(
        InvalidPattern("Event pattern is too long for an archive's rule, which leaves out "
                       "replayed events."));
  }
  if (auto read = expressions::EventPattern::Parse(pattern); !read) {
    faults.Refuse(InvalidPattern(read.error()));
  }
}

// A bus's ARN here.
std::string ReadBusArn(const std::string& arn, std::string_view member,
                       const invoker::Account& account, Faults& faults) {
  if (!arn.starts_with("arn:")) {
    faults.Refuse(InvalidParameter(member, "Must contain an event bus ARN."));
    return {};
  }
  auto name = BusNameOf(arn, account);
  if (name) return *std::move(name);
  faults.Refuse(InvalidParameter(member, "Must contain an event bus ARN."));
  return {};
}

}  // namespace

std::string_view NameOf(ReplayState state) {
  for (const auto& [each, name] : kStates) {
    if (each == state) return name;
  }
  return {};
}

ReplayState ReplayStateOf(std::string_view name) {
  for (const auto& [state, each] : kStates) {
    if (each == name) return state;
  }
  return ReplayState::kFailed;
}

std::string ArchiveArn(const invoker::Account& account, std::string_view name) {
  return ArnOf(account, kArchiveResource, name);
}

std::string ReplayArn(const invoker::Account& account, std::string_view name) {
  return ArnOf(account, "replay/", name);
}

Read<ArchiveRecord> ReadArchive(const Json& body, const invoker::Account& account) {
  Faults faults;
  Members in(body, faults);
  ArchiveRecord out;
  out.name = in.RequiredText("ArchiveName", kArchiveName);
  const std::string source = in.RequiredText("EventSourceArn", kArn);
  out.description = in.Text("Description", kText512).value_or("");
  out.pattern = in.Text("EventPattern", {0, kMaxPattern}).value_or("");
  out.retention_days = in.Number("RetentionDays", 0, kMaxRetentionDays).value_or(0);
  in.RefuseMember("KmsKeyIdentifier");
  in.Done();
  out.bus = ReadBusArn(source, "EventSourceArn", account, faults);
  CheckPattern(out.pattern, faults);
  CheckRuleOf(out, faults);
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  return out;
}

Read<ArchiveChange> ReadArchiveChange(const Json& body) {
  Faults faults;
  Members in(body, faults);
  ArchiveChange out;
  out.name = in.RequiredText("ArchiveName", kArchiveName);
  out.description = in.Text("Description", kText512);
  out.pattern = in.Text("EventPattern", {0, kMaxPattern});
  out.retention_days = in.Number("RetentionDays", 0, kMaxRetentionDays);
  in.RefuseMember("KmsKeyIdentifier");
  in.Done();
  CheckPattern(out.pattern.value_or(""), faults);
  CheckRuleOf({.name = out.name, .pattern = out.pattern.value_or("")}, faults);
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  return out;
}

Read<ReplayRecord> ReadReplay(const Json& body, const invoker::Account& account) {
  Faults faults;
  Members in(body, faults);
  ReplayRecord out;
  out.name = in.RequiredText("ReplayName", kRuleName);
  out.description = in.Text("Description", kText512).value_or("");
  const std::string source = in.RequiredText("EventSourceArn", kArn);
  for (const char* required : {"EventStartTime", "EventEndTime", "Destination"}) {
    in.Require(required);
  }
  const auto from = in.Moment("EventStartTime");
  const auto to = in.Moment("EventEndTime");
  std::string destination;
  if (const Json* const given = in.Object("Destination")) {
    Members members(*given, faults, "destination.");
    destination = members.RequiredText("Arn", kArn);
    out.filter_arns = members.Texts("FilterArns", 0, kMaxFilters);
    members.Done();
  }
  in.Done();
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  out.from_ms = *from;
  out.to_ms = *to;
  const std::string prefix = ArchiveArn(account, "");
  if (!source.starts_with(prefix) || !IsName(source.substr(prefix.size()))) {
    faults.Refuse(InvalidParameter("EventSourceArn", "Must contain an archive ARN."));
  } else {
    out.archive = source.substr(prefix.size());
  }
  out.bus = ReadBusArn(destination, "Destination.Arn", account, faults);
  if (out.from_ms >= out.to_ms) {
    faults.Refuse(InvalidParameter("EventEndTime", "EventStartTime must be before EventEndTime."));
  }
  for (const std::string& arn : out.filter_arns) {
    const auto key = RuleOfArn(arn, account);
    if (!key || key->bus != out.bus) {
      faults.Refuse(InvalidParameter("Destination.FilterArns", "Not a rule of the bus: " + arn));
    }
  }
  if (auto fault = faults.Take()) return std::unexpected(std::move(*fault));
  return out;
}

RuleRecord RuleOfArchive(const ArchiveRecord& archive) {
  RuleRecord rule;
  rule.key = {archive.bus, "Events-Archive-" + archive.name};
  rule.managed_by = kArchivist;
  // It was read when the archive was. Its text stays, as a pattern may say more than its JSON: the
  // member goes before its last brace.
  rule.pattern = archive.pattern.empty() ? "{}" : archive.pattern;
  const auto own = base::ParseJson(rule.pattern);
  if (!own || !own->is_object() || own->contains(kReplayName)) return rule;
  const std::string member = base::JsonQuote(kReplayName) + ":" + kNoReplay;
  rule.pattern.insert(rule.pattern.rfind('}'), (own->empty() ? "" : ",") + member);
  return rule;
}

}  // namespace hearth::events
