"""The queue service, driven by the stock clients of both its protocols."""
import json
import os
import shutil
import subprocess
import threading
import unittest

import boto3
import botocore.config
import botocore.exceptions

from harness import HearthTest, poll
from stock_clients import JavaScriptSdkTest, environment


def new_python():
    """A python whose boto3 speaks the json protocol (Debian's speaks query), or None."""
    check = ("import boto3; print(boto3.client('sqs', region_name='us-east-1')"
             ".meta.service_model.metadata['protocol'])")
    for python in (os.environ.get("HEARTH_NEW_PYTHON"), shutil.which("python3")):
        if python and subprocess.run([python, "-c", check], capture_output=True,
                                     text=True).stdout.strip() == "json":
            return python
    return None


NEW_PYTHON = new_python()


def sqs_client(host):
    """Speaks query, as Debian's boto3 does."""
    return boto3.client("sqs", endpoint_url=host.url, region_name="us-east-1",
                        aws_access_key_id="any", aws_secret_access_key="any",
                        config=botocore.config.Config(retries={"max_attempts": 0},
                                                      max_pool_connections=40))


class JsonClient:
    """The json protocol by hand: what boto3 1.43 and the JavaScript SDK send."""

    def __init__(self, host):
        self.host = host

    def __call__(self, operation, **members):
        return self.host.request("POST", "/", json.dumps(members), {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS." + operation})


class QueuesTest(HearthTest):
    def setUp(self):
        self.sqs = sqs_client(self.host)
        self.addCleanup(self.sqs.close)
        self.json = JsonClient(self.host)

    def create(self, name, **attributes):
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def refused(self, call, code, message=None, **arguments):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**arguments)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error)
        if message:
            self.assertIn(message, error["Message"])

    def test_a_message_lives_its_whole_life_in_the_query_protocol(self):
        url = self.create("life", VisibilityTimeout="1")
        self.assertEqual(url, f"{self.host.url}/000000000000/life")
        self.assertEqual(self.sqs.get_queue_url(QueueName="life")["QueueUrl"], url)
        self.assertIn(url, self.sqs.list_queues(QueueNamePrefix="li")["QueueUrls"])
        attributes = {"t": {"DataType": "String", "StringValue": "a&b<c>\r\n"},
                      "n": {"DataType": "Number", "StringValue": "1.5"},
                      "b": {"DataType": "Binary", "BinaryValue": bytes(range(256))}}
        body = 'a "body" & <tags>\r\n\t\u00e4\u20ac\U0001f600'
        sent = self.sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
        got = self.sqs.receive_message(QueueUrl=url, AttributeNames=["All"],
                                       MessageAttributeNames=["All"])["Messages"][0]
        self.assertEqual(got["Body"], body)
        self.assertEqual(got["MessageId"], sent["MessageId"])
        self.assertEqual(got["MessageAttributes"], attributes)
        self.assertEqual(got["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"])
        self.assertEqual(got["Attributes"]["ApproximateReceiveCount"], "1")
        self.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"],
                                           VisibilityTimeout=0)
        again = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
        self.assertNotEqual(again["ReceiptHandle"], got["ReceiptHandle"])
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
        counts = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        self.assertEqual(counts["ApproximateNumberOfMessages"], "0")
        self.assertEqual(counts["QueueArn"], "arn:aws:sqs:us-east-1:000000000000:life")
        self.sqs.delete_queue(QueueUrl=url)
        self.refused(self.sqs.get_queue_url, "AWS.SimpleQueueService.NonExistentQueue",
                     QueueName="life")
        self.refused(self.sqs.create_queue, "AWS.SimpleQueueService.QueueDeletedRecently",
                     QueueName="life")

    def test_errors_of_the_json_protocol_have_shape_and_query_code(self):
        answer = self.json("SendMessage", QueueUrl=f"{self.host.url}/000000000000/none",
                           MessageBody="x")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json, {"__type": "com.amazonaws.sqs#QueueDoesNotExist",
                                       "message": "The specified queue does not exist."})
        self.assertEqual(answer.headers["x-amzn-query-error"],
                         "AWS.SimpleQueueService.NonExistentQueue;Sender")
        url = self.create("json-errors")
        answer = self.json("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=11)
        self.assertEqual(answer.json["message"], "Value 11 for parameter MaxNumberOfMessages is "
                         "invalid. Reason: Must be between 1 and 10, if provided.")
        self.assertEqual(answer.headers["x-amzn-query-error"], "InvalidParameterValue;Sender")
        self.assertEqual(self.json("Nothing").status, 400)
        self.assertEqual(self.host.request("POST", "/", "{", {
            "X-Amz-Target": "AmazonSQS.SendMessage"}).json["__type"].split("#")[1],
            "SerializationException")

    def test_batches_answer_each_entry(self):
        url = self.create("batches")
        sent = self.sqs.send_message_batch(QueueUrl=url, Entries=[
            {"Id": f"i{i}", "MessageBody": f"m{i}", "DelaySeconds": 0} for i in range(9)] + [
            {"Id": "bad", "MessageBody": "x", "MessageDeduplicationId": "no"}])
        self.assertEqual(len(sent["Successful"]), 9)
        self.assertEqual([f["Code"] for f in sent["Failed"]], ["InvalidParameterValue"])
        got = []
        while len(got) < 9:
            got += self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        changed = self.sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
            {"Id": "a", "ReceiptHandle": got[0]["ReceiptHandle"], "VisibilityTimeout": 60},
            {"Id": "b", "ReceiptHandle": "none", "VisibilityTimeout": 60}])
        self.assertEqual([s["Id"] for s in changed["Successful"]], ["a"])
        self.assertEqual(changed["Failed"][0]["Code"], "ReceiptHandleIsInvalid")
        gone = self.sqs.delete_message_batch(QueueUrl=url, Entries=[
            {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)])
        self.assertEqual(len(gone["Successful"]), 9)
        prefix = "AWS.SimpleQueueService."
        send = self.sqs.send_message_batch
        self.refused(send, prefix + "EmptyBatchRequest", QueueUrl=url, Entries=[])
        entry = {"Id": "a", "MessageBody": "x"}
        self.refused(send, prefix + "BatchEntryIdsNotDistinct", QueueUrl=url,
                     Entries=[entry, entry])
        self.refused(send, prefix + "TooManyEntriesInBatchRequest", QueueUrl=url,
                     Entries=[{**entry, "Id": str(i)} for i in range(11)])
        self.refused(send, prefix + "InvalidBatchEntryId", QueueUrl=url,
                     Entries=[{**entry, "Id": "a b"}])
        self.refused(send, prefix + "BatchRequestTooLong", QueueUrl=url, Entries=[
            {"Id": "a", "MessageBody": "x" * 2**19}, {"Id": "b", "MessageBody": "x" * 2**19 + "x"}])

    def test_each_named_error_of_queues_and_messages(self):
        url = self.create("errors")
        fifo = self.create("errors.fifo", FifoQueue="true")
        bad = "InvalidParameterValue"
        for name, attributes, code in (
                ("a b", {}, bad), ("x" * 81, {}, bad), ("a.fifo", {}, bad),
                ("plain", {"FifoQueue": "true"}, bad),
                ("plain", {"Nothing": "1"}, "InvalidAttributeName"),
                ("plain", {"DelaySeconds": "901"}, "InvalidAttributeValue"),
                ("plain", {"RedrivePolicy": "{}"}, bad),
                ("errors", {"DelaySeconds": "5"}, "QueueAlreadyExists")):
            self.refused(self.sqs.create_queue, code, QueueName=name, Attributes=attributes)
        self.assertEqual(self.create("errors", DelaySeconds="0"), url)
        send = self.sqs.send_message
        self.refused(send, "MissingParameter", "MessageBody", QueueUrl=url, MessageBody="")
        self.refused(send, "InvalidMessageContents", QueueUrl=url, MessageBody="\x01")
        self.refused(send, bad, "must be shorter than 1048576 bytes", QueueUrl=url,
                     MessageBody="x" * (2**20 + 1))
        self.sqs.send_message(QueueUrl=url, MessageBody="x" * 2**20)
        self.refused(send, bad, QueueUrl=url, MessageBody="x", DelaySeconds=901)
        self.refused(send, bad, "non-empty", QueueUrl=url, MessageBody="x",
                     MessageAttributes={"a": {"DataType": "String", "StringValue": ""}})
        self.refused(send, bad, "to a number", QueueUrl=url, MessageBody="x",
                     MessageAttributes={"a": {"DataType": "Number", "StringValue": "one"}})
        self.refused(send, "MissingParameter", "MessageGroupId", QueueUrl=fifo, MessageBody="x")
        self.refused(send, bad, "ContentBasedDeduplication", QueueUrl=fifo, MessageBody="x",
                     MessageGroupId="g")
        self.refused(send, bad, "not valid for this queue type", QueueUrl=fifo, MessageBody="x",
                     MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=2)
        self.refused(self.sqs.delete_message, "ReceiptHandleIsInvalid", QueueUrl=url,
                     ReceiptHandle="none")
        self.refused(self.sqs.get_queue_attributes, "InvalidAttributeName", QueueUrl=url,
                     AttributeNames=["Nothing"])
        self.sqs.purge_queue(QueueUrl=url)
        self.refused(self.sqs.purge_queue, "AWS.SimpleQueueService.PurgeQueueInProgress",
                     QueueUrl=url)

    def test_tags_and_permissions_are_kept_and_shown(self):
        url = self.create("labels")
        self.sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
        self.sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
        self.assertEqual(self.sqs.list_queue_tags(QueueUrl=url)["Tags"], {"b": "2"})
        allow = {"QueueUrl": url, "Label": "l", "AWSAccountIds": ["111111111111"],
                 "Actions": ["ReceiveMessage"]}
        self.sqs.add_permission(**allow)
        policy = json.loads(self.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
        self.assertEqual(policy["Statement"], [{
            "Sid": "l", "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "SQS:ReceiveMessage",
            "Resource": "arn:aws:sqs:us-east-1:000000000000:labels"}])
        self.refused(self.sqs.add_permission, "InvalidParameterValue", "Already exists.", **allow)
        self.sqs.remove_permission(QueueUrl=url, Label="l")
        self.refused(self.sqs.remove_permission, "InvalidParameterValue", "can't find label.",
                     QueueUrl=url, Label="l")
        self.assertNotIn("Attributes", self.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["Policy"]))

    def test_dead_letters_go_and_a_move_task_brings_them_back(self):
        dead = self.create("dead")
        arn = "arn:aws:sqs:us-east-1:000000000000:"
        url = self.create("source", VisibilityTimeout="0", RedrivePolicy=json.dumps(
            {"deadLetterTargetArn": arn + "dead", "maxReceiveCount": "1"}))
        self.sqs.send_message(QueueUrl=url, MessageBody="letter")
        self.assertEqual(len(self.sqs.receive_message(QueueUrl=url)["Messages"]), 1)
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=url))
        got = self.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5, AttributeNames=["All"],
                                       VisibilityTimeout=0)["Messages"][0]
        self.assertEqual(got["Attributes"]["DeadLetterQueueSourceArn"], arn + "source")
        self.assertEqual(self.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url])
        answer = self.json("StartMessageMoveTask", SourceArn=arn + "dead")
        self.assertEqual(answer.status, 200, answer.body)
        back = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
        self.assertEqual(back["Body"], "letter")
        poll("the task is over", lambda: self.json(
            "ListMessageMoveTasks", SourceArn=arn + "dead").json["Results"][0]["Status"]
            == "COMPLETED")
        answer = self.json("StartMessageMoveTask", SourceArn=arn + "source")
        self.assertEqual(answer.json["message"],
                         "Source queue must be configured as a Dead Letter Queue.")
        answer = self.json("CancelMessageMoveTask", TaskHandle="none")
        self.assertEqual(answer.json["message"], "Value for parameter TaskHandle is invalid.")

    def test_a_long_poll_waits_for_a_message_and_ends_with_the_daemon_s_patience(self):
        url = self.create("polls")
        got = []
        waiter = threading.Thread(target=lambda: got.extend(
            sqs_client(self.host).receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]))
        waiter.start()
        self.sqs.send_message(QueueUrl=url, MessageBody="at last")
        waiter.join(15)
        self.assertEqual([m["Body"] for m in got], ["at last"])
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1))

    def test_the_cli_drives_queues(self):
        def aws(*arguments):
            done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.host.url, "--output",
                                   "json", "sqs", *arguments], capture_output=True, text=True,
                                  timeout=60, env=environment(self.host))
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout) if done.stdout.strip() else None
        url = aws("create-queue", "--queue-name", "cli.fifo", "--attributes",
                  "FifoQueue=true,ContentBasedDeduplication=true")["QueueUrl"]
        sent = aws("send-message", "--queue-url", url, "--message-body", "hello",
                   "--message-group-id", "g")
        twice = aws("send-message", "--queue-url", url, "--message-body", "hello",
                    "--message-group-id", "g")
        self.assertEqual(sent["SequenceNumber"], twice["SequenceNumber"])
        got = aws("receive-message", "--queue-url", url, "--attribute-names", "All")["Messages"]
        self.assertEqual([m["Attributes"]["MessageGroupId"] for m in got], ["g"])
        aws("delete-message", "--queue-url", url, "--receipt-handle", got[0]["ReceiptHandle"])
        self.assertIsNone(aws("receive-message", "--queue-url", url))

    @unittest.skipUnless(NEW_PYTHON, "no python3 on PATH has a boto3 that speaks json")
    def test_a_new_boto3_drives_queues(self):
        script = """
import boto3, sys
sqs = boto3.client("sqs", endpoint_url=sys.argv[1], region_name="us-east-1")
assert sqs.meta.service_model.metadata["protocol"] == "json"
url = sqs.create_queue(QueueName="new", tags={"a": "b"})["QueueUrl"]
assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={
    "b": {"DataType": "Binary", "BinaryValue": bytes(range(256))}})
sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "y"}])
got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"],
                          MessageSystemAttributeNames=["All"], WaitTimeSeconds=1)["Messages"]
assert sorted(m["Body"] for m in got) == ["x", "y"]
assert got[0]["MessageAttributes"]["b"]["BinaryValue"] == bytes(range(256))
for m in got:
    sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
assert "Messages" not in sqs.receive_message(QueueUrl=url)
try:
    sqs.get_queue_url(QueueName="none")
except sqs.exceptions.QueueDoesNotExist as error:
    assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
print("all operations passed")
"""
        done = subprocess.run([NEW_PYTHON, "-c", script, self.host.url], capture_output=True,
                              text=True, timeout=60,
                              env={**os.environ, **environment(self.host),
                                   "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})
        self.assertIn("all operations passed", done.stdout, done.stderr)

    def test_the_record_of_a_failed_event_lands_in_its_queue(self):
        url = self.create("failures")
        self.host.create("Fails", {"app.py": "def handler(e, c):\n    raise ValueError(e)\n"})
        arn = "arn:aws:sqs:us-east-1:000000000000:failures"
        answer = self.host.request(
            "PUT", "/2019-09-25/functions/Fails/event-invoke-config",
            json.dumps({"MaximumRetryAttempts": 0,
                        "DestinationConfig": {"OnFailure": {"Destination": arn}}}))
        self.assertEqual(answer.status, 200, answer.body)
        self.host.request("POST", "/2015-03-31/functions/Fails/invocations", '"boom"',
                          {"X-Amz-Invocation-Type": "Event"})
        got = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"][0]
        record = json.loads(got["Body"])
        self.assertEqual(record["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(record["requestPayload"], "boom")
        self.assertEqual(record["responsePayload"]["errorType"], "ValueError")

    def test_an_event_that_is_given_up_lands_in_its_dead_letter_queue(self):
        url = self.create("dead")
        arn = "arn:aws:sqs:us-east-1:000000000000:dead"
        made = self.host.create("Dies", {"app.py": "def handler(e, c):\n    raise ValueError(e)\n"},
                                DeadLetterConfig={"TargetArn": arn})
        self.assertEqual(made["DeadLetterConfig"], {"TargetArn": arn})
        self.host.request("PUT", "/2019-09-25/functions/Dies/event-invoke-config",
                          json.dumps({"MaximumRetryAttempts": 0}))
        sent = self.host.request("POST", "/2015-03-31/functions/Dies/invocations", '{"a": "boom"}',
                                 {"X-Amz-Invocation-Type": "Event"})
        got = self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20,
                                       MessageAttributeNames=["All"])["Messages"][0]
        self.assertEqual(json.loads(got["Body"]), {"a": "boom"})
        self.assertEqual(
            {name: (one["DataType"], one["StringValue"])
             for name, one in got["MessageAttributes"].items()},
            {"RequestID": ("String", sent.headers["x-amzn-requestid"]),
             "ErrorCode": ("Number", "200"), "ErrorMessage": ("String", "{'a': 'boom'}")})


class JavaScriptQueuesTest(JavaScriptSdkTest):
    def test_the_javascript_sdk_drives_both_kinds_and_its_checks_of_md5s_pass(self):
        self.assert_script_passes("sdk_sqs.cjs", {}, {})


if __name__ == "__main__":
    unittest.main()
