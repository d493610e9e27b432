"""What surrounds a function, driven by the stock clients: its share of the account's concurrency,
tags, policies and what is kept of it only."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import boto3

from harness import BIN, ROLE, HearthTest, poll, zip_of
from stock_clients import AwsCliTest, Boto3Test, JavaScriptSdkTest

# Answers once the file that the event names is there, or at once.
APP = {"app.py": """
import os, time
def handler(event, context):
    if event.get("hold"):
        time.sleep(event["hold"])
    return event.get("n")
"""}

TEMPLATE = """Transform: AWS::Serverless-2016-10-31
Resources:
  Bounded:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Runtime: python3.12
"""


ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def drive(client, name="Kept"):
    """Every operation on tags, policies and settings, with errors that a client tells apart."""
    def refused(error, call, **arguments):
        try:
            call(**arguments)
        except client.exceptions.ClientError as caught:
            assert caught.response["Error"]["Code"] == error, caught
        else:
            raise AssertionError(f"not refused: {call} {arguments}")

    client.create_function(FunctionName=name, Runtime="python3.12", Role=ROLE, Publish=True,
                           Handler="app.handler", Code={"ZipFile": zip_of(APP)}, Tags={"a": "1"})
    arn = ARN + name
    client.tag_resource(Resource=arn, Tags={"b": "2", "c d": "grüß"})
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2", "c d": "grüß"}
    client.untag_resource(Resource=arn, TagKeys=["a", "c d"])
    assert client.get_function(FunctionName=name)["Tags"] == {"b": "2"}
    refused("InvalidParameterValueException", client.tag_resource, Resource=arn,
            Tags={f"k{i}": "v" for i in range(50)})
    refused("InvalidParameterValueException", client.tag_resource, Resource=arn, Tags={"aws:x": ""})
    refused("ResourceNotFoundException", client.list_tags, Resource=ARN + "None")

    client.create_alias(FunctionName=name, Name="PROD", FunctionVersion="1")
    for more in ({}, {"Qualifier": "1"}, {"Qualifier": "PROD"}):
        qualified = ":".join([arn, *more.values()])
        made = client.add_permission(
            FunctionName=name, StatementId="s3", Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::bucket",
            SourceAccount="123456789012", **more)
        statement = {"Sid": "s3", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
                     "Action": "lambda:InvokeFunction", "Resource": qualified,
                     "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"},
                                   "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}}
        assert json.loads(made["Statement"]) == statement, made
        got = client.get_policy(FunctionName=name, **more)
        assert json.loads(got["Policy"]) == {
            "Version": "2012-10-17", "Id": "default", "Statement": [statement]}, got
        refused("ResourceConflictException", client.add_permission, FunctionName=name,
                StatementId="s3", Action="lambda:*", Principal="*", **more)
        refused("PreconditionFailedException", client.remove_permission, FunctionName=name,
                StatementId="s3", RevisionId="stale", **more)
        client.remove_permission(FunctionName=name, StatementId="s3",
                                 RevisionId=got["RevisionId"], **more)
        refused("ResourceNotFoundException", client.get_policy, FunctionName=name, **more)
    assert client.get_function(FunctionName=name)["Configuration"]["RevisionId"] != \
        client.get_function(FunctionName=name, Qualifier="1")["Configuration"]["RevisionId"]

    if hasattr(client, "put_function_recursion_config"):
        client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
        assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    if hasattr(client, "put_runtime_management_config"):
        client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
        got = client.get_runtime_management_config(FunctionName=name)
        assert (got["UpdateRuntimeOn"], got["FunctionArn"]) == ("FunctionUpdate", arn), got
    assert "CodeSigningConfigArn" not in client.get_function_code_signing_config(FunctionName=name)
    client.delete_function(FunctionName=name)


class Concurrency(Boto3Test):
    OPTIONS = ("--concurrency", "6")
    CONFIG = {"max_pool_connections": 16}

    def make(self, name, **settings):
        self.client.create_function(
            FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler", Timeout=30,
            Code={"ZipFile": zip_of(APP)}, **settings)

    def hold(self, name, count, seconds=3):
        """Calls `name` so often at once, each for so long: how each ended, and their threads."""
        answers, lock = [], threading.Lock()

        def call():
            try:
                self.client.invoke(FunctionName=name, Payload=json.dumps({"hold": seconds}))
                reason = "served"
            except self.client.exceptions.TooManyRequestsException as refusal:
                reason = refusal.response.get("Reason")
                self.assertEqual(refusal.response["ResponseMetadata"]["HTTPStatusCode"], 429)
                self.assertEqual(refusal.response["Error"]["Message"], "Rate Exceeded.")
            with lock:
                answers.append(reason)
        threads = [threading.Thread(target=call) for _ in range(count)]
        for thread in threads:
            thread.start()
        self.addCleanup(lambda: [thread.join() for thread in threads])
        return answers, threads

    def busy(self, name):
        return sum(1 for i in self.host.ps() if i["function"] == name and i["state"] == "busy")

    def test_a_reservation_is_a_limit_and_nobody_elses(self):
        client = self.client
        self.make("Own")
        self.make("Shared")
        self.assertEqual(client.put_function_concurrency(
            FunctionName="Own", ReservedConcurrentExecutions=2)["ReservedConcurrentExecutions"], 2)
        limit = client.get_account_settings()["AccountLimit"]
        self.assertEqual((limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]),
                         (6, 4))
        answers, threads = self.hold("Shared", 6)
        poll("four of the six run", lambda: self.busy("Shared") == 4)
        poll("two are refused", lambda: answers == ["ConcurrentInvocationLimitExceeded"] * 2)
        own, more = self.hold("Own", 3, 1)
        for thread in threads + more:
            thread.join()
        self.assertEqual(sorted(own), ["ReservedFunctionConcurrentInvocationLimitExceeded",
                                       "served", "served"])
        self.assertEqual(answers.count("served"), 4)

        client.put_function_concurrency(FunctionName="Own", ReservedConcurrentExecutions=0)
        with self.assertRaises(client.exceptions.TooManyRequestsException) as caught:
            client.invoke(FunctionName="Own", Payload=b"{}")
        self.assertEqual(caught.exception.response["Reason"],
                         "ReservedFunctionConcurrentInvocationLimitExceeded")
        self.assertEqual(client.get_function(FunctionName="Own")["Concurrency"],
                         {"ReservedConcurrentExecutions": 0})
        client.delete_function_concurrency(FunctionName="Own")
        self.assertNotIn("Concurrency", client.get_function(FunctionName="Own"))
        self.assertNotIn("ReservedConcurrentExecutions",
                         client.get_function_concurrency(FunctionName="Own"))
        self.assertEqual(client.invoke(FunctionName="Own", Payload=b"{}")["StatusCode"], 200)
        with self.assertRaises(client.exceptions.InvalidParameterValueException):
            client.put_function_concurrency(FunctionName="Own", ReservedConcurrentExecutions=7)

    def test_where_all_of_it_is_provisioned_the_unpublished_version_does_not_run(self):
        client = self.client
        self.make("Ready", Publish=True)
        client.put_function_concurrency(FunctionName="Ready", ReservedConcurrentExecutions=1)
        with self.assertRaises(client.exceptions.InvalidParameterValueException):
            client.put_provisioned_concurrency_config(
                FunctionName="Ready", Qualifier="1", ProvisionedConcurrentExecutions=2)
        client.put_provisioned_concurrency_config(
            FunctionName="Ready", Qualifier="1", ProvisionedConcurrentExecutions=1)
        poll("it is ready", lambda: client.get_provisioned_concurrency_config(
            FunctionName="Ready", Qualifier="1")["Status"] == "READY")
        self.assertEqual(client.invoke(FunctionName="Ready", Qualifier="1")["StatusCode"], 200)
        with self.assertRaises(client.exceptions.TooManyRequestsException):
            client.invoke(FunctionName="Ready")
        client.delete_provisioned_concurrency_config(FunctionName="Ready", Qualifier="1")
        self.assertEqual(client.invoke(FunctionName="Ready")["StatusCode"], 200)
        client.delete_function(FunctionName="Ready")

    def test_events_of_a_blocked_function_go_to_its_destination_at_once(self):
        client = self.client
        self.make("Blocked")
        client.create_function(
            FunctionName="Told", Runtime="python3.12", Role=ROLE, Handler="app.handler",
            Code={"ZipFile": zip_of({"app.py":
                "def handler(event, context): print('TOLD', event['requestContext']['condition'])"
            })})
        told = "arn:aws:lambda:us-east-1:000000000000:function:Told"
        client.put_function_event_invoke_config(
            FunctionName="Blocked", DestinationConfig={"OnFailure": {"Destination": told}})
        client.put_function_concurrency(FunctionName="Blocked", ReservedConcurrentExecutions=0)
        client.invoke(FunctionName="Blocked", InvocationType="Event", Payload=b"{}")
        poll("the destination hears of it", lambda: "TOLD ZeroReservedConcurrency" in
             self.host.request("GET", "/_hearth/logs/Told").body.decode())
        client.delete_function_concurrency(FunctionName="Blocked")

    def test_a_reservation_survives_a_kill(self):
        self.make("Kept")
        self.client.put_function_concurrency(FunctionName="Kept", ReservedConcurrentExecutions=0)
        self.host.kill()
        self.host.start()
        answer = self.host.invoke("Kept", {})
        self.assertEqual(answer.status, 429)
        self.assertEqual(answer.json["Reason"],
                         "ReservedFunctionConcurrentInvocationLimitExceeded")


class Kept(Boto3Test):
    """Tags, policies and settings, by whichever boto3 runs this; also by another, see below."""

    def test_tags_policies_and_settings_are_kept(self):
        drive(self.client)

    def test_the_other_boto3_drives_the_same(self):
        def has_boto3(python):
            return subprocess.run([python, "-c", "import boto3"], capture_output=True,
                                  check=False).returncode == 0
        others = [p for p in {shutil.which("python3"), "/usr/local/bin/python3"}
                  if p and os.path.exists(p) and has_boto3(p)
                  and os.path.realpath(p) != os.path.realpath(sys.executable)]
        if not others:
            self.skipTest("this machine has one boto3")
        for python in others:
            done = subprocess.run(
                [python, "-B", os.path.abspath(__file__), "drive", self.host.url],
                capture_output=True, text=True, timeout=120, check=False,
                env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__))})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_they_survive_a_kill(self):
        client, arn = self.client, ARN + "Durable"
        client.create_function(FunctionName="Durable", Runtime="python3.12", Role=ROLE,
                               Handler="app.handler", Code={"ZipFile": zip_of(APP)})
        client.tag_resource(Resource=arn, Tags={"team": "x"})
        client.add_permission(FunctionName="Durable", StatementId="s", Principal="*",
                              Action="lambda:InvokeFunction")
        self.host.kill()
        self.host.start()
        client = boto3.client("lambda", endpoint_url=self.host.url, region_name="us-east-1",
                              aws_access_key_id="any", aws_secret_access_key="any")
        self.assertEqual(client.list_tags(Resource=arn)["Tags"], {"team": "x"})
        policy = json.loads(client.get_policy(FunctionName="Durable")["Policy"])
        self.assertEqual([s["Sid"] for s in policy["Statement"]], ["s"])

    def test_a_policy_and_a_tag_leave_the_warm_instance(self):
        self.host.create("Warm", {"app.py": "def handler(e, c): return c.log_stream_name"})
        before = self.host.invoke("Warm", {}).json
        self.client.tag_resource(Resource=ARN + "Warm", Tags={"a": "b"})
        self.client.add_permission(FunctionName="Warm", StatementId="s", Principal="*",
                                   Action="lambda:InvokeFunction")
        self.client.put_function_concurrency(FunctionName="Warm", ReservedConcurrentExecutions=1)
        self.assertEqual(self.host.invoke("Warm", {}).json, before)

    def test_invoke_async_is_served_still(self):
        self.host.create("Old", {"app.py": "def handler(event, context): print('GOT', event)"})
        answer = self.client.invoke_async(FunctionName="Old", InvokeArgs=b'{"n": 1}')
        self.assertEqual(answer["Status"], 202)
        poll("the event is delivered", lambda: "GOT {'n': 1}" in
             self.host.request("GET", "/_hearth/logs/Old").body.decode())


class Templates(HearthTest):
    def deploy(self, folder, more=""):
        os.makedirs(os.path.join(folder, "src"), exist_ok=True)
        with open(os.path.join(folder, "src/app.py"), "w", encoding="utf-8") as source:
            source.write(APP["app.py"])
        with open(os.path.join(folder, "template.yaml"), "w", encoding="utf-8") as template:
            template.write(TEMPLATE + more)
        done = subprocess.run(
            [os.path.join(BIN, "hearth"), "deploy", os.path.join(folder, "template.yaml"),
             "--stack", "shop"], capture_output=True, text=True, timeout=120,
            env={**os.environ, "HEARTH_ENDPOINT": self.host.url})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.host.request("GET", "/2015-03-31/functions/Bounded").json

    def test_a_template_reserves_and_gives_back(self):
        with tempfile.TemporaryDirectory() as folder:
            shown = self.deploy(folder, "      ReservedConcurrentExecutions: 3\n")
            self.assertEqual(shown["Concurrency"], {"ReservedConcurrentExecutions": 3})
            self.assertNotIn("Concurrency", self.deploy(folder))


class AwsCli(AwsCliTest):
    def test_the_command_line_reserves(self):
        self.host.create("Cli", APP)
        of = ("--function-name", "Cli")
        self.assertEqual(self.aws("put-function-concurrency", *of,
                                  "--reserved-concurrent-executions", "5"),
                         {"ReservedConcurrentExecutions": 5})
        self.assertEqual(self.aws("get-function-concurrency", *of),
                         {"ReservedConcurrentExecutions": 5})
        settings = self.aws("get-account-settings")
        self.assertEqual(settings["AccountLimit"]["UnreservedConcurrentExecutions"], 995)
        self.assertEqual(settings["AccountUsage"]["FunctionCount"], 1)
        self.assertIn("below its minimum value of [100]", self.aws(
            "put-function-concurrency", *of, "--reserved-concurrent-executions", "901",
            succeeds=False))
        self.aws("delete-function-concurrency", *of)
        self.assertEqual(self.aws("get-function-concurrency", *of), "")

    def test_the_command_line_tags_and_permits(self):
        self.host.create("Permits", APP)
        of = ("--function-name", "Permits")
        arn = ("--resource", ARN + "Permits")
        self.aws("tag-resource", *arn, "--tags", "team=x,stage=prod")
        self.aws("untag-resource", *arn, "--tag-keys", "team")
        self.assertEqual(self.aws("list-tags", *arn), {"Tags": {"stage": "prod"}})
        made = self.aws("add-permission", *of, "--statement-id", "events", "--action",
                        "lambda:InvokeFunction", "--principal", "events.amazonaws.com")
        self.assertEqual(json.loads(made["Statement"])["Principal"],
                         {"Service": "events.amazonaws.com"})
        self.assertIn("events", self.aws("get-policy", *of)["Policy"])
        self.aws("remove-permission", *of, "--statement-id", "events")
        self.assertIn("ResourceNotFoundException", self.aws("get-policy", *of, succeeds=False))
        self.assertEqual(self.aws("get-function-code-signing-config", *of), "")


class JavaScriptSdk(JavaScriptSdkTest):
    def test_the_sdk_drives_every_operation(self):
        self.assert_script_passes("sdk_control.cjs", APP, APP)


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        drive(boto3.client("lambda", endpoint_url=sys.argv[2], region_name="us-east-1",
                           aws_access_key_id="any", aws_secret_access_key="any"), "FromOther")
    else:
        unittest.main()
