"""What becomes of asynchronous invocations: settings, and functions that hear of the end."""
import json
import unittest

from harness import poll
from stock_clients import Boto3Test

ECHO = {"app.py": "def handler(event, context):\n    return {'echo': event}\n"}
FAILS = {"app.py": "def handler(event, context):\n    raise ValueError('no')\n"}
# Says on its log what it has heard.
LISTENS = {"app.py": "import json\ndef handler(event, context):\n"
                     "    print('HEARD', json.dumps(event, sort_keys=True))\n"}


class Async(Boto3Test):
    def arn(self, name):
        return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"

    def heard(self, name):
        events = self.host.request("GET", f"/_hearth/logs/{name}?tail=100").json["events"]
        lines = [each["message"] for each in events if each["message"].startswith("HEARD ")]
        return [json.loads(line.removeprefix("HEARD ")) for line in lines]

    def send(self, name, event, **more):
        answer = self.client.invoke(FunctionName=name, InvocationType="Event",
                                    Payload=json.dumps(event), **more)
        self.assertEqual(answer["StatusCode"], 202)
        return answer["ResponseMetadata"]["RequestId"]

    def test_a_function_hears_of_success_and_of_failure_with_the_exact_record(self):
        self.host.create("Good", ECHO)
        self.host.create("Fails", FAILS)
        self.host.create("Ear", LISTENS)
        to = {"Destination": self.arn("Ear")}
        made = self.client.put_function_event_invoke_config(
            FunctionName="Good", DestinationConfig={"OnSuccess": to})
        self.assertEqual(made["FunctionArn"], self.arn("Good") + ":$LATEST")
        self.assertEqual(made["DestinationConfig"], {"OnSuccess": to, "OnFailure": {}})
        self.client.put_function_event_invoke_config(
            FunctionName="Fails", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60,
            DestinationConfig={"OnFailure": to})
        good, bad = self.send("Good", {"n": 1}), self.send("Fails", [2])
        poll("both are heard of", lambda: len(self.heard("Ear")) == 2)
        records = {each["requestContext"]["requestId"]: each for each in self.heard("Ear")}
        self.assertRegex(records[good].pop("timestamp"), r"^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$")
        self.assertEqual(records[good], {
            "version": "1.0",
            "requestContext": {"requestId": good, "functionArn": self.arn("Good") + ":$LATEST",
                               "condition": "Success", "approximateInvokeCount": 1},
            "requestPayload": {"n": 1},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
            "responsePayload": {"echo": {"n": 1}}})
        failed = records[bad]
        self.assertEqual(failed["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(failed["responseContext"], {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"})
        self.assertEqual(failed["responsePayload"]["errorType"], "ValueError")

    def test_each_qualifier_has_settings_of_its_own_and_they_outlive_a_kill(self):
        self.host.create("Settings", ECHO)
        self.client.publish_version(FunctionName="Settings")
        self.client.create_alias(FunctionName="Settings", Name="PROD", FunctionVersion="1")
        for qualifier, retries in (("$LATEST", 0), ("1", 1), ("PROD", 2)):
            self.client.put_function_event_invoke_config(
                FunctionName="Settings", Qualifier=qualifier, MaximumRetryAttempts=retries)
        self.client.update_function_event_invoke_config(
            FunctionName="Settings", Qualifier="PROD", MaximumEventAgeInSeconds=100)
        self.host.kill()
        self.host.start()
        self.setUp()
        got = self.client.get_function_event_invoke_config(FunctionName="Settings:PROD")
        self.assertEqual((got["MaximumRetryAttempts"], got["MaximumEventAgeInSeconds"]), (2, 100))
        pages = self.client.get_paginator("list_function_event_invoke_configs").paginate(
            FunctionName="Settings", PaginationConfig={"PageSize": 1})
        arns = [each["FunctionArn"] for page in pages for each in page["FunctionEventInvokeConfigs"]]
        self.assertEqual(arns, [self.arn("Settings") + q for q in (":$LATEST", ":1", ":PROD")])
        self.client.delete_alias(FunctionName="Settings", Name="PROD")
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException):
            self.client.get_function_event_invoke_config(FunctionName="Settings", Qualifier="PROD")
        self.client.delete_function_event_invoke_config(FunctionName="Settings")
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException) as raised:
            self.client.get_function_event_invoke_config(FunctionName="Settings")
        self.assertIn("doesn't have an EventInvokeConfig", str(raised.exception))

    def test_what_cannot_be_is_refused(self):
        self.host.create("Refused", ECHO)
        refused = self.client.exceptions.InvalidParameterValueException
        put = self.client.put_function_event_invoke_config
        for settings, why in (
                ({}, "at least one"),
                ({"DestinationConfig": {"OnSuccess": {"Destination": self.arn("Refused")}}},
                 "destination for itself"),
                ({"DestinationConfig": {"OnSuccess": {"Destination": self.arn("Nobody")}}},
                 "no such function"),
                ({"DestinationConfig": {"OnFailure": {
                    "Destination": "arn:aws:kinesis:us-east-1:000000000000:stream/S"}}},
                 "does not serve kinesis")):
            with self.assertRaises(refused, msg=settings) as raised:
                put(FunctionName="Refused", **settings)
            self.assertIn(why, str(raised.exception))
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException):
            put(FunctionName="Nobody", MaximumRetryAttempts=1)
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException):
            self.client.update_function_event_invoke_config(FunctionName="Refused",
                                                            MaximumRetryAttempts=1)
        for body in ('{"MaximumRetryAttempts":3}', '{"MaximumRetryAttempts":"x"}',
                     '{"MaximumEventAgeInSeconds":59}', '{"DestinationConfig":[]}',
                     '{"DestinationConfig":{"OnSuccess":5}}', '[]', '{'):
            answer = self.host.request(
                "PUT", "/2019-09-25/functions/Refused/event-invoke-config", body)
            self.assertEqual(answer.status, 400, body)


if __name__ == "__main__":
    unittest.main()
