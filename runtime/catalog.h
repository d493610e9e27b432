// The catalog of runtimes: which names a function may ask for and what serves them here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::runtime {

enum class Language { kPython, kNode, kProvided };

// Which of the two ways into a sandbox the runtime's bootstrap speaks.
enum class Transport { kChannel, kRuntimeApi };

struct Runtime {
  std::string name;  // As asked for: "python3.14".
  Language language = Language::kProvided;
  Transport transport = Transport::kRuntimeApi;
  std::string executable;  // Inside the sandbox: "/usr/bin/python3", "/var/task/bootstrap".
  std::vector<std::string> argv;
  std::string version;        // Of the interpreter at hand: "3.11.2"; empty for provided.
  std::string execution_env;  // AWS_EXECUTION_ENV: "AWS_Lambda_python3.14".
  // Where the machine has not what the name asks for: "python3.14 runs on this machine's Python
  // 3.11.2".
  std::string notice;
};

class Catalog {
 public:
  // Asks each interpreter for its version once; a missing one is simply not offered.
  static Catalog Probe();
  // nullopt: the name is unknown (AWS: InvalidParameterValueException) or not served here.
  std::optional<Runtime> Find(std::string_view name) const;
  // Every name AWS's API accepts today, for validation messages.
  static const std::vector<std::string>& KnownNames();

 private:
  std::string python_version_;
  std::string node_version_;
};

}  // namespace hearth::runtime
