#include "runtime/catalog.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/sys.h"
#include "base/unique_fd.h"

namespace hearth::runtime {
namespace {

constexpr char kPython[] = "/usr/bin/python3";
constexpr char kNode[] = "/usr/bin/node";

// What `program --version` prints, without its words: "Python 3.11.2" -> "3.11.2". Empty where the
// program is missing or fails. Runs before the loop exists; the programs answer in milliseconds.
std::string VersionOf(const char* program) {
  auto pipe = base::sys::MakePipe();
  if (!pipe) return {};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe->write.get(), STDOUT_FILENO);
  char* const argv[] = {const_cast<char*>(program), const_cast<char*>("--version"), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program, &actions, nullptr, argv, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return {};
  pipe->write.Reset();
  std::string text;
  char block[256];
  ssize_t got;
  while ((got = ::read(pipe->read.get(), block, sizeof block)) > 0 && text.size() < 4096) {
    text.append(block, static_cast<size_t>(got));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  const auto digit = text.find_first_of("0123456789");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || digit == std::string::npos) return {};
  return text.substr(digit, text.find_first_not_of("0123456789.", digit) - digit);
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "python3.12" -> "3.12"; empty where the name is not of this form.
std::string_view PythonVersion(std::string_view name) {
  if (!name.starts_with("python3.") || !IsDigits(name.substr(8))) return {};
  return name.substr(6);
}

// "nodejs20.x" -> "20"
std::string_view NodeVersion(std::string_view name) {
  if (!name.starts_with("nodejs") || !name.ends_with(".x")) return {};
  const std::string_view digits = name.substr(6, name.size() - 8);
  return IsDigits(digits) ? digits : std::string_view();
}

std::string MapNotice(std::string_view name, std::string_view asked, const std::string& language,
                      const std::string& have) {
  if (have.starts_with(asked) && (have.size() == asked.size() || have[asked.size()] == '.')) {
    return {};
  }
  return std::string(name) + " runs on this machine's " + language + " " + have;
}

}  // namespace

Catalog Catalog::Probe() {
  Catalog catalog;
  catalog.python_version_ = VersionOf(kPython);
  catalog.node_version_ = VersionOf(kNode);
  return catalog;
}

std::optional<Runtime> Catalog::Find(std::string_view name) const {
  Runtime runtime;
  runtime.name = name;
  runtime.execution_env = "AWS_Lambda_" + runtime.name;
  if (const auto version = PythonVersion(name); !version.empty()) {
    if (python_version_.empty()) return std::nullopt;
    runtime.language = Language::kPython;
    runtime.transport = Transport::kChannel;
    runtime.executable = kPython;
    // -S: site costs 3 ms of start and finds what the bootstrap adds itself.
    runtime.argv = {"python3", "-S", "/var/runtime/bootstrap.py"};
    runtime.version = python_version_;
    runtime.notice = MapNotice(name, version, "Python", python_version_);
    return runtime;
  }
  if (const auto version = NodeVersion(name); !version.empty()) {
    if (node_version_.empty()) return std::nullopt;
    runtime.language = Language::kNode;
    runtime.transport = Transport::kChannel;
    runtime.executable = kNode;
    runtime.argv = {"node", "/var/runtime/bootstrap.js"};
    runtime.version = node_version_;
    runtime.notice = MapNotice(name, version, "Node.js", node_version_);
    return runtime;
  }
  if (name == "provided" || name == "provided.al2" || name == "provided.al2023") {
    runtime.language = Language::kProvided;
    runtime.transport = Transport::kRuntimeApi;
    runtime.executable = "/var/task/bootstrap";
    runtime.argv = {"/var/task/bootstrap"};
    return runtime;
  }
  return std::nullopt;
}

const std::vector<std::string>& Catalog::KnownNames() {
  static const std::vector<std::string> names = {
      "dotnet6",      "dotnet8",         "dotnetcore3.1", "go1.x",      "java11",     "java17",
      "java21",       "java25",          "java8",         "java8.al2",  "nodejs12.x", "nodejs14.x",
      "nodejs16.x",   "nodejs18.x",      "nodejs20.x",    "nodejs22.x", "nodejs24.x", "provided",
      "provided.al2", "provided.al2023", "python3.10",    "python3.11", "python3.12", "python3.13",
      "python3.14",   "python3.6",       "python3.7",     "python3.8",  "python3.9",  "ruby2.7",
      "ruby3.2",      "ruby3.3",         "ruby3.4"};
  return names;
}

}  // namespace hearth::runtime
