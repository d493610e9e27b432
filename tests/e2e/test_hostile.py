"""Functions, runtimes and callers that break every rule: each gets its answer, nobody else suffers."""
import base64
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import unittest

from harness import Hearthd, HearthTest, hearthd_on_a_disk, poll

FRAMES = """
import os, struct, sys, threading, time
def frame(kind, *fields):
    body = b''.join(struct.pack('<I', len(f)) + f for f in fields)
    return struct.pack('<IB3x', len(body), kind) + body
def put(data):
    os.write(ANSWERS, data)
ANSWERS = 4
"""
ECHO = {"app.py": "def handler(event, context):\n    return event\n"}
NODE_ECHO = {"app.js": "exports.handler = async (event) => event\n"}
SLOW = {"app.py": "import time\ndef handler(event, context):\n    time.sleep(event['s'])\n"
                  "    return 'x' * event.get('n', 1)\n"}
KILLED = "Runtime exited with error: signal: killed"


class Call(threading.Thread):
    """A call that is under way; result() waits for its answer."""

    def __init__(self, function):
        super().__init__()
        self.function, self.answer, self.error = function, None, None
        self.start()

    def run(self):
        try:
            self.answer = self.function()
        except OSError as error:
            self.error = error

    def result(self, seconds=60):
        self.join(seconds)
        assert not self.is_alive(), "the call was never answered"
        if self.error:
            raise self.error
        return self.answer


def invoke_raw(host, name, payload, headers=None):
    return host.request("POST", f"/2015-03-31/functions/{name}/invocations", payload, headers)


def context_header(text):
    return {"X-Amz-Client-Context": base64.b64encode(text.encode()).decode()}


class Callers(HearthTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.create("Echo", ECHO)
        cls.host.create("NodeEcho", NODE_ECHO, runtime="nodejs20.x")

    def test_numbers_of_any_size_and_half_surrogates_are_json(self):
        for payload in (b'{"n": 123456789012345678901234567890}', b"1e400", b'"\\ud800"',
                        b'{"a": [1, -0.5E-999, 18446744073709551616]}'):
            for name in ("Echo", "NodeEcho"):
                answer = invoke_raw(self.host, name, payload)
                # What the runtime makes of it is its own business; the host lets it pass.
                self.assertEqual(answer.status, 200, (payload, answer.body))
        answer = invoke_raw(self.host, "Echo", b"123456789012345678901234567890")
        self.assertEqual(answer.body, b"123456789012345678901234567890")

    def test_what_is_almost_json_is_refused(self):
        for payload in (b"1e", b"-", b"01", b"1e400 1e400", b"[1e400,]", b'{"a" 1e400}', b"[1e400",
                        b'"\\ud800\\x"', b'"\\u12"', b"NaN", b"  ", b'["\xff", 1e400]',
                        b"[" * 2000 + b"1e400" + b"]" * 2000):
            answer = invoke_raw(self.host, "Echo", payload)
            self.assertEqual(answer.status, 400, payload)
            self.assertEqual(answer.headers["x-amzn-errortype"], "InvalidRequestContentException")
            self.assertRegex(answer.json["message"], "^Could not parse request body into json: .")

    def test_a_context_that_is_no_object_is_refused_and_an_odd_one_harms_no_runtime(self):
        for text in ('"abc"', "[1]", "null", "3"):
            answer = invoke_raw(self.host, "Echo", b"{}", context_header(text))
            self.assertEqual(answer.status, 400, text)
        for text in ('{"client": "x", "custom": 3}', '{"client": [1]}', '{\n"env": null}'):
            for name in ("Echo", "NodeEcho"):
                answer = invoke_raw(self.host, name, b"{}", context_header(text))
                self.assertEqual((answer.status, answer.body), (200, b"{}"), text)

    def test_a_trace_id_of_other_bytes_is_replaced(self):
        for name in ("Echo", "NodeEcho"):
            answer = invoke_raw(self.host, name, b"{}", {"X-Amzn-Trace-Id": b"Root=\xff\xfe"})
            self.assertEqual((answer.status, answer.body), (200, b"{}"))
            self.assertRegex(answer.headers["x-amzn-trace-id"], "^Root=1-[0-9a-f]{8}-")
        own = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        answer = invoke_raw(self.host, "Echo", b"{}", {"X-Amzn-Trace-Id": own})
        self.assertEqual(answer.headers["x-amzn-trace-id"], own)


class Functions(HearthTest):
    def outcome(self, name, body, seconds=20, **settings):
        self.host.create(name, {"app.py": FRAMES + body}, **settings)
        return self.host.invoke(name, {}, timeout=seconds)

    def assert_serves(self):
        """Others are served, and nothing of what ended is held."""
        if not self.host.request("GET", "/2015-03-31/functions/Echo").status == 200:
            self.host.create("Echo", ECHO)
        self.assertEqual(self.host.invoke("Echo", 7).json, 7)

    def test_a_runtime_that_breaks_the_protocol_is_ended(self):
        bodies = {
            "Garbage": "put(os.urandom(4096))",
            "Zeros": "put(bytes(4096))",
            "HugeFrame": "put(struct.pack('<IB3x', 0xffffffff, 4))",
            "OtherId": "put(frame(4, b'another', b'application/json', b'1'))",
            "ReadyAgain": "put(frame(2))",
            "LateInitError": "put(frame(3, b'a', b'b'))",
            "HostsOwnFrame": "put(frame(1, b'a'))",
            "ClosesAll": "os.closerange(0, 200)",
        }
        for name, body in bodies.items():
            answer = self.outcome(name, f"def handler(e, c):\n    {body}\n    time.sleep(30)\n")
            self.assert_function_error(answer, "Runtime.ExitError", KILLED)
        self.assert_serves()

    def test_a_report_says_what_a_runtime_that_ended_had_used(self):
        answer = self.outcome("Ends", "def handler(e, c):\n    x = bytearray(40 << 20)\n"
                                      "    os._exit(3)\n")
        self.assertRegex(answer.log, "Max Memory Used: [4-6][0-9] MB")
        # Its share of a CPU is small: on a busy machine this takes longer than three seconds.
        answer = self.outcome("Eats", "def handler(e, c):\n    x = bytearray(400 << 20)\n",
                              seconds=90, Timeout=60)
        self.assertRegex(answer.log, "Max Memory Used: 12[78] MB\t"
                                     "(Init Duration: [0-9.]+ ms\t)?"
                                     "Status: error\tError Type: Runtime.OutOfMemory")

    def test_the_first_of_two_answers_counts_and_the_second_reaches_nobody(self):
        body = ("def handler(e, c):\n    put(frame(4, c.aws_request_id.encode(), "
                "b'application/json', b'\"first\"'))\n    return 'second'\n")
        self.assertEqual(self.outcome("Twice", body).json, "first")
        # Where the second comes when the next call is there already, it ends that one.
        for _ in range(3):
            answer = self.host.invoke("Twice", {})
            self.assertTrue(answer.json == "first" or "x-amz-function-error" in answer.headers,
                            answer.body)

    def test_a_content_type_adds_no_header(self):
        body = ("def handler(e, c):\n    put(frame(4, c.aws_request_id.encode(), "
                "b'text/plain\\r\\nX-Evil: 1\\r\\n\\r\\nHTTP/1.1 200 OK', b'\"x\"'))\n"
                "    time.sleep(0.1)\n    os._exit(0)\n")
        answer = self.outcome("Header", body)
        self.assertNotIn("x-evil", answer.headers)
        self.assertEqual(answer.body, b'"x"')

    def test_a_frame_that_never_ends_is_a_timeout(self):
        body = "def handler(e, c):\n    put(struct.pack('<IB3x', 6000000, 4))\n    time.sleep(30)\n"
        answer = self.outcome("Endless", body)
        self.assert_function_error(answer, "Sandbox.Timedout", "Task timed out after 3.00 seconds")

    def test_an_error_over_the_limit_is_told_cut(self):
        answer = self.outcome("Long", "def handler(e, c):\n    raise ValueError('q' * 7000000)\n")
        self.assert_function_error(answer, "ValueError", "^q{1000}")
        self.assertLess(len(answer.body), 1000000)
        self.host.create("NodeLong", {"app.js": "exports.handler = async () => {\n"
                                                "  throw new TypeError('q'.repeat(7e6));\n};\n"},
                         runtime="nodejs20.x", MemorySize=512)
        answer = self.host.invoke("NodeLong", {})
        self.assert_function_error(answer, "TypeError", "^q{1000}")
        self.assertLess(len(answer.body), 1000000)

    def test_an_error_that_utf_8_cannot_hold_is_told(self):
        answer = self.outcome("Half", "def handler(e, c):\n    raise KeyError('\\ud800')\n")
        self.assert_function_error(answer, "KeyError", "ud800|\\?")

    def test_a_function_that_closes_its_output_goes_on(self):
        body = "def handler(e, c):\n    os.close(1)\n    os.close(2)\n    return 'done'\n"
        self.assertEqual(self.outcome("Mute", body).json, "done")
        self.host.create("Shut", {"app.py": "import sys\ndef handler(e, c):\n"
                                            "    sys.stdout.close()\n    return 'done'\n"})
        for _ in range(3):
            self.assertEqual(self.host.invoke("Shut", {}).json, "done")

    def test_children_left_behind_neither_answer_nor_stay(self):
        body = ("def handler(e, c):\n    if os.fork() == 0:\n        os.setsid()\n"
                "        time.sleep(300)\n        os._exit(0)\n    return os.getpid()\n")
        self.outcome("Daemon", body)
        self.host.create("Child", {"app.py": "import os\ndef handler(e, c):\n"
                                             "    return 'child' if os.fork() == 0 else 'parent'\n"})
        for _ in range(4):
            answer = self.host.invoke("Child", {})
            self.assertEqual(answer.status, 200)
        for name in ("Daemon", "Child"):
            self.host.request("DELETE", f"/2015-03-31/functions/{name}")
        poll("their sandboxes are gone",
             lambda: not [i for i in self.host.ps() if i["function"] in ("Daemon", "Child")])

    def test_a_sandbox_killed_from_outside_is_answered_and_replaced(self):
        self.host.create("Victim", SLOW, Timeout=30)
        call = Call(lambda: self.host.invoke("Victim", {"s": 20}))
        busy = poll("it is busy", lambda: [i for i in self.host.ps() if i["function"] == "Victim"
                                           and i["state"] == "busy"])
        os.kill(busy[0]["pid"], signal.SIGKILL)
        self.assert_function_error(call.result(), "Runtime.ExitError", KILLED)
        self.assertEqual(self.host.invoke("Victim", {"s": 0}).json, "x")

    def test_long_log_lines_do_not_hold_up_others(self):
        self.host.create("Flood", {"app.py": "import os\ndef handler(e, c):\n"
                                             "    for _ in range(40):\n"
                                             "        os.write(1, b'x' * 250000 + b'\\n')\n"},
                         Timeout=30, MemorySize=1792)
        for _ in range(5):
            self.host.invoke("Flood", {})
        answer = self.host.request("GET", "/_hearth/logs/Flood?tail=10000")
        self.assertEqual(answer.status, 200)
        self.assertLess(len(answer.body), 16 << 20)
        after, seen = 0, []
        while True:
            page = self.host.request("GET", f"/_hearth/logs/Flood?after={after}").json
            if not page["events"]:
                break
            seen += [e["sequence"] for e in page["events"]]
            after = page["next"]
        self.assertEqual(seen, list(range(1, seen[-1] + 1)), "a page left something out")


class Ends(unittest.TestCase):
    """How hearthd ends, whatever is under way."""

    def setUp(self):
        self.host = Hearthd("--drain-timeout-s", "2")

    def tearDown(self):
        self.host.stop()

    def zygote(self):
        with open(f"/proc/{self.host.process.pid}/task/{self.host.process.pid}/children") as text:
            for pid in text.read().split():
                with open(f"/proc/{pid}/comm") as name:
                    if name.read().startswith("hearth-zygote"):
                        return int(pid)
        raise AssertionError("there is no zygote")

    def wake(self, pid):
        if self.host.process.poll() is None:
            os.kill(pid, signal.SIGCONT)

    def test_an_answer_that_is_being_read_slowly_is_whole(self):
        self.host.create("Big", SLOW, Timeout=30, MemorySize=512)
        self.assertEqual(self.host.invoke("Big", {"s": 0}).json, "x")
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self.host.port))
            body = b'{"s": 0.5, "n": 6000000}'
            client.sendall(b"POST /2015-03-31/functions/Big/invocations HTTP/1.1\r\nHost: h\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
            poll("it runs", lambda: [i for i in self.host.ps() if i["state"] == "busy"])
            self.host.process.send_signal(signal.SIGTERM)
            got = client.recv(1000)  # The answer has begun: nothing else keeps hearthd now.
            while piece := client.recv(65536):
                got += piece
        head, _, answer = got.partition(b"\r\n\r\n")
        self.assertRegex(head, b"^HTTP/1.1 200 ")
        self.assertEqual(len(answer), 6000002)
        self.assertEqual(self.host.process.wait(30), 0)

    def test_what_is_half_here_does_not_keep_it(self):
        self.host.create("Slow", SLOW, Timeout=60)
        half = socket.create_connection(("127.0.0.1", self.host.port))
        half.sendall(b"POST /2015-03-31/functions/Slow/invocations HTTP/1.1\r\nHost: h\r\n"
                     b"Content-Length: 100\r\n\r\n{")
        reader = Call(lambda: self.host.request("GET", "/_hearth/logs/Slow?after=99&wait_s=60"))
        stuck = Call(lambda: self.host.invoke("Slow", {"s": 50}))
        poll("it runs", lambda: [i for i in self.host.ps() if i["state"] == "busy"])
        self.assertEqual(self.host.terminate(), 0)
        self.assertEqual(stuck.result().json["message"], "hearthd is stopping")
        self.assertEqual(reader.result().json["events"], [])
        half.close()

    def test_a_zygote_that_hangs_does_not_keep_it(self):
        self.host.create("Slow", SLOW)
        self.assertEqual(self.host.invoke("Slow", {"s": 0}).json, "x")
        zygote = self.zygote()
        os.kill(zygote, signal.SIGSTOP)
        self.addCleanup(self.wake, zygote)
        self.host.create("Never", SLOW)
        never = Call(lambda: self.host.invoke("Never", {"s": 0}))
        poll("it starts", lambda: [i for i in self.host.ps() if i["function"] == "Never"])
        self.assertEqual(self.host.terminate(), 0)
        self.assertEqual(never.result().status, 500)
        self.assertIn("the zygote", self.host.log())
        self.host.start()
        self.assertEqual(self.host.invoke("Never", {"s": 0}).json, "x")

    def test_sigterm_at_any_moment_of_a_cold_start_answers_every_call(self):
        self.host.create("Slow", SLOW)
        moments = (lambda i: True, lambda i: i["pid"] > 0, lambda i: i["state"] == "busy")
        for moment in moments:
            calls = [Call(lambda: self.host.invoke("Slow", {"s": 0.1})) for _ in range(4)]
            poll("one is at its moment", lambda: [i for i in self.host.ps()
                                                  if i["function"] == "Slow" and moment(i)])
            self.assertEqual(self.host.terminate(), 0)
            for call in calls:
                try:
                    answer = call.result()
                except OSError:
                    continue  # It came after the gate had closed.
                self.assertTrue(answer.body == b'"x"' or answer.status == 500, answer.body)
            self.host.start()


class Disk(unittest.TestCase):
    def test_a_full_disk_loses_nothing_that_was_acknowledged(self):
        with hearthd_on_a_disk(self, "40m") as (host, state):
            self.fill_and_recover(host, state)

    def test_a_damaged_row_is_named(self):
        host = Hearthd()
        host.create("Whole", ECHO)
        host.create("Damaged", ECHO)
        host.terminate()
        database = sqlite3.connect(os.path.join(host.state, "state", "hearth.db"))
        with database:
            database.execute("UPDATE functions SET definition = '{' WHERE name = 'Damaged'")
        with self.assertRaises(AssertionError):
            host.start()
        self.assertIn("cannot start: load the function Damaged: its row in the database is damaged",
                      host.log())
        with database:
            database.execute("DELETE FROM functions WHERE name = 'Damaged'")
        database.close()
        host.start()
        self.assertEqual(host.invoke("Whole", 1).json, 1)
        host.stop()

    def fill_and_recover(self, host, state):
        host.start()
        host.create("Kept", ECHO)
        self.assertEqual(host.invoke("Kept", 1).json, 1)
        with open(os.path.join(state, "ballast"), "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(65536))
            except OSError:
                pass
        self.assertEqual(host.invoke("Kept", 2).json, 2)
        path = "/2015-03-31/functions/Kept"
        # The database's log may have room of its own left for a while: what is accepted until then is
        # as durable as ever.
        refused = None
        for _ in range(100):
            event = host.request("POST", path + "/invocations", '"%s"' % ("y" * 200000),
                                 {"X-Amz-Invocation-Type": "Event"})
            if event.status != 202:
                refused = event
                break
        self.assertIsNotNone(refused, "20 MB were accepted on a full disk")
        self.assertEqual((refused.status, refused.headers["x-amzn-errortype"]),
                         (500, "ServiceException"))
        change = host.request("PUT", path + "/configuration", json.dumps({"Description": "z" * 200}))
        if change.status != 200:
            self.assertEqual((change.status, change.headers["x-amzn-errortype"]),
                             (500, "ServiceException"))
            self.assertIn("the disk is full", change.json["message"])
        self.assertEqual(host.request("GET", path).json["Configuration"]["Description"],
                         "z" * 200 if change.status == 200 else "")
        os.unlink(os.path.join(state, "ballast"))
        change = host.request("PUT", path + "/configuration", json.dumps({"Description": "now"}))
        self.assertEqual(change.status, 200)
        host.kill()
        host.start()
        self.assertEqual(host.request("GET", path).json["Configuration"]["Description"], "now")
        self.assertEqual(host.invoke("Kept", 3).json, 3)


if __name__ == "__main__":
    unittest.main()
