"""Bad input gets a clear error each; the daemon goes on; nothing is half-written."""
import base64
import io
import json
import os
import socket
import unittest
import zipfile

from harness import ROLE, HearthTest, zip_of

GOOD = {"app.py": "def handler(event, context):\n    return event\n"}


def raw_zip(entries):
    """A zip of (ZipInfo or name, content): names and modes exactly as given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info, target


class BadInput(HearthTest):
    def create_status(self, zip_bytes, **settings):
        body = {"FunctionName": "Bad", "Runtime": "python3.12", "Handler": "app.handler",
                "Role": ROLE, "Code": {"ZipFile": base64.b64encode(zip_bytes).decode()}, **settings}
        answer = self.host.request("POST", "/2015-03-31/functions", json.dumps(body))
        return answer.status, answer.body.decode(errors="replace")

    def stored(self):
        return {folder: sorted(os.listdir(os.path.join(self.host.state, "state/code", folder)))
                for folder in ("zip", "tree")}

    def setUp(self):
        self.stored_before = self.stored()

    def assert_nothing_written(self):
        self.assertEqual(self.host.request("GET", "/2015-03-31/functions/Bad").status, 404)
        self.assertEqual(self.stored(), self.stored_before)

    def test_hostile_zips_are_refused_and_leave_nothing(self):
        bomb = raw_zip([("zeros", b"\0" * (300 << 20))])
        hostile = {
            "traversal": raw_zip([("../../escape", "x")]),
            "absolute": raw_zip([("/etc/escape", "x")]),
            "symlink out": raw_zip([link("out", "/etc/passwd")]),
            "write through a symlink": raw_zip([link("d", "/tmp"), ("d/escape", "x")]),
            "bomb": bomb,
            "truncated": zip_of(GOOD)[:-30],
            "empty": b"",
            "not a zip": b"hello, I am not a zip",
        }
        for what, zip_bytes in hostile.items():
            status, body = self.create_status(zip_bytes)
            self.assertEqual(status, 400, f"{what}: {body}")
            self.assertRegex(body, '"[Mm]essage":"[^"]+', what)
        self.assertFalse(os.path.exists("/tmp/escape"))
        self.assert_nothing_written()

    def test_settings_out_of_range_are_refused(self):
        for wrong in ({"Timeout": 0}, {"Timeout": 901}, {"MemorySize": 127}, {"MemorySize": 3073},
                      {"MemorySize": "big"}, {"EphemeralStorage": {"Size": 511}},
                      {"EphemeralStorage": {"Size": 10241}}, {"Handler": "h" * 129},
                      {"Runtime": "python99"}, {"FunctionName": "a" * 65},
                      {"FunctionName": "bad name"}, {"Architectures": ["mips"]},
                      {"Environment": {"Variables": {"A": "x" * 5000}}},
                      {"Environment": {"Variables": {"AWS_REGION": "x"}}}, {"Role": "me"}):
            status, body = self.create_status(zip_of(GOOD), **wrong)
            self.assertEqual(status, 400, f"{wrong}: {body}")
        self.assert_nothing_written()

    def test_malformed_http_gets_a_400_and_the_daemon_goes_on(self):
        for bad in (b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                    b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHea der: x\r\n\r\n", b"G\xffT / HTTP/1.1\r\n\r\n",
                    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"GET / HTTP/1.1\r\nA: " + b"x" * 100000 + b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.host.port), timeout=10) as client:
                client.sendall(bad)
                client.shutdown(socket.SHUT_WR)
                reply = b""
                while True:
                    piece = client.recv(65536)
                    if not piece:
                        break
                    reply += piece
            self.assertRegex(reply[:12], rb"^HTTP/1\.1 4\d\d", bad[:60])
        self.assertEqual(self.host.request("GET", "/_hearth/health").json["status"], "ok")

    def test_payload_limits_are_exact(self):
        self.host.create("Echo", {"app.py": "def handler(event, context):\n    return len(event)\n"})
        path = "/2015-03-31/functions/Echo/invocations"
        limit = 6 * 1024 * 1024
        exact = '"' + "x" * (limit - 2) + '"'
        self.assertEqual(self.host.request("POST", path, exact).json, limit - 2)
        over = self.host.request("POST", path, '"' + "x" * (limit - 1) + '"')
        self.assertEqual(over.status, 413)
        self.assertEqual(over.headers["x-amzn-errortype"].split(":")[0], "RequestEntityTooLargeException")
        self.assertEqual(self.host.request("POST", path, "{broken").status, 400)
        self.host.request("DELETE", "/2015-03-31/functions/Echo")

    def test_unknown_operations_and_services_are_named(self):
        answer = self.host.request("GET", "/2015-03-31/functions/x/nonsense")
        self.assertIn(answer.status, (400, 404, 501))
        answer = self.host.request("POST", "/", "{}", {"X-Amz-Target": "DynamoDB_20120810.ListTables"})
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn(b"dynamodb", answer.body.lower())


if __name__ == "__main__":
    unittest.main()
