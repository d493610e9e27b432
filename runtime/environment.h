// The environment of a function's process, in AWS's order of precedence (last wins): customer <
// platform-unreserved < credentials < runtime < platform. Source: AWS RIE, aws-facts 4.1.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/catalog.h"

namespace hearth::runtime {

struct EnvironmentInput {
  std::map<std::string, std::string> customer;
  std::string function_name;
  std::string function_version = "$LATEST";
  uint32_t memory_mib = 128;
  std::string handler;
  std::string region = "us-east-1";
  std::string log_group;
  std::string log_stream;
  std::string log_format;  // "JSON"; empty: text, which has no level either.
  std::string log_level;   // "INFO"
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string initialization_type = "on-demand";
  std::string endpoint_url;  // AWS_ENDPOINT_URL; empty: none.
  std::string runtime_api = "127.0.0.1:9001";
};

// "NAME=value" lines: the whole environment, PATH and LD_LIBRARY_PATH included.
std::vector<std::string> BuildEnvironment(const Runtime& runtime, const EnvironmentInput& input);
// True for names that a customer may not set (AWS: InvalidParameterValueException).
bool IsReservedName(std::string_view name);

}  // namespace hearth::runtime
