// Plans a template as the tests need it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stacks/template.h"

namespace hearth::stacks {

inline std::expected<Plan, std::vector<Diagnostic>> PlanOf(
    std::string text, std::map<std::string, std::string> parameters = {}) {
  TemplateInput input;
  input.text = std::move(text);
  input.parameters = std::move(parameters);
  input.stack_name = "shop";
  input.stack_id = "arn:aws:cloudformation:us-east-1:000000000000:stack/shop/1";
  return MakePlan(input);
}

// A function in a template's Resources; more of its properties may follow.
inline const std::string kHello =
    "  Hello:\n"
    "    Type: AWS::Serverless::Function\n"
    "    Properties:\n"
    "      CodeUri: src/\n"
    "      Handler: app.handler\n"
    "      Runtime: python3.12\n";

// Every error as "template.yaml:1:2: message", a line each; empty where the plan is good.
inline std::string ErrorsOf(const std::expected<Plan, std::vector<Diagnostic>>& plan) {
  std::string out;
  if (plan) return out;
  for (const auto& error : plan.error()) out += ToString("template.yaml", error) + "\n";
  return out;
}

}  // namespace hearth::stacks
