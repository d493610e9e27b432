"""Cold start, warm reuse, freeze, keep-alive, eviction, isolation between functions."""
import threading
import unittest

from harness import HearthTest, poll

COUNTER = {"app.py": "import os, uuid\nstarted = str(uuid.uuid4())\ncalls = 0\n"
                     "def handler(event, context):\n    global calls\n    calls += 1\n"
                     "    return {'started': started, 'calls': calls, 'pid': os.getpid()}\n"}
CONTEXT = {"app.py": """
import os
def handler(event, context):
    names = ('function_name', 'function_version', 'invoked_function_arn', 'memory_limit_in_mb',
             'aws_request_id', 'log_group_name', 'log_stream_name')
    out = {name: getattr(context, name) for name in names}
    out['remaining'] = context.get_remaining_time_in_millis()
    out['env'] = dict(os.environ)
    out['cwd'] = os.getcwd()
    out['client'] = context.client_context.custom if context.client_context else None
    return out
"""}


class LifeCycle(HearthTest):
    OPTIONS = ("--keep-alive-s", "2", "--freeze-after-ms", "50")

    def instances(self, name, *states):
        return [i for i in self.host.ps()
                if i["function"] == name and (not states or i["state"] in states)]

    def test_a_warm_call_reuses_the_instance_and_a_cold_one_says_init_duration(self):
        self.host.create("Warm", COUNTER)
        cold, warm = self.host.invoke("Warm"), self.host.invoke("Warm")
        self.assertEqual(cold.json["started"], warm.json["started"])
        self.assertEqual(warm.json["calls"], 2)
        self.assertIn("Init Duration:", cold.log)
        self.assertNotIn("Init Duration:", warm.log)
        self.assertRegex(warm.log, r"REPORT RequestId: [0-9a-f-]{36}\tDuration: [0-9.]+ ms\t"
                                   r"Billed Duration: \d+ ms\tMemory Size: 128 MB\t"
                                   r"Max Memory Used: \d+ MB")

    def test_an_idle_instance_is_frozen_thawed_and_ended_after_its_keep_alive(self):
        self.host.create("Idle", COUNTER)
        first = self.host.invoke("Idle").json
        poll("it is frozen", lambda: self.instances("Idle", "frozen"))
        self.assertEqual(self.host.invoke("Idle").json["started"], first["started"])
        poll("it has ended", lambda: not self.instances("Idle"))
        self.assertNotEqual(self.host.invoke("Idle").json["started"], first["started"])

    def test_calls_at_once_get_instances_of_their_own(self):
        self.host.create("Many", {"app.py": "import time, uuid\nme = str(uuid.uuid4())\n"
                                            "def handler(e, c):\n    time.sleep(0.3)\n    return me\n"})
        answers = []
        callers = [threading.Thread(target=lambda: answers.append(self.host.invoke("Many").json))
                   for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual(len(answers), 4)
        self.assertGreater(len(set(answers)), 1)

    def test_an_update_is_seen_by_the_next_call(self):
        self.host.create("Changing", {"app.py": "def handler(e, c): return 1\n"})
        self.assertEqual(self.host.invoke("Changing").json, 1)
        self.host.request("PUT", "/2015-03-31/functions/Changing/configuration",
                          '{"Environment": {"Variables": {"NEW": "value"}}, "Timeout": 9}')
        import base64
        from harness import zip_of
        import json
        code = zip_of({"app.py": "import os\ndef handler(e, c): return os.environ['NEW']\n"})
        self.host.request("PUT", "/2015-03-31/functions/Changing/code",
                          json.dumps({"ZipFile": base64.b64encode(code).decode()}))
        self.assertEqual(self.host.invoke("Changing").json, "value")

    def test_the_context_and_the_environment_are_those_of_lambda(self):
        import base64
        self.host.create("Context", CONTEXT, Timeout=5, MemorySize=256,
                         Environment={"Variables": {"MINE": "yes"}})
        client = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
        answer = self.host.invoke("Context", headers={"X-Amz-Client-Context": client})
        got, env = answer.json, answer.json["env"]
        self.assertEqual(got["function_name"], "Context")
        self.assertEqual(got["memory_limit_in_mb"], "256")
        self.assertEqual(got["invoked_function_arn"],
                         "arn:aws:lambda:us-east-1:000000000000:function:Context")
        self.assertEqual(got["aws_request_id"], answer.headers["x-amzn-requestid"])
        self.assertEqual(got["log_group_name"], "/aws/lambda/Context")
        self.assertRegex(got["log_stream_name"], r"^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$")
        self.assertTrue(0 < got["remaining"] <= 5000)
        self.assertEqual(got["cwd"], "/var/task")
        self.assertEqual(got["client"], {"a": "b"})
        for name, value in {"MINE": "yes", "_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": "/var/task",
                            "AWS_LAMBDA_FUNCTION_NAME": "Context", "AWS_REGION": "us-east-1",
                            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "TZ": ":UTC",
                            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"}.items():
            self.assertEqual(env.get(name), value, name)
        self.assertIn("AWS_ACCESS_KEY_ID", env)
        self.assertNotIn("HEARTH_BIN", env)  # Nothing of the daemon's own environment.

    def test_functions_share_neither_tmp_nor_code(self):
        write = {"app.py": "def handler(e, c):\n    open('/tmp/secret', 'w').write('s3cret')\n"
                           "    return sorted(__import__('os').listdir('/var/task'))\n"}
        read = {"other.py": "import os\ndef handler(e, c):\n"
                            "    return [os.path.exists('/tmp/secret'), sorted(os.listdir('/var/task'))]\n"}
        self.host.create("Writer", write)
        self.host.create("Reader", read, handler="other.handler")
        self.assertEqual(self.host.invoke("Writer").json, ["app.py"])
        self.assertEqual(self.host.invoke("Reader").json, [False, ["other.py"]])

    def test_tmp_keeps_within_its_size_and_memory_stays_the_functions(self):
        self.host.create("Disk", {"app.py": """
import errno
def handler(event, context):
    written = 0
    try:
        with open('/tmp/fill', 'wb') as out:
            while written < 700:
                out.write(b'x' * (1 << 20)); out.flush(); written += 1
    except OSError as error:
        return [written, errno.errorcode[error.errno]]
    return [written, None]
"""}, Timeout=60, MemorySize=128)
        written, error = self.host.invoke("Disk").json
        self.assertEqual(error, "ENOSPC")
        self.assertTrue(400 < written <= 512, written)


class Budget(HearthTest):
    # Room for one instance at its limit; a frozen one holds what it uses, which is some MiB.
    OPTIONS = ("--memory-budget-mib", "129")

    def test_idle_instances_are_evicted_before_a_call_is_refused(self):
        for name in ("A", "B", "C"):
            self.host.create(name, COUNTER)
        for name in ("A", "B", "C", "A"):
            self.assertEqual(self.host.invoke(name).status, 200)
        self.assertEqual(len([i for i in self.host.ps() if i["state"] != "ending"]), 1)

    def test_a_call_for_which_no_memory_is_left_is_throttled(self):
        self.host.create("Busy", {"app.py": "import time\ndef handler(e, c):\n    time.sleep(e)\n"},
                         Timeout=20)
        busy = threading.Thread(target=lambda: self.host.invoke("Busy", 2))
        busy.start()
        poll("it is busy", lambda: any(i["state"] == "busy" for i in self.host.ps()))
        self.host.create("Other", COUNTER)
        answer = self.host.invoke("Other")
        self.assertEqual((answer.status, answer.json["Reason"]),
                         (429, "ConcurrentInvocationLimitExceeded"))
        self.assertEqual(answer.headers["x-amzn-errortype"], "TooManyRequestsException")
        busy.join()
        self.assertEqual(self.host.invoke("Other").status, 200)

    def test_a_function_larger_than_the_machine_is_told_so(self):
        self.host.create("Huge", COUNTER, MemorySize=3072)
        answer = self.host.invoke("Huge")
        self.assertGreaterEqual(answer.status, 429)
        self.assertIn(b"memory", answer.body.lower())


class Reject(HearthTest):
    OPTIONS = ("--memory-step", "reject")

    def test_a_size_between_steps_is_refused(self):
        with self.assertRaises(AssertionError) as caught:
            self.host.create("Odd", COUNTER, MemorySize=200)
        self.assertIn("400", str(caught.exception))
        self.host.create("Even", COUNTER, MemorySize=192)


if __name__ == "__main__":
    unittest.main()
