"""What Hearth acknowledged survives restarts and kill -9; what it ends leaves nothing behind."""
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import unittest

from harness import BIN, Hearthd, poll, zip_of

ECHO = {"app.py": "def handler(event, context):\n    return event\n"}


class Durability(unittest.TestCase):
    def setUp(self):
        self.host = Hearthd()
        self.addCleanup(self.host.stop)

    def test_functions_and_code_survive_a_restart_and_a_kill(self):
        made = self.host.create("Kept", ECHO, MemorySize=192, Timeout=5)
        for end in (self.host.terminate, self.host.kill):
            end()
            self.host.start()
            self.assertEqual(self.host.invoke("Kept", {"still": "here"}).json, {"still": "here"})
            got = self.host.request("GET", "/2015-03-31/functions/Kept/configuration").json
            self.assertEqual({k: got[k] for k in ("MemorySize", "Timeout", "CodeSha256", "RevisionId")},
                             {k: made[k] for k in ("MemorySize", "Timeout", "CodeSha256", "RevisionId")})

    def test_every_acknowledged_create_survives_kills_at_random_points(self):
        acknowledged = []
        for round_number in range(5):
            stop = threading.Event()

            def create_until_killed():
                number = 0
                while not stop.is_set():
                    name = f"r{round_number}-{number}"
                    number += 1
                    try:
                        self.host.create(name, {"app.py": f"def handler(e, c): return '{name}'\n"})
                    except (OSError, AssertionError):
                        return
                    acknowledged.append(name)

            before = len(acknowledged)
            worker = threading.Thread(target=create_until_killed)
            worker.start()
            target = before + random.randint(1, 8)
            poll("some creates are acknowledged",
                 lambda t=target: len(acknowledged) >= t or not worker.is_alive())
            self.host.kill()
            stop.set()
            worker.join()
            self.host.start()
            for name in acknowledged:
                answer = self.host.request("GET", f"/2015-03-31/functions/{name}")
                self.assertEqual(answer.status, 200, name)
            self.assertEqual(self.host.invoke(acknowledged[-1]).json, acknowledged[-1])

    def test_a_killed_daemon_leaves_no_sandbox_and_no_cgroup(self):
        self.host.create("Held", ECHO)
        self.host.invoke("Held", 1)
        pids = [i["pid"] for i in self.host.ps()]
        self.assertTrue(pids)
        self.host.kill()
        poll("the sandboxes have ended", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids))
        poll("its cgroups are gone", lambda: not self.host.cgroups_left())

    def test_a_daemon_whose_zygote_is_killed_answers_ends_and_can_be_started_again(self):
        # Its init is under way, so that a second one is asked for when the zygote is gone already.
        self.host.create("Slow", {"app.py": "import time\ntime.sleep(5)\n"
                                            "def handler(e, c):\n    return 1\n"}, Timeout=30)
        self.host.create("Echo", ECHO)
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.host.invoke("Slow", 1)))
        caller.start()
        poll("init has begun", lambda: any(i["state"] == "init" for i in self.host.ps()))
        pid = self.host.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            for child in children.read().split():
                os.kill(int(child), signal.SIGKILL)
        self.assertNotEqual(self.host.process.wait(timeout=20), 0)
        caller.join()
        self.assertEqual(answers[0].status, 500, answers[0].body)
        self.host.start()
        self.assertEqual(self.host.invoke("Echo", "back").json, "back")

    def test_sigterm_lets_a_running_call_finish(self):
        self.host.create("Slow", {"app.py": "import time\ndef handler(e, c):\n"
                                            "    time.sleep(1)\n    return 'finished'\n"}, Timeout=10)
        self.host.invoke("Slow", headers={"X-Amz-Invocation-Type": "DryRun"})
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.host.invoke("Slow")))
        caller.start()
        poll("the call runs", lambda: any(i["state"] == "busy" for i in self.host.ps()))
        self.assertEqual(self.host.terminate(), 0)
        caller.join()
        self.assertEqual(answers[0].json, "finished")
        self.host.start()

    def test_an_asynchronous_call_survives_a_kill(self):
        marker = "async-was-here"
        self.host.create("Later", {"app.py": "import time\ndef handler(event, c):\n"
                                             "    time.sleep(event['s'])\n    print(event['m'])\n"},
                         Timeout=20)
        answer = self.host.invoke("Later", {"s": 2, "m": marker},
                                  headers={"X-Amz-Invocation-Type": "Event"})
        self.assertEqual((answer.status, answer.body), (202, b""))
        self.host.kill()
        self.host.start()

        def logged():
            events = self.host.request("GET", "/_hearth/logs/Later?tail=100").json["events"]
            return any(marker in event["message"] for event in events)
        poll("the event is delivered after the kill", logged, 30)

    def test_every_accepted_event_is_delivered_though_the_daemon_is_killed_under_load(self):
        # A line is on disk when 200 ms have passed, and an event is settled by its answer only: an
        # event whose line a kill took with it is delivered once more.
        self.host.create("Seen", {"app.py": "import time\ndef handler(event, c):\n"
                                            "    print('seen', event)\n    time.sleep(0.8)\n"})
        accepted = []

        def send_until_killed(stop, name):
            for number in range(100000):
                event = f"{name}-{number}"
                try:
                    answer = self.host.invoke("Seen", event,
                                              headers={"X-Amz-Invocation-Type": "Event"})
                except OSError:
                    return
                if answer.status == 202:
                    accepted.append(event)
                if stop.is_set():
                    return

        for round_number in range(6):
            stop = threading.Event()
            before = len(accepted)
            target = before + random.randint(1, 120)
            senders = [threading.Thread(target=send_until_killed, args=(stop, f"{round_number}-{i}"))
                       for i in range(4)]
            for sender in senders:
                sender.start()
            poll("some events are accepted", lambda t=target: len(accepted) >= t)
            self.host.kill()
            stop.set()
            for sender in senders:
                sender.join()
            self.host.start()
        self.assertGreater(len(accepted), 6)

        def all_were_seen():
            events = self.host.request("GET", "/_hearth/logs/Seen?tail=10000").json["events"]
            seen = {e["message"].split()[1] for e in events if e["message"].startswith("seen ")}
            return not set(accepted) - seen
        poll("all that was accepted has been delivered", all_were_seen, 120)

    def test_a_second_daemon_on_the_same_state_is_refused(self):
        done = subprocess.run([os.path.join(BIN, "hearthd"), "--state", f"{self.host.state}/state",
                               "--listen", "127.0.0.1:0", "--cgroup-name", self.host.cgroup + "-2"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another hearthd uses this state folder", done.stderr)

    def test_a_port_in_use_is_a_clear_error(self):
        address = f"127.0.0.1:{self.host.port}"
        with tempfile.TemporaryDirectory() as state:
            done = subprocess.run([os.path.join(BIN, "hearthd"), "--state", f"{state}/state",
                                   "--listen", address, "--cgroup-name", self.host.cgroup + "-3"],
                                  capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"listen on {address}: Address already in use", done.stderr)

    def test_code_is_stored_once_for_equal_zips(self):
        self.host.create("One", ECHO)
        self.host.create("Two", ECHO)
        trees = os.listdir(os.path.join(self.host.state, "state/code/tree"))
        self.assertEqual(len(trees), 1)


if __name__ == "__main__":
    unittest.main()
