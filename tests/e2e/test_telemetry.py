"""The Telemetry API and the Logs API, by extensions that subscribe, listen and write down."""
import json
import time
import unittest

from harness import poll
from test_extensions import FUNCTION, ExtensionTest

# What an extension and a part of a runtime share: a listener, a subscription, what was told.
LISTENER = """
import http.server, json, os, socket, sys, threading, time, urllib.error, urllib.request
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
TOLD, BATCHES, CHANGED = [], [], threading.Condition()
def tell(records):
    with CHANGED:
        BATCHES.append(len(records))
        TOLD.extend(records)
        CHANGED.notify_all()
def wait_for(kind, request_id=None):
    def is_there():
        return any(one["type"] == kind and (request_id is None or
                   one["record"]["requestId"] == request_id) for one in TOLD)
    with CHANGED:
        return CHANGED.wait_for(is_there, 10)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        tell(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_PUT = do_POST
    def log_message(self, *args): pass
def listen_http(port=8080):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
def listen_tcp(port=8080):
    server = socket.create_server(("127.0.0.1", port))
    def serve():
        while True:
            for line in server.accept()[0].makefile(): tell([json.loads(line)])
    threading.Thread(target=serve, daemon=True).start()
def ask(path, body=None, method=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(API + path, data, headers, method=method))
HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/told"}
TCP = {"protocol": "TCP", "port": 8080}
def subscribe(path="/2022-07-01/telemetry", version="2022-12-13", types=("platform", "function"),
              to=HTTP, timeout=25):
    try:
        answer = ask(path, {"schemaVersion": version, "types": types, "destination": to,
                            "buffering": {"timeoutMs": timeout}}, "PUT", **ID)
        return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
"""

EXTENSION = "#!/usr/bin/python3" + LISTENER + """
register = ask("/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, **{
    "Lambda-Extension-Name": os.path.basename(sys.argv[0])})
ID = {"Lambda-Extension-Identifier": register.headers["Lambda-Extension-Identifier"]}
def say(**what): print(json.dumps({"ext": "tell", **what}), flush=True)
%(init)s
while True:
    event = json.load(ask("/2020-01-01/extension/event/next", **ID))
    if event["eventType"] == "SHUTDOWN": break
    %(each)s
%(end)s
for one in TOLD: say(told=one)
say(batches=BATCHES)
"""

# The runtime of a function with a part that subscribes; a call's answer is what it was told so far.
BOOTSTRAP = "#!/usr/bin/python3" + LISTENER + """
register = ask("/2020-01-01/extension/register", {"events": []}, **{
    "Lambda-Extension-Name": "inside"})
ID = {"Lambda-Extension-Identifier": register.headers["Lambda-Extension-Identifier"]}
print("before", flush=True)
listen_http()
assert subscribe() == (200, "OK")
threading.Thread(target=ask, args=("/2020-01-01/extension/event/next",), kwargs=ID,
                 daemon=True).start()
while True:
    event = ask("/2018-06-01/runtime/invocation/next")
    request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
    if json.load(event) == 2: wait_for("platform.report")
    ask("/2018-06-01/runtime/invocation/" + request_id + "/response", TOLD)
"""

WAITS = 'wait_for("platform.runtimeDone", event["requestId"])'


def extension(init="listen_http(); say(subscribed=subscribe())", each=WAITS, end=""):
    return EXTENSION % {"init": init, "each": each, "end": end}


class TelemetryTest(ExtensionTest):
    def call(self, name, event):
        answer = self.host.invoke(name, event)
        poll("it is idle", lambda: self.instances(name)[0]["state"] in ("idle", "frozen"))
        return answer

    def run_to_its_end(self, name, program, files=None, calls=(1, 2), **more):
        """What the extension was told of so many calls, and said; and the calls' answers."""
        self.make(name, {"tell!": program}, files, **more)
        answers = [self.call(name, event) for event in calls]
        self.end(name)
        self.wait_for(name, '"batches"')
        said = self.said(name)
        return [one["told"] for one in said if "told" in one], said, answers


class Deliveries(TelemetryTest):
    def test_an_extension_is_told_of_init_calls_and_all_up_to_its_end(self):
        told, said, answers = self.run_to_its_end("Told", extension())
        self.assertEqual(said[0]["subscribed"], [200, "OK"])
        call = ["platform.start", "function", "platform.runtimeDone", "platform.report"]
        self.assertEqual([one["type"] for one in told], [
            "platform.initStart", "platform.telemetrySubscription", "platform.extension",
            "platform.initRuntimeDone", "platform.initReport", *call, *call])
        ids = [answer.json["id"] for answer in answers]
        self.assertEqual([one["record"]["requestId"] for one in told
                          if "requestId" in one["record"]], [ids[0]] * 3 + [ids[1]] * 3)
        records = [one["record"] for one in told]
        self.assertEqual(records[0]["initializationType"], "on-demand")
        self.assertEqual(records[0]["functionName"], "Told")
        self.assertEqual(records[1], {"name": "tell", "state": "Subscribed",
                                      "types": ["platform", "function"]})
        self.assertEqual(records[2], {"name": "tell", "state": "Ready",
                                      "events": ["INVOKE", "SHUTDOWN"]})
        self.assertEqual(records[5], {"requestId": ids[0], "version": "$LATEST"})
        self.assertEqual(records[6], "the function runs")
        self.assertEqual(records[7]["status"], "success")
        self.assertGreater(records[8]["metrics"]["initDurationMs"], 0)
        self.assertEqual(records[8]["metrics"]["memorySizeMB"], 128)
        times = [one["time"] for one in told]
        self.assertEqual(times, sorted(times))

    def test_over_tcp_lines_come_and_what_is_buffered_comes_with_the_end(self):
        told, said, _ = self.run_to_its_end("Lines", extension(
            "listen_tcp(); say(subscribed=subscribe(to=TCP, timeout=30000))", "pass",
            # Nobody acknowledges what TCP has taken: it may still be on its way.
            'with CHANGED: CHANGED.wait_for(lambda: '
            'sum(one["type"] == "platform.report" for one in TOLD) == 2, 1)'))
        self.assertEqual(said[0]["subscribed"], [200, "OK"])
        types = [one["type"] for one in told]
        self.assertEqual(types[:2], ["platform.initStart", "platform.telemetrySubscription"])
        self.assertEqual(types.count("function"), 2)
        self.assertEqual(types[-1], "platform.report")

    def test_over_http_what_is_buffered_comes_with_the_end(self):
        told, said, _ = self.run_to_its_end("Late", extension(
            "listen_http(); subscribe(timeout=30000)", "pass"))
        self.assertEqual([one["type"] for one in told].count("platform.report"), 2)
        self.assertLessEqual(len(said[-1]["batches"]), 3)

    def test_the_logs_api_has_its_own_records(self):
        told, _, answers = self.run_to_its_end("Logs", extension(
            'listen_http(); subscribe("/2020-08-15/logs", "2021-03-18", '
            'to={**HTTP, "method": "PUT"})'), calls=(1,))
        self.assertEqual([one["type"] for one in told], [
            "platform.logsSubscription", "platform.extension", "platform.start", "function",
            "platform.runtimeDone", "platform.end", "platform.report"])
        request_id = answers[0].json["id"]
        self.assertEqual(told[4]["record"], {"requestId": request_id, "status": "success"})
        self.assertEqual(told[5]["record"], {"requestId": request_id})
        self.assertEqual(set(told[6]["record"]), {"requestId", "metrics"})
        told, _, _ = self.run_to_its_end("Logs2", extension(
            'listen_http(); subscribe("/2020-08-15/logs", "2020-08-15")', "pass"), calls=(1,))
        self.assertNotIn("platform.runtimeDone", [one["type"] for one in told])

    def test_a_failed_call_is_told_as_one(self):
        fails = {"app.py": "import os\ndef handler(event, context): os._exit(3)"}
        for name, path, version in (("Fails", "/2022-07-01/telemetry", "2022-07-01"),
                                    ("Fails2", "/2020-08-15/logs", "2021-03-18")):
            self.make(name, {"tell!": extension(
                f'listen_http(); subscribe("{path}", "{version}")', "pass")}, fails)
            self.host.invoke(name, 1)
            self.wait_for(name, '"batches"')
            told = {one["told"]["type"]: one["told"]["record"] for one in self.said(name)
                    if "told" in one}
            done = told["platform.runtimeDone"]
            if name == "Fails":
                self.assertEqual((done["status"], done["errorType"]),
                                 ("error", "Runtime.ExitError"))
                self.assertEqual(told["platform.report"]["status"], "error")
            else:
                self.assertEqual(done["status"], "failure")
                self.assertTrue(told["platform.fault"].endswith(
                    " Status: error\tErrorType: Runtime.ExitError"))

    def test_what_extensions_write_and_json_lines_have_their_form(self):
        files = {"app.py": 'def handler(event, context): print(\'{"a":1}\', flush=True)'}
        program = extension('listen_http(); subscribe(types=("function", "extension")); '
                            'print("mine", flush=True)', 'wait_for("function")')
        told, _, _ = self.run_to_its_end("Json", program, files, (1,),
                                         LoggingConfig={"LogFormat": "JSON"})
        self.assertIn(("extension", "mine"), [(one["type"], one["record"]) for one in told])
        self.assertIn(("function", {"a": 1}), [(one["type"], one["record"]) for one in told])
        told, _, _ = self.run_to_its_end("Text", program, files, (1,))
        self.assertIn(("function", '{"a":1}'), [(one["type"], one["record"]) for one in told])

    def test_a_part_of_the_runtime_is_told_too(self):
        self.host.create("Inside", {"bootstrap!": BOOTSTRAP}, "provided.al2023", "any")
        self.host.invoke("Inside", 1)
        told = self.host.invoke("Inside", 2).json
        types = [one["type"] for one in told]
        self.assertEqual(types[:3], ["platform.initStart", "function",
                                     "platform.telemetrySubscription"])
        self.assertEqual(told[1]["record"], "before")
        self.assertIn("platform.report", types)


class Subscriptions(TelemetryTest):
    def test_refusals_and_a_second_subscription(self):
        told, said, _ = self.run_to_its_end("Twice", extension(init="""
say(empty=subscribe(types=()))
say(where=subscribe(to={"protocol": "HTTP", "URI": "http://169.254.169.254:80"}))
listen_http(8080); listen_http(8081)
say(first=subscribe(to={**HTTP, "URI": "http://sandbox:8081/first"}))
say(second=subscribe())
say(again=subscribe())
say(logs=subscribe("/2020-08-15/logs", "2021-03-18"))
""", each="say(late=subscribe())"), calls=(1,))
        answers = {name: answer for one in said for name, answer in one.items() if name != "ext"}
        self.assertEqual(answers["empty"], [400, {"errorType": "ValidationError",
                                                  "errorMessage": "types should not be empty"}])
        self.assertEqual(answers["where"][0], 400)
        for name in ("first", "second", "again"):
            self.assertEqual(answers[name], [200, "OK"])
        self.assertEqual(answers["logs"][1]["errorType"], "Logs.AccessDenied")
        self.assertEqual(answers["late"], [403, {
            "errorType": "Telemetry.SubscriptionClosed",
            "errorMessage": "Telemetry API subscription is closed already"}])
        states = [one["record"]["state"] for one in told
                  if one["type"] == "platform.telemetrySubscription"]
        self.assertEqual(states[-1], "Already subscribed")
        types = [one["type"] for one in told]
        self.assertEqual(types.count("platform.start"), 1, "the first destination is left")


class Hostile(TelemetryTest):
    FLOOD = {"app.py": "def handler(event, context):\n"
                       "    for i in range(event): print('x' * 1000)\n    return event"}

    def test_listeners_that_misbehave_cost_the_host_nothing(self):
        serve = """
def serve(port, how):
    server = socket.create_server(("127.0.0.1", port))
    def loop():
        while True: threading.Thread(target=how, args=(server.accept()[0],), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
def pour(peer):
    try:
        while True: peer.sendall(%s)
    except OSError: pass
def close(peer):
    peer.recv(10)
    peer.close()
"""
        kinds = {
            "Silent": serve % 'b""' + 'serve(8080, lambda peer: time.sleep(1000)); say(s=subscribe())',
            "Deaf": serve % 'b""' + 'serve(8080, lambda peer: time.sleep(1000)); say(s=subscribe(to=TCP))',
            "Garbage": serve % 'os.urandom(65536)' + 'serve(8080, pour); say(s=subscribe())',
            "Endless": serve % 'b"HTTP/1.1 100 Continue\\r\\n\\r\\n" * 1000'
                       + 'serve(8080, pour); say(s=subscribe())',
            "Pours": serve % 'bytes(65536)' + 'serve(8080, pour); say(s=subscribe(to=TCP))',
            "Closes": serve % 'b""' + 'serve(8080, close); say(s=subscribe())',
            "Nobody": "say(s=subscribe())",
        }
        self.host.create("Other", {"app.py": "def handler(event, context): return event"},
                         "python3.12", "app.handler")
        for name, init in kinds.items():
            self.make(name, {"tell!": extension(init, "pass")}, self.FLOOD, Timeout=20)
            self.assertEqual(self.host.invoke(name, 20000).json, 20000, name)
            self.assertEqual(self.host.invoke("Other", name).json, name)
        for name in kinds:
            began = time.monotonic()
            self.end(name)
            self.assertLess(time.monotonic() - began, 10, name)

    def test_who_cannot_keep_up_is_told_what_it_missed(self):
        slow = ("held = threading.Event()\n"
                "tell_now = tell\n"
                "def tell(records):\n    held.wait(20)\n    tell_now(records)\n"
                "def lines():\n    return sum(\"x\" * 1000 == one[\"record\"] for one in TOLD)\n"
                "def missed():\n    return sum(one[\"record\"][\"droppedRecords\"] for one in TOLD\n"
                "               if one[\"type\"] == \"platform.logsDropped\")\n"
                "listen_http(); subscribe()")
        # The first call floods, what came of it is written down, the second call returns that.
        each = """
    end = time.monotonic() + 10
    while not os.path.exists("/tmp/flooded") and time.monotonic() < end: time.sleep(0.01)
    held.set()
    with CHANGED: CHANGED.wait_for(lambda: lines() + missed() >= 5000, 10)
    with open("/tmp/told", "w") as file:
        json.dump([one for one in TOLD if "x" * 1000 != one["record"]] + [
                  {"type": "lines", "record": lines()}], file)
"""
        self.make("Missed", {"tell!": extension(slow, each)}, {"app.py": """
def handler(event, context):
    if event == 0: return open("/tmp/told").read()
    for i in range(event): print("x" * 1000)
    open("/tmp/flooded", "w").close()
"""}, Timeout=20)
        self.call("Missed", 5000)
        told = json.loads(self.host.invoke("Missed", 0).json)
        dropped = [one["record"] for one in told if one["type"] == "platform.logsDropped"]
        missed = sum(one["droppedRecords"] for one in dropped)
        self.assertGreaterEqual(told[-1]["record"] + missed, 5000)
        self.assertLessEqual(told[-1]["record"] + missed, 5020)
        self.assertTrue(dropped[0]["reason"].startswith("Consumer seems to have fallen behind"))


if __name__ == "__main__":
    unittest.main()
