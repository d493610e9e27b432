"""AWS_LAMBDA_EXEC_WRAPPER: a script of the function's or of a layer's executes the managed runtime."""
import unittest

from harness import HearthTest

PYTHON = """
import os, sys
def handler(event, context):
    return {"event": event, "from": os.environ.get("FROM_WRAPPER"), "flags": sys.flags.dev_mode}
"""
NODE = """
exports.handler = async (event) => ({
  event, from: process.env.FROM_WRAPPER, flags: process.execArgv.includes('--no-warnings') });
"""
# As AWS's guide has it: an option goes before the last argument, which is the bootstrap.
WRAPPER = """#!/bin/bash
args=("$@")
export FROM_WRAPPER="$(basename "$0")"
exec "${args[@]:0:$#-1}" %s "${args[@]: -1}"
"""


def wrapped(path):
    return {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": path}}}


class ExecWrapper(HearthTest):
    def test_a_wrapper_executes_python_with_options_and_variables_of_its_own(self):
        self.host.create("py", {"app.py": PYTHON, "wrap!": WRAPPER % "-X dev"},
                         **wrapped("/var/task/wrap"))
        for event in (1, 2):
            self.assertEqual(self.host.invoke("py", event).json,
                             {"event": event, "from": "wrap", "flags": True})

    def test_a_wrapper_executes_node_with_options_and_variables_of_its_own(self):
        self.host.create("node", {"index.js": NODE, "wrap!": WRAPPER % "--no-warnings"},
                         "nodejs22.x", "index.handler", **wrapped("/var/task/wrap"))
        self.assertEqual(self.host.invoke("node", 1).json,
                         {"event": 1, "from": "wrap", "flags": True})

    def test_a_missing_wrapper_is_exit_status_127_and_one_that_may_not_run_126(self):
        for name, path, status in (("none", "/opt/absent", 127), ("plain", "/var/task/wrap", 126)):
            self.host.create(name, {"app.py": PYTHON, "wrap": WRAPPER % ""}, **wrapped(path))
            answer = self.host.invoke(name)
            self.assert_function_error(answer, "Runtime.ExitError", (
                f"^RequestId: [0-9a-f-]{{36}} Error: Runtime exited with error: "
                f"exit status {status}$"))
            self.assertIn(path + ": ", answer.log)

    def test_a_custom_runtime_runs_as_it_is(self):
        bootstrap = """#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
id=$(curl -sS -D - -o /dev/null $api/next | tr -d '\\r' |
     sed -n 's/^lambda-runtime-aws-request-id: //Ip')
curl -sS -o /dev/null -d '"unwrapped"' $api/$id/response
"""
        self.host.create("custom", {"bootstrap!": bootstrap}, "provided.al2023", "any",
                         **wrapped("/opt/absent"))
        self.assertEqual(self.host.invoke("custom").json, "unwrapped")


if __name__ == "__main__":
    unittest.main()
