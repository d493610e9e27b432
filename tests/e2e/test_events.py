"""The event bus by its clients: rules, targets, buses, archives, and what survives a kill."""
import datetime
import json
import subprocess
import threading
import unittest

import boto3
import botocore.config
import botocore.exceptions

from harness import HearthTest, poll
from stock_clients import environment
from test_queues import sqs_client

ACCOUNT = "000000000000"
FAILS = {"app.py": "def handler(event, context):\n    raise ValueError('no')\n"}
LISTENS = {"app.py": "import json\ndef handler(event, context):\n"
                     "    print('HEARD', json.dumps(event))\n"}


def client_of(host, service):
    return boto3.client(service, endpoint_url=host.url, region_name="us-east-1",
                        aws_access_key_id="any", aws_secret_access_key="any",
                        config=botocore.config.Config(retries={"max_attempts": 0}))


def arn(service, resource):
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{resource}"


class EventsTest(HearthTest):
    def setUp(self):
        self.connect()
        self.name = self.id().rsplit("test_", 1)[1][:40].replace("_", "-")

    def connect(self):
        self.events = client_of(self.host, "events")
        self.sqs = sqs_client(self.host)
        for client in (self.events, self.sqs):
            self.addCleanup(client.close)

    def queue(self, suffix="q"):
        name = f"{self.name}-{suffix}"
        return self.sqs.create_queue(QueueName=name)["QueueUrl"], arn("sqs", name)

    def rule(self, pattern, targets, suffix="r", **more):
        name = f"{self.name}-{suffix}"
        given = self.events.put_rule(Name=name, EventPattern=json.dumps(pattern), **more)
        self.events.put_targets(Rule=name, Targets=targets, **more)
        return given["RuleArn"]

    def put(self, detail, **more):
        answer = self.events.put_events(Entries=[{"Source": self.name, "DetailType": "order",
                                                  "Detail": json.dumps(detail), **more}])
        self.assertEqual(answer["FailedEntryCount"], 0, answer)
        return answer["Entries"][0]["EventId"]

    def messages(self, url, count):
        got = []

        def received():
            for each in self.sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1,
                    MessageAttributeNames=["All"]).get("Messages", []):
                got.append(each)
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            return len(got) >= count
        poll(f"{count} messages", received, 30)
        self.assertEqual(len(got), count, got)
        return got

    def bodies(self, url, count):
        return [json.loads(each["Body"]) for each in self.messages(url, count)]

    def heard(self, function, count):
        def lines():
            log = self.host.request("GET", f"/_hearth/logs/{function}?tail=1000").json["events"]
            return [json.loads(each["message"][6:]) for each in log
                    if each["message"].startswith("HEARD")]
        poll(f"{function} hears of {count}", lambda: len(lines()) >= count, 30)
        return lines()


class Rules(EventsTest):
    def test_a_function_is_told_of_the_events_that_its_rule_means(self):
        self.host.create(self.name, LISTENS)
        self.rule({"source": [self.name], "detail": {"total": [{"numeric": [">", 100]}]}},
                  [{"Id": "f", "Arn": arn("lambda", f"function:{self.name}")}])
        self.put({"total": 99})
        id = self.put({"total": 101}, Resources=["arn:x"])
        events = self.heard(self.name, 1)
        self.assertEqual([each["id"] for each in events], [id])
        self.assertEqual(events[0]["detail"], {"total": 101})
        self.assertEqual(events[0]["resources"], ["arn:x"])
        self.assertEqual(events[0]["account"], ACCOUNT)

    def test_a_queue_gets_what_a_template_makes_of_an_event(self):
        url, queue = self.queue()
        self.rule({"source": [self.name]}, [{
            "Id": "t", "Arn": queue, "InputTransformer": {
                "InputPathsMap": {"id": "$.detail.id", "who": "$.detail.who"},
                "InputTemplate": '{"order": <id>, "text": "<who> by <aws.events.rule-name>"}'}}])
        self.put({"id": 7, "who": "Ann"})
        self.assertEqual(self.bodies(url, 1),
                         [{"order": 7, "text": f"Ann by {self.name}-r"}])

    def test_a_bus_passes_events_on_to_another_and_no_further(self):
        url, queue = self.queue()
        for bus in ("two", "three"):
            self.events.create_event_bus(Name=f"{self.name}-{bus}")
        here = {"source": [self.name]}
        two, three = (arn("events", f"event-bus/{self.name}-{each}") for each in ("two", "three"))
        self.rule(here, [{"Id": "b", "Arn": two}])
        self.rule(here, [{"Id": "b", "Arn": three}, {"Id": "q", "Arn": queue}],
                  EventBusName=f"{self.name}-two")
        self.rule(here, [{"Id": "q", "Arn": queue}], EventBusName=f"{self.name}-three")
        id = self.put({})
        self.assertEqual([each["id"] for each in self.bodies(url, 1)], [id])

    def test_what_no_target_takes_goes_to_the_dead_letter_queue_and_says_why(self):
        url, dead = self.queue("dead")
        gone = arn("sqs", f"{self.name}-gone")
        rule = self.rule({"source": [self.name]}, [{
            "Id": "t", "Arn": gone, "Input": '"changed"', "DeadLetterConfig": {"Arn": dead}}])
        id = self.put({"n": 1})
        message = self.messages(url, 1)[0]
        self.assertEqual(json.loads(message["Body"])["id"], id)
        told = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
        self.assertEqual((told["RULE_ARN"], told["TARGET_ARN"]), (rule, gone))
        for name in ("ERROR_CODE", "ERROR_MESSAGE", "RETRY_ATTEMPTS"):
            self.assertIn(name, told)

    def test_a_failed_asynchronous_call_is_told_to_a_bus(self):
        url, queue = self.queue()
        self.host.create(self.name, FAILS)
        functions = client_of(self.host, "lambda")
        self.addCleanup(functions.close)
        functions.put_function_event_invoke_config(
            FunctionName=self.name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {
                "Destination": arn("events", "event-bus/default")}})
        self.rule({"source": ["lambda"], "resources": [{"wildcard": f"*{self.name}*"}]},
                  [{"Id": "q", "Arn": queue}])
        functions.invoke(FunctionName=self.name, InvocationType="Event", Payload=b'{"a": 1}')
        event = self.bodies(url, 1)[0]
        self.assertEqual(event["detail-type"], "Lambda Function Invocation Result - Failure")
        self.assertEqual(event["detail"]["requestPayload"], {"a": 1})

    def test_a_bucket_s_changes_are_events_of_the_default_bus(self):
        url, queue = self.queue()
        store = client_of(self.host, "s3")
        self.addCleanup(store.close)
        bucket = self.name.lower()
        self.rule({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}},
                  [{"Id": "q", "Arn": queue}])
        store.create_bucket(Bucket=bucket)
        store.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
        store.put_object(Bucket=bucket, Key="a b", Body=b"four")
        event = self.bodies(url, 1)[0]
        self.assertEqual(event["detail-type"], "Object Created")
        self.assertEqual((event["detail"]["object"]["key"], event["detail"]["object"]["size"]),
                         ("a b", 4))

    def test_an_archive_s_events_are_replayed_to_the_rule_that_is_named(self):
        url, queue = self.queue()
        bus = self.events.create_event_bus(Name=self.name)["EventBusArn"]
        self.events.create_archive(ArchiveName=self.name, EventSourceArn=bus, RetentionDays=1)
        ids = [self.put({"n": n}, EventBusName=self.name) for n in range(3)]
        archive = self.events.describe_archive(ArchiveName=self.name)
        self.assertEqual(archive["EventCount"], 3)
        rule = self.rule({"source": [self.name]}, [{"Id": "q", "Arn": queue}],
                         EventBusName=self.name)
        self.rule({"source": [self.name]}, [{"Id": "q", "Arn": queue}], suffix="other",
                  EventBusName=self.name)
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = datetime.timedelta(hours=1)
        self.events.start_replay(ReplayName=self.name, EventSourceArn=archive["ArchiveArn"],
                                 EventStartTime=now - hour, EventEndTime=now + hour,
                                 Destination={"Arn": bus, "FilterArns": [rule]})
        events = self.bodies(url, 3)
        self.assertEqual(sorted(each["id"] for each in events), sorted(ids))
        self.assertEqual({each["replay-name"] for each in events}, {self.name})
        poll("the replay is complete", lambda: self.events.describe_replay(
            ReplayName=self.name)["State"] == "COMPLETED")
        self.assertEqual(self.events.describe_archive(ArchiveName=self.name)["EventCount"], 3)

    def test_errors_are_those_that_clients_know(self):
        with self.assertRaises(self.events.exceptions.ResourceNotFoundException):
            self.events.describe_rule(Name="nobody")
        with self.assertRaises(self.events.exceptions.InvalidEventPatternException):
            self.events.put_rule(Name="x", EventPattern='{"source": "x"}')
        with self.assertRaises(self.events.exceptions.ResourceAlreadyExistsException):
            self.events.create_event_bus(Name="default")
        self.assertTrue(self.events.test_event_pattern(
            EventPattern='{"source": ["a"]}',
            Event=json.dumps({"id": "1", "account": ACCOUNT, "source": "a", "time": "t",
                              "region": "r", "resources": [], "detail-type": "d"}))["Result"])

    def test_aws_cli_puts_rules_targets_and_events(self):
        url, queue = self.queue()

        def aws(*arguments):
            done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.host.url, "--output",
                                   "json", "events", *arguments], capture_output=True, text=True,
                                  timeout=60, env=environment(self.host))
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout or "null")
        aws("put-rule", "--name", self.name, "--event-pattern",
            json.dumps({"source": [self.name]}))
        aws("put-targets", "--rule", self.name, "--targets", f"Id=q,Arn={queue}")
        self.assertEqual(aws("list-targets-by-rule", "--rule", self.name)["Targets"],
                         [{"Id": "q", "Arn": queue}])
        answer = aws("put-events", "--entries", json.dumps([
            {"Source": self.name, "DetailType": "d", "Detail": "{}"}]))
        self.assertEqual(answer["FailedEntryCount"], 0)
        self.assertEqual(self.bodies(url, 1)[0]["id"], answer["Entries"][0]["EventId"])


class Killed(EventsTest):
    def test_no_event_that_was_acknowledged_is_lost(self):
        url, queue = self.queue()
        self.rule({"source": [self.name]}, [{"Id": "q", "Arn": queue}])
        taken, stop = [], threading.Event()

        def feed():
            client = client_of(self.host, "events")
            number = 0
            while not stop.is_set():
                try:
                    answer = client.put_events(Entries=[
                        {"Source": self.name, "DetailType": "d",
                         "Detail": json.dumps({"n": number + i})} for i in range(10)])
                except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                    break
                taken.extend(each["EventId"] for each in answer["Entries"])
                number += 10
            client.close()
        for _ in range(3):
            stop.clear()
            before = len(taken)
            feeder = threading.Thread(target=feed)
            feeder.start()
            poll("some are taken", lambda: len(taken) > before + 100)
            self.host.kill()
            stop.set()
            feeder.join()
            self.host.start()
            self.connect()
        url = self.sqs.get_queue_url(QueueName=queue.rsplit(":", 1)[1])["QueueUrl"]
        got = set()

        def received():
            for each in self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10,
                                                 WaitTimeSeconds=1).get("Messages", []):
                got.add(json.loads(each["Body"])["id"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            return got >= set(taken)
        poll("all of them arrive", received, 120)


class VirtualClock(EventsTest):
    OPTIONS = ("--clock", "virtual")

    def advance(self, ms):
        answer = self.host.request("POST", "/_hearth/clock", json.dumps({"advance_ms": ms}))
        self.assertEqual(answer.status, 200, answer.body)

    def test_a_rule_s_schedule_is_due_each_weekday(self):
        url, queue = self.queue()
        self.events.put_rule(Name=self.name, ScheduleExpression="cron(30 6 ? * MON-FRI *)")
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "q", "Arn": queue}])
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={
            "MessageRetentionPeriod": str(14 * 24 * 3600)})
        self.advance(7 * 24 * 3600 * 1000)
        events = self.bodies(url, 5)
        days = {datetime.datetime.fromisoformat(each["time"].rstrip("Z")) for each in events}
        self.assertEqual(len(days), 5)
        self.assertEqual({(day.hour, day.minute) for day in days}, {(6, 30)})
        self.assertEqual({day.weekday() for day in days}, {0, 1, 2, 3, 4})
        self.assertEqual(events[0]["detail-type"], "Scheduled Event")


if __name__ == "__main__":
    unittest.main()
