"""Functions reach this host's services from inside their sandboxes, by AWS_ENDPOINT_URL."""
import json
import os
import unittest

import boto3

from harness import Hearthd, HearthTest, poll

PYTHON = {"app.py": """
import boto3, botocore, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    if event == "about": return [os.environ["AWS_ENDPOINT_URL"], botocore.__version__]
    if event == "invoke":
        answer = boto3.client("lambda").invoke(FunctionName="Echo", Payload=b'{"from": "inside"}')
        return json.load(answer["Payload"])
    if event == "own": return boto3.client("sqs", endpoint_url="http://127.0.0.1:1").meta.endpoint_url
    url = sqs.get_queue_url(QueueName="inside")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    return url
"""}

NODE = """
const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda');
const client = new LambdaClient({});
exports.handler = async () => {
  const answer = await client.send(new InvokeCommand({ FunctionName: 'Echo', Payload: '{"n":1}' }));
  return JSON.parse(Buffer.from(answer.Payload).toString());
};
"""

SHELL = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(curl -sS -LD /tmp/headers "$api/invocation/next" | tr -d '"')
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id /tmp/headers | tr -d '[:space:]' | cut -d: -f2)
  status=$(curl -sS -o /tmp/answer -w '%{http_code}' "$AWS_ENDPOINT_URL$event")
  curl -sS "$api/invocation/$id/response" -d "$status" >/dev/null
done
"""

GREEDY = {"app.py": """
import socket
held = []
def handler(event, context):
    for _ in range(event):
        try: held.append(socket.create_connection(("127.0.0.1", PORT), timeout=2))
        except OSError: break
    return len(held)
"""}

ECHO = {"app.py": "def handler(event, context): return event\n"}


def node_modules():
    """What @aws-sdk/client-lambda needs, as a function's own package."""
    files = {}
    root = os.environ["HEARTH_NODE_MODULES"]
    for scope in ("@aws", "@aws-crypto", "@aws-sdk", "@smithy", "tslib", "bowser",
                  "fast-xml-parser", "strnum", "uuid", "@nodable", "path-expression-matcher"):
        for folder, _, names in os.walk(os.path.join(root, scope)):
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith((".js", ".cjs", "package.json")) and "dist-es" not in path:
                    with open(path, encoding="utf-8") as file:
                        files["node_modules/" + os.path.relpath(path, root)] = file.read()
    return files


class Endpoint(HearthTest):
    def setUp(self):
        if self.host.request("GET", "/2015-03-31/functions/Echo").status == 404:
            self.host.create("Echo", ECHO)
        self.sqs = boto3.client("sqs", endpoint_url=self.host.url, region_name="us-east-1",
                                aws_access_key_id="any", aws_secret_access_key="any")
        self.addCleanup(self.sqs.close)

    def test_the_machines_boto3_reaches_it_though_it_is_older_than_the_variable(self):
        url = self.sqs.create_queue(QueueName="inside")["QueueUrl"]
        self.host.create("Sends", PYTHON, MemorySize=512, Timeout=30)
        where, version = self.host.invoke("Sends", "about").json
        self.assertEqual(self.host.url, where)
        self.assertLess(tuple(map(int, version.split(".")[:2])), (1, 31), "the hook is not needed")
        for n in range(3):
            self.assertEqual(url, self.host.invoke("Sends", {"n": n}).json)
            poll("it is frozen", lambda: {i["state"] for i in self.host.ps()
                                          if i["function"] == "Sends"} == {"frozen"})
        bodies = [self.sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] for _ in range(3)]
        self.assertEqual([{"n": 0}, {"n": 1}, {"n": 2}], sorted(map(json.loads, bodies), key=str))
        self.assertEqual({"from": "inside"}, self.host.invoke("Sends", "invoke").json)
        self.assertEqual("http://127.0.0.1:1", self.host.invoke("Sends", "own").json)

    def test_the_javascript_sdk_in_a_functions_package_reaches_it(self):
        self.host.create("Node", {"index.js": NODE, **node_modules()}, runtime="nodejs20.x",
                         handler="index.handler", MemorySize=512, Timeout=30)
        self.assertEqual({"n": 1}, self.host.invoke("Node").json)

    def test_a_stock_bootstrap_reaches_services_and_not_what_governs_the_host(self):
        self.host.create("Shell", {"bootstrap!": SHELL}, runtime="provided.al2023", handler="h",
                         MemorySize=256)
        self.assertEqual(200, self.host.invoke("Shell", "/2015-03-31/functions").json)
        for path in ("/_hearth/ps", "/_hearth/stacks/", "/_hearth/reset", "/_hearth/absent"):
            self.assertEqual(403, self.host.invoke("Shell", path).json, path)
        self.assertEqual(404, self.host.invoke("Shell", "/metrics").json)

    def test_one_that_takes_every_connection_takes_only_its_own(self):
        code = {"app.py": GREEDY["app.py"].replace("PORT", str(self.host.port))}
        self.host.create("Greedy", code, MemorySize=256, Timeout=60)
        self.assertGreater(self.host.invoke("Greedy", 300).json, 0)
        self.sqs.create_queue(QueueName="inside")
        self.host.create("Beside", PYTHON, MemorySize=512, Timeout=30)
        self.assertEqual({"from": "inside"}, self.host.invoke("Beside", "invoke").json)

    def test_an_init_that_is_written_down_reaches_it(self):
        self.sqs.create_queue(QueueName="at-init")
        self.host.create("Snap", {"app.py": """
import boto3
url = boto3.client("sqs").get_queue_url(QueueName="at-init")["QueueUrl"]
def handler(event, context): return url
"""}, MemorySize=512, Timeout=30, SnapStart={"ApplyOn": "PublishedVersions"})
        self.host.request("POST", "/2015-03-31/functions/Snap/versions", "{}")
        poll("the version is active", lambda: self.host.request(
            "GET", "/2015-03-31/functions/Snap/configuration?Qualifier=1").json["State"]
            == "Active", 60)
        answer = self.host.request("POST", "/2015-03-31/functions/Snap/invocations?Qualifier=1")
        self.assertTrue(answer.json.endswith("/000000000000/at-init"), answer.body)


class WithoutEndpoint(unittest.TestCase):
    def test_a_host_may_keep_it_from_its_functions(self):
        host = Hearthd("--function-endpoint", "off")
        self.addCleanup(host.stop)
        host.create("Env", {"app.py": "import os\n"
                            "def handler(e, c): return os.environ.get('AWS_ENDPOINT_URL')\n"})
        self.assertIsNone(host.invoke("Env").json)


if __name__ == "__main__":
    unittest.main()
