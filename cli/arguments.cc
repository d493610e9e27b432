#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/limits.h"
#include "cli/bench.h"
#include "cli/bench_compare.h"
#include "cli/clock.h"
#include "cli/deploy.h"
#include "cli/invoke.h"
#include "cli/logs.h"
#include "cli/status.h"
#include "cli/usage.h"

namespace hearth::cli {
namespace {

constexpr const char* kAbout =
    "hearth: deploys and calls functions on a Hearth host.\n"
    "\n"
    "A first round:\n"
    "  hearth deploy examples/hello/template.yaml    makes what the SAM template says\n"
    "  hearth invoke Hello --payload '{\"name\":\"x\"}'  calls a function, prints its reply\n"
    "  hearth logs Hello --follow                    shows what it writes\n"
    "  hearth ps                                     shows the sandboxes and their memory\n"
    "  hearth bench Hello --duration 10s             measures it\n"
    "\n"
    "'hearth COMMAND --help' explains each command.";

constexpr const char* kFooter =
    "\n"
    "The answer goes to standard output; progress, logs and errors go to standard error.\n"
    "Exit codes: 0 ok; 1 the function or the deployment failed; 2 the command line, the template\n"
    "or the payload is wrong; 3 hearthd cannot be reached, or refused.";

// What the options are read into. Lives as long as the CLI::App that writes to it.
struct Choices {
  std::string endpoint;
  bool json = false;
  DeployOptions deploy;
  std::string stack_to_delete;
  InvokeOptions invoke;
  std::string invoke_input;
  std::string log = "none";
  LogsOptions logs;
  base::Duration advance{};
  UsageOptions usage;
  BenchOptions bench;
  std::vector<std::string> bench_names;
  std::vector<std::string> bench_reports;  // To compare.
};

void AddDeploy(CLI::App& app, Choices& choices) {
  auto* deploy = app.add_subcommand("deploy", "Make what a SAM template describes: one stack");
  deploy
      ->add_option("TEMPLATE", choices.deploy.template_path,
                   "The template, or the folder that holds template.yaml")
      ->required();
  deploy->add_option("--stack", choices.deploy.stack,
                     "The stack's name (default: the folder's name)");
  deploy
      ->add_option("--parameter", choices.deploy.parameters,
                   "A template parameter, K=V; may be repeated")
      ->allow_extra_args(false);
  deploy->footer(
      "\nCode is packed and uploaded by its digest: what the host has is not sent "
      "again.\nAn error in the template names its line and column; nothing is "
      "half-deployed.");
  app.add_subcommand("stacks", "List the stacks");
  app.add_subcommand("delete", "Delete a stack and everything in it")
      ->add_option("STACK", choices.stack_to_delete, "The stack's name")
      ->required();
}

void AddInvoke(CLI::App& app, Choices& choices) {
  auto* invoke = app.add_subcommand("invoke", "Call a function and print its reply");
  invoke->add_option("NAME", choices.invoke.function, "The function: name, name:qualifier or ARN")
      ->required();
  auto* payload = invoke->add_option("--payload", choices.invoke.payload,
                                     "The event, as JSON (default {}); - reads standard input");
  auto* file = invoke->add_option("--payload-file", choices.invoke.payload_file,
                                  "A file that holds the event; - reads standard input");
  payload->excludes(file);
  invoke->add_option("INPUT", choices.invoke_input, "'-' reads the event from standard input")
      ->check(CLI::IsMember({"-"}))
      ->excludes(payload)
      ->excludes(file);
  invoke->add_option("--log", choices.log, "'tail' shows the call's last 4 KB of log")
      ->check(CLI::IsMember({"tail", "none"}));
  invoke->add_flag("--async", choices.invoke.async, "Queue the event, do not wait for the reply");
  invoke->add_option("--qualifier", choices.invoke.qualifier, "A version or an alias");
  invoke->footer("\nA function's error goes to standard error and exits with 1.");
}

void AddReaders(CLI::App& app, Choices& choices) {
  auto* logs = app.add_subcommand("logs", "Show what a function wrote");
  logs->add_option("NAME", choices.logs.function, "The function")->required();
  logs->add_flag("--follow,-f", choices.logs.follow, "Go on with what it writes; Ctrl-C ends it");
  logs->add_option("--tail,-n", choices.logs.tail, "How many lines to begin with (default 100)")
      ->check(CLI::Range(0, 10000));
  app.add_subcommand("usage", "Show what functions ran in a month, and what AWS would bill for it")
      ->add_option("--month", choices.usage.month, "As 2026-11 (default: this month, UTC)");
  app.add_subcommand("ps", "List the sandboxes: state, memory, age, calls");
  app.add_subcommand("functions", "List the functions");
  app.add_subcommand("status", "Show the host's health and its machine");
}

// A duration option: what CLI11 hands us is text, what we keep is a duration.
CLI::Option* AddDuration(CLI::App* app, const std::string& name, base::Duration& target,
                         const std::string& description,
                         std::chrono::hours longest = std::chrono::hours(24)) {
  return app
      ->add_option_function<std::string>(
          name,
          [&target, longest](const std::string& text) { target = *ParseDuration(text, longest); },
          description)
      ->check([longest](const std::string& text) {
        const auto duration = ParseDuration(text, longest);
        return duration ? std::string() : duration.error().text;
      });
}

void AddClock(CLI::App& app, Choices& choices) {
  auto* clock = app.add_subcommand("clock", "Show the host's time, or move a virtual one");
  auto* advance = clock->add_subcommand("advance", "Move it, and wait for all that became due");
  AddDuration(advance, "DURATION", choices.advance, "By how much: 90s, 2m, 6h, 30d",
              limits::kClockAdvance)
      ->required();
  clock->footer(
      "\nOnly where hearthd was started with --clock virtual does the clock move by hand.");
}

// Ways to measure that exclude what a steady load is made of.
void AddColdBench(CLI::App* bench, Choices& choices, const std::vector<CLI::Option*>& of_a_load) {
  auto* cold = bench->add_flag("--cold", choices.bench.cold,
                               "Every call finds no warm instance: what a cold start takes");
  bench->add_option("--calls,-n", choices.bench.calls, "How many cold starts (default 100)")
      ->check(CLI::Range(1, 1'000'000))
      ->needs(cold);
  AddDuration(bench, "--interval", choices.bench.interval, "A pause before each cold start")
      ->needs(cold);
  auto* burst = bench
                    ->add_option("--burst", choices.bench.burst,
                                 "So many calls at once, none of which finds a warm instance; "
                                 "several NAMEs take them in turn")
                    ->check(CLI::Range(1, 1000))
                    ->excludes(cold);
  for (CLI::Option* option : of_a_load) {
    cold->excludes(option);
    burst->excludes(option);
  }
  bench
      ->add_option("--compare", choices.bench_reports,
                   "Measure nothing: show two JSON reports side by side, and their ratio")
      ->expected(2)
      ->excludes(cold)
      ->excludes(burst);
}

void AddBench(CLI::App& app, Choices& choices) {
  auto* bench = app.add_subcommand("bench", "Measure a function: latency, throughput, steps");
  bench->add_option("NAME", choices.bench_names, "The function");
  std::vector<CLI::Option*> of_a_load;
  of_a_load.push_back(bench
                          ->add_option("--connections,-c", choices.bench.connections,
                                       "How many calls may be under way at once (default 8)")
                          ->check(CLI::Range(1, 1000)));
  of_a_load.push_back(AddDuration(bench, "--duration,-d", choices.bench.duration,
                                  "How long to measure: 500ms, 10s, 2m (default 10s)"));
  of_a_load.push_back(AddDuration(bench, "--warm-up", choices.bench.warm_up,
                                  "Calls before measuring, counted apart (default 1s)"));
  of_a_load.push_back(
      bench
          ->add_option("--rate,-r", choices.bench.rate,
                       "Calls a second, at fixed times; latency then counts from the intended time")
          ->check(CLI::Range(0.01, 1e6)));
  AddColdBench(bench, choices, of_a_load);
  bench->add_option("--payload,-p", choices.bench.payload, "The event, as JSON (default {})");
  bench->add_option("--qualifier", choices.bench.qualifier, "A version or an alias");
  bench->add_flag("--no-steps", choices.bench.no_steps,
                  "Leave out the host's own steps, and cold starts apart; a little faster");
  bench->add_option("--json", choices.bench.json_file, "Write the figures to this file");
  bench->add_option("--html", choices.bench.html_file, "Write a page with the distribution");
  bench->footer(
      "\nWithout --rate (closed loop) each connection calls again as soon as it has its reply:\n"
      "that measures throughput. With --rate (open loop) calls have fixed times, and a call that\n"
      "must wait because the host stalls is late by that wait: that measures what users feel.\n"
      "--cold and --burst end the function's idle instances first: nobody else should call it.\n"
      "  hearth bench Hello --json a.json; hearth bench Hello --json b.json\n"
      "  hearth bench --compare a.json b.json");
}

int Bench(const Client& client, Console& console, Choices& choices) {
  auto& names = choices.bench_names;
  if (!choices.bench_reports.empty()) {
    if (!names.empty()) return FailUsage(console, "--compare takes two reports, and no function");
    return RunBenchCompare(console, choices.bench_reports[0], choices.bench_reports[1]);
  }
  if (names.empty()) {
    return FailUsage(console, "bench needs the function to measure: hearth bench NAME");
  }
  choices.bench.function = names.front();
  choices.bench.others.assign(names.begin() + 1, names.end());
  return RunBench(client, console, choices.bench);
}

int Dispatch(CLI::App& app, Choices& choices, World& world) {
  const Client client(choices.endpoint, world.transport);
  Console console{world.out, world.err, choices.json};
  const auto chosen = [&app](const char* name) { return app.got_subcommand(name); };
  if (chosen("deploy")) return RunDeploy(client, console, choices.deploy);
  if (chosen("stacks")) return RunStacks(client, console);
  if (chosen("delete")) return RunDelete(client, console, choices.stack_to_delete);
  if (chosen("invoke")) {
    if (!choices.invoke_input.empty()) choices.invoke.payload = choices.invoke_input;
    choices.invoke.log_tail = choices.log == "tail";
    return RunInvoke(client, console, world.input, choices.invoke);
  }
  if (chosen("logs")) return RunLogs(client, console, choices.logs);
  if (chosen("usage")) return RunUsage(client, console, choices.usage);
  if (chosen("ps")) return RunPs(client, console);
  if (chosen("functions")) return RunFunctions(client, console);
  if (chosen("status")) return RunStatus(client, console);
  if (chosen("clock")) {
    const bool moves = app.get_subcommand("clock")->got_subcommand("advance");
    return RunClock(client, console, moves ? std::optional(choices.advance) : std::nullopt);
  }
  CHECK(chosen("bench"));
  return Bench(client, console, choices);
}

}  // namespace

int Run(const std::vector<std::string>& arguments, World world) {
  Choices choices;
  choices.endpoint = world.endpoint.empty() ? kDefaultEndpoint : world.endpoint;
  CLI::App app(kAbout, "hearth");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "hearth " HEARTH_VERSION);
  app.add_option("--endpoint", choices.endpoint,
                 "Where hearthd listens (default http://127.0.0.1:4566, or HEARTH_ENDPOINT)");
  app.add_flag("--json", choices.json, "Answer in JSON, for programs");
  AddDeploy(app, choices);
  AddInvoke(app, choices);
  AddReaders(app, choices);
  AddClock(app, choices);
  AddBench(app, choices);
  try {
    // CLI11 takes the arguments as a stack, the first on top.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, world.out, world.err) == 0 ? kOk : kUsage;
  }
  return Dispatch(app, choices, world);
}

}  // namespace hearth::cli
