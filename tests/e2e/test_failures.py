"""Each way a function can fail, for each language, answered as AWS answers it (aws-facts 4.4)."""
import json
import unittest

from harness import HearthTest, poll

PYTHON = """
import os, sys, time
def ok(event, context): return event
def raises(event, context): raise ValueError("no good")
def slow(event, context): time.sleep(30)
def leaves(event, context): os._exit(event)
def bomb(event, context):
    held = []
    while True: held.append(bytearray(1 << 20))
def big(event, context): return "x" * (6 * 1024 * 1024 + 200)
def unserializable(event, context): return object()
"""

NODE = """
exports.ok = async (event) => event;
exports.raises = async () => { throw new TypeError('no good'); };
exports.callback = (event, context, callback) => callback(null, {got: event});
exports.callbackError = (event, context, callback) => callback(new Error('called back'));
exports.slow = () => new Promise(() => setTimeout(() => {}, 30000));
exports.leaves = (event) => process.exit(event);
exports.bomb = () => { const held = []; for (;;) held.push(Buffer.alloc(1 << 20, 1)); };
exports.big = async () => 'x'.repeat(6 * 1024 * 1024 + 200);
"""

SHELL = """#!/bin/sh
set -u
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  headers=$(mktemp)
  event=$(curl -sS -LD "$headers" "$api/invocation/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  case "$_HANDLER" in
    ok) curl -sS "$api/invocation/$id/response" -d "$event" >/dev/null ;;
    raises) curl -sS "$api/invocation/$id/error" -H 'Lambda-Runtime-Function-Error-Type: Function.Bad' \\
      -d '{"errorMessage":"no good","errorType":"Function.Bad"}' >/dev/null ;;
    slow) sleep 30 ;;
    leaves) exit "$event" ;;
  esac
done
"""


# Each call adds a line to a file in /tmp and answers with all of them; one that is told how ends so.
COUNTS = {
    "python3.11": ("app.handler", {"app.py": """
import os, time
def handler(event, context):
    with open("/tmp/lines", "a") as lines: lines.write(event + "\\n")
    if event == "exits": os._exit(7)
    if event == "sleeps": time.sleep(30)
    return open("/tmp/lines").read().split()
"""}),
    "nodejs20.x": ("index.handler", {"index.js": """
const fs = require('fs');
exports.handler = async (event) => {
  fs.appendFileSync('/tmp/lines', event + '\\n');
  if (event === 'exits') process.exit(7);
  if (event === 'sleeps') await new Promise((r) => setTimeout(r, 30000));
  return fs.readFileSync('/tmp/lines', 'utf8').trim().split('\\n');
};
"""}),
    "provided.al2023": ("h", {"bootstrap!": """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  headers=$(mktemp /dev/shm/XXXXXX 2>/dev/null || echo /tmp/headers)
  event=$(curl -sS -LD "$headers" "$api/invocation/next" | tr -d '"')
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  echo "$event" >> /tmp/lines
  case "$event" in
    exits) exit 7 ;;
    sleeps) sleep 30 ;;
  esac
  answer=$(sed 's/.*/"&"/' /tmp/lines | paste -sd, -)
  curl -sS "$api/invocation/$id/response" -d "[$answer]" >/dev/null
done
"""}),
}


class Reset(HearthTest):
    def test_what_is_in_tmp_is_there_after_each_way_to_fail_and_an_update_ends_it(self):
        for runtime, (handler, files) in COUNTS.items():
            with self.subTest(runtime):
                name = "keeps-" + runtime.split(".")[0]
                self.host.create(name, files, runtime=runtime, handler=handler, Timeout=2,
                                 MemorySize=256)
                said = []
                for word in ("one", "exits", "two", "sleeps", "three", "exits", "sleeps", "four"):
                    said.append(word)
                    answer = self.host.invoke(name, word)
                    if word in ("exits", "sleeps"):
                        self.assertIn("x-amz-function-error", answer.headers)
                    else:
                        self.assertEqual(said, answer.json)
                    # A call that came while the runtime is still busy might be another instance's.
                    poll("it to be ready again",
                         lambda: {i["state"] for i in self.host.ps() if i["function"] == name}
                         <= {"idle", "frozen"})
                self.host.request("PUT", f"/2015-03-31/functions/{name}/configuration",
                                  json.dumps({"Timeout": 3}))
                self.assertEqual(["new"], self.host.invoke(name, "new").json)


class Python(HearthTest):
    def function(self, handler, **settings):
        name = f"py-{handler}"
        self.host.create(name, {"app.py": PYTHON}, handler=f"app.{handler}", **settings)
        return name

    def test_an_exception_is_answered_with_its_type_message_and_stack(self):
        answer = self.host.invoke(self.function("raises"))
        self.assert_function_error(answer, "ValueError", "^no good$")
        self.assertIn("in raises", answer.json["stackTrace"][0])
        self.assertIn("requestId", answer.json)
        self.assertIn("[ERROR] ValueError: no good", answer.log)

    def test_a_timeout_kills_the_sandbox_and_says_so(self):
        name = self.function("slow", Timeout=1)
        answer = self.host.invoke(name)
        self.assert_function_error(answer, "Sandbox.Timedout",
                                   r"^RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 s")
        self.assertIn("Status: timeout", answer.log)
        self.assertEqual([], [i for i in self.host.ps()
                              if i["function"] == name and i["state"] != "ending"])

    def test_exits_are_told_with_their_status(self):
        name = self.function("leaves")
        self.assert_function_error(self.host.invoke(name, 0), "Runtime.ExitError",
                                   "Error: Runtime exited without providing a reason$")
        self.assert_function_error(self.host.invoke(name, 3), "Runtime.ExitError",
                                   "Error: Runtime exited with error: exit status 3$")

    def test_out_of_memory_is_told_apart(self):
        answer = self.host.invoke(self.function("bomb", MemorySize=128, Timeout=30))
        self.assert_function_error(answer, "Runtime.ExitError",
                                   "Error: Runtime exited with error: signal: killed$")
        self.assertIn("Status: error\tError Type: Runtime.OutOfMemory", answer.log)

    def test_a_response_over_6_mb_is_an_error(self):
        self.assert_function_error(self.host.invoke(self.function("big")),
                                   "Function.ResponseSizeTooLarge", "6291556 bytes")

    def test_a_result_that_is_not_json_is_a_marshal_error(self):
        self.assert_function_error(self.host.invoke(self.function("unserializable")),
                                   "Runtime.MarshalError", "Unable to marshal response")

    def test_a_missing_handler_and_a_missing_module_are_init_errors(self):
        self.host.create("py-nohandler", {"app.py": PYTHON}, handler="app.absent")
        self.assert_function_error(self.host.invoke("py-nohandler"), "Runtime.HandlerNotFound",
                                   "Handler 'absent' missing on module 'app'")
        self.host.create("py-nomodule", {"app.py": PYTHON}, handler="absent.handler")
        self.assert_function_error(self.host.invoke("py-nomodule"), "Runtime.ImportModuleError",
                                   "Unable to import module 'absent'")
        self.host.create("py-badname", {"app.py": PYTHON}, handler="app")
        self.assert_function_error(self.host.invoke("py-badname"), "Runtime.MalformedHandlerName",
                                   "Bad handler 'app'")

    def test_an_init_that_raises_is_answered_and_tried_again(self):
        self.host.create("py-init", {"app.py": "raise RuntimeError('at import')\n"})
        for _ in range(2):
            self.assert_function_error(self.host.invoke("py-init"), "RuntimeError", "at import")

    def test_after_each_failure_the_next_call_is_served(self):
        self.host.create("py-flaky", {"app.py": PYTHON.replace("def ok(event, context):",
                         "def handler(event, context):\n    if event: os._exit(event)\n   ")})
        self.host.invoke("py-flaky", 1)
        self.assertEqual(self.host.invoke("py-flaky", 0).body, b"0")

    def test_null_and_unicode_results_are_passed_as_they_are(self):
        name = self.function("ok")
        self.assertEqual(self.host.invoke(name, None).body, b"null")
        self.assertEqual(self.host.invoke(name, {"ü": "☃"}).json, {"ü": "☃"})


class Node(HearthTest):
    def function(self, handler, **settings):
        name = f"node-{handler}"
        self.host.create(name, {"index.js": NODE}, runtime="nodejs20.x",
                         handler=f"index.{handler}", MemorySize=256, **settings)
        return name

    def test_an_exception_is_answered_with_its_type_message_and_trace(self):
        answer = self.host.invoke(self.function("raises"))
        self.assert_function_error(answer, "TypeError", "^no good$")
        self.assertIn("index.js", " ".join(answer.json["trace"]))

    def test_callbacks_answer_both_ways(self):
        self.assertEqual(self.host.invoke(self.function("callback"), 7).json, {"got": 7})
        self.assert_function_error(self.host.invoke(self.function("callbackError")), "Error",
                                   "called back")

    def test_a_timeout_kills_the_sandbox_and_says_so(self):
        self.assert_function_error(self.host.invoke(self.function("slow", Timeout=1)),
                                   "Sandbox.Timedout", r"timed out after 1\.00 seconds")

    def test_exits_are_told_with_their_status(self):
        name = self.function("leaves")
        self.assert_function_error(self.host.invoke(name, 3), "Runtime.ExitError", "exit status 3$")

    def test_out_of_memory_is_told_apart(self):
        answer = self.host.invoke(self.function("bomb", Timeout=30))
        self.assert_function_error(answer, "Runtime.ExitError", "signal: killed$")
        self.assertIn("Runtime.OutOfMemory", answer.log)

    def test_a_response_over_6_mb_is_an_error(self):
        self.assert_function_error(self.host.invoke(self.function("big")),
                                   "Function.ResponseSizeTooLarge", "6291556 bytes")

    def test_missing_modules_and_handlers_are_init_errors(self):
        self.host.create("node-nohandler", {"index.js": NODE}, runtime="nodejs20.x",
                         handler="index.absent")
        self.assert_function_error(self.host.invoke("node-nohandler"), "Runtime.HandlerNotFound",
                                   "index.absent is undefined or not exported")
        self.host.create("node-nomodule", {"index.js": NODE}, runtime="nodejs20.x",
                         handler="absent.handler")
        self.assert_function_error(self.host.invoke("node-nomodule"), "Runtime.ImportModuleError",
                                   "Cannot find module 'absent'")


class Provided(HearthTest):
    def function(self, handler, **settings):
        name = f"sh-{handler}"
        self.host.create(name, {"bootstrap!": SHELL}, runtime="provided.al2023", handler=handler,
                         **settings)
        return name

    def test_a_shell_bootstrap_with_curl_answers(self):
        name = self.function("ok")
        for number in range(3):
            self.assertEqual(self.host.invoke(name, {"n": number}).json, {"n": number})

    def test_its_error_is_passed_on(self):
        self.assert_function_error(self.host.invoke(self.function("raises")), "Function.Bad",
                                   "no good")

    def test_its_exit_and_its_timeout_are_told(self):
        self.assert_function_error(self.host.invoke(self.function("leaves"), 9),
                                   "Runtime.ExitError", "exit status 9$")
        self.assert_function_error(self.host.invoke(self.function("slow", Timeout=1)),
                                   "Sandbox.Timedout", "timed out")

    def test_a_missing_or_broken_bootstrap_is_an_invalid_entrypoint(self):
        self.host.create("sh-none", {"other": "x"}, runtime="provided.al2023", handler="h")
        self.assert_function_error(self.host.invoke("sh-none"), "Runtime.InvalidEntrypoint",
                                   "no such file or directory")
        self.host.create("sh-plain", {"bootstrap": SHELL}, runtime="provided.al2023", handler="h")
        self.assert_function_error(self.host.invoke("sh-plain"), "Runtime.InvalidEntrypoint",
                                   "permission denied")


if __name__ == "__main__":
    unittest.main()
