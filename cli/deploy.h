// hearth deploy, stacks, delete: templates and what was made of them.
//
// Deploying takes three steps: the host reads the template and names the code it needs (plan); the
// code is packed and uploaded by its digest, where the host lacks it; the host applies the template
// and streams an event a resource.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"

namespace hearth::cli {

struct DeployOptions {
  std::string template_path;            // A file, or a folder that holds template.yaml.
  std::string stack;                    // Empty: the name of the template's folder.
  std::vector<std::string> parameters;  // "Key=Value"
};
int RunDeploy(const Client& client, Console& console, const DeployOptions& options);

int RunStacks(const Client& client, Console& console);
int RunDelete(const Client& client, Console& console, const std::string& stack);

// A stack's name from a folder's: letters, digits and '-', starting with a letter, at most 128
// (CloudFormation's rule for stack names). Never empty.
std::string StackNameFrom(std::string_view folder);

}  // namespace hearth::cli
