"""Event source mappings of queues: real functions, called for real messages."""
import json
import os
import subprocess
import time

import boto3
import botocore.config

from harness import ROLE, Hearthd, HearthTest, poll
from test_queues import NEW_PYTHON, sqs_client

# Tells what it gets, and does as each message asks.
HANDLER = '''
import json, os, time
def handler(event, context):
    print("GOT " + json.dumps(event))
    failures = []
    for record in event["Records"]:
        try:
            asked = json.loads(record["body"])
        except ValueError:
            continue
        if not isinstance(asked, dict):
            continue
        if "sleep" in asked:
            time.sleep(asked["sleep"])
        if asked.get("raise"):
            raise ValueError("as asked")
        if asked.get("fail"):
            failures.append({"itemIdentifier": record["messageId"]})
    print("DONE " + json.dumps([r["body"] for r in event["Records"]]))
    return {"batchItemFailures": failures}
'''


def lambda_client(host):
    return boto3.client("lambda", endpoint_url=host.url, region_name="us-east-1",
                        aws_access_key_id="any", aws_secret_access_key="any",
                        config=botocore.config.Config(retries={"max_attempts": 0}))


class Mapped:
    """A queue, a function and a mapping between them."""

    def __init__(self, host, name, queue=None, function=None, **mapping):
        self.host, self.name = host, name
        self.sqs, self.client = sqs_client(host), lambda_client(host)
        self.queue = name + (".fifo" if (queue or {}).get("FifoQueue") else "")
        self.arn = "arn:aws:sqs:us-east-1:000000000000:" + self.queue
        self.url = self.sqs.create_queue(QueueName=self.queue, Attributes=queue or {})["QueueUrl"]
        host.create(name, {"app.py": HANDLER}, **(function or {}))
        self.uuid = self.client.create_event_source_mapping(
            FunctionName=name, EventSourceArn=self.arn, **mapping)["UUID"]
        self.await_state("Enabled")

    def await_state(self, state):
        poll(f"the mapping is {state}", lambda: self.client.get_event_source_mapping(
            UUID=self.uuid)["State"] == state)

    def send(self, *bodies, **more):
        return [self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **more)["MessageId"]
                for body in bodies]

    def lines(self, what):
        """What the function has printed after this word, as JSON, in order."""
        out = []
        answer = self.host.request("GET", f"/_hearth/logs/{self.name}?tail=10000").json
        for event in answer["events"]:
            if event["message"].startswith(what + " "):
                out.append(json.loads(event["message"][len(what) + 1:]))
        return out

    def events(self):
        return self.lines("GOT")

    def records(self):
        return [record for event in self.events() for record in event["Records"]]

    def done(self):
        return [body for bodies in self.lines("DONE") for body in bodies]

    def counts(self, url=None):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                 "ApproximateNumberOfMessagesDelayed"]
        got = self.sqs.get_queue_attributes(QueueUrl=url or self.url,
                                            AttributeNames=names)["Attributes"]
        return [int(got[name]) for name in names]

    def await_empty(self):
        poll("the queue is empty", lambda: sum(self.counts()) == 0)

    def result(self):
        return self.client.get_event_source_mapping(UUID=self.uuid).get("LastProcessingResult")


class EventSourceMappingTest(HearthTest):
    def test_a_message_is_handled_once_and_deleted(self):
        it = Mapped(self.host, "once")
        attributes = {"t": {"DataType": "String", "StringValue": "x"},
                      "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
        sent, = it.send('a "body" \u20ac', MessageAttributes=attributes)
        it.await_empty()
        record, = it.records()
        self.assertEqual(list(record), [
            "messageId", "receiptHandle", "body", "attributes", "messageAttributes",
            "md5OfMessageAttributes", "md5OfBody", "eventSource", "eventSourceARN", "awsRegion"])
        self.assertEqual(record["messageId"], sent)
        self.assertEqual(record["body"], 'a "body" \u20ac')
        self.assertEqual(record["messageAttributes"], {
            "t": {"stringValue": "x", "stringListValues": [], "binaryListValues": [],
                  "dataType": "String"},
            "b": {"binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [],
                  "dataType": "Binary"}})
        self.assertEqual(record["attributes"]["ApproximateReceiveCount"], "1")
        self.assertEqual(set(record["attributes"]), {
            "ApproximateReceiveCount", "SentTimestamp", "SenderId",
            "ApproximateFirstReceiveTimestamp"})
        self.assertEqual((record["eventSource"], record["eventSourceARN"], record["awsRegion"]),
                         ("aws:sqs", it.arn, "us-east-1"))
        self.assertEqual(it.result(), "OK")
