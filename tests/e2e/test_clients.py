"""The stock clients drive Hearth unchanged: aws CLI and boto3 (Debian), @aws-sdk v3 (npm)."""
import base64
import json
import os
import tempfile
import unittest

import botocore.exceptions

from harness import ROLE, zip_of
from stock_clients import AwsCliTest, Boto3Test, JavaScriptSdkTest

CODE = {"app.py": "def handler(event, context):\n    print('seen', event)\n"
                  "    return {'echo': event, 'id': context.aws_request_id}\n"}
RAISES = {"app.py": "def handler(event, context):\n    raise KeyError('v2')\n"}


class Boto3(Boto3Test):
    CONFIG = {"parameter_validation": False}

    def test_a_function_lives_its_whole_life(self):
        client = self.client
        made = client.create_function(
            FunctionName="Life", Runtime="python3.12", Role=ROLE, Handler="app.handler",
            Code={"ZipFile": zip_of(CODE)}, MemorySize=200, Environment={"Variables": {"MINE": "b"}})
        self.assertEqual(made["MemorySize"], 256)  # Rounded up to a step of 64 MB.
        self.assertEqual((made["State"], made["Version"], made["Timeout"]), ("Active", "$LATEST", 3))
        client.get_waiter("function_active_v2").wait(FunctionName="Life")

        called = client.invoke(FunctionName="Life", Payload=b'{"n":1}', LogType="Tail")
        body = json.loads(called["Payload"].read())
        self.assertEqual(body["echo"], {"n": 1})
        self.assertEqual(called["StatusCode"], 200)
        self.assertEqual(called["ExecutedVersion"], "$LATEST")
        self.assertEqual(called["ResponseMetadata"]["RequestId"], body["id"])
        log = base64.b64decode(called["LogResult"]).decode()
        for part in (f"START RequestId: {body['id']} Version: $LATEST", "seen {'n': 1}",
                     f"END RequestId: {body['id']}", "Memory Size: 256 MB", "Init Duration: "):
            self.assertIn(part, log)
        self.assertEqual(client.invoke(FunctionName="Life", InvocationType="DryRun")["StatusCode"],
                         204)

        got = client.get_function(FunctionName="Life")
        self.assertEqual(got["Configuration"]["CodeSha256"], made["CodeSha256"])
        self.assertIn("Location", got["Code"])
        self.assertIn("Life", [f["FunctionName"]
                               for page in client.get_paginator("list_functions").paginate()
                               for f in page["Functions"]])

        changed = client.update_function_configuration(FunctionName="Life", Timeout=7, MemorySize=512)
        self.assertEqual((changed["Timeout"], changed["MemorySize"]), (7, 512))
        self.assertNotEqual(changed["RevisionId"], made["RevisionId"])
        updated = client.update_function_code(FunctionName="Life", ZipFile=zip_of(RAISES))
        self.assertNotEqual(updated["CodeSha256"], made["CodeSha256"])
        client.get_waiter("function_updated_v2").wait(FunctionName="Life")
        called = client.invoke(FunctionName="Life", Payload=b"{}")
        self.assertEqual(called["FunctionError"], "Unhandled")
        self.assertEqual(json.loads(called["Payload"].read())["errorType"], "KeyError")

        client.delete_function(FunctionName="Life")
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_function(FunctionName="Life")

    def test_refusals_arrive_as_the_clients_own_exceptions(self):
        client = self.client
        with self.assertRaises(client.exceptions.ResourceNotFoundException) as caught:
            client.invoke(FunctionName="absent")
        self.assertIn("function:absent", str(caught.exception))
        settings = {"FunctionName": "Twice", "Runtime": "python3.12", "Role": ROLE,
                    "Handler": "app.handler", "Code": {"ZipFile": zip_of(CODE)}}
        client.create_function(**settings)
        with self.assertRaises(client.exceptions.ResourceConflictException):
            client.create_function(**settings)
        for wrong in ({"MemorySize": 64}, {"MemorySize": 4096}, {"Timeout": 901}, {"Timeout": 0},
                      {"Runtime": "cobol85"}, {"Code": {"ZipFile": b"not a zip"}}):
            with self.assertRaises(botocore.exceptions.ClientError, msg=str(wrong)) as caught:
                client.create_function(**{**settings, "FunctionName": "Wrong", **wrong})
            self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        with self.assertRaises(client.exceptions.InvalidRequestContentException):
            client.invoke(FunctionName="Twice", Payload=b"{not json")


class AwsCli(AwsCliTest):
    def test_the_command_line_creates_calls_changes_and_deletes(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, files in (("v1.zip", CODE), ("v2.zip", RAISES)):
                with open(os.path.join(folder, name), "wb") as out:
                    out.write(zip_of(files))
            made = self.aws("create-function", "--function-name", "Cli", "--runtime", "python3.12",
                            "--role", ROLE, "--handler", "app.handler", "--zip-file",
                            f"fileb://{folder}/v1.zip")
            self.assertEqual(made["FunctionArn"],
                             "arn:aws:lambda:us-east-1:000000000000:function:Cli")
            out = os.path.join(folder, "out.json")
            called = self.aws("invoke", "--function-name", "Cli", "--payload", '{"x": 1}',
                              "--cli-binary-format", "raw-in-base64-out", "--log-type", "Tail", out)
            self.assertEqual(called["StatusCode"], 200)
            with open(out, encoding="utf-8") as reply:
                self.assertEqual(json.load(reply)["echo"], {"x": 1})
            self.assertIn(b"REPORT RequestId", base64.b64decode(called["LogResult"]))
            self.aws("update-function-code", "--function-name", "Cli", "--zip-file",
                     f"fileb://{folder}/v2.zip")
            self.aws("update-function-configuration", "--function-name", "Cli", "--timeout", "9")
            self.assertEqual(self.aws("get-function-configuration", "--function-name", "Cli")["Timeout"],
                             9)
            called = self.aws("invoke", "--function-name", "Cli", out)
            self.assertEqual(called["FunctionError"], "Unhandled")
            self.assertEqual([f["FunctionName"] for f in self.aws("list-functions")["Functions"]],
                             ["Cli"])
            self.aws("delete-function", "--function-name", "Cli")
            refused = self.aws("get-function", "--function-name", "Cli", succeeds=False)
            self.assertIn("ResourceNotFoundException", refused)


class JavaScriptSdk(JavaScriptSdkTest):
    def test_the_sdk_drives_every_operation_of_this_milestone(self):
        self.assert_script_passes("sdk_lambda.cjs", CODE, RAISES)


if __name__ == "__main__":
    unittest.main()
