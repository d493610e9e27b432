// The JSON of a function as Lambda's API answers it. Source: shape FunctionConfiguration.
#pragma once

#include "base/json.h"
#include "invoker/function.h"

namespace hearth::invoker {

base::Json FunctionConfigurationJson(const Account& account, const FunctionVersion& function);

}  // namespace hearth::invoker
