// The answers of the stacks' API: JSON bodies, errors, and the NDJSON progress stream.
//
// Internal to this floor. Called on the loop.
#pragma once

#include <string>
#include <vector>

#include "aws/gateway.h"
#include "base/json.h"
#include "base/result.h"
#include "stacks/node.h"

namespace hearth::stacks {

void Answer(aws::Call call, int status, const base::Json& body);
// {"errors": [{"line", "column", "message"}]}; line 0: the request as a whole.
void AnswerErrors(aws::Call call, int status, const std::vector<Diagnostic>& errors);
base::Json ToJson(const std::vector<Diagnostic>& diagnostics);
int StatusOf(const base::Error& error);

}  // namespace hearth::stacks
