// SqsApi: tags and permissions. Policies are kept and shown; authorisation is off.
#include <algorithm>

#include "aws/arn.h"
#include "triggers/sqs/errors.h"
#include "triggers/sqs/queue_rules.h"
#include "triggers/sqs/sqs_api.h"

namespace hearth::sqs {
namespace {

using base::OrderedJson;

constexpr std::array<std::string_view, 8> kActions = {
    "*",           "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes",
    "GetQueueUrl", "ReceiveMessage",          "SendMessage",   "PurgeQueue"};

// One as itself, several as a list.
OrderedJson OneOrMany(std::vector<std::string> texts) {
  if (texts.size() == 1) return texts.front();
  return texts;
}

bool IsLabel(std::string_view text) {
  return !text.empty() && text.size() <= limits::kMaxQueueName && aws::IsNameWord(text);
}

// Foreign text that was checked to be an object when it was set.
OrderedJson ReadPolicy(const QueueSettings& settings) {
  const auto found = settings.set.find("Policy");
  if (found == settings.set.end()) return OrderedJson();
  OrderedJson policy = OrderedJson::parse(found->second, nullptr, false);
  if (!policy.contains("Statement")) policy["Statement"] = OrderedJson::array();
  if (policy["Statement"].is_object()) {
    policy["Statement"] = OrderedJson::array({policy["Statement"]});
  }
  if (!policy["Statement"].is_array()) policy["Statement"] = OrderedJson::array();
  return policy;
}

bool HasLabel(const OrderedJson& statement, const std::string& label) {
  const auto sid = statement.find("Sid");
  return statement.is_object() && sid != statement.end() && *sid == label;
}

std::optional<aws::ApiError> SetPolicy(QueueRecord& changed, const OrderedJson& policy,
                                       int64_t now_ms) {
  const std::string text = policy.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  if (text.size() > limits::kMaxPolicy) {
    return OverLimit("The queue's policy is larger than 20480 bytes.");
  }
  if (policy["Statement"].empty())
    changed.settings.set.erase("Policy");
  else
    changed.settings.set["Policy"] = text;
  changed.modified_ms = now_ms;
  return std::nullopt;
}

}  // namespace

// What others changed since the call began is in the record: nothing that they did is lost.
void SqsApi::Change(const RequestPtr& request, const std::string& name,
                    std::function<Refusal(QueueRecord&)> change) {
  auto refusal = std::make_shared<Refusal>();
  engine_.Change(
      name,
      [change = std::move(change), refusal](QueueRecord& record) {
        *refusal = change(record);
        return !refusal->has_value();
      },
      [request, refusal](base::Result<void> result) {
        if (!result) return RefuseFailure(request, result.error());
        if (*refusal) return Refuse(request, std::move(**refusal));
        Answer(request);
      });
}

void SqsApi::TagQueue(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto tags = in.TextMap("Tags");
  if (tags.empty()) in.Refuse(MissingParameter("Tags"));
  if (IsRefused(request, in)) return;
  if (auto wrong = CheckTags(name, tags)) return Refuse(request, std::move(*wrong));
  Change(request, name, [name, tags](QueueRecord& changed) {
    for (const auto& [key, value] : tags) changed.tags[key] = value;
    return CheckTags(name, changed.tags);
  });
}

void SqsApi::UntagQueue(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto keys = in.Texts("TagKeys");
  if (keys.empty()) in.Refuse(MissingParameter("TagKeys"));
  if (IsRefused(request, in)) return;
  Change(request, name, [keys](QueueRecord& changed) -> Refusal {
    for (const std::string& key : keys) changed.tags.erase(key);
    return std::nullopt;
  });
}

void SqsApi::ListQueueTags(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  if (IsRefused(request, in)) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  Answer(request, record->tags.empty() ? base::Json::object() : base::Json{{"Tags", record->tags}});
}

void SqsApi::AddPermission(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const std::string label = in.RequiredText("Label");
  const auto accounts = in.Texts("AWSAccountIds");
  const auto actions = in.Texts("Actions");
  if (accounts.empty()) in.Refuse(MissingParameter("AWSAccountIds"));
  if (actions.empty()) in.Refuse(MissingParameter("Actions"));
  if (!IsLabel(label)) {
    in.Refuse(InvalidValue(label, "Label",
                           "Can only include alphanumeric characters, hyphens, or underscores. 1 "
                           "to 80 in length"));
  }
  std::vector<std::string> principals;
  for (const std::string& account : accounts) {
    if (!aws::IsAccountId(account)) {
      in.Refuse(InvalidValue(account, "PrincipalId", "Unable to verify."));
    }
    principals.push_back("arn:aws:iam::" + account + ":root");
  }
  std::vector<std::string> allowed;
  for (const std::string& action : actions) {
    if (std::ranges::find(kActions, action) == kActions.end()) {
      in.Refuse(InvalidValue("SQS:" + action, "ActionName",
                             "Only the queue owner is allowed to invoke this action."));
    }
    allowed.push_back("SQS:" + action);
  }
  if (IsRefused(request, in)) return;
  const OrderedJson statement = {{"Sid", label},
                                 {"Effect", "Allow"},
                                 {"Principal", {{"AWS", OneOrMany(std::move(principals))}}},
                                 {"Action", OneOrMany(std::move(allowed))},
                                 {"Resource", QueueArn(name)}};
  Change(request, name,
         [label, statement, arn = QueueArn(name), now = NowMs()](QueueRecord& changed) -> Refusal {
           OrderedJson policy = ReadPolicy(changed.settings);
           if (policy.is_null()) {
             policy = {{"Version", "2008-10-17"},
                       {"Id", arn + "/SQSDefaultPolicy"},
                       {"Statement", OrderedJson::array()}};
           }
           OrderedJson& statements = policy["Statement"];
           for (const OrderedJson& each : statements) {
             if (HasLabel(each, label)) return InvalidValue(label, "Label", "Already exists.");
           }
           if (statements.size() >= limits::kMaxQueuePermissions) {
             return OverLimit(std::to_string(statements.size() + 1) +
                              " statements were found, maximum allowed is 20.");
           }
           statements.push_back(statement);
           return SetPolicy(changed, policy, now);
         });
}

void SqsApi::RemovePermission(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const std::string label = in.RequiredText("Label");
  if (IsRefused(request, in)) return;
  Change(request, name, [label, now = NowMs()](QueueRecord& changed) -> Refusal {
    OrderedJson policy = ReadPolicy(changed.settings);
    OrderedJson kept = OrderedJson::array();
    bool is_found = false;
    if (policy.is_object()) {
      for (const OrderedJson& statement : policy["Statement"]) {
        if (HasLabel(statement, label))
          is_found = true;
        else
          kept.push_back(statement);
      }
    }
    if (!is_found) return InvalidValue(label, "Label", "can't find label.");
    policy["Statement"] = std::move(kept);
    return SetPolicy(changed, policy, now);
  });
}

}  // namespace hearth::sqs
