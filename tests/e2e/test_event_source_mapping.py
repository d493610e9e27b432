"""Event source mappings of queues: real functions, called for real messages."""
import json
import os
import subprocess
import time

import boto3
import botocore.config

from harness import HearthTest, poll
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

    def __init__(self, test, name, queue=None, function=None, **mapping):
        self.name = name
        self.connect(test)
        self.queue = name + (".fifo" if (queue or {}).get("FifoQueue") else "")
        self.arn = "arn:aws:sqs:us-east-1:000000000000:" + self.queue
        self.url = self.sqs.create_queue(QueueName=self.queue, Attributes=queue or {})["QueueUrl"]
        self.host.create(name, {"app.py": HANDLER}, **(function or {}))
        # By hand: Debian's boto3 does not know ScalingConfig.
        made = self.host.request("POST", "/2015-03-31/event-source-mappings/", json.dumps(
            {"FunctionName": name, "EventSourceArn": self.arn, **mapping}))
        test.assertEqual(made.status, 202, made.body)
        self.uuid = made.json["UUID"]
        self.await_state("Enabled")

    def connect(self, test):
        self.host = test.host
        self.sqs, self.client = sqs_client(test.host), lambda_client(test.host)
        test.addCleanup(self.sqs.close)
        test.addCleanup(self.client.close)

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
        it = Mapped(self, "once")
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

    def test_partial_failures_come_again_until_they_are_dead_letters(self):
        client = sqs_client(self.host)
        self.addCleanup(client.close)
        dead = client.create_queue(QueueName="partial-dead")["QueueUrl"]
        it = Mapped(self, "partial", {"VisibilityTimeout": "3", "RedrivePolicy": json.dumps({
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:partial-dead",
            "maxReceiveCount": "2"})}, FunctionResponseTypes=["ReportBatchItemFailures"])
        it.sqs.send_message_batch(QueueUrl=it.url, Entries=[
            {"Id": str(i), "MessageBody": json.dumps({"i": i, "fail": i == 1})} for i in range(3)])
        poll("the failed one is a dead letter", lambda: it.counts(dead)[0] == 1)
        it.await_empty()
        counts = {}
        for record in it.records():
            counts.setdefault(json.loads(record["body"])["i"], []).append(
                record["attributes"]["ApproximateReceiveCount"])
        self.assertEqual(counts, {0: ["1"], 1: ["1", "2"], 2: ["1"]})

    def test_an_exception_fails_the_batch_which_comes_again_after_its_timeout(self):
        it = Mapped(self, "raises", {"VisibilityTimeout": "3"})
        it.send('{"raise": true}')
        poll("it was called twice", lambda: len(it.events()) == 2)
        self.assertEqual(it.result(), "PROBLEM: Function call failed")
        first, second = (int(r["attributes"]["ApproximateReceiveCount"]) for r in it.records())
        self.assertEqual((first, second), (1, 2))

    def test_filters_batches_and_windows(self):
        it = Mapped(self, "filtered", BatchSize=50, MaximumBatchingWindowInSeconds=1,
                    FilterCriteria={"Filters": [{"Pattern": '{"body": {"n": [{"numeric": [">", 4]}]}}'}]})
        for start in (0, 10):
            it.sqs.send_message_batch(QueueUrl=it.url, Entries=[
                {"Id": str(i), "MessageBody": json.dumps({"n": i})} for i in range(start, start + 10)])
        it.await_empty()
        self.assertEqual(sorted(json.loads(body)["n"] for body in it.done()), list(range(5, 20)))
        self.assertLessEqual(len(it.events()), 2)

    def test_a_fifo_queues_groups_stay_in_order(self):
        it = Mapped(self, "groups", {"FifoQueue": "true", "VisibilityTimeout": "3",
                                          "ContentBasedDeduplication": "true"}, BatchSize=3)
        for i in range(9):
            for group in "ab":
                it.send(json.dumps({"g": group, "i": i}), MessageGroupId=group)
        it.await_empty()
        done = [json.loads(body) for body in it.done()]
        for group in "ab":
            self.assertEqual([d["i"] for d in done if d["g"] == group], list(range(9)))
        self.assertEqual(set(it.records()[0]["attributes"]), {
            "ApproximateReceiveCount", "SentTimestamp", "SenderId", "SequenceNumber",
            "MessageGroupId", "MessageDeduplicationId", "ApproximateFirstReceiveTimestamp"})

    def test_disabling_and_deleting_let_the_running_call_end_and_keep_the_rest(self):
        it = Mapped(self, "ends", BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
        it.send(*['{"sleep": 1}'] * 2)
        poll("both run", lambda: len(it.events()) == 2)
        it.send("later")
        it.client.update_event_source_mapping(UUID=it.uuid, Enabled=False)
        it.await_state("Disabled")
        self.assertEqual(len(it.done()), 2, "disabled only when its calls have ended")
        self.assertEqual(it.counts(), [1, 0, 0])
        it.client.update_event_source_mapping(UUID=it.uuid, Enabled=True)
        poll("the rest is called", lambda: "later" in it.done())
        it.send('{"sleep": 1}')
        poll("it runs", lambda: len(it.events()) == 4)
        it.client.delete_event_source_mapping(UUID=it.uuid)
        poll("the mapping is gone", lambda: not it.client.list_event_source_mappings(
            FunctionName="ends")["EventSourceMappings"])
        it.await_empty()
        self.assertEqual(len(it.done()), 4)
        received = {r["attributes"]["ApproximateReceiveCount"] for r in it.records()}
        self.assertEqual(received, {"1"})

    def test_maximum_concurrency_and_a_throttled_function_count_no_receive(self):
        it = Mapped(self, "limited", BatchSize=1, ScalingConfig={"MaximumConcurrency": 3})
        it.client.put_function_concurrency(FunctionName="limited", ReservedConcurrentExecutions=1)
        it.send(*[json.dumps({"sleep": 0.05, "i": i}) for i in range(10)])
        it.await_empty()
        self.assertEqual(len(it.done()), 10)
        self.assertEqual({r["attributes"]["ApproximateReceiveCount"] for r in it.records()}, {"1"})
        it.client.delete_function_concurrency(FunctionName="limited")
        most = 0
        it.send(*[json.dumps({"sleep": 0.3, "i": i}) for i in range(12)])

        def emptied():
            nonlocal most
            busy = [i for i in self.host.ps() if i["function"] == "limited" and i["state"] == "busy"]
            most = max(most, len(busy))
            return sum(it.counts()) == 0
        poll("all are handled", emptied)
        self.assertLessEqual(most, 3)
        self.assertGreaterEqual(most, 2)

    def test_a_queue_that_hides_messages_for_too_short_is_refused(self):
        it = Mapped(self, "short", {"VisibilityTimeout": "5"})
        self.host.create("slow", {"app.py": HANDLER}, Timeout=6)
        with self.assertRaises(it.client.exceptions.InvalidParameterValueException) as caught:
            it.client.create_event_source_mapping(FunctionName="slow", EventSourceArn=it.arn)
        self.assertEqual(caught.exception.response["Error"]["Message"],
                         "Queue visibility timeout: 5 seconds is less than Function timeout: "
                         "6 seconds")
        with self.assertRaises(it.client.exceptions.InvalidParameterValueException):
            it.client.update_event_source_mapping(UUID=it.uuid, FunctionName="slow")
        with self.assertRaises(it.client.exceptions.InvalidParameterValueException) as caught:
            it.client.create_event_source_mapping(FunctionName="slow", EventSourceArn=it.arn + "x")
        self.assertIn("NonExistentQueue", caught.exception.response["Error"]["Message"])

    def test_a_new_client_maps_a_queue(self):
        if NEW_PYTHON is None:
            self.skipTest("no boto3 that speaks SQS's json protocol")
        it = Mapped(self, "modern")
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        code = NEW_CLIENT % (self.host.url, it.url, it.uuid)
        done = subprocess.run([NEW_PYTHON, "-c", code], env=environment, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        it.await_empty()
        self.assertEqual(it.done(), ["new"])


NEW_CLIENT = """
import boto3
where = dict(endpoint_url=%r, region_name="us-east-1")
boto3.client("sqs", **where).send_message(QueueUrl=%r, MessageBody="new")
got = boto3.client("lambda", **where).get_event_source_mapping(UUID=%r)
assert got["State"] == "Enabled" and got["BatchSize"] == 10, got
"""


class KillTest(HearthTest):
    def test_kills_with_messages_in_flight_lose_none(self):
        """What a function said is lost with the host; so each message is to become a dead letter."""
        client = sqs_client(self.host)
        self.addCleanup(client.close)
        client.create_queue(QueueName="killed-dead")
        it = Mapped(self, "killed", {"VisibilityTimeout": "3", "RedrivePolicy": json.dumps({
            "deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:killed-dead",
            "maxReceiveCount": "2"})}, BatchSize=5)
        sent = []
        for round_ in range(4):
            bodies = [json.dumps({"i": round_ * 20 + i, "raise": True}) for i in range(20)]
            it.send(*bodies)
            sent += bodies
            time.sleep(0.05 * round_)
            self.host.kill()
            self.host.start()
            it = Again(self, it)
        it.await_empty()
        it.await_state("Enabled")
        dead, found = f"{self.host.url}/000000000000/killed-dead", []
        while got := it.sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in got]
        self.assertEqual(sorted(found), sorted(sent))


    def test_a_host_that_stops_lets_a_call_end_and_settles_it(self):
        it = Mapped(self, "stops", BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
        it.send(*['{"sleep": 0.5}'] * 2, "later")
        poll("both run", lambda: len(it.events()) == 2)
        self.assertEqual(self.host.terminate(), 0)
        self.host.start()
        it = Again(self, it)
        poll("the third is called", lambda: "later" in it.done())
        it.await_empty()
        self.assertEqual(len(it.events()), 3)


class VirtualTest(HearthTest):
    OPTIONS = ("--clock", "virtual")

    def advance(self, seconds):
        answer = self.host.request("POST", "/_hearth/clock",
                                   json.dumps({"advance_ms": seconds * 1000}))
        self.assertEqual(answer.status, 200, answer.body)

    def test_windows_and_timeouts_go_by_the_services_clock(self):
        it = Mapped(self, "virtual", {"VisibilityTimeout": "3600"}, BatchSize=100,
                    MaximumBatchingWindowInSeconds=300)
        it.send('{"raise": true}', "other")
        self.advance(299)
        self.assertEqual(it.events(), [])
        self.advance(1)
        # Called, and ended: a move waits for what it sets off.
        poll("the call is logged", lambda: len(it.events()) == 1)
        self.assertEqual(sum(it.counts()), 2)
        self.advance(3600 + 300)
        poll("the next is logged", lambda: len(it.events()) == 2)
        self.assertEqual({r["attributes"]["ApproximateReceiveCount"] for r in it.records()},
                         {"1", "2"})


class Again(Mapped):
    """The same queue and mapping, at the address of a host that was started anew."""

    def __init__(self, test, before):
        self.__dict__.update(before.__dict__)
        self.connect(test)
        self.url = f"{test.host.url}/000000000000/{self.queue}"
