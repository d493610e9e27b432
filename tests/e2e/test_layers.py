"""Layers, driven by stock clients against real sandboxes: published, merged in /opt, kept, deployed."""
import base64
import glob
import json
import os
import subprocess
import tempfile
import unittest

from harness import BIN, ROLE, Hearthd, HearthTest, zip_of
from stock_clients import Boto3Test, JavaScriptSdkTest

PYTHON = """
import ctypes, os, subprocess, sys
import shared
def handler(event, context):
    seen = {"shared": shared.TEXT, "opt": sorted(os.listdir("/opt")),
            "tool": subprocess.run(["tool"], capture_output=True, text=True).stdout.strip()}
    if os.path.exists("/opt/lib/libmine.so"):
        seen["native"] = ctypes.CDLL("libmine.so").zlibVersion() != 0
    try:
        open("/opt/written", "w")
    except OSError as error:
        seen["writing"] = type(error).__name__
    return seen
"""

NODE = """
exports.handler = async () => ({ both: require('both').text, older: require('older').text });
"""

SMALL = "import shared\ndef handler(event, context): return shared.TEXT\n"

TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Resources:
  Lib:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: lib
      CompatibleRuntimes: [python3.12]
      RetentionPolicy: %s
  Deployed:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.12
      Layers: [!Ref Lib]
Outputs: {Layer: {Value: !Ref Lib}}
"""

# Its version cannot be prepared, so that the deployment fails after all else is done.
BROKEN = """  Broken:
    Type: AWS::Serverless::Function
    DependsOn: Deployed
    Properties:
      InlineCode: raise Exception("broken")
      Handler: index.handler
      Runtime: python3.12
      SnapStart: {ApplyOn: PublishedVersions}
      AutoPublishAlias: live
"""

# Below the name that the function asks for, whatever version this machine runs.
VERSIONED = {
    "python/lib/python3.12/site-packages/versioned.py": "TEXT = 'python3.12'",
    "nodejs/node22/node_modules/versioned/index.js": "exports.text = 'node22';"}


def python_layer(text, more=None):
    return zip_of({"python/shared.py": f"TEXT = {text!r}", "bin/tool!": f"#!/bin/sh\necho {text}\n",
                   **(more or {})})


class LayersTest(Boto3Test):
    def publish(self, name, content, **more):
        return self.client.publish_layer_version(LayerName=name, Content={"ZipFile": content},
                                                 **more)["LayerVersionArn"]

    def make(self, name, files, layers, runtime="python3.12", handler="app.handler", **more):
        return self.client.create_function(
            FunctionName=name, Runtime=runtime, Role=ROLE, Handler=handler, Layers=layers,
            Code={"ZipFile": zip_of(files)}, **more)

    def call(self, name, **more):
        answer = self.client.invoke(FunctionName=name, Payload=b"{}", **more)
        body = json.loads(answer["Payload"].read())
        self.assertNotIn("FunctionError", answer, body)
        return body


class Boto3(LayersTest):
    def test_every_operation_drives_a_layer_from_its_first_version_to_its_last(self):
        client = self.client
        content = python_layer("one")
        made = client.publish_layer_version(
            LayerName="Ops", Description="d", LicenseInfo="MIT", Content={"ZipFile": content},
            CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"])
        self.assertEqual((made["Version"], made["Content"]["CodeSize"]), (1, len(content)))
        arn = made["LayerVersionArn"]
        self.assertEqual(arn, made["LayerArn"] + ":1")
        for shown in (client.get_layer_version(LayerName="Ops", VersionNumber=1),
                      client.get_layer_version(LayerName=made["LayerArn"], VersionNumber=1),
                      client.get_layer_version_by_arn(Arn=arn)):
            self.assertEqual(shown["Content"]["CodeSha256"], made["Content"]["CodeSha256"])
            self.assertEqual(shown["CompatibleRuntimes"], ["python3.12"])
        location = made["Content"]["Location"]
        self.assertEqual(self.host.request("GET", location[len(self.host.url):]).body, content)
        self.publish("Ops", python_layer("two"))
        listed = [v["Version"] for page in client.get_paginator("list_layer_versions").paginate(
            LayerName="Ops", PaginationConfig={"PageSize": 1}) for v in page["LayerVersions"]]
        self.assertEqual(listed, [2, 1])
        layers = client.list_layers(CompatibleRuntime="python3.12")["Layers"]
        self.assertIn(("Ops", 1), [(one["LayerName"], one["LatestMatchingVersion"]["Version"])
                                   for one in layers])
        added = client.add_layer_version_permission(
            LayerName="Ops", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion",
            Principal="*")
        policy = client.get_layer_version_policy(LayerName="Ops", VersionNumber=1)
        self.assertEqual(policy["RevisionId"], added["RevisionId"])
        self.assertEqual(json.loads(policy["Policy"])["Statement"],
                         [json.loads(added["Statement"])])
        client.remove_layer_version_permission(LayerName="Ops", VersionNumber=1, StatementId="s")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_layer_version_policy(LayerName="Ops", VersionNumber=1)
        client.delete_layer_version(LayerName="Ops", VersionNumber=2)
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_layer_version(LayerName="Ops", VersionNumber=2)
        self.assertTrue(self.publish("Ops", content).endswith(":3"))

    def test_a_python_function_finds_modules_programs_and_libraries_of_its_layers(self):
        with open(glob.glob("/usr/lib/x86_64-linux-gnu/libz.so.1")[0], "rb") as library:
            first = self.publish("PyFirst", python_layer("first", {"lib/libmine.so!": library.read(),
                                                                   "first": "1"}))
        second = self.publish("PySecond", python_layer("second", {"second": "2"}))
        made = self.make("Py", {"app.py": PYTHON}, [first, second])
        self.assertEqual([layer["Arn"] for layer in made["Layers"]], [first, second])
        wanted = {"shared": "second", "tool": "second", "native": True, "writing": "OSError",
                  "opt": ["bin", "first", "lib", "python", "second"]}
        self.assertEqual(self.call("Py"), wanted)
        self.client.update_function_configuration(FunctionName="Py", Layers=[second, first])
        self.assertEqual(self.call("Py"), {**wanted, "shared": "first", "tool": "first"})
        shown = self.client.get_function(FunctionName="Py")["Configuration"]["Layers"]
        self.assertEqual([layer["Arn"] for layer in shown], [second, first])
        # A start of its own, without a stem cell or an image.
        self.client.update_function_configuration(
            FunctionName="Py", Environment={"Variables": {"PYTHONHASHSEED": "1"}})
        self.assertEqual(self.call("Py")["shared"], "first")

    def test_layers_that_are_deleted_go_on_in_the_functions_that_use_them(self):
        client = self.client
        arn = self.publish("Gone", python_layer("still here"))
        self.make("Keeps", {"app.py": PYTHON}, [arn])
        client.delete_layer_version(LayerName="Gone", VersionNumber=1)
        self.assertEqual(self.call("Keeps")["shared"], "still here")
        client.update_function_configuration(FunctionName="Keeps", Timeout=9)
        self.assertEqual(self.call("Keeps")["shared"], "still here")
        with self.assertRaisesRegex(client.exceptions.InvalidParameterValueException,
                                    f"Layer version {arn} does not exist."):
            self.make("Late", {"app.py": PYTHON}, [arn])

    def test_a_published_version_goes_on_from_its_snapshot_with_its_layers(self):
        client = self.client
        first = self.publish("Snap", python_layer("first"))
        self.make("Snaps", {"app.py": PYTHON}, [first],
                  SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
        client.get_waiter("published_version_active").wait(FunctionName="Snaps", Qualifier="1")
        client.update_function_configuration(FunctionName="Snaps",
                                             Layers=[self.publish("Snap", python_layer("second"))])
        self.assertEqual(self.call("Snaps", Qualifier="1")["shared"], "first")
        self.assertEqual(self.call("Snaps")["shared"], "second")

    def test_a_node_function_finds_modules_of_its_layers(self):
        older = self.publish("NodeFirst", zip_of({
            "nodejs/node_modules/both/index.js": "exports.text = 'first';",
            "nodejs/node_modules/older/index.js": "exports.text = 'older';"}))
        newer = self.publish("NodeSecond", zip_of({
            "nodejs/node_modules/both/index.js": "exports.text = 'second';"}))
        self.make("Node", {"index.js": NODE}, [older, newer], "nodejs22.x", "index.handler")
        self.assertEqual(self.call("Node"), {"both": "second", "older": "older"})
        self.client.update_function_configuration(FunctionName="Node", Layers=[newer, older])
        self.assertEqual(self.call("Node"), {"both": "first", "older": "older"})

    def test_a_provided_function_runs_a_program_of_its_layer(self):
        arn = self.publish("Prov", zip_of({"bin/answer!": "#!/bin/sh\necho '\"from the layer\"'\n"}))
        bootstrap = """#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while true; do
  id=$(curl -sS -D - -o /dev/null $api/next | tr -d '\\r' |
       sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  curl -sS -o /dev/null -X POST -d "$(answer)" $api/$id/response
done
"""
        self.make("Provided", {"bootstrap!": bootstrap}, [arn], "provided.al2023", "any")
        self.assertEqual(self.call("Provided"), "from the layer")


    def test_modules_below_the_version_that_was_asked_for_are_found(self):
        arn = self.publish("Versioned", zip_of(VERSIONED))
        self.make("Py312", {"app.py": "import versioned\n"
                            "def handler(event, context): return versioned.TEXT"}, [arn])
        self.make("Node22", {"index.js": "exports.handler = async () => require('versioned').text"},
                  [arn], "nodejs22.x", "index.handler")
        for name, text in (("Py312", "python3.12"), ("Node22", "node22")):
            for _ in range(2):  # By a stem cell, then in a start of its own.
                self.assertEqual(self.call(name), text)
                self.client.update_function_configuration(
                    FunctionName=name, Environment={"Variables": {"NODE_X": "1"}})


class Sdk(JavaScriptSdkTest):
    def test_the_javascript_sdk_drives_layers(self):
        layer = {"nodejs/node_modules/shared/index.js": "exports.text = 'shared';"}
        function = {"index.js": "exports.handler = async () => require('shared').text;"}
        self.assert_script_passes("sdk_layers.cjs", layer, function)


class Deploy(HearthTest):
    def deploy(self, folder, policy, text, more="", layer="Lib", returncode=0):
        template = (TEMPLATE % policy).replace("Outputs:", more + "Outputs:")
        template = template.replace("Lib", layer)
        for name, content in (("template.yaml", template), ("src/app.py", SMALL),
                              ("lib/python/shared.py", f"TEXT = {text!r}")):
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(content)
        return self.hearth("deploy", os.path.join(folder, "template.yaml"), "--stack", "layered",
                           returncode=returncode)

    def hearth(self, *arguments, returncode=0):
        done = subprocess.run([os.path.join(BIN, "hearth"), *arguments], capture_output=True,
                              text=True, timeout=120,
                              env={**os.environ, "HEARTH_ENDPOINT": self.host.url})
        self.assertEqual(done.returncode, returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def versions(self, layer="Lib"):
        return [one["Version"] for one in self.host.request(
            "GET", f"/2018-10-31/layers/{layer}/versions").json["LayerVersions"]]

    def test_a_template_deploys_a_function_with_its_layer(self):
        with tempfile.TemporaryDirectory() as folder:
            self.deploy(folder, "Retain", "one")
            self.assertEqual(self.host.invoke("Deployed").json, "one")
            self.deploy(folder, "Retain", "one")
            self.assertEqual(self.versions(), [1])
            self.deploy(folder, "Delete", "two")
            self.assertEqual(self.host.invoke("Deployed").json, "two")
            self.assertEqual(self.versions(), [2])
            self.hearth("delete", "layered")
            self.assertEqual(self.versions(), [])

    def test_a_deployment_that_fails_goes_back_to_a_layer_that_was_deleted_meanwhile(self):
        with tempfile.TemporaryDirectory() as folder:
            self.deploy(folder, "Retain", "one", layer="Gone")
            self.assertEqual(self.versions("Gone"), [1])
            self.assertEqual(self.host.request(
                "DELETE", "/2018-10-31/layers/Gone/versions/1").status, 204)
            said = self.deploy(folder, "Retain", "two", BROKEN, layer="Gone", returncode=1)
            self.assertIn("rolled back", said)
            self.assertEqual(self.host.invoke("Deployed").json, "one")
            self.hearth("delete", "layered")


class Durable(unittest.TestCase):
    def test_layers_and_what_uses_them_survive_a_kill_and_what_nothing_uses_is_removed(self):
        host = Hearthd()

        def publish(name, text):
            answer = host.request("POST", f"/2018-10-31/layers/{name}/versions", json.dumps(
                {"Content": {"ZipFile": base64.b64encode(python_layer(text)).decode()}}))
            self.assertEqual(answer.status, 201, answer.body)
            return answer.json["LayerVersionArn"]

        def stored(folder):
            return len(os.listdir(os.path.join(host.state, "state", "code", folder)))
        try:
            arns = [publish("A", "a"), publish("B", "b")]
            host.create("Uses", {"app.py": PYTHON}, Layers=arns)
            self.assertEqual(host.request("DELETE", "/2018-10-31/layers/B/versions/1").status, 204)
            host.kill()
            host.start()
            self.assertEqual(host.invoke("Uses").json["shared"], "b")
            self.assertEqual(host.request("GET", "/2018-10-31/layers/A/versions/1").status, 200)
            self.assertEqual((stored("zip"), stored("merged")), (3, 1))
            self.assertTrue(publish("B", "b again").endswith(":2"))
            host.request("DELETE", "/2015-03-31/functions/Uses")
            host.request("DELETE", "/2018-10-31/layers/B/versions/2")
            host.kill()
            host.start()
            self.assertEqual((stored("zip"), stored("tree"), stored("merged")), (1, 1, 0))
        finally:
            host.stop()
