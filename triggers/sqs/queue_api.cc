// SqsApi: queues and their attributes.
#include <algorithm>

#include "base/digest.h"
#include "triggers/sqs/errors.h"
#include "triggers/sqs/queue_rules.h"
#include "triggers/sqs/sqs_api.h"

namespace hearth::sqs {
namespace {

using base::Json;

constexpr std::string_view kNameReason =
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
constexpr std::string_view kFifoNameReason =
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length.";
constexpr int64_t kMaxPage = 1000;

template <typename Window>
bool IsWithin(std::optional<int64_t> then_ms, int64_t now_ms, Window window) {
  return then_ms && now_ms - *then_ms < std::chrono::milliseconds(window).count();
}

}  // namespace

std::optional<aws::ApiError> SqsApi::CheckRedrive(const std::string& name,
                                                  const QueueSettings& settings) const {
  return sqs::CheckRedrive(account_, name, settings, [this](const std::string& other) {
    const QueueRecord* const target = engine_.Find(other);
    return target == nullptr ? nullptr : &target->settings;
  });
}

// The same queue again is its URL; another one of that name is refused.
void SqsApi::AnswerExisting(const RequestPtr& request, const QueueRecord& record,
                            const QueueSettings& wanted) {
  const Attributes has = ShownSettings(record.settings);
  for (const auto& [attribute, text] : wanted.set) {
    const auto found = has.find(attribute);
    if (found == has.end() || found->second != text) {
      return Refuse(request, ModelError("QueueNameExists",
                                        "A queue already exists with the same name and a different "
                                        "value for attribute " +
                                            attribute));
    }
  }
  Answer(request, {{"QueueUrl", QueueUrl(request, record.name)}});
}

void SqsApi::CreateQueue(const RequestPtr& request, Input& in) {
  const std::string name = in.RequiredText("QueueName");
  auto settings = ReadSettings(in.TextMap("Attributes"));
  const auto tags = in.TextMap("tags");
  if (IsRefused(request, in)) return;
  if (!settings) return Refuse(request, settings.error());
  if (!IsQueueName(name, settings->is_fifo)) {
    return Refuse(request,
                  InvalidParameter(std::string(settings->is_fifo ? kFifoNameReason : kNameReason)));
  }
  if (auto wrong = CheckTags(name, tags)) return Refuse(request, std::move(*wrong));
  if (const QueueRecord* record = engine_.Find(name)) {
    return AnswerExisting(request, *record, *settings);
  }
  if (auto wrong = CheckRedrive(name, *settings)) return Refuse(request, std::move(*wrong));
  if (IsWithin(engine_.RemovedMs(name), NowMs(), limits::kQueueNameRest)) {
    return Refuse(request, ModelError("QueueDeletedRecently",
                                      "You must wait 60 seconds after deleting a queue before you "
                                      "can create another with the same name."));
  }
  engine_.Create({.name = name, .settings = *settings, .tags = tags},
                 [this, request, name, wanted = *settings](base::Result<void> result) {
                   // Another client was faster.
                   const QueueRecord* const record = engine_.Find(name);
                   const bool is_twice =
                       !result && result.error().kind == base::ErrorKind::kConflict;
                   if (is_twice && record != nullptr) {
                     return AnswerExisting(request, *record, wanted);
                   }
                   if (!result) return RefuseFailure(request, result.error());
                   Answer(request, {{"QueueUrl", QueueUrl(request, name)}});
                 });
}

void SqsApi::DeleteQueue(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  engine_.Remove(name, Answering(request));
}

void SqsApi::GetQueueUrl(const RequestPtr& request, Input& in) {
  const std::string name = in.RequiredText("QueueName");
  const auto owner = in.Text("QueueOwnerAWSAccountId");
  if (owner && *owner != account_.id) in.Refuse(NoSuchQueue());
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  Answer(request, {{"QueueUrl", QueueUrl(request, name)}});
}

void SqsApi::AnswerPage(const RequestPtr& request, std::vector<std::string> names,
                        std::string_view member, std::optional<int64_t> most,
                        const std::optional<std::string>& token) {
  std::string after;
  if (token) {
    auto decoded = base::Base64Decode(*token);
    if (!decoded) return Refuse(request, InvalidParameter("Invalid or expired next token."));
    after = std::move(*decoded);
  }
  Json urls = Json::array();
  Json out = Json::object();
  const auto limit = static_cast<size_t>(most.value_or(kMaxPage));
  std::string last;
  for (const std::string& name : names) {  // By name.
    if (token && name <= after) continue;
    if (urls.size() == limit) {
      // AWS: only where the caller reads in pages.
      if (most) out["NextToken"] = base::Base64Encode(last);
      break;
    }
    urls.push_back(QueueUrl(request, name));
    last = name;
  }
  if (!urls.empty() || member == "queueUrls") out[std::string(member)] = std::move(urls);
  Answer(request, out);
}

void SqsApi::ListQueues(const RequestPtr& request, Input& in) {
  const std::string prefix = in.Text("QueueNamePrefix").value_or("");
  const auto most = in.Number("MaxResults", 1, kMaxPage, "Must be between 1 and 1000.");
  const auto token = in.Text("NextToken");
  if (IsRefused(request, in)) return;
  std::vector<std::string> names;
  for (const QueueRecord* record : engine_.List()) {
    if (record->name.starts_with(prefix)) names.push_back(record->name);
  }
  AnswerPage(request, std::move(names), "QueueUrls", most, token);
}

void SqsApi::ListDeadLetterSourceQueues(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto most = in.Number("MaxResults", 1, kMaxPage, "Must be between 1 and 1000.");
  const auto token = in.Text("NextToken");
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  std::vector<std::string> names;
  for (const QueueRecord* record : engine_.List()) {
    const auto& redrive = record->settings.redrive;
    if (redrive && redrive->target_arn == QueueArn(name)) names.push_back(record->name);
  }
  AnswerPage(request, std::move(names), "queueUrls", most, token);
}

void SqsApi::GetQueueAttributes(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto wanted = in.Texts("AttributeNames");
  for (const std::string& each : wanted) {
    if (!IsAttributeName(each)) in.Refuse(InvalidAttribute(each.substr(0, 200)));
  }
  if (IsRefused(request, in)) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  Attributes all = ShownSettings(record->settings);
  all["QueueArn"] = QueueArn(name);
  all["CreatedTimestamp"] = std::to_string(record->created_ms / 1000);
  all["LastModifiedTimestamp"] = std::to_string(record->modified_ms / 1000);
  const QueueCounts counts = engine_.Counts(name);
  all["ApproximateNumberOfMessages"] = std::to_string(counts.ready);
  all["ApproximateNumberOfMessagesNotVisible"] = std::to_string(counts.in_flight);
  all["ApproximateNumberOfMessagesDelayed"] = std::to_string(counts.delayed);
  const bool wants_all = std::ranges::find(wanted, "All") != wanted.end();
  Json attributes = Json::object();
  for (const auto& [attribute, text] : all) {
    if (wants_all || std::ranges::find(wanted, attribute) != wanted.end()) {
      attributes[attribute] = text;
    }
  }
  Answer(request, attributes.empty() ? Json::object() : Json{{"Attributes", attributes}});
}

void SqsApi::SetQueueAttributes(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto changes = in.TextMap("Attributes");
  if (in.Any("Attributes") == nullptr) in.Refuse(MissingParameter("Attribute.Name"));
  if (IsRefused(request, in)) return;
  Change(request, name, [this, name, changes, now = NowMs()](QueueRecord& changed) -> Refusal {
    auto settings = ChangeSettings(changed.settings, changes);
    if (!settings) return settings.error();
    if (changes.contains("RedrivePolicy")) {
      if (auto wrong = CheckRedrive(name, *settings)) return wrong;
    }
    changed.settings = std::move(*settings);
    changed.modified_ms = now;
    return std::nullopt;
  });
}

void SqsApi::PurgeQueue(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  const auto in_progress =
      ModelError("PurgeQueueInProgress",
                 "Only one PurgeQueue operation on " + name + " is allowed every 60 seconds.");
  if (IsWithin(engine_.PurgedMs(name), NowMs(), limits::kPurgePause)) {
    return Refuse(request, in_progress);
  }
  engine_.Purge(name, [request, in_progress](base::Result<void> purged) {
    const bool is_second = !purged && purged.error().kind == base::ErrorKind::kConflict;
    if (is_second) return Refuse(request, in_progress);
    Answering(request)(std::move(purged));
  });
}

}  // namespace hearth::sqs
