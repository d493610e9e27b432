"""A virtual clock: retries, ages and keep-alive of hours, in the time that the calls themselves take."""
import json
import os
import subprocess
import threading
import unittest

from harness import BIN, Hearthd, HearthTest, poll
from stock_clients import Boto3Test

FAILS = {"app.py": "def handler(event, context):\n    print('TRIED')\n    raise ValueError('no')\n"}
ECHO = {"app.py": "def handler(event, context):\n    return event\n"}
LISTENS = {"app.py": "import json\ndef handler(event, context):\n"
                     "    print('HEARD', json.dumps(event))\n"}
SLOW = {"app.py": "import time\ndef handler(event, context):\n"
                  "    left = context.get_remaining_time_in_millis()\n"
                  "    time.sleep(event['s'])\n    return left\n"}


class Virtual(Boto3Test):
    OPTIONS = ("--clock", "virtual", "--keep-alive-policy", "fixed", "--keep-alive-s", "600")

    def hearth(self, *arguments, returncode=0):
        done = subprocess.run([os.path.join(BIN, "hearth"), *arguments], capture_output=True,
                              text=True, timeout=120,
                              env={**os.environ, "HEARTH_ENDPOINT": self.host.url})
        self.assertEqual(done.returncode, returncode, done.stdout + done.stderr)
        return done.stdout

    def advance(self, ms):
        answer = self.host.request("POST", "/_hearth/clock", json.dumps({"advance_ms": ms}))
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json["now_ms"]

    def lines(self, name, start):
        events = self.host.request("GET", f"/_hearth/logs/{name}?tail=1000").json["events"]
        return [each["message"] for each in events if each["message"].startswith(start)]

    def tries(self, name, count):
        """Its log shows so many calls, and no more are under way: a call ends before the clock does."""
        poll(f"{count} tries are logged", lambda: len(self.lines(name, "TRIED")) >= count)
        self.assertEqual(len(self.lines(name, "TRIED")), count)

    def test_an_event_is_tried_again_after_one_and_after_two_minutes(self):
        self.host.create("Fails", FAILS)
        self.host.create("Ear", LISTENS)
        self.client.put_function_event_invoke_config(
            FunctionName="Fails", DestinationConfig={"OnFailure": {
                "Destination": "arn:aws:lambda:us-east-1:000000000000:function:Ear"}})
        self.client.invoke(FunctionName="Fails", InvocationType="Event", Payload=b"{}")
        self.advance(0)
        self.tries("Fails", 1)
        self.advance(59_000)
        self.tries("Fails", 1)
        self.hearth("clock", "advance", "1s")
        self.tries("Fails", 2)
        self.advance(119_999)
        self.tries("Fails", 2)
        self.advance(1)
        self.tries("Fails", 3)
        heard = poll("the end is heard of", lambda: self.lines("Ear", "HEARD "))
        record = json.loads(heard[0].removeprefix("HEARD "))
        self.assertEqual(record["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(record["requestContext"]["approximateInvokeCount"], 3)
        self.advance(86_400_000)
        self.tries("Fails", 3)

    def test_one_long_move_stops_at_every_retry_on_its_way(self):
        self.host.create("Again", FAILS)
        self.client.invoke(FunctionName="Again", InvocationType="Event", Payload=b"{}")
        self.hearth("clock", "advance", "6h")
        self.tries("Again", 3)

    def test_an_idle_instance_ends_with_its_keep_alive(self):
        self.host.create("Warm", ECHO)
        self.host.invoke("Warm")

        def warm():
            return [each for each in self.host.ps() if each["function"] == "Warm"
                    and each["state"] != "ending"]
        self.advance(599_000)
        self.assertEqual(len(warm()), 1)
        self.advance(2_000)
        self.assertEqual(warm(), [])

    def test_a_running_call_sees_real_time_and_the_clock_waits_for_it(self):
        self.host.create("Slow", SLOW, Timeout=30)
        self.host.invoke("Slow", {"s": 0})
        answers = []
        caller = threading.Thread(
            target=lambda: answers.append(self.host.invoke("Slow", {"s": 1})))
        caller.start()
        poll("it runs", lambda: any(each["state"] == "busy" for each in self.host.ps()))
        self.advance(3_600_000)
        caller.join()
        self.assertEqual(answers[0].status, 200)
        self.assertNotIn("x-amz-function-error", answers[0].headers)
        self.assertLessEqual(answers[0].json, 30_000)
        self.assertGreater(answers[0].json, 20_000)

    def test_dates_are_those_of_the_clock(self):
        now = self.advance(86_400_000)
        shown = self.host.request("GET", "/_hearth/clock").json
        self.assertEqual((shown["now_ms"], shown["virtual"]), (now, True))
        made = self.host.create("Dated", ECHO)
        self.assertEqual(made["LastModified"], shown["now"].replace("Z", "+0000"))

    def test_moves_of_two_clients_go_one_after_the_other(self):
        before = self.advance(0)
        movers = [threading.Thread(target=self.advance, args=(1000,)) for _ in range(8)]
        for mover in movers:
            mover.start()
        for mover in movers:
            mover.join()
        self.assertEqual(self.advance(0), before + 8000)

    def test_bad_moves_are_refused(self):
        for body in ("", "[]", "{}", '{"advance_ms": -1}', '{"advance_ms": "1"}',
                     '{"advance_ms": 1.5}', '{"advance_ms": 18446744073709551615}',
                     '{"advance_ms": 9223372036854775807}'):
            answer = self.host.request("POST", "/_hearth/clock", body)
            self.assertEqual(answer.status, 400, body)
        self.assertEqual(self.host.request("PUT", "/_hearth/clock").status, 405)
        self.hearth("clock", "advance", "2", returncode=2)


class Restarted(unittest.TestCase):
    def test_the_clock_and_what_waits_for_it_survive_a_kill(self):
        host = Hearthd("--clock", "virtual")
        host.create("Fails", FAILS)
        host.request("POST", "/2015-03-31/functions/Fails/invocations", "{}",
                     {"X-Amz-Invocation-Type": "Event"})

        def advance(ms):
            answer = host.request("POST", "/_hearth/clock", json.dumps({"advance_ms": ms}))
            return answer.json["now_ms"]

        def tries():
            events = host.request("GET", "/_hearth/logs/Fails?tail=100").json["events"]
            return sum(each["message"].startswith("TRIED") for each in events)
        advance(86_400_000 * 400)
        self.assertEqual(poll("it was tried thrice", lambda: tries() == 3 and tries()), 3)
        host.request("POST", "/2015-03-31/functions/Fails/invocations", "{}",
                     {"X-Amz-Invocation-Type": "Event"})
        now = advance(30_000)
        poll("it was tried", lambda: tries() == 4)
        host.kill()
        host.start()
        self.assertEqual(host.request("GET", "/_hearth/clock").json["now_ms"], now)
        # What it wrote last may not have been on the disk.
        before = tries()
        advance(29_999)
        self.assertEqual(tries(), before)
        advance(1)
        poll("it was tried again", lambda: tries() == before + 1)
        host.stop()


class Real(HearthTest):
    def test_the_machines_clock_is_not_moved(self):
        self.assertIs(self.host.request("GET", "/_hearth/clock").json["virtual"], False)
        answer = self.host.request("POST", "/_hearth/clock", '{"advance_ms": 1}')
        self.assertEqual(answer.status, 409)
        self.assertIn("--clock virtual", answer.json["Message" if "Message" in answer.json
                                                    else "message"])
