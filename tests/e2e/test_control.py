"""What surrounds a function: its share of the account's concurrency, driven by the stock clients."""
import json
import os
import subprocess
import tempfile
import threading
import unittest

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


class Concurrency(Boto3Test):
    OPTIONS = ("--concurrency", "6")
    CONFIG = {"max_pool_connections": 16}

    def make(self, name, **settings):
        self.client.create_function(
            FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler", Timeout=30,
            Code={"ZipFile": zip_of(APP)}, **settings)

    def hold(self, name, count, seconds=3):
        """Calls `name` so often at once, each for so long; the errors' reasons when all have begun."""
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


class JavaScriptSdk(JavaScriptSdkTest):
    def test_the_sdk_drives_every_operation(self):
        self.assert_script_passes("sdk_control.cjs", APP, APP)


if __name__ == "__main__":
    unittest.main()
