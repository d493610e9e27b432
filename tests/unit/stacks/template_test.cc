#include "stacks/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan_helper.h"

namespace hearth::stacks {
namespace {
}  // namespace
}  // namespace hearth::stacks
