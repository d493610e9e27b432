// StacksApi: from a request with a template to a plan, and from a plan to a deployment.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/digest.h"
#include "base/id.h"
#include "base/json.h"
#include "layers/archive.h"
#include "stacks/stacks_api.h"
#include "stacks/stacks_request.h"
#include "stacks/stacks_wire.h"

namespace hearth::stacks {
namespace {

using base::Json;

constexpr size_t kMaxStackName = 128;  // AWS.

bool IsStackName(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
  return !name.empty() && name.size() <= kMaxStackName && is_letter(name.front()) &&
         std::ranges::all_of(
             name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::map<std::string, std::string> TextMap(const Json& body, const char* name,
                                           Diagnostics& errors) {
  std::map<std::string, std::string> out;
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return out;
  if (!found->is_object()) {
    errors.Add({}, fmt::format("the request's '{}' is an object of texts", name));
    return out;
  }
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) {
      out[key] = value.get<std::string>();
    } else {
      errors.Add({}, fmt::format("the request's '{}.{}' is a text", name, key));
    }
  }
  return out;
}

std::vector<Diagnostic> One(Position position, std::string message) {
  return {Diagnostic{position, std::move(message)}};
}

}  // namespace

std::expected<StacksApi::Request, std::vector<Diagnostic>> StacksApi::Read(
    const aws::Call& call, const std::string& name) const {
  if (!IsStackName(name)) {
    return std::unexpected(One(
        {}, fmt::format("'{}' is no stack name: a letter, then letters, digits and '-', at most "
                        "{} characters",
                        name.substr(0, kMaxStackName), kMaxStackName)));
  }
  const auto body = base::ParseJson(call.request.body);
  if (!body) return std::unexpected(One({}, "the request: " + body.error().ToString()));
  if (!body->is_object() || !body->contains("template") || !(*body)["template"].is_string()) {
    return std::unexpected(
        One({}, "the request is an object with 'template', the template's text"));
  }
  Diagnostics errors;
  Request request;
  request.stack = name;
  const StackRecord* record = stacks_->Find(name);
  request.stack_id = record != nullptr ? record->id
                                       : fmt::format("arn:aws:cloudformation:{}:{}:stack/{}/{}",
                                                     options_.account.region, options_.account.id,
                                                     name, base::NewUuid());
  request.artifacts = TextMap(*body, "artifacts", errors);
  TemplateInput input;
  input.text = (*body)["template"].get<std::string>();
  input.parameters = TextMap(*body, "parameters", errors);
  input.stack_name = name;
  input.stack_id = request.stack_id;
  input.account = options_.account;
  input.address = call.request.headers.Get("Host");
  if (!errors.empty()) return std::unexpected(errors.Sorted());
  auto plan = MakePlan(input);
  if (!plan) return std::unexpected(plan.error());
  request.plan = *std::move(plan);
  CheckFunctions(request, errors);
  CheckQueues(request, errors);
  CheckBuckets(request, errors);
  CheckEvents(request, errors);
  CheckAttachments(request, errors);
  if (!errors.empty()) return std::unexpected(errors.Sorted());
  return request;
}

void StacksApi::AnswerPlan(aws::Call call, const std::string& name) {
  const auto request = Read(call, name);
  if (!request) {
    AnswerErrors(std::move(call), 400, request.error());
    return;
  }
  Json artifacts = Json::array();
  Json resources = Json::array();
  std::set<std::string> paths;
  for (const auto& function : request->plan.functions) {
    if (!function.code_path.empty() && paths.insert(function.code_path).second) {
      artifacts.push_back({{"path", function.code_path},
                           {"kind", "code"},
                           {"line", function.code.line},
                           {"column", function.code.column}});
    }
    resources.push_back({{"logical_id", function.logical_id},
                         {"type", kFunctionType},
                         {"physical_id", function.settings.name}});
  }
  for (const auto& layer : request->plan.layers) {
    if (paths.insert(layer.code_path).second) {
      artifacts.push_back({{"path", layer.code_path},
                           {"kind", "layer"},
                           {"line", layer.content.line},
                           {"column", layer.content.column}});
    }
    resources.push_back({{"logical_id", layer.logical_id},
                         {"type", kLayerType},
                         {"physical_id", layer.layer.name}});
  }
  for (const auto& alias : request->plan.aliases) {
    resources.push_back({{"logical_id", alias.logical_id},
                         {"type", kAliasType},
                         {"physical_id", alias.function + ":" + alias.name}});
  }
  for (const auto& one : request->plan.attachments) {
    resources.push_back(
        {{"logical_id", one.logical_id},
         {"type", TypeOf(one.kind)},
         {"physical_id", WithoutTokens(AttachmentName(one.function, one.qualifier, one.told))}});
  }
  for (const auto& queue : request->plan.queues) {
    resources.push_back(
        {{"logical_id", queue.logical_id}, {"type", kQueueType}, {"physical_id", queue.name}});
  }
  for (const auto& policy : request->plan.queue_policies) {
    resources.push_back({{"logical_id", policy.logical_id},
                         {"type", kQueuePolicyType},
                         {"physical_id", policy.queue}});
  }
  for (const auto& bucket : request->plan.buckets) {
    resources.push_back(
        {{"logical_id", bucket.logical_id}, {"type", kBucketType}, {"physical_id", bucket.name}});
  }
  for (const auto& policy : request->plan.bucket_policies) {
    resources.push_back({{"logical_id", policy.logical_id},
                         {"type", kBucketPolicyType},
                         {"physical_id", policy.bucket}});
  }
  for (const auto& one : request->plan.events) {
    resources.push_back({{"logical_id", one.logical_id},
                         {"type", EventTypeOf(one.kind)},
                         {"physical_id", one.name}});
  }
  Answer(std::move(call), 200,
         {{"artifacts", std::move(artifacts)},
          {"resources", std::move(resources)},
          {"notices", ToJson(request->plan.notices)}});
}

std::expected<std::vector<std::string>, std::vector<Diagnostic>> StacksApi::FindCode(
    layers::CodeStore& code, const Request& request) {
  std::vector<std::string> digests;
  Diagnostics errors;
  const auto find = [&](const std::string& path, Position where) {
    const auto found = request.artifacts.find(path);
    if (found == request.artifacts.end()) {
      errors.Add(where, fmt::format("the request's 'artifacts' does not name '{}'", path));
    } else if (!base::FromHex(found->second) || !code.Has(found->second)) {
      errors.Add(where,
                 fmt::format("the artifact '{}' of '{}' was not uploaded: PUT /_hearth/artifacts/"
                             "SHA256 first",
                             found->second.substr(0, 64), path));
    } else {
      digests.push_back(found->second);
    }
  };
  for (const auto& function : request.plan.functions) {
    if (function.code_path.empty()) {
      auto zip = layers::PackZipOfText(function.inline_name, function.inline_code);
      auto stored = zip ? code.Put(*zip) : std::unexpected(zip.error());
      if (stored) {
        digests.push_back(stored->digest);
      } else {
        errors.Add(function.code, stored.error().ToString());
      }
      continue;
    }
    find(function.code_path, function.code);
  }
  for (const auto& layer : request.plan.layers) find(layer.code_path, layer.content);
  if (!errors.empty()) return std::unexpected(errors.Sorted());
  return digests;
}

void StacksApi::Deploy(aws::Call call, const std::string& name) {
  if (busy_.contains(name)) {
    AnswerErrors(
        std::move(call), 409,
        One({}, fmt::format("the stack '{}' is being changed: wait until that has ended", name)));
    return;
  }
  auto request = Read(call, name);
  if (!request) {
    AnswerErrors(std::move(call), 400, request.error());
    return;
  }
  auto& functions = busy_[name];
  for (const auto& function : request->plan.functions) functions.insert(function.settings.name);
  for (const auto& [path, digest] : request->artifacts) code_in_use_[name].insert(digest);
  auto shared =
      std::make_shared<std::pair<aws::Call, Request>>(std::move(call), *std::move(request));
  const auto refuse = [this, name, shared](int status, const std::vector<Diagnostic>& errors) {
    busy_.erase(name);
    code_in_use_.erase(name);
    AnswerErrors(std::move(shared->first), status, errors);
  };
  WithRecovered(name, [this, shared, refuse](bool is_clean) {
    if (!is_clean) {
      refuse(500, One({}, "rolling back an earlier deployment of this stack failed again"));
      return;
    }
    options_.disk.Run(
        [&code = options_.code, shared] { return FindCode(code, shared->second); },
        [this, shared,
         refuse](std::expected<std::vector<std::string>, std::vector<Diagnostic>> found) {
          if (!found) return refuse(400, found.error());
          auto keys = EventsOf(shared->second.stack);
          for (const auto& one : shared->second.plan.events) keys.push_back({one.kind, one.name});
          FindEvents(events(), std::move(keys),
                     [this, shared, refuse,
                      digests = *std::move(found)](std::expected<FoundEvents, std::string> now) {
                       if (!now) return refuse(500, One({}, now.error()));
                       shared->second.found = *std::move(now);
                       Diagnostics errors;
                       CheckFound(shared->second, errors);
                       if (!errors.empty()) return refuse(400, errors.Sorted());
                       RunDeployment(std::move(shared->first), std::move(shared->second), digests);
                     });
        });
  });
}

void StacksApi::RunDeployment(aws::Call call, Request request, std::vector<std::string> digests) {
  StackRecord record;
  record.name = request.stack;
  record.id = request.stack_id;
  record.description = request.plan.description;
  record.updated = base::FormatIso8601(options_.clock.WallNow());
  for (const auto& output : request.plan.outputs) {
    record.outputs.push_back({output.name, output.value, output.description});
  }
  auto changes = ChangesOf(request, digests);
  for (size_t i = 0; i < request.plan.order.size(); ++i) {
    record.resources.push_back(
        {changes[i].logical_id, std::string(TypeOf(changes[i].kind)), PhysicalId(changes[i])});
    const auto& step = request.plan.order[i];
    if (step.kind == ResourceKind::kLayer) {
      record.resources.back().retain = request.plan.layers[step.index].retain;
    } else if (step.kind == ResourceKind::kQueue) {
      record.resources.back().retain = request.plan.queues[step.index].retain;
    } else if (step.kind == ResourceKind::kBucket) {
      record.resources.back().retain = request.plan.buckets[step.index].retain;
    } else if (IsOfEvents(step.kind)) {
      record.resources.back().retain = request.plan.events[step.index].retain;
    }
  }
  Stream(std::move(call), request.stack, std::move(changes), std::move(record),
         std::move(request.plan.notices));
}

void StacksApi::Stream(aws::Call call, const std::string& name, std::vector<Change> changes,
                       std::optional<StackRecord> record, std::vector<Diagnostic> notices) {
  std::string address(call.request.headers.Get("Host"));
  auto responder = std::make_shared<io::HttpResponder>(std::move(call.responder));
  io::HttpHeaders headers;
  headers.Set("Content-Type", "application/x-ndjson");
  headers.Set("x-amzn-RequestId", call.request_id);
  responder->Begin(200, std::move(headers));
  const auto emit = [responder](const Json& event) {
    responder->Write(base::ToJsonText(event) + "\n");
  };
  for (const auto& notice : notices) {
    emit({{"event", "notice"},
          {"line", notice.position.line},
          {"column", notice.position.column},
          {"message", notice.message}});
  }
  Deployment::Start(
      host(std::move(address)), name, std::move(changes), std::move(record), emit,
      [this, name, responder, emit](DeploymentStatus status, const std::string& reason) {
        busy_.erase(name);
        code_in_use_.erase(name);
        Json event = {{"event", "done"}, {"status", ToString(status)}};
        if (status == DeploymentStatus::kSucceeded) {
          event["outputs"] = Json::object();
          const StackRecord* now = stacks_->Find(name);
          if (now != nullptr) {
            for (const auto& output : now->outputs) {
              event["outputs"][output.name] = output.value;
            }
          }
        }
        if (!reason.empty()) event["reason"] = reason;
        emit(event);
        responder->End();
      });
}

void StacksApi::Delete(aws::Call call, const std::string& name) {
  if (busy_.contains(name)) {
    AnswerErrors(
        std::move(call), 409,
        One({}, fmt::format("the stack '{}' is being changed: wait until that has ended", name)));
    return;
  }
  if (stacks_->Find(name) == nullptr) {
    AnswerErrors(std::move(call), 404, One({}, fmt::format("there is no stack '{}'", name)));
    return;
  }
  busy_[name];
  auto shared = std::make_shared<aws::Call>(std::move(call));
  WithRecovered(name, [this, name, shared](bool is_clean) {
    if (!is_clean) {
      busy_.erase(name);
      AnswerErrors(std::move(*shared), 500,
                   One({}, "rolling back an earlier deployment of this stack failed again"));
      return;
    }
    FindEvents(events(), EventsOf(name),
               [this, name, shared](std::expected<FoundEvents, std::string> found) {
                 if (found) return Remove(std::move(*shared), name, *found);
                 busy_.erase(name);
                 AnswerErrors(std::move(*shared), 500, One({}, found.error()));
               });
  });
}

void StacksApi::Remove(aws::Call call, const std::string& name, const FoundEvents& found) {
  std::vector<Change> changes;
  const StackRecord& record = *stacks_->Find(name);
  // Before anything that has no way back.
  for (auto it = record.resources.rbegin(); it != record.resources.rend(); ++it) {
    AddBucketRemoval(name, *it, changes);
  }
  for (auto it = record.resources.rbegin(); it != record.resources.rend(); ++it) {
    if (it->type == kBucketType || it->type == kBucketPolicyType) continue;
    if (EventKindOf(it->type)) {
      if (!it->retain) AddEventRemoval(name, found, *it, changes);
      continue;
    }
    if (!it->retain) AddCleanUp(*it, changes);
    AddAttachmentRemoval(*it, {}, changes);
    AddPolicyRemoval(name, *it, changes);
    if (it->type != kFunctionType) continue;  // It goes with its function.
    changes.push_back({it->logical_id, it->physical_id,
                       CurrentState(options_.registry, it->physical_id), std::nullopt});
  }
  Stream(std::move(call), name, std::move(changes), std::nullopt, {});
}

}  // namespace hearth::stacks
