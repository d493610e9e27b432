"""Snapshot starts: published versions with SnapStart go on from their init."""
import threading
import unittest

from harness import HearthTest, poll

# What is drawn at init is one draw for all; what is drawn afterwards must differ everywhere.
APP = """
import os, random, ssl, tempfile, time, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot
drawn_at_init = uuid.uuid4().hex
big = list(range(200000))
trace = ["init"]
os.makedirs("/tmp/cache/deep")
open("/tmp/cache/deep/model", "w").write("weights")
os.symlink("deep/model", "/tmp/cache/link")
os.chmod("/tmp/cache/deep/model", 0o440)
context = ssl.create_default_context()
time.sleep(0.5)

@register_before_snapshot
def before(): trace.append("before 1")
register_before_snapshot(lambda word: trace.append(word), "before 2")
register_after_restore(lambda: trace.append("after 1"))
@register_after_restore
def after(): trace.append("after 2")

def handler(event, context):
    mine = os.listdir("/tmp")
    open("/tmp/mine", "w").write("x")
    if event: time.sleep(event)
    return {"init": drawn_at_init, "random": random.random(), "bytes": os.urandom(8).hex(),
            "tls": ssl.RAND_bytes(8).hex(), "name": tempfile.mktemp(), "sum": sum(big),
            "trace": trace, "mine": mine, "pid": os.getpid(), "version": context.function_version,
            "stream": context.log_stream_name, "env": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
            "link": open("/tmp/cache/link").read(),
            "mode": oct(os.stat("/tmp/cache/deep/model").st_mode & 0o777)}
"""


# What init does to its process beside its memory.
SETTINGS = """
import os, resource, signal
os.environ["SET_AT_INIT"] = "1"
os.environ["GIVEN"] = "changed"
del os.environ["REMOVED"]
os.environ = dict(os.environ)  # Of no use to whoever looks for variables there.
os.mkdir("/tmp/here")
os.chdir("/tmp/here")
os.umask(0o027)
niced = os.nice(5)
os.sched_setaffinity(0, {0})
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
open("old", "w").close()
os.utime("old", (5, 7))
signal.signal(signal.SIGUSR1, lambda number, frame: caught.append(number))
caught = []

def handler(event, context):
    os.kill(os.getpid(), signal.SIGUSR1)
    out = os.popen("echo $SET_AT_INIT $GIVEN [$REMOVED] $AWS_LAMBDA_FUNCTION_VERSION; pwd; umask")
    return {"seen": out.read().split("\\n"), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "age": os.stat("old").st_mtime,
            "caught": caught, "nice": os.nice(0) == niced, "processors": list(os.sched_getaffinity(0))}
"""

# Each is refused; init may do it nevertheless.
NOT_WRITTEN_DOWN = {
    "a pipe": ("os.mkfifo('/tmp/pipe')", "/tmp/pipe is not a plain file"),
    "holes": ("os.truncate(os.open('/tmp/holes', os.O_CREAT | os.O_RDWR), 1 << 30)",
              "files in /tmp are too large"),
    "what cannot be read": ("os.close(os.open('/tmp/mine', os.O_CREAT, 0o000))", "/tmp/mine"),
    "another output": ("o = os.open('/tmp/o', os.O_CREAT | os.O_WRONLY); os.dup2(o, 1); "
                       "os.close(o)", "descriptor 1 is not what it was started with"),
    "a timer": ("signal.setitimer(signal.ITIMER_REAL, 3600)", "a timer is set"),
    "no folder": ("os.mkdir('/tmp/x'); os.chdir('/tmp/x'); os.rmdir('/tmp/x')", "No such file"),
}


class Snapshots(HearthTest):
    def publish(self, name, files, state="Active", **settings):
        self.host.create(name, files, SnapStart={"ApplyOn": "PublishedVersions"}, **settings)
        published = self.host.request("POST", f"/2015-03-31/functions/{name}/versions", "{}")
        self.assertEqual(published.status, 201, published.body)
        version = published.json["Version"]
        poll(f"version {version} is settled",
             lambda: self.version(name, version)["State"] != "Pending")
        settled = self.version(name, version)
        self.assertEqual(settled["State"], state, settled)
        return version

    def messages(self, name):
        events = self.host.request("GET", f"/_hearth/logs/{name}?tail=100").json["events"]
        return "\n".join(event["message"] for event in events)

    def version(self, name, version):
        return self.host.request(
            "GET", f"/2015-03-31/functions/{name}/configuration?Qualifier={version}").json

    def test_instances_go_on_from_the_init_and_differ_in_what_must_differ(self):
        version = self.publish("Snap", {"app.py": APP}, Timeout=20)
        answers = []
        callers = [threading.Thread(target=lambda: answers.append(
            self.host.invoke(f"Snap:{version}", 0.5))) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        got = [answer.json for answer in answers]
        self.assertEqual(len(got), 3)
        self.assertEqual(len({one["init"] for one in got}), 1, "init ran once")
        for unique in ("random", "bytes", "tls", "name", "stream"):
            self.assertEqual(len({one[unique] for one in got}), 3, unique)
        for one in got:
            self.assertEqual(one["trace"], ["init", "before 2", "before 1", "after 1", "after 2"])
            self.assertEqual(one["mine"], ["cache"], "/tmp is its own, with what init put there")
            self.assertEqual(one["link"], "weights")
            self.assertEqual(one["mode"], "0o440")
            self.assertEqual(one["sum"], sum(range(200000)))
            self.assertEqual(one["env"], "snap-start")
            self.assertEqual(one["version"], version)
        self.assertIn("Restore Duration:", answers[0].log)
        self.assertIn("Billed Restore Duration:", answers[0].log)
        self.assertNotIn("Init Duration:", answers[0].log)

    def test_what_cannot_be_written_down_starts_the_usual_way_and_the_log_says_why(self):
        version = self.publish("Threads", {"app.py": "import threading, time\n"
                                           "threading.Thread(target=time.sleep, args=(1000,), "
                                           "daemon=True).start()\n"
                                           "def handler(e, c): return threading.active_count()\n"})
        answer = self.host.invoke(f"Threads:{version}")
        self.assertEqual(answer.json, 2)
        self.assertIn("Init Duration:", answer.log)
        self.assertIn("2 threads", self.messages("Threads"))

    def test_an_init_that_fails_makes_the_version_fail_and_says_why(self):
        version = self.publish("Bad", {"app.py": "import no_such_module\n"}, state="Failed")
        self.assertIn("no_such_module", self.version("Bad", version)["StateReason"])

    def test_what_init_has_set_for_its_process_is_set_in_each_instance(self):
        version = self.publish("Settings", {"app.py": SETTINGS}, MemorySize=256,
                               Environment={"Variables": {"GIVEN": "1", "REMOVED": "1"}})
        answer = self.host.invoke(f"Settings:{version}")
        self.assertIn("Restore Duration:", answer.log, self.messages("Settings"))
        self.assertEqual(answer.json, {"seen": [f"1 changed [] {version}", "/tmp/here", "0027", ""],
                                       "files": [100, 200], "age": 7.0,
                                       "caught": [10], "nice": True, "processors": [0]})

    def test_whatever_lies_in_tmp_or_is_armed_makes_no_version_fail(self):
        for number, (what, (code, why)) in enumerate(NOT_WRITTEN_DOWN.items()):
            with self.subTest(what):
                name = f"Unfit{number}"
                version = self.publish(name, {"app.py": f"import os, signal\n{code}\n"
                                              "def handler(e, c): return 'served'\n"})
                answer = self.host.invoke(f"{name}:{version}")
                self.assertEqual(answer.json, "served")
                self.assertIn("Init Duration:", answer.log)
                self.assertRegex(self.messages(name), f"SNAPSTART not used, .*{why}")

    def test_an_error_that_the_function_wrote_itself_leaves_the_host_alone(self):
        frame = ("import os, struct\nfields = b''.join(struct.pack('<I', len(f)) + f for f in "
                 "(b'Mine', b'{\"errorMessage\": 5}'))\n"
                 "os.write(4, struct.pack('<IB3x', len(fields), 3) + fields)\nos._exit(1)\n")
        version = self.publish("Forged", {"app.py": frame}, state="Failed")
        self.assertEqual(self.version("Forged", version)["StateReason"], "Mine: ")
        self.host.kill()
        self.host.start()
        self.assertEqual(self.version("Forged", version)["State"], "Failed")

    def test_a_working_folder_that_nobody_may_enter_any_more_is_put_back_too(self):
        version = self.publish("Closed", {"app.py": "import os\nos.mkdir('/tmp/d')\n"
                                          "os.chdir('/tmp/d')\nos.chmod('/tmp/d', 0o444)\n"
                                          "def handler(e, c): return os.getcwd()\n"})
        self.assertEqual(self.host.invoke(f"Closed:{version}").json, "/tmp/d")

    def test_how_a_function_exits_says_nothing_of_its_image(self):
        exits = {"app.py": "import os\nos._exit(117)\n"}
        version = self.publish("Exits", exits, state="Failed")
        self.assertIn("exit status 117", self.version("Exits", version)["StateReason"])
        for _ in range(4):
            answer = self.host.invoke("Exits")
            self.assert_function_error(answer, "Runtime.ExitError", "exit status 117")

    def test_latest_has_no_snapshot(self):
        self.publish("Latest", {"app.py": "def handler(e, c): return 1\n"})
        answer = self.host.invoke("Latest")
        self.assertEqual(answer.json, 1)
        self.assertIn("Init Duration:", answer.log)


if __name__ == "__main__":
    unittest.main()
