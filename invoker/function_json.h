// The JSON of a function as Lambda's API answers it. Source: shape FunctionConfiguration.
#pragma once

#include "base/json.h"
#include "invoker/function.h"

namespace hearth::invoker {

// The ARN of a published version names it, that of $LATEST does not.
// AWS names the build of a runtime; ours stands for the name that was asked for.
std::string RuntimeVersionArn(const Account& account, const std::string& runtime);

base::Json FunctionConfigurationJson(const Account& account, const FunctionVersion& function);
// As one of a list: every ARN names its version, and nothing is said of states.
base::Json ListedConfigurationJson(const Account& account, const FunctionVersion& function);

}  // namespace hearth::invoker
