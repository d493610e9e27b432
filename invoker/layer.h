// LayerVersion: one version of a layer, an archive that functions find below /opt. A value, and the
// rules of what may be one. layer_registry.h keeps them.
//
// Source: Lambda API 2018-10-31, shapes PublishLayerVersionRequest, LayerVersionArn and their like;
// error texts as recorded on AWS.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "invoker/function.h"
#include "invoker/resource_policy.h"

namespace hearth::invoker {

// All that a policy of a layer version allows.
inline constexpr char kLayerAction[] = "lambda:GetLayerVersion";

struct LayerVersion {
  std::string name;
  uint64_t number = 0;
  std::string description;
  std::string license;
  std::vector<std::string> runtimes;
  std::vector<std::string> architectures;
  std::string created;  // base::FormatLambdaTime

  std::string code_digest;  // Hex SHA-256 of the zip: layers::CodeStore's key.
  std::string code_sha256;  // Base64 of the same: what the API shows.
  uint64_t code_size = 0;   // Bytes of the zip.

  PolicyStatements statements;  // Who may use it.
  std::string policy_revision;  // Empty: there has never been a statement.
};

// Immutable once made. nullptr: there is no such layer version.
using LayerRef = std::shared_ptr<const LayerVersion>;

// "arn:aws:lambda:us-east-1:000000000000:layer:Name" (+ ":" + version where given)
std::string LayerArn(const Account& account, const std::string& name,
                     const std::string& version = {});
std::string LayerVersionArn(const Account& account, const LayerVersion& layer);

// Which layer, or layer version, a request means.
struct LayerName {
  std::string name;
  std::optional<uint64_t> number;
  Account account;
};
// "name" (which is `account`'s) or the ARN of a layer: a path's LayerName, decoded.
std::expected<LayerName, aws::ApiError> ParseLayerName(const Account& account,
                                                       std::string_view text);
// Nothing where `text` is no layer version's ARN.
std::optional<LayerName> ParseLayerVersionArn(std::string_view text);

// Why what is to be published cannot be.
std::optional<aws::ApiError> CheckLayer(const LayerVersion& layer);
// The refusal of values outside an enumeration, each, all together; nothing where there are none.
std::optional<aws::ApiError> CheckCompatible(const std::vector<std::string>& runtimes,
                                             const std::vector<std::string>& architectures,
                                             std::string_view runtimes_member,
                                             std::string_view architectures_member);

// The stored form and back. LayerFrom of what ToStored gave never fails.
base::Json ToStored(const LayerVersion& layer);
base::Result<LayerVersion> LayerFrom(const base::Json& stored);

}  // namespace hearth::invoker
