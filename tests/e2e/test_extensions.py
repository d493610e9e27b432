"""Extensions in layers, written as AWS's guide writes them, beside functions of each kind."""
import base64
import concurrent.futures
import json
import os
import unittest

from harness import HearthTest, poll, zip_of

# Tells what it gets on its output, which is in the function's log.
PYTHON_EXTENSION = """#!/usr/bin/python3
import json, os, sys, time, urllib.request
NAME = os.path.basename(sys.argv[0])
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/"
def say(**what): print(json.dumps({"ext": NAME, **what}), flush=True)
def ask(path, body=None, **headers):
    request = urllib.request.Request(API + path, body and json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request)
register = ask("register", {"events": %(events)s}, **{
    "Lambda-Extension-Name": NAME, "Lambda-Extension-Accept-Feature": "accountId"})
ID = {"Lambda-Extension-Identifier": register.headers["Lambda-Extension-Identifier"]}
say(registered=json.load(register), names=sorted(os.environ), cwd=os.getcwd())
%(init)s
while True:
    event = json.load(ask("event/next", **ID))
    say(event=event)
    if event["eventType"] == "SHUTDOWN":
        say(last=open("/tmp/seen").read() if os.path.exists("/tmp/seen") else None)
        break
    %(each)s
"""

SHELL_EXTENSION = """#!/bin/bash
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
id=$(curl -sS -D - -o /dev/null -H "Lambda-Extension-Name: $(basename "$0")" \\
     -d '{"events":["INVOKE","SHUTDOWN"]}' "$api/register" | tr -d '\\r' |
     sed -n 's/^Lambda-Extension-Identifier: //Ip')
while true; do
  event=$(curl -sS -H "Lambda-Extension-Identifier: $id" "$api/event/next")
  echo "shell got $event"
  case "$event" in *SHUTDOWN*) exit 0 ;; esac
done
"""

FUNCTION = """
import os
def handler(event, context):
    print("the function runs", flush=True)
    open("/tmp/seen", "w").write(str(event))
    return {"event": event, "id": context.aws_request_id}
"""

BOOTSTRAP = """#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while true; do
  id=$(curl -sS -D - -o /tmp/event $api/next | tr -d '\\r' |
       sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  curl -sS -o /dev/null -d @/tmp/event $api/$id/response
done
"""


def extension(events='["INVOKE","SHUTDOWN"]', init="", each="pass"):
    return PYTHON_EXTENSION % {"events": events, "init": init, "each": each}


class ExtensionTest(HearthTest):
    def layer(self, name, programs):
        content = zip_of({f"extensions/{file}": text for file, text in programs.items()})
        answer = self.host.request(
            "POST", f"/2018-10-31/layers/{name}/versions",
            json.dumps({"Content": {"ZipFile": base64.b64encode(content).decode()}}))
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json["LayerVersionArn"]

    def make(self, name, programs, files=None, runtime="python3.12", handler="app.handler", **more):
        self.host.create(name, files or {"app.py": FUNCTION}, runtime, handler,
                         Layers=[self.layer(name, programs)], **more)

    def lines(self, name):
        answer = self.host.request("GET", f"/_hearth/logs/{name}?after=0")
        return [event["message"] for event in answer.json["events"]]

    def said(self, name):
        """What python extensions wrote, parsed."""
        return [json.loads(line) for line in self.lines(name) if line.startswith('{"ext"')]

    def wait_for(self, name, text):
        return poll(f"{text} in the log of {name}",
                    lambda: [line for line in self.lines(name) if text in line])

    def instances(self, name):
        return [one for one in self.host.ps() if one["function"] == name]

    def end(self, name):
        def is_gone():
            self.host.request("DELETE", f"/_hearth/functions/{name}/instances")  # The idle ones.
            return not self.instances(name)
        poll("its instances are gone", is_gone)


class Life(ExtensionTest):
    def test_an_extension_lives_through_init_calls_and_the_end(self):
        self.make("Whole", {"watch!": extension()}, Environment={"Variables": {"MINE": "1"}})
        answers = []
        for number in (1, 2):
            answers.append(self.host.invoke("Whole", number))
            poll("it is idle", lambda: self.instances("Whole")[0]["state"] != "busy")
        self.assertEqual([one.json["event"] for one in answers], [1, 2])
        self.end("Whole")
        said = self.said("Whole")
        first = said[0]
        self.assertEqual(first["registered"], {
            "functionName": "Whole", "functionVersion": "$LATEST", "handler": "app.handler",
            "accountId": "000000000000"})
        self.assertEqual(first["cwd"], "/")
        for name in ("MINE", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_ACCESS_KEY_ID",
                     "AWS_LAMBDA_RUNTIME_API", "PATH"):
            self.assertIn(name, first["names"])
        for name in ("_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT",
                     "AWS_XRAY_DAEMON_ADDRESS", "AWS_LAMBDA_LOG_GROUP_NAME"):
            self.assertNotIn(name, first["names"])
        events = [one["event"] for one in said if "event" in one]
        self.assertEqual([one["eventType"] for one in events], ["INVOKE", "INVOKE", "SHUTDOWN"])
        self.assertEqual([one["requestId"] for one in events[:2]],
                         [one.json["id"] for one in answers])
        self.assertTrue(events[0]["invokedFunctionArn"].endswith(":function:Whole"))
        self.assertEqual(events[2]["shutdownReason"], "spindown")
        self.assertEqual(said[-1]["last"], "2", "it has the function's /tmp")
        lines = self.lines("Whole")
        self.assertIn("EXTENSION\tName: watch\tState: Ready\tEvents: [INVOKE,SHUTDOWN]", lines)
        self.assertLess(lines.index("EXTENSION\tName: watch\tState: Ready\tEvents: "
                                    "[INVOKE,SHUTDOWN]"), lines.index("the function runs"))

    def test_a_shell_script_and_a_python_program_serve_a_custom_runtime(self):
        self.make("Both", {"a-shell!": SHELL_EXTENSION, "b-python!": extension()},
                  {"bootstrap!": BOOTSTRAP}, "provided.al2023", "any")
        for number in (1, 2, 3):
            self.assertEqual(self.host.invoke("Both", number).json, number)
            poll("it is idle", lambda: self.instances("Both")[0]["state"] != "busy")
        self.end("Both")
        types = [one["event"]["eventType"] for one in self.said("Both") if "event" in one]
        self.assertEqual(types, ["INVOKE"] * 3 + ["SHUTDOWN"])
        shell = [line for line in self.lines("Both") if line.startswith("shell got")]
        self.assertEqual(len(shell), 4)

    def test_a_node_function_with_an_extension_that_wants_no_events_is_served(self):
        self.make("Quiet", {"quiet!": extension("[]")},
                  {"index.js": "exports.handler = async (event) => event;"}, "nodejs22.x",
                  "index.handler")
        self.assertEqual(self.host.invoke("Quiet", 7).json, 7)
        self.assertIn("EXTENSION\tName: quiet\tState: Ready\tEvents: []", self.lines("Quiet"))

    def test_the_caller_does_not_wait_for_an_extension_but_the_report_does(self):
        self.make("Slow", {"slow!": extension(each="time.sleep(1)")}, Timeout=10)
        first = self.host.invoke("Slow", 1)
        self.assertNotIn("REPORT", first.log)
        self.assertEqual(self.instances("Slow")[0]["state"], "busy")
        report = self.wait_for("Slow", "REPORT")[0]
        duration = float(report.split("\tDuration: ")[1].split(" ")[0])
        self.assertGreaterEqual(duration, 1000)

    def test_an_extension_that_does_not_come_back_ends_with_the_timeout(self):
        self.make("Stuck", {"stuck!": extension(each="time.sleep(60)")}, Timeout=1)
        self.assertEqual(self.host.invoke("Stuck", 1).json["event"], 1)
        self.assertIn("Status: timeout", self.wait_for("Stuck", "REPORT")[0])
        poll("it has ended", lambda: not self.instances("Stuck"))
        self.assertEqual(self.host.invoke("Stuck", 2).json["event"], 2)


class Failures(ExtensionTest):
    def test_one_that_exits_is_a_crash_with_its_status(self):
        for name, code, text in (("crash0", 0, "exit code 0"), ("crash3", 3, "exit status 3")):
            self.make(name, {"dies!": extension(init=f"os._exit({code})")})
            answer = self.host.invoke(name, 1)
            self.assert_function_error(answer, "Extension.Crash",
                                       f"^RequestId: [0-9a-f-]{{36}} Error: {text}$")
            self.assertIn("Error Type: Extension.Crash", "".join(self.lines(name)))

    def test_one_that_crashes_in_a_call_fails_it_and_the_next_is_served(self):
        each = "os.kill(os.getpid(), 9) if not os.path.exists('/tmp/x') else None"
        self.make("Mid", {"dies!": extension(each=each)},
                  {"app.py": "import time\ndef handler(event, context):\n"
                             "    time.sleep(event)\n    return event"}, Timeout=20)
        self.assert_function_error(self.host.invoke("Mid", 10), "Extension.Crash",
                                   "Error: signal: killed$")
        poll("it has ended", lambda: not self.instances("Mid"))

    def test_what_it_reports_of_itself_is_told(self):
        report = 'ask("%s/error", {}, **ID, **{"Lambda-Extension-Function-Error-Type": "Ext.Bad"})'
        self.make("InitError", {"bad!": extension(init=report % "init")})
        self.assert_function_error(self.host.invoke("InitError"), "Extension.InitError",
                                   "Error: exit code 0$")
        self.assertIn("EXTENSION\tName: bad\tState: InitError\tEvents: [INVOKE,SHUTDOWN]\t"
                      "Error Type: Ext.Bad", self.lines("InitError"))
        self.make("ExitError", {"bad!": extension(each=report % "exit")},
                  {"app.py": "import time\ndef handler(event, context): time.sleep(20)"},
                  Timeout=30)
        self.assert_function_error(self.host.invoke("ExitError"), "Extension.ExitError",
                                   "Error: exit code 0$")

    def test_one_that_cannot_be_executed_is_a_launch_error(self):
        self.make("Plain", {"plain": extension()})
        self.assert_function_error(self.host.invoke("Plain"), "Extension.LaunchError",
                                   "fork/exec /opt/extensions/plain: permission denied$")
        self.assertIn("EXTENSION\tName: plain\tState: LaunchError\tEvents: []\t"
                      "Error Type: PermissionDenied", self.lines("Plain"))
        self.make("Many", {f"e{n:02}!": extension() for n in range(11)})
        self.assert_function_error(self.host.invoke("Many"), "Extension.LaunchError", "Error: ")
        self.make("Ten", {f"e{n:02}!": extension() for n in range(10)}, MemorySize=512)
        self.assertEqual(self.host.invoke("Ten", 5).json["event"], 5)

    def test_how_the_runtime_fails_is_told_as_without_extensions(self):
        program = {"watch!": extension()}
        leaves = {"app.py": "import os\ndef handler(event, context): os._exit(event)"}
        self.make("Leaves", program, leaves)
        self.assert_function_error(self.host.invoke("Leaves", 3), "Runtime.ExitError",
                                   "Error: Runtime exited with error: exit status 3$")
        self.wait_for("Leaves", '"shutdownReason": "failure"')
        self.make("Late", program, {"app.py": "import time\n"
                                    "def handler(event, context): time.sleep(60)"}, Timeout=1)
        self.assert_function_error(self.host.invoke("Late"), "Sandbox.Timedout", "timed out after")
        self.wait_for("Late", '"shutdownReason": "timeout"')
        self.make("Bomb", program, {"app.py": "def handler(event, context):\n    held = []\n"
                                    "    while True: held.append(bytearray(1 << 20))"}, Timeout=30)
        answer = self.host.invoke("Bomb")
        self.assert_function_error(answer, "Runtime.ExitError", "signal: killed$")
        self.assertIn("Runtime.OutOfMemory", answer.log + "".join(self.lines("Bomb")))
        self.make("NoModule", program, {"other.py": ""})
        self.assert_function_error(self.host.invoke("NoModule"), "Runtime.ImportModuleError",
                                   "Unable to import module 'app'")
        self.make("NoBoot", program, {"x": ""}, "provided.al2023", "any")
        self.assert_function_error(self.host.invoke("NoBoot"), "Runtime.InvalidEntrypoint",
                                   "no such file or directory")


HOSTILE = """#!/usr/bin/python3
import http.client, os, json, threading
where = os.environ["AWS_LAMBDA_RUNTIME_API"]
def post(path, body, headers={}):
    connection = http.client.HTTPConnection(where, timeout=5)
    connection.request("POST", "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer
me = {"Lambda-Extension-Name": "hostile"}
ID = post("register", '{"events":["INVOKE"]}', me).headers["Lambda-Extension-Identifier"]
def flood():
    while True:
        try: post("register", b"x" * (1 << 23), {"Lambda-Extension-Name": "n"})
        except OSError: pass
for number in range(4): threading.Thread(target=flood, daemon=True).start()
for number in range(3000):
    try:
        if os.fork() == 0:
            os.setsid()
            while True: pass
    except OSError: break
for pid in [int(one) for one in os.listdir("/proc") if one.isdigit()]:
    with_runtime = open(f"/proc/{pid}/cmdline").read() if pid != os.getpid() else ""
    if pid == 1 or "bootstrap.py" in with_runtime:
        try: os.kill(pid, 9)
        except OSError: pass
threading.Event().wait()
"""


class Hostile(ExtensionTest):
    def test_a_hostile_extension_costs_only_its_own_function(self):
        self.make("Evil", {"hostile!": HOSTILE}, Timeout=3)
        self.host.create("Good", {"app.py": FUNCTION})
        with concurrent.futures.ThreadPoolExecutor() as pool:
            evil = pool.submit(self.host.invoke, "Evil", 1)
            good = 0
            while not evil.done():
                self.assertEqual(self.host.invoke("Good", good).json["event"], good)
                good += 1
        self.assertGreater(good, 0)
        self.assertEqual(evil.result().status, 200)
        self.assertIn("x-amz-function-error", evil.result().headers)
        poll("nothing of it is left", lambda: not self.instances("Evil"))

    def test_instances_that_end_leave_no_process_and_no_group(self):
        self.make("Soak", {"watch!": extension(), "left!": extension(
            init="os.fork() or time.sleep(600)")})
        before = None
        for round in range(8):
            self.assertEqual(self.host.invoke("Soak", round).json["event"], round)
            self.end("Soak")
            if round == 2:
                before = len(os.listdir(f"/proc/{self.host.process.pid}/fd"))
        poll("no descriptor is kept", lambda: len(
            os.listdir(f"/proc/{self.host.process.pid}/fd")) <= before + 8)


if __name__ == "__main__":
    unittest.main()
