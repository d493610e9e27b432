"""The program `hearth` against a real daemon: what a user does, word for word."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import BIN, ROOT, HearthTest, poll


class Hearth(HearthTest):
    def hearth(self, *arguments, status=0, **more):
        done = subprocess.run([os.path.join(BIN, "hearth"), *arguments], capture_output=True,
                              text=True, timeout=120, env={**os.environ,
                                                           "HEARTH_ENDPOINT": self.host.url}, **more)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def example(self, name):
        folder = tempfile.mkdtemp(prefix="hearth-example-")
        self.addCleanup(shutil.rmtree, folder)
        copy = os.path.join(folder, name)
        shutil.copytree(os.path.join(ROOT, "examples", name), copy)
        return copy

    def test_the_readmes_first_steps_work(self):
        out = self.hearth("deploy", os.path.join(ROOT, "examples/hello/template.yaml"))
        self.assertIn("Hello", out)
        out = self.hearth("invoke", "Hello", "--payload", '{"name":"x"}', "--log", "tail")
        self.assertIn("REPORT RequestId", out)
        self.assertIn("x", out)
        self.assertIn("REPORT RequestId", self.hearth("logs", "Hello"))
        self.assertIn("Hello", self.hearth("ps"))
        self.assertIn("Hello", self.hearth("functions"))
        self.assertIn("unchanged", self.hearth("deploy",
                                               os.path.join(ROOT, "examples/hello/template.yaml")))
        with tempfile.TemporaryDirectory() as folder:
            figures, page = os.path.join(folder, "b.json"), os.path.join(folder, "b.html")
            out = self.hearth("bench", "Hello", "--connections", "4", "--duration", "1s",
                              "--json", figures, "--html", page)
            self.assertIn("P99", out)
            with open(figures, encoding="utf-8") as text:
                json.load(text)
            with open(page, encoding="utf-8") as text:
                self.assertIn("<svg", text.read())
            self.hearth("bench", "Hello", "--rate", "50", "--duration", "1s")
            starts = os.path.join(folder, "c.json")
            out = self.hearth("bench", "Hello", "--cold", "--calls", "3", "--json", starts)
            self.assertRegex(out, r"(?m)^start .*\n  \w")  # Its parts stand below it.
            with open(starts, encoding="utf-8") as text:
                self.assertEqual(json.load(text)["latency_us"]["cold"]["count"], 3)
            self.hearth("bench", "Hello", "--burst", "3")
            self.assertIn("latency all p50", self.hearth("bench", "--compare", figures, starts))
        self.hearth("delete", "hello")
        self.assertNotRegex(self.hearth("functions"), r"(?m)^Hello\s")

    def test_the_other_examples_answer(self):
        for name, function in (("hello-node", "HelloNode"), ("hello-provided", "HelloProvided")):
            with open(os.path.join(ROOT, "examples", name, "template.yaml"), encoding="utf-8") as t:
                self.assertIn(function, t.read())
            self.hearth("deploy", os.path.join(ROOT, "examples", name, "template.yaml"))
            self.hearth("invoke", function, "--payload", '{"name":"x"}')

    def test_a_changed_template_changes_the_function_and_a_bad_one_changes_nothing(self):
        folder = self.example("hello")
        template = os.path.join(folder, "template.yaml")
        self.hearth("deploy", template, "--stack", "changing",)
        app = os.path.join(folder, "src/app.py")
        with open(app, "w", encoding="utf-8") as source:
            source.write("def handler(event, context):\n    return 'second'\n"
                         "lambda_handler = handler\n")
        self.assertIn("update", self.hearth("deploy", template, "--stack", "changing"))
        self.assertIn("second", self.hearth("invoke", "Hello"))
        with open(template, "a", encoding="utf-8") as text:
            text.write("  Table:\n    Type: AWS::DynamoDB::Table\n"
                       if not text.tell() else "\nBroken: [\n")
        out = self.hearth("deploy", template, "--stack", "changing", status=2)
        self.assertRegex(out, r"template\.yaml:\d+:\d+")
        self.assertIn("second", self.hearth("invoke", "Hello"))
        self.hearth("delete", "changing")

    def test_errors_say_what_is_wrong(self):
        self.assertIn("absent", self.hearth("invoke", "absent", status=3))
        done = subprocess.run([os.path.join(BIN, "hearth"), "--endpoint", "http://127.0.0.1:1", "ps"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot reach hearthd", done.stderr)

    def test_logs_follow_shows_new_lines(self):
        self.host.create("Noisy", {"app.py": "def handler(e, c):\n    print('noise', e)\n"})
        self.host.invoke("Noisy", 1)
        with tempfile.TemporaryFile("w+") as out:
            follower = subprocess.Popen([os.path.join(BIN, "hearth"), "logs", "Noisy", "--follow"],
                                        stdout=out, env={**os.environ,
                                                         "HEARTH_ENDPOINT": self.host.url})

            def shown(text):
                out.seek(0)
                return text in out.read()
            poll("the first line is shown", lambda: shown("noise 1"))
            self.host.invoke("Noisy", 2)
            poll("the new line is shown", lambda: shown("noise 2"))
            follower.terminate()
            follower.wait()


if __name__ == "__main__":
    unittest.main()
