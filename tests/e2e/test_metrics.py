"""/metrics for Prometheus, and what `hearth usage` bills."""
import json
import os
import re
import subprocess
import unittest

from harness import BIN, HearthTest, poll

CODE = {"app.py": """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to")
    return "done"
"""}

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def parse(text):
    """A strict reader of the text format 0.0.4: {(name, labels): value}; anything odd fails."""
    kinds, helped, samples, current = {}, set(), {}, None
    if not text.endswith("\n"):
        raise ValueError("the last line does not end")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            if not NAME.fullmatch(name) or name in helped:
                raise ValueError(f"bad or second HELP: {line}")
            helped.add(name)
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            if kind not in ("counter", "gauge", "histogram") or name in kinds:
                raise ValueError(f"bad or second TYPE: {line}")
            kinds[name] = current = kind
            family = name
            continue
        match = SAMPLE.fullmatch(line)
        if not match:
            raise ValueError(f"no sample: {line!r}")
        name, labels = match["name"], []
        base = re.sub("_(bucket|sum|count)$", "", name) if current == "histogram" else name
        if base != family:
            raise ValueError(f"{name} stands among {family}")
        rest = match["labels"] or ""
        while rest:
            label = LABEL.match(rest)
            if not label:
                raise ValueError(f"bad labels: {line!r}")
            labels.append(label.groups())
            rest = rest[label.end():]
            if rest and not rest.startswith(","):
                raise ValueError(f"bad labels: {line!r}")
            rest = rest[1:]
        key = (name, tuple(sorted(labels)))
        if key in samples:
            raise ValueError(f"twice: {line!r}")
        samples[key] = float(match["value"])
    check_histograms(kinds, samples)
    return samples


def check_histograms(kinds, samples):
    for family in (name for name, kind in kinds.items() if kind == "histogram"):
        series = {}
        for (name, labels), value in samples.items():
            if name == family + "_bucket":
                bound = dict(labels)["le"]
                rest = tuple(label for label in labels if label[0] != "le")
                series.setdefault(rest, []).append((float(bound), value))
        for labels, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            if counts != sorted(counts):
                raise ValueError(f"{family}{labels} is not cumulative")
            if counts[-1] != samples[(family + "_count", labels)]:
                raise ValueError(f"{family}{labels}: +Inf is not its count")


class MetricsTest(HearthTest):
    def metrics(self, path="/metrics"):
        answer = self.host.request("GET", path)
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
        return parse(answer.body.decode())

    def of(self, name, metric):
        return self.metrics()[(metric, (("function", name),))]

    def hearth(self, *arguments):
        done = subprocess.run([os.path.join(BIN, "hearth"), "--endpoint", self.host.url,
                               *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def usage_of(self, name):
        usage = json.loads(self.hearth("--json", "usage"))
        return next((f for f in usage["functions"] if f["function"] == name), None)

    def test_calls_errors_and_durations_are_counted(self):
        self.host.create("Counted", CODE)
        for fail in (False, False, True):
            self.host.invoke("Counted", {"fail": fail})
        self.assertEqual(self.of("Counted", "lambda_invocations_total"), 3)
        self.assertEqual(self.of("Counted", "lambda_errors_total"), 1)
        self.assertEqual(self.of("Counted", "lambda_duration_milliseconds_count"), 3)
        self.assertEqual(self.of("Counted", "lambda_concurrent_executions"), 0)
        self.assertEqual(set(self.metrics()), set(self.metrics("/_hearth/metrics")))

    def test_throttles_are_no_invocations(self):
        self.host.create("Throttled", CODE)
        answer = self.host.request("PUT", "/2017-10-31/functions/Throttled/concurrency",
                                   json.dumps({"ReservedConcurrentExecutions": 0}))
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.host.invoke("Throttled", {}).status, 429)
        self.assertEqual(self.of("Throttled", "lambda_throttles_total"), 1)
        self.assertEqual(self.of("Throttled", "lambda_invocations_total"), 0)

    def test_asynchronous_events_are_counted(self):
        self.host.create("Async", CODE)
        answer = self.host.invoke("Async", {}, {"X-Amz-Invocation-Type": "Event"})
        self.assertEqual(answer.status, 202)
        poll("it ran", lambda: self.of("Async", "lambda_async_event_age_milliseconds_count") == 1
             and self.of("Async", "lambda_invocations_total") == 1)
        self.assertEqual(self.of("Async", "lambda_async_events_received_total"), 1)
        self.assertEqual(self.of("Async", "lambda_async_events_dropped_total"), 0)

    def test_sandboxes_and_memory_are_shown(self):
        self.host.create("Held", CODE)
        self.host.invoke("Held", {})
        metrics = self.metrics()
        states = sum(metrics[("hearth_sandboxes", (("state", state),))]
                     for state in ("idle", "frozen", "busy"))
        self.assertGreaterEqual(states, 1)
        self.assertGreater(metrics[("hearth_memory_reserved_bytes", ())], 0)
        self.assertGreater(metrics[("hearth_memory_budget_bytes", ())],
                           metrics[("hearth_memory_reserved_bytes", ())])

    def test_usage_is_what_reports_bill_and_outlives_a_restart(self):
        self.host.create("Billed", CODE, MemorySize=256)
        billed = 0
        for _ in range(3):
            log = self.host.invoke("Billed", {}).log
            billed += int(re.search(r"Billed Duration: (\d+) ms", log)[1])
        used = self.usage_of("Billed")
        self.assertEqual(used["requests"], 3)
        self.assertAlmostEqual(used["gb_s"], billed * 256 / 1024 / 1000, 9)
        self.assertEqual(self.host.terminate(), 0)
        self.host.start()
        self.assertEqual(self.usage_of("Billed"), used)
        self.host.invoke("Billed", {})
        self.assertEqual(self.usage_of("Billed")["requests"], 4)  # Reading writes what there is.
        self.host.kill()
        self.host.start()
        self.assertEqual(self.usage_of("Billed")["requests"], 4)
        shown = self.hearth("usage")
        self.assertIn("free tier left: ", shown)
        self.assertIn("at AWS's list price: $0.00", shown)
        self.assertIsNone(next(iter(json.loads(
            self.hearth("--json", "usage", "--month", "2001-01"))["functions"]), None))


if __name__ == "__main__":
    unittest.main()
