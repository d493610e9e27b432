// SqsApi: tags and permissions. Policies are kept and shown; authorisation is off.
#include <algorithm>

#include "aws/arn.h"
#include "triggers/sqs/errors.h"
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

}  // namespace

void SqsApi::TagQueue(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto tags = in.TextMap("Tags");
  if (tags.empty()) in.Refuse(MissingParameter("Tags"));
  if (IsRefused(request, in)) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  auto all = tags;
  all.insert(record->tags.begin(), record->tags.end());
  if (all.size() > limits::kMaxTags) {
    return Refuse(request, InvalidParameter("Too many tags added for queue " + name + "."));
  }
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > limits::kMaxTagKey || value.size() > limits::kMaxTagValue) {
      return Refuse(request, InvalidParameter("A tag's key has 1 to 128 characters, its value at "
                                              "most 256."));
    }
  }
  engine_.Change(
      name,
      [tags](QueueRecord& changed) {
        for (const auto& [key, value] : tags) changed.tags[key] = value;
      },
      Answering(request));
}

void SqsApi::UntagQueue(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const auto keys = in.Texts("TagKeys");
  if (keys.empty()) in.Refuse(MissingParameter("TagKeys"));
  if (IsRefused(request, in) || Known(request, name) == nullptr) return;
  engine_.Change(
      name,
      [keys](QueueRecord& changed) {
        for (const std::string& key : keys) changed.tags.erase(key);
      },
      Answering(request));
}

void SqsApi::ListQueueTags(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  if (IsRefused(request, in)) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  Answer(request, record->tags.empty() ? base::Json::object() : base::Json{{"Tags", record->tags}});
}

void SqsApi::SetPolicy(const RequestPtr& request, const std::string& name, std::string policy) {
  if (policy.size() > limits::kMaxPolicy) {
    return Refuse(request, OverLimit("The queue's policy is larger than 20480 bytes."));
  }
  engine_.Change(
      name,
      [policy = std::move(policy), now = NowMs()](QueueRecord& changed) {
        if (policy.empty())
          changed.settings.set.erase("Policy");
        else
          changed.settings.set["Policy"] = policy;
        changed.modified_ms = now;
      },
      Answering(request));
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
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  OrderedJson policy = ReadPolicy(record->settings);
  if (policy.is_null()) {
    policy = {{"Version", "2008-10-17"},
              {"Id", QueueArn(name) + "/SQSDefaultPolicy"},
              {"Statement", OrderedJson::array()}};
  }
  for (const OrderedJson& statement : policy["Statement"]) {
    if (HasLabel(statement, label)) {
      return Refuse(request, InvalidValue(label, "Label", "Already exists."));
    }
  }
  if (policy["Statement"].size() >= limits::kMaxQueuePermissions) {
    return Refuse(request, OverLimit(std::to_string(policy["Statement"].size() + 1) +
                                     " statements were found, maximum allowed is 20."));
  }
  policy["Statement"].push_back({{"Sid", label},
                                 {"Effect", "Allow"},
                                 {"Principal", {{"AWS", OneOrMany(std::move(principals))}}},
                                 {"Action", OneOrMany(std::move(allowed))},
                                 {"Resource", QueueArn(name)}});
  SetPolicy(request, name, policy.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

void SqsApi::RemovePermission(const RequestPtr& request, Input& in) {
  const std::string name = QueueName(request, in);
  const std::string label = in.RequiredText("Label");
  if (IsRefused(request, in)) return;
  const QueueRecord* const record = Known(request, name);
  if (record == nullptr) return;
  OrderedJson policy = ReadPolicy(record->settings);
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
  if (!is_found) return Refuse(request, InvalidValue(label, "Label", "can't find label."));
  if (kept.empty()) return SetPolicy(request, name, "");
  policy["Statement"] = std::move(kept);
  SetPolicy(request, name, policy.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

}  // namespace hearth::sqs
