"""Published versions and aliases, driven by the stock clients against real sandboxes."""
import base64
import collections
import json
import os
import subprocess
import tempfile
import threading
import unittest

from harness import BIN, ROLE, HearthTest, poll, zip_of
from stock_clients import AwsCliTest, Boto3Test, JavaScriptSdkTest

# Says who it is in each way a function can know it.
APP = """
import os
def handler(event, context):
    return {"text": "%s", "version": context.function_version, "arn": context.invoked_function_arn,
            "env": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "stream": context.log_stream_name,
            "pid": os.getpid(), "boot": open("/proc/self/stat").read().split()[21]}
"""


TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Outputs: {Version: {Value: !Ref Shown.Version}}
Resources:
  Shown:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.12
      AutoPublishAlias: live
"""


def app(text):
    return {"app.py": APP % text}


class Boto3(Boto3Test):
    CONFIG = {"max_pool_connections": 16}

    def make(self, name, text="one", **settings):
        return self.client.create_function(
            FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler",
            Code={"ZipFile": zip_of(app(text))}, **settings)

    def call(self, name, **more):
        answer = self.client.invoke(FunctionName=name, Payload=b"{}", **more)
        body = json.loads(answer["Payload"].read())
        self.assertNotIn("FunctionError", answer, body)
        return answer["ExecutedVersion"], body

    def test_a_version_stays_what_it_was_while_the_function_changes(self):
        client = self.client
        self.make("Stays", Environment={"Variables": {"MINE": "a"}})
        first = client.publish_version(FunctionName="Stays", Description="the first")
        self.assertEqual((first["Version"], first["State"]), ("1", "Active"))
        self.assertTrue(first["FunctionArn"].endswith(":function:Stays:1"))
        client.get_waiter("published_version_active").wait(FunctionName="Stays", Qualifier="1")
        executed, before = self.call("Stays", Qualifier="1")
        self.assertEqual((executed, before["version"], before["env"]), ("1", "1", "1"))
        self.assertTrue(before["arn"].endswith(":function:Stays:1"), before["arn"])
        self.assertIn("[1]", before["stream"])

        client.update_function_code(FunctionName="Stays", ZipFile=zip_of(app("two")))
        client.update_function_configuration(FunctionName="Stays", Timeout=9)
        client.get_waiter("function_updated_v2").wait(FunctionName="Stays")
        self.assertEqual(self.call("Stays")[1]["text"], "two")
        executed, after = self.call("Stays:1")
        self.assertEqual((executed, after["text"]), ("1", "one"))
        # Its sandbox has lived through both updates.
        self.assertEqual(after["stream"], before["stream"])
        old = client.get_function(FunctionName="Stays", Qualifier="1")
        self.assertEqual(old["Configuration"]["Timeout"], 3)
        self.assertEqual(old["Configuration"]["CodeSha256"], first["CodeSha256"])

        second = client.publish_version(FunctionName="Stays")
        self.assertEqual(client.publish_version(FunctionName="Stays")["Version"], "2")
        listed = [v["Version"] for page in
                  client.get_paginator("list_versions_by_function").paginate(
                      FunctionName="Stays", PaginationConfig={"PageSize": 1})
                  for v in page["Versions"]]
        self.assertEqual(listed, ["$LATEST", "1", "2"])
        with self.assertRaises(client.exceptions.PreconditionFailedException):
            client.publish_version(FunctionName="Stays", RevisionId=second["RevisionId"])
        with self.assertRaises(client.exceptions.InvalidParameterValueException):
            client.publish_version(FunctionName="Stays", CodeSha256=first["CodeSha256"])

        client.delete_function(FunctionName="Stays", Qualifier="1")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="Stays:1")
        poll("its sandbox has ended", lambda: not [
            i for i in self.host.ps() if i["function"] == "Stays" and i["version"] == "1"])
        made = client.update_function_code(FunctionName="Stays", ZipFile=zip_of(app("three")),
                                           Publish=True)
        self.assertEqual(made["Version"], "3")
        self.assertEqual(self.call("Stays:3")[1]["text"], "three")

    def test_an_alias_sends_a_part_of_the_calls_to_a_second_version(self):
        client = self.client
        self.make("Shift", Publish=True)
        client.update_function_code(FunctionName="Shift", ZipFile=zip_of(app("two")), Publish=True)
        made = client.create_alias(
            FunctionName="Shift", Name="PROD", FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
        seen = collections.Counter()
        for _ in range(60):
            executed, body = self.call("Shift", Qualifier="PROD")
            self.assertEqual(body["text"], {"1": "one", "2": "two"}[executed])
            self.assertTrue(body["arn"].endswith(":function:Shift:PROD"), body["arn"])
            seen[executed] += 1
        # One side empty by chance: once in 2^59.
        self.assertEqual(set(seen), {"1", "2"}, seen)
        with self.assertRaises(client.exceptions.ResourceConflictException) as caught:
            client.delete_function(FunctionName="Shift", Qualifier="2")
        self.assertIn("[PROD]", str(caught.exception))
        with self.assertRaises(client.exceptions.PreconditionFailedException):
            client.update_alias(FunctionName="Shift", Name="PROD", RevisionId="stale")
        moved = client.update_alias(FunctionName="Shift", Name="PROD", FunctionVersion="2",
                                    RoutingConfig={}, RevisionId=made["RevisionId"])
        self.assertNotIn("RoutingConfig", moved)
        self.assertEqual(self.call("Shift:PROD")[0], "2")
        self.assertEqual([a["Name"] for a in client.list_aliases(FunctionName="Shift")["Aliases"]],
                         ["PROD"])
        client.delete_alias(FunctionName="Shift", Name="PROD")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_alias(FunctionName="Shift", Name="PROD")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="Shift:PROD")

    def test_an_alias_that_moves_loses_no_call(self):
        client = self.client
        self.make("Moves", Publish=True)
        client.update_function_code(FunctionName="Moves", ZipFile=zip_of(app("two")), Publish=True)
        client.create_alias(FunctionName="Moves", Name="LIVE", FunctionVersion="1")
        done, failures, seen = threading.Event(), [], collections.Counter()

        def load():
            while not done.is_set():
                try:
                    executed, body = self.call("Moves:LIVE")
                    seen[executed] += 1
                    if body["text"] != {"1": "one", "2": "two"}[executed]:
                        failures.append((executed, body))
                except Exception as error:  # pylint: disable=broad-except
                    failures.append(error)

        callers = [threading.Thread(target=load) for _ in range(4)]
        for caller in callers:
            caller.start()
        for move in range(20):
            client.update_alias(FunctionName="Moves", Name="LIVE",
                                FunctionVersion=str(2 - move % 2))
            before = sum(seen.values())
            poll("calls go on", lambda: sum(seen.values()) > before + 4 or failures)
            # The function itself changes below them.
            if move % 5 == 0:
                client.update_function_configuration(FunctionName="Moves", Timeout=5 + move)
        done.set()
        for caller in callers:
            caller.join()
        self.assertEqual(failures, [])
        self.assertEqual(set(seen), {"1", "2"})

    def test_events_keep_their_qualifier(self):
        client = self.client
        self.make("Events", Publish=True)
        client.update_function_code(FunctionName="Events", ZipFile=zip_of(app("two")))
        client.create_alias(FunctionName="Events", Name="PROD", FunctionVersion="1")
        for qualifier in ("PROD", "1", "$LATEST"):
            answer = client.invoke(FunctionName="Events", Qualifier=qualifier,
                                   InvocationType="Event", Payload=b"{}")
            self.assertEqual(answer["StatusCode"], 202)
        self.assertEqual(client.invoke(FunctionName="Events", Qualifier="PROD",
                                       InvocationType="DryRun")["StatusCode"], 204)

        def started():
            text = self.host.request("GET", "/_hearth/logs/Events?tail=100").body.decode()
            return (text.count("Version: 1"), text.count("Version: $LATEST"))
        poll("all three have run", lambda: started() == (2, 1))

    def test_settings_of_snapshots_and_provisioned_concurrency_are_shown(self):
        client = self.client
        made = self.make("Snap", SnapStart={"ApplyOn": "PublishedVersions"})
        self.assertEqual(made["SnapStart"], {"ApplyOn": "PublishedVersions",
                                             "OptimizationStatus": "Off"})
        version = client.publish_version(FunctionName="Snap")
        self.assertEqual(version["SnapStart"]["OptimizationStatus"], "On")
        client.get_waiter("published_version_active").wait(FunctionName="Snap", Qualifier="1")
        self.assertEqual(self.call("Snap:1")[1]["version"], "1")
        with self.assertRaises(client.exceptions.InvalidParameterValueException) as caught:
            client.update_function_configuration(FunctionName="Snap", Runtime="nodejs20.x",
                                                 Handler="i.h")
        self.assertIn("nodejs20.x is not supported for SnapStart enabled functions",
                      str(caught.exception))

        self.make("Ready", Publish=True)
        put = client.put_provisioned_concurrency_config(
            FunctionName="Ready", Qualifier="1", ProvisionedConcurrentExecutions=2)
        self.assertEqual(put["Status"], "IN_PROGRESS")
        poll("two are ready", lambda: client.get_provisioned_concurrency_config(
            FunctionName="Ready", Qualifier="1")["Status"] == "READY")
        listed = client.list_provisioned_concurrency_configs(FunctionName="Ready")
        self.assertEqual(listed["ProvisionedConcurrencyConfigs"][0][
            "AvailableProvisionedConcurrentExecutions"], 2)
        client.delete_provisioned_concurrency_config(FunctionName="Ready", Qualifier="1")
        with self.assertRaises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
            client.get_provisioned_concurrency_config(FunctionName="Ready", Qualifier="1")


class Durable(HearthTest):
    def test_versions_aliases_and_their_code_survive_a_kill(self):
        host = self.host
        functions = "/2015-03-31/functions/Kept"
        host.create("Kept", app("one"), Publish=True)
        zipped = base64.b64encode(zip_of(app("two"))).decode()
        updated = host.request("PUT", functions + "/code",
                               json.dumps({"ZipFile": zipped, "Publish": True}))
        self.assertEqual(updated.json["Version"], "2")
        made = host.request("POST", functions + "/aliases",
                            json.dumps({"Name": "PROD", "FunctionVersion": "1"}))
        self.assertEqual(made.status, 201)
        host.request("DELETE", functions + "?Qualifier=2")
        host.kill()
        host.start()
        # Version 1's code is no function's current code: the collection at start has kept it.
        answer = host.invoke("Kept:PROD", {})
        self.assertEqual(answer.json["text"], "one")
        self.assertEqual(answer.headers["x-amz-executed-version"], "1")
        again = host.request("POST", functions + "/versions", "{}")
        self.assertEqual(again.json["Version"], "3")  # 2 is never used again.


class Templates(HearthTest):
    def deploy(self, folder, text, more=""):
        os.makedirs(os.path.join(folder, "src"), exist_ok=True)
        with open(os.path.join(folder, "src/app.py"), "w", encoding="utf-8") as source:
            source.write(APP % text)
        with open(os.path.join(folder, "template.yaml"), "w", encoding="utf-8") as template:
            template.write(TEMPLATE + more)
        done = subprocess.run(
            [os.path.join(BIN, "hearth"), "deploy", os.path.join(folder, "template.yaml"),
             "--stack", "shop"], capture_output=True, text=True, timeout=120,
            env={**os.environ, "HEARTH_ENDPOINT": self.host.url})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def executed(self):
        answer = self.host.invoke("Shown:live", {})
        return answer.headers["x-amz-executed-version"], answer.json["text"]

    def test_a_template_publishes_and_shifts(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("function:Shown:1", self.deploy(folder, "one"))
            self.assertEqual(self.executed(), ("1", "one"))
            # A change of the settings publishes nothing; a change of the code does.
            self.assertIn("function:Shown:1", self.deploy(folder, "one", "      Timeout: 9\n"))
            self.assertIn("function:Shown:2", self.deploy(folder, "two"))
            self.assertEqual(self.executed(), ("2", "two"))
            self.assertEqual(self.host.invoke("Shown:1", {}).json["text"], "one")
            # Its own alias points back with all its weight.
            self.deploy(folder, "two", """
  Back:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: !Ref Shown
      Name: back
      FunctionVersion: !GetAtt Shown.Version.Version
      RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: 1, FunctionWeight: 1.0}]}
""")
            answer = self.host.invoke("Shown:back", {})
            self.assertEqual(answer.headers["x-amz-executed-version"], "1")


class AwsCli(AwsCliTest):
    def test_the_command_line_publishes_shifts_and_calls(self):
        self.host.create("Cli", app("one"))
        of = ("--function-name", "Cli")
        self.assertEqual(self.aws("publish-version", *of, "--description", "d")["Version"], "1")
        self.aws("update-function-configuration", *of, "--timeout", "9")
        self.assertEqual(self.aws("publish-version", *of)["Version"], "2")
        self.aws("create-alias", *of, "--name", "PROD", "--function-version", "1",
                 "--routing-config", "AdditionalVersionWeights={2=1.0}")
        out = os.path.join(self.host.state, "out.json")
        self.assertEqual(self.aws("invoke", *of, "--qualifier", "PROD", out)["ExecutedVersion"], "2")
        self.aws("update-alias", *of, "--name", "PROD", "--routing-config",
                 "AdditionalVersionWeights={}")
        self.assertEqual(self.aws("invoke", "--function-name", "Cli:PROD", out)["ExecutedVersion"],
                         "1")
        self.assertEqual(self.aws("get-function-configuration", *of, "--qualifier", "PROD")["Timeout"],
                         3)
        self.aws("wait", "published-version-active", *of, "--qualifier", "2")
        self.assertEqual(len(self.aws("list-versions-by-function", *of)["Versions"]), 3)
        self.aws("delete-function", *of, "--qualifier", "2")
        self.assertIn("ResourceConflictException",
                      self.aws("delete-function", *of, "--qualifier", "1", succeeds=False))


class JavaScriptSdk(JavaScriptSdkTest):
    def test_the_sdk_drives_every_operation_on_versions_and_aliases(self):
        self.assert_script_passes("sdk_versions.cjs", app("one"), app("two"))


if __name__ == "__main__":
    unittest.main()
