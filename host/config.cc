#include "host/config.h"

#include "base/file.h"
#include "base/limits.h"
#include "host/options.h"
#include "stacks/node.h"

namespace hearth::host {

using base::Invalid;
using base::Result;

Result<void> ReadConfigFile(const std::string& path, Options& options) {
  const std::string text = TRY(base::ReadFile(path, base::Bytes(limits::kMaxTemplateBytes)));
  const auto refuse = [&](const stacks::Diagnostic& diagnostic) {
    return Invalid("", stacks::ToString(path, diagnostic));
  };
  const auto root = stacks::ParseDocument(text);
  if (!root) return refuse(root.error().front());
  if ((*root)->kind == stacks::NodeKind::kNull) return {};  // An empty file changes nothing.
  if (!(*root)->is_map()) {
    return refuse({(*root)->position, "hearth.yaml is a mapping of option names to values, not " +
                                          stacks::Describe(**root)});
  }
  for (const stacks::Member& member : (*root)->members) {
    if (!member.value->is_scalar()) {
      return refuse({member.value->position,
                     member.name + " takes a plain value, not " + stacks::Describe(*member.value)});
    }
    if (auto set = SetOption(options, member.name, member.value->text); !set) {
      return refuse({member.position, set.error().ToString()});
    }
  }
  return {};
}

}  // namespace hearth::host
