"""Answers in pieces: InvokeWithResponseStream from every kind of runtime, and what goes wrong on the way."""
import base64
import http.client
import json
import os
import subprocess
import unittest

from event_stream import read_all, read_message
from harness import ROOT, HearthTest, poll
from stock_clients import environment
from test_stock_runtimes import ric_files

# What each event makes the function do, piece by piece.
NODE = """
const { once } = require('node:events');
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.type) stream.setContentType(event.type);
  if (event.throwFirst) throw new RangeError(event.throwFirst);
  for (const piece of event.pieces || []) {
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  const block = Buffer.alloc(65536, 'x');
  for (let left = event.bytes || 0; left > 0; left -= block.length) {
    if (!stream.write(block.subarray(0, left))) await once(stream, 'drain');
  }
  if (event.wait) await new Promise((done) => setTimeout(done, event.wait));
  if (event.exit) process.exit(event.exit);
  if (event.throwLast) throw new RangeError(event.throwLast);
  if (event.log) console.log(event.log);
  if (!event.forget) stream.end();
});
"""
# The Runtime API by hand: a chunked answer with trailers.
PROVIDED = r"""#!/usr/bin/python3
import base64, http.client, json, os, time
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    api = http.client.HTTPConnection(host)
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    got = api.getresponse()
    event, request_id = json.loads(got.read()), got.headers["Lambda-Runtime-Aws-Request-Id"]
    api.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
    api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    api.putheader("Transfer-Encoding", "chunked")
    api.putheader("Content-Type", "text/plain")
    api.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    api.endheaders()
    def piece(text):
        api.send(b"%x\r\n%s\r\n" % (len(text), text))
    for text in event.get("pieces", []):
        piece(text.encode())
    block, left = b"x" * 65536, event.get("bytes", 0)
    while left > 0:
        piece(block[:left])
        left -= len(block)
    if "wait" in event:
        time.sleep(event["wait"] / 1000)
    if "exit" in event:
        os._exit(event["exit"])
    if event.get("cut"):
        api.close()
        continue
    api.send(b"0\r\n")
    if "throwLast" in event:
        body = json.dumps({"errorType": "RangeError", "errorMessage": event["throwLast"]})
        api.send(b"Lambda-Runtime-Function-Error-Type: Runtime.StreamError\r\n"
                 b"Lambda-Runtime-Function-Error-Body: " + base64.b64encode(body.encode()) + b"\r\n")
    api.send(b"\r\n")
    answer = api.getresponse()
    assert answer.status == 202, (answer.status, answer.read())
    answer.read()
"""
MB = 1024 * 1024
LIMIT = 200 * MB


class Streaming(HearthTest):
    @classmethod
    def setUpClass(cls):
        # What AddressSanitizer keeps of freed memory would pass for hearthd's own.
        os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
        cls.addClassCleanup(os.environ.pop, "ASAN_OPTIONS")
        super().setUpClass()
        cls.host.create("Node", {"app.js": NODE}, runtime="nodejs20.x", Timeout=60)
        cls.host.create("Short", {"app.js": NODE}, runtime="nodejs20.x", Timeout=2)
        cls.host.create("Provided", {"bootstrap!": PROVIDED}, runtime="provided.al2023", Timeout=60,
                        MemorySize=256)
        cls.host.create("Python", {"app.py": "def handler(e, c): return e['payload']\n"})
        cls.host.create("Bad", {"app.py": "raise ValueError('no')\n"})

    def open(self, function, event, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=60)
        self.addCleanup(connection.close)
        connection.request("POST", f"/2021-11-15/functions/{function}/response-streaming-invocations",
                           json.dumps(event), headers or {})
        return connection, connection.getresponse()

    def stream(self, function, event, headers=None):
        """What came in pieces, and InvokeComplete."""
        _, response = self.open(function, event, headers)
        self.assertEqual(response.status, 200, response.headers)
        self.assertEqual(response.headers["Content-Type"], "application/vnd.amazon.eventstream")
        return self.whole(read_all(response.read))

    def whole(self, messages):
        self.assertEqual([h[":event-type"] for h, _ in messages],
                         ["PayloadChunk"] * (len(messages) - 1) + ["InvokeComplete"])
        self.assertEqual({h[":message-type"] for h, _ in messages}, {"event"})
        return b"".join(piece for _, piece in messages[:-1]), json.loads(messages[-1][1])

    def assert_failed(self, complete, error_type, message):
        self.assertEqual(complete["ErrorCode"], "Unhandled")
        details = json.loads(complete["ErrorDetails"])
        self.assertEqual(details["errorType"], error_type)
        self.assertRegex(details["errorMessage"], message)

    def test_pieces_arrive_in_order_and_the_stream_says_that_it_is_whole(self):
        for function in ("Node", "Provided"):
            got, complete = self.stream(function, {"pieces": ["one ", "two ", "three"]})
            self.assertEqual((got, complete), (b"one two three", {}), function)

    def test_the_first_piece_arrives_before_the_last_is_made(self):
        for function in ("Node", "Provided"):
            connection, response = self.open(function, {"pieces": ["first"], "wait": 3000})
            headers, piece = read_message(response.read)
            self.assertEqual((headers[":event-type"], piece), ("PayloadChunk", b"first"))
            self.assertIn("busy", [i["state"] for i in self.host.ps() if i["function"] == function])
            connection.close()

    def test_a_function_that_answers_as_a_whole_makes_one_piece(self):
        text = "x" * 300000
        _, response = self.open("Python", {"payload": text})
        messages = read_all(response.read)
        self.assertEqual(len(messages), 2)
        self.assertEqual(self.whole(messages), (json.dumps(text).encode(), {}))

    def test_failures_before_and_after_the_first_piece_are_told_at_the_end(self):
        got, complete = self.stream("Node", {"throwFirst": "early"})
        self.assertEqual(got, b"")
        self.assert_failed(complete, "RangeError", "^early$")
        for function in ("Node", "Provided"):
            got, complete = self.stream(function, {"pieces": ["part"], "throwLast": "late"})
            self.assertEqual(got, b"part", function)
            self.assert_failed(complete, "RangeError", "^late$")
            got, complete = self.stream(function, {"pieces": ["part"], "wait": 20, "exit": 3})
            self.assertEqual(got, b"part", function)
            self.assert_failed(complete, "Runtime.ExitError", "exit status 3")
        got, complete = self.stream("Short", {"pieces": ["part"], "wait": 50000})
        self.assertEqual(got, b"part")
        self.assert_failed(complete, "Sandbox.Timedout", "timed out after 2.00 seconds")
        got, complete = self.stream("Bad", {})
        self.assert_failed(complete, "ValueError", "no")

    def test_a_runtime_that_cuts_its_answer_off_is_an_error_and_serves_on(self):
        got, complete = self.stream("Provided", {"pieces": ["part"], "cut": True})
        self.assertEqual(got, b"part")
        self.assert_failed(complete, "Runtime.TruncatedResponse", "cut off")
        self.assertEqual(self.stream("Provided", {"pieces": ["next"]}), (b"next", {}))

    def test_a_stream_that_its_handler_forgets_to_end_ends_with_the_work(self):
        self.assertEqual(self.stream("Node", {"pieces": ["a"], "forget": True}), (b"a", {}))

    def test_a_handler_that_is_not_async_is_refused(self):
        self.host.create("Plain", {"app.js": "exports.handler = awslambda.streamifyResponse("
                                   "(event, stream) => { stream.end('x'); });\n"},
                         runtime="nodejs20.x")
        _, complete = self.stream("Plain", {})
        self.assert_failed(complete, "string", "Streaming does not support non-async handlers.")

    def test_an_object_is_written_as_json_and_an_empty_answer_is_one(self):
        self.assertEqual(self.stream("Node", {"pieces": [{"a": 1}]}), (b'{"a":1}', {}))
        self.assertEqual(self.stream("Node", {}), (b"", {}))
        self.assertEqual(self.stream("Provided", {}), (b"", {}))

    def test_the_log_comes_with_the_end(self):
        got, complete = self.stream("Node", {"pieces": ["a"], "log": "hello log"},
                                    {"X-Amz-Log-Type": "Tail"})
        log = base64.b64decode(complete["LogResult"]).decode()
        self.assertIn("hello log", log)
        self.assertIn("REPORT RequestId: ", log)

    def test_the_request_is_checked_as_that_of_invoke(self):
        def ask(function, body=b"{}", headers=None, query=""):
            return self.host.request(
                "POST", f"/2021-11-15/functions/{function}/response-streaming-invocations{query}",
                body, headers)
        self.assertEqual(ask("Node", headers={"X-Amz-Invocation-Type": "DryRun"}).status, 204)
        for answer, status, error in (
                (ask("Node", headers={"X-Amz-Invocation-Type": "Event"}), 400, "ValidationException"),
                (ask("Node", body=b"{"), 400, "InvalidRequestContentException"),
                (ask("Nobody"), 404, "ResourceNotFoundException"),
                (ask("Node", query="?Qualifier=nothing"), 404, "ResourceNotFoundException"),
                (ask("Node", body=b'"' + b"x" * 6 * MB + b'"'), 413, "RequestEntityTooLargeException")):
            self.assertEqual((answer.status, answer.headers["x-amzn-errortype"]), (status, error))

    def test_a_buffered_call_collects_the_stream_up_to_its_limit(self):
        for function in ("Node", "Provided"):
            answer = self.host.invoke(function, {"pieces": ["one ", "two"], "type": "text/plain"})
            self.assertEqual((answer.status, answer.body), (200, b"one two"), answer.log)
            self.assertEqual(answer.headers["content-type"], "text/plain")
            answer = self.host.invoke(function, {"bytes": 6 * MB + 100})
            self.assertEqual(len(answer.body), 6 * MB + 100)
            answer = self.host.invoke(function, {"bytes": 6 * MB + 101})
            self.assert_function_error(answer, "Function.ResponseSizeTooLarge", "6291556 bytes")
        answer = self.host.invoke("Node", {"pieces": ["part"], "throwLast": "late"})
        self.assert_function_error(answer, "RangeError", "late")

    def resident_kib(self):
        with open(f"/proc/{self.host.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    def test_200_mb_to_a_slow_caller_stop_the_function_and_not_the_host(self):
        for function in ("Node", "Provided"):
            self.assertEqual(len(self.stream(function, {"bytes": 20 * MB})[0]), 20 * MB)
            before = self.resident_kib()
            _, response = self.open(function, {"bytes": LIMIT})
            pid = next(i["pid"] for i in self.host.ps()
                       if i["function"] == function and i["state"] == "busy")
            size = len(read_message(response.read)[1])
            # The function has stopped when its CPU time no longer grows.
            def quiet(last=[None, 0]):
                with open(f"/proc/{pid}/stat") as stat:
                    now = stat.read().split()[13:15]
                last[1] = last[1] + 1 if now == last[0] else 0
                last[0] = now
                return last[1] > 30
            poll("the function waits for its caller", quiet)
            self.assertLess(self.resident_kib() - before, 48 * 1024)
            while (message := read_message(response.read))[0][":event-type"] == "PayloadChunk":
                size += len(message[1])
            self.assertEqual((size, json.loads(message[1])), (LIMIT, {}), function)
            self.assertLess(self.resident_kib() - before, 48 * 1024)

    def test_one_byte_over_200_mb_is_an_error(self):
        got, complete = self.stream("Node", {"bytes": LIMIT + 1})
        self.assert_failed(complete, "Function.ResponseSizeTooLarge", f"{LIMIT} bytes")

    def test_a_caller_that_goes_away_stops_neither_the_function_nor_the_next_call(self):
        for function in ("Node", "Provided"):
            self.assertEqual(self.stream(function, {"pieces": ["warm"]})[0], b"warm")
            before = {i["id"]: i["invocations"] for i in self.host.ps() if i["function"] == function}
            connection, response = self.open(function, {"bytes": 20 * MB})
            read_message(response.read)
            response.close()
            connection.close()
            def ended():
                return all(i["state"] in ("idle", "frozen") for i in self.host.ps()
                           if i["function"] == function)
            poll("the function has come to its end", ended)
            self.assertEqual(self.stream(function, {"pieces": ["next"]}), (b"next", {}))
            after = {i["id"]: i["invocations"] for i in self.host.ps() if i["function"] == function}
            self.assertEqual(sum(after.values()), sum(before.values()) + 2)

    def test_many_streams_at_once_keep_to_themselves(self):
        open_streams = [self.open("Node", {"pieces": [f"{n} "] * 50, "bytes": 300000})[1]
                        for n in range(8)]
        for n, response in enumerate(open_streams):
            got, complete = self.whole(read_all(response.read))
            self.assertEqual((got, complete), (f"{n} ".encode() * 50 + b"x" * 300000, {}))

    def test_aws_lambda_ric_streams(self):
        self.host.create("Ric", {**ric_files(), "index.js": NODE}, runtime="provided.al2023",
                         handler="index.handler", MemorySize=256, Timeout=20)
        self.assertEqual(self.stream("Ric", {"pieces": ["one ", "two"]}), (b"one two", {}))
        got, complete = self.stream("Ric", {"pieces": ["part"], "throwLast": "late"})
        self.assertEqual(got, b"part")
        self.assert_failed(complete, "RangeError", "late")
        got, complete = self.stream("Ric", {"bytes": 20 * MB})
        self.assertEqual((len(got), complete), (20 * MB, {}))

    def test_boto3_reads_the_stream(self):
        script = """
import boto3, os
client = boto3.client("lambda", endpoint_url=os.environ["HEARTH_URL"])
answer = client.invoke_with_response_stream(FunctionName="Node", LogType="Tail",
                                            Payload=b'{"pieces": ["one ", "two"]}')
assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST", answer
events = list(answer["EventStream"])
assert b"".join(e["PayloadChunk"]["Payload"] for e in events[:-1]) == b"one two", events
assert "LogResult" in events[-1]["InvokeComplete"], events
answer = client.invoke_with_response_stream(FunctionName="Node",
                                            Payload=b'{"pieces": ["a"], "throwLast": "late"}')
assert list(answer["EventStream"])[-1]["InvokeComplete"]["ErrorCode"] == "Unhandled"
print("all operations passed")
"""
        python = os.environ.get("HEARTH_NEW_PYTHON", "python3")
        probe = subprocess.run([python, "-c", "import boto3; c = boto3.client('lambda',"
                                " region_name='us-east-1'); c.invoke_with_response_stream"],
                               capture_output=True, text=True)
        if probe.returncode != 0:
            self.skipTest("no boto3 on PATH's python3 that knows invoke_with_response_stream")
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60,
                              env={**os.environ, **environment(self.host, HEARTH_URL=self.host.url),
                                   "PATH": os.environ["PATH"]})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_javascript_sdk_reads_the_stream(self):
        done = subprocess.run(
            ["/usr/bin/node", "sdk_streaming.cjs"], cwd=os.path.join(ROOT, "tests/e2e/node"),
            env=environment(self.host, HEARTH_URL=self.host.url,
                            NODE_PATH=os.environ["HEARTH_NODE_MODULES"]),
            capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all operations passed", done.stdout)


if __name__ == "__main__":
    unittest.main()
