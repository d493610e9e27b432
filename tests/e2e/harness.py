"""Starts a real hearthd for a test, on a port and a state folder of its own.

Everything a test leaves behind (sandboxes, cgroups, files) is the daemon's bug: Hearthd.stop() checks.
"""
import base64
import contextlib
import ctypes
import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import zipfile

BIN = os.environ["HEARTH_BIN"]            # The build's bin folder.
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROLE = "arn:aws:iam::000000000000:role/lambda"


def poll(what, condition, seconds=20.0):
    """Waits until condition() is true; fails the test, naming `what`, after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def zip_of(files):
    """A zip of {name: text or bytes}; names ending in '!' are executable (the '!' is dropped)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name.rstrip("!"))
            mode = 0o755 if name.endswith("!") else 0o644
            info.external_attr = (0o100000 | mode) << 16
            info.create_system = 3
            archive.writestr(info, content)
    return out.getvalue()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def log(self):
        return base64.b64decode(self.headers["x-amz-log-result"]).decode()


class Hearthd:
    """A running daemon. `restart` keeps the state folder."""

    def __init__(self, *options):
        self.state = tempfile.mkdtemp(prefix="hearth-e2e-")
        self.options = list(options)
        self.cgroup = f"hearth-e2e-{os.getpid()}-{os.path.basename(self.state)[-6:]}"
        self.process = None
        self.start()

    def start(self):
        self.log_path = os.path.join(self.state, "hearthd.log")
        log = open(self.log_path, "ab")
        offset = log.tell()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.process = subprocess.Popen(
            [os.path.join(BIN, "hearthd"), "--state", os.path.join(self.state, "state"),
             "--listen", "127.0.0.1:0", "--cgroup-name", self.cgroup, *self.options],
            stderr=log, stdout=log, env=environment)
        log.close()

        def listening():
            with open(self.log_path, "rb") as text:
                text.seek(offset)
                found = re.search(rb"listening on (127\.0\.0\.1):(\d+)", text.read())
            if found:
                return int(found.group(2))
            if self.process.poll() is not None:
                raise AssertionError("hearthd ended at its start:\n" + self.log())
            return None
        self.port = poll("hearthd listens", listening, 60)
        self.url = f"http://127.0.0.1:{self.port}"

    def log(self):
        with open(self.log_path, errors="replace") as text:
            return text.read()

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()},
                          response.read())
        finally:
            connection.close()

    def create(self, name, files, runtime="python3.12", handler="app.handler", **settings):
        body = {"FunctionName": name, "Runtime": runtime, "Handler": handler, "Role": ROLE,
                "Code": {"ZipFile": base64.b64encode(zip_of(files)).decode()}, **settings}
        answer = self.request("POST", "/2015-03-31/functions", json.dumps(body))
        if answer.status != 201:
            raise AssertionError(f"create {name}: {answer.status} {answer.body!r}")
        return answer.json

    def invoke(self, name, payload=None, headers=None, timeout=60):
        return self.request("POST", f"/2015-03-31/functions/{name}/invocations",
                            json.dumps(payload), {"X-Amz-Log-Type": "Tail", **(headers or {})},
                            timeout)

    def ps(self):
        return self.request("GET", "/_hearth/ps").json["instances"]

    def cgroups_left(self):
        found = []
        for folder, names, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(folder, n) for n in names if n.startswith(self.cgroup)]
        return found

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def die_in_deployment(self, lines, *arguments):
        """`hearth deploy` with these; a kill when it has said so many lines."""
        with subprocess.Popen([os.path.join(BIN, "hearth"), "deploy", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "HEARTH_ENDPOINT": self.url}) as deploy:
            for _ in range(lines):
                deploy.stdout.readline()
            self.kill()
            deploy.stdout.read()

    def terminate(self):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def stop(self):
        status = self.terminate() if self.process.poll() is None else self.process.returncode
        problems = []
        if status not in (0, -signal.SIGKILL):
            problems.append(f"hearthd ended with status {status}")
        try:
            poll("its cgroups are gone", lambda: not self.cgroups_left(), 10)
        except AssertionError:
            problems.append(f"cgroups left: {self.cgroups_left()}")
        text = self.log()
        if "ERROR: AddressSanitizer" in text or "runtime error:" in text \
                or "ERROR: LeakSanitizer" in text:
            problems.append("a sanitizer spoke")
        if problems:
            raise AssertionError("; ".join(problems) + "\n" + text[-8000:])
        shutil.rmtree(self.state, ignore_errors=True)


CLONE_NEWNS = 0x20000


@contextlib.contextmanager
def hearthd_on_a_disk(test, size):
    """A stopped daemon, and its state folder: a disk of that size, in a mount namespace of this
    thread's own, which the daemon inherits. Whatever happens to the test, no mount stays."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        test.skipTest("unshare: " + os.strerror(ctypes.get_errno()))
    subprocess.check_call(["mount", "--make-rprivate", "/"])
    host = Hearthd()
    host.terminate()
    state = os.path.join(host.state, "state")
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", state])
    try:
        yield host, state
    finally:
        if host.process.poll() is None:
            host.kill()
        subprocess.check_call(["umount", "-l", state])
        host.stop()


class HearthTest(unittest.TestCase):
    """A daemon for the class; its log is shown where a test fails."""
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.host = Hearthd(*cls.OPTIONS)

    @classmethod
    def tearDownClass(cls):
        cls.host.stop()

    def assert_function_error(self, answer, error_type, message):
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers.get("x-amz-function-error"), "Unhandled", answer.body)
        self.assertEqual(answer.json.get("errorType"), error_type, answer.body)
        self.assertRegex(answer.json.get("errorMessage"), message)
