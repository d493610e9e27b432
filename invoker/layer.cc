#include "invoker/layer.h"

#include <algorithm>
#include <charconv>

#include "aws/arn.h"
#include "base/limits.h"
#include "invoker/api_errors.h"
#include "runtime/catalog.h"

namespace hearth::invoker {
namespace {

constexpr size_t kMaxName = 140;  // AWS, an ARN's whole length too; as are those below.
constexpr size_t kMaxVersionArn = 2048;
constexpr size_t kMaxDescription = 256;
constexpr size_t kMaxLicense = 512;
constexpr size_t kMaxRuntimes = 15;
constexpr size_t kMaxArchitectures = 2;

// The name, and the number where there is one, of "arn:aws:lambda:REGION:ACCOUNT:layer:NAME:1".
std::optional<LayerName> ParseLayerArn(std::string_view text) {
  const auto arn = aws::ParseArn(text);
  constexpr std::string_view kLayer = "layer:";
  if (!arn || arn->service != "lambda" || !aws::IsNameWord(arn->region) ||
      !aws::IsAccountId(arn->account) || !arn->resource.starts_with(kLayer)) {
    return std::nullopt;
  }
  const std::string_view rest = std::string_view(arn->resource).substr(kLayer.size());
  const size_t colon = rest.find(':');
  LayerName out{.name = std::string(rest.substr(0, colon)),
                .number = {},
                .account = {.region = arn->region, .id = arn->account}};
  if (!aws::IsNameWord(out.name)) return std::nullopt;
  if (colon == std::string_view::npos) return out;
  const std::string_view digits = rest.substr(colon + 1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  out.number = number;
  return out;
}

std::string Joined(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& one : list) out += (out.empty() ? "" : ", ") + one;
  return out;
}

std::optional<aws::ApiError> CheckLength(std::string_view value, std::string_view member,
                                         size_t most) {
  if (value.size() <= most) return std::nullopt;
  return ValidationError(value, member,
                         "Member must have length less than or equal to " + std::to_string(most));
}

}  // namespace

std::string LayerArn(const Account& account, const std::string& name, const std::string& version) {
  const std::string arn = "arn:aws:lambda:" + account.region + ":" + account.id + ":layer:" + name;
  return version.empty() ? arn : arn + ":" + version;
}

std::string LayerVersionArn(const Account& account, const LayerVersion& layer) {
  return LayerArn(account, layer.name, std::to_string(layer.number));
}

std::expected<LayerName, aws::ApiError> ParseLayerName(const Account& account,
                                                       std::string_view text) {
  if (auto refusal = CheckLength(text, "layerName", kMaxName)) {
    return std::unexpected(std::move(*refusal));
  }
  if (aws::IsNameWord(text)) return LayerName{std::string(text), {}, account};
  auto parsed = ParseLayerArn(text);
  if (parsed && !parsed->number) return *std::move(parsed);
  return std::unexpected(ValidationError(
      text, "layerName",
      "Member must satisfy regular expression pattern: "
      "(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+"));
}

std::optional<LayerName> ParseLayerVersionArn(std::string_view text) {
  if (text.size() > kMaxVersionArn) return std::nullopt;
  auto parsed = ParseLayerArn(text);
  if (!parsed || !parsed->number) return std::nullopt;
  return parsed;
}

std::optional<aws::ApiError> CheckCompatible(const std::vector<std::string>& runtimes,
                                             const std::vector<std::string>& architectures,
                                             std::string_view runtimes_member,
                                             std::string_view architectures_member) {
  const auto& known = runtime::Catalog::KnownNames();
  std::vector<std::string> faults;
  const auto fault = [&](const std::vector<std::string>& values, std::string_view member,
                         const std::string& constraint) {
    faults.push_back("Value '[" + Joined(values) + "]' at '" + std::string(member) +
                     "' failed to satisfy constraint: " + constraint);
  };
  if (!std::ranges::all_of(runtimes, [&](const std::string& name) {
        return std::ranges::find(known, name) != known.end();
      })) {
    fault(runtimes, runtimes_member, "Member must satisfy enum value set: [" + Joined(known) + "]");
  }
  if (!std::ranges::all_of(architectures, [](const std::string& name) {
        return name == "x86_64" || name == "arm64";
      })) {
    fault(architectures, architectures_member,
          "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]");
  }
  if (faults.empty()) return std::nullopt;
  std::string message = std::to_string(faults.size()) + " validation error" +
                        (faults.size() > 1 ? "s" : "") + " detected: " + faults[0];
  if (faults.size() > 1) message += "; " + faults[1];
  return aws::ApiError{.status = 400, .type = "ValidationException", .message = std::move(message)};
}

std::optional<aws::ApiError> CheckLayer(const LayerVersion& layer) {
  if (!aws::IsNameWord(layer.name)) {
    return ValidationError(layer.name, "layerName",
                           "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+");
  }
  if (auto refusal = CheckLength(layer.name, "layerName", kMaxName)) return refusal;
  if (auto refusal = CheckLength(layer.description, "description", kMaxDescription)) return refusal;
  if (auto refusal = CheckLength(layer.license, "licenseInfo", kMaxLicense)) return refusal;
  const auto too_many = [](const std::vector<std::string>& list, std::string_view member,
                           size_t most) {
    return ValidationError("[" + Joined(list) + "]", member,
                           "Member must have length less than or equal to " + std::to_string(most));
  };
  if (layer.runtimes.size() > kMaxRuntimes) {
    return too_many(layer.runtimes, "compatibleRuntimes", kMaxRuntimes);
  }
  if (layer.architectures.size() > kMaxArchitectures) {
    return too_many(layer.architectures, "compatibleArchitectures", kMaxArchitectures);
  }
  return CheckCompatible(layer.runtimes, layer.architectures, "compatibleRuntimes",
                         "compatibleArchitectures");
}

base::Json ToStored(const LayerVersion& layer) {
  return {{"name", layer.name},
          {"number", layer.number},
          {"description", layer.description},
          {"license", layer.license},
          {"runtimes", layer.runtimes},
          {"architectures", layer.architectures},
          {"created", layer.created},
          {"code_digest", layer.code_digest},
          {"code_sha256", layer.code_sha256},
          {"code_size", layer.code_size},
          {"statements", ToStored(layer.statements)},
          {"policy_revision", layer.policy_revision}};
}

base::Result<LayerVersion> LayerFrom(const base::Json& stored) {
  LayerVersion out;
  // nlohmann throws where a member is absent or of another type; the exception stops here.
  try {
    out.name = stored.at("name").get<std::string>();
    out.number = stored.at("number").get<uint64_t>();
    out.description = stored.at("description").get<std::string>();
    out.license = stored.at("license").get<std::string>();
    out.runtimes = stored.at("runtimes").get<std::vector<std::string>>();
    out.architectures = stored.at("architectures").get<std::vector<std::string>>();
    out.created = stored.at("created").get<std::string>();
    out.code_digest = stored.at("code_digest").get<std::string>();
    out.code_sha256 = stored.at("code_sha256").get<std::string>();
    out.code_size = stored.at("code_size").get<uint64_t>();
    out.statements = PolicyFromStored(stored.at("statements"));
    // What was stored before functions had policies too.
    for (PolicyStatement& one : out.statements) one.action = kLayerAction;
    out.policy_revision = stored.at("policy_revision").get<std::string>();
  } catch (const base::Json::exception& error) {
    return base::MakeError(base::ErrorKind::kCorrupt, "read stored layer", error.what());
  }
  return out;
}

}  // namespace hearth::invoker
