"""EventBridge Scheduler: stock clients, real firings, a year of crons under a virtual clock, kills."""
import calendar
import concurrent.futures
import contextlib
import datetime
import json
import subprocess
import time
import unittest
import zoneinfo

import boto3
import botocore.config
import botocore.exceptions

from harness import Hearthd, HearthTest, poll
from stock_clients import JavaScriptSdkTest, environment

ROLE = "arn:aws:iam::000000000000:role/scheduler"
OFF = {"Mode": "OFF"}
HEARS = {"app.py": "import json\ndef handler(event, context):\n    print('HEARD', json.dumps(event))\n"}
UTC = datetime.timezone.utc


def client(host, service):
    return boto3.client(service, endpoint_url=host.url, region_name="us-east-1",
                        aws_access_key_id="any", aws_secret_access_key="any",
                        config=botocore.config.Config(retries={"max_attempts": 0}))


def queue_arn(name):
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def function_arn(name):
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


def at(seconds_ahead):
    """at() in whole seconds, at least so many ahead, and that moment."""
    when = datetime.datetime.fromtimestamp(int(time.time()) + 1 + seconds_ahead, UTC)
    return f"at({when:%Y-%m-%dT%H:%M:%S})", when


class Clients:
    """Of a host: what the tests ask of it."""

    def __init__(self, host):
        self.host = host
        self.scheduler = client(host, "scheduler")
        self.sqs = client(host, "sqs")

    def close(self):
        self.scheduler.close()
        self.sqs.close()

    def queue(self, name, **attributes):
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def schedule(self, name, expression, arn, **more):
        target = {"Arn": arn, "RoleArn": ROLE, **more.pop("target", {})}
        return self.scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, FlexibleTimeWindow=OFF, Target=target, **more)

    def take_all(self, url):
        """What is in the queue now."""
        taken = []
        while True:
            got = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10,
                                           MessageAttributeNames=["All"],
                                           AttributeNames=["All"]).get("Messages", [])
            if not got:
                return taken
            taken += got
            self.sqs.delete_message_batch(QueueUrl=url, Entries=[
                {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)])

    def wait_for(self, url, count, seconds=20):
        taken = []

        def enough():
            taken.extend(self.take_all(url))
            return len(taken) >= count
        poll(f"{count} messages came", enough, seconds)
        return taken

    def heard(self, name):
        events = self.host.request("GET", f"/_hearth/logs/{name}?tail=1000").json["events"]
        return [json.loads(each["message"].removeprefix("HEARD ")) for each in events
                if each["message"].startswith("HEARD ")]


class Schedules(HearthTest):
    def setUp(self):
        self.is_at = Clients(self.host)
        self.addCleanup(self.is_at.close)
        self.client = self.is_at.scheduler

    @contextlib.contextmanager
    def refused(self, code, message):
        with self.assertRaises(botocore.exceptions.ClientError) as refusal:
            yield
        error = refusal.exception.response["Error"]
        self.assertEqual((error["Code"], error["Message"]), (code, message))

    def test_a_rate_calls_its_function_at_once_with_its_input(self):
        self.host.create("Hears", HEARS)
        arn = self.is_at.schedule(
            "rate", "rate(1 hour)", function_arn("Hears"),
            target={"Input": '{"arn": "<aws.scheduler.schedule-arn>", '
                             '"attempt": "<aws.scheduler.attempt-number>", '
                             '"id": "<aws.scheduler.execution-id>"}'})["ScheduleArn"]
        event = poll("it was called", lambda: self.is_at.heard("Hears"))[0]
        self.assertEqual((event["arn"], event["attempt"]), (arn, "1"))
        self.assertRegex(event["id"], "^[0-9a-f]{16}$")

    def test_a_moment_sends_a_message_then_and_not_before(self):
        url = self.is_at.queue("then")
        expression, when = at(1)
        self.is_at.schedule("then", expression, queue_arn("then"))
        message, = self.is_at.wait_for(url, 1)
        self.assertGreaterEqual(int(message["Attributes"]["SentTimestamp"]),
                                when.timestamp() * 1000)
        event = json.loads(message["Body"])
        self.assertEqual((event["source"], event["detail-type"], event["detail"]),
                         ("aws.scheduler", "Scheduled Event", "{}"))
        self.assertEqual(event["time"], f"{when:%Y-%m-%dT%H:%M:%SZ}")
        self.assertEqual(self.client.get_schedule(Name="then")["State"], "ENABLED")

    def test_one_that_deletes_itself_is_gone_when_it_has_fired(self):
        url = self.is_at.queue("once")
        body = {"ScheduleExpression": at(0)[0], "FlexibleTimeWindow": OFF,
                "ActionAfterCompletion": "DELETE",
                "Target": {"Arn": queue_arn("once"), "RoleArn": ROLE, "Input": "bye"}}
        answer = self.host.request("POST", "/schedules/once", json.dumps(body))
        self.assertEqual(answer.status, 200, answer.body)
        message, = self.is_at.wait_for(url, 1)
        self.assertEqual(message["Body"], "bye")
        with self.refused("ResourceNotFoundException", "Schedule once does not exist."):
            self.client.get_schedule(Name="once")

    def test_a_fifo_queue_gets_its_group(self):
        url = self.is_at.queue("line.fifo", FifoQueue="true", ContentBasedDeduplication="true")
        self.is_at.schedule("line", "rate(1 day)", queue_arn("line.fifo"),
                            target={"Input": "x", "SqsParameters": {"MessageGroupId": "g"}})
        message, = self.is_at.wait_for(url, 1)
        self.assertEqual(message["Attributes"]["MessageGroupId"], "g")

    def test_a_bus_gets_an_event_and_its_rule_sends_it_on(self):
        url = self.is_at.queue("heard")
        events = client(self.host, "events")
        self.addCleanup(events.close)
        bus = events.create_event_bus(Name="clock")["EventBusArn"]
        events.put_rule(Name="all", EventBusName="clock",
                        EventPattern=json.dumps({"source": ["night"], "detail": {"n": [1]}}))
        events.put_targets(Rule="all", EventBusName="clock",
                           Targets=[{"Id": "1", "Arn": queue_arn("heard")}])
        arn = self.is_at.schedule(
            "event", "rate(1 day)", bus,
            target={"Input": '{"n": 1}',
                    "EventBridgeParameters": {"DetailType": "Report", "Source": "night"}})
        message, = self.is_at.wait_for(url, 1)
        event = json.loads(message["Body"])
        self.assertEqual((event["source"], event["detail-type"], event["detail"]),
                         ("night", "Report", {"n": 1}))
        self.assertEqual(event["resources"], [arn["ScheduleArn"]])

    def test_universal_targets_call_their_api(self):
        url = self.is_at.queue("universal")
        self.is_at.schedule("universal", "rate(1 day)", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
                            target={"Input": json.dumps(
                                {"QueueUrl": url,
                                 "MessageBody": "attempt <aws.scheduler.attempt-number>"})})
        message, = self.is_at.wait_for(url, 1)
        self.assertEqual(message["Body"], "attempt 1")

    def test_of_many_clients_that_make_one_schedule_one_does(self):
        def make(number):
            body = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF,
                    "State": "DISABLED", "Description": str(number),
                    "Target": {"Arn": queue_arn("q"), "RoleArn": ROLE}}
            return self.host.request("POST", "/schedules/raced", json.dumps(body)).status
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertEqual(sorted(pool.map(make, range(16))), [200] + [409] * 15)

    def test_what_cannot_be_delivered_is_a_dead_letter_that_says_why(self):
        url = self.is_at.queue("dead")
        arn = self.is_at.schedule(
            "lost", "rate(1 day)", queue_arn("nowhere"),
            target={"Input": "Hello, world!",
                    "DeadLetterConfig": {"Arn": queue_arn("dead")}})["ScheduleArn"]
        message, = self.is_at.wait_for(url, 1)
        self.assertEqual(json.loads(message["Body"])["MessageBody"], "Hello, world!")
        attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
        self.assertEqual(attributes["SCHEDULE_ARN"], arn)
        self.assertEqual(attributes["IS_PAYLOAD_TRUNCATED"], "false")
        self.assertEqual(attributes["RETRY_ATTEMPTS"], "0")
        self.assertEqual(attributes["TARGET_ARN"], "arn:aws:scheduler:::aws-sdk:sqs:sendMessage")
        self.assertNotIn("EXHAUSTED_RETRY_CONDITION", attributes)
        for name in ("SCHEDULED_TIME", "EXECUTION_ID", "ERROR_CODE", "ERROR_MESSAGE"):
            self.assertTrue(attributes[name], name)

    def test_named_errors_have_aws_s_words(self):
        target = queue_arn("q")
        self.is_at.schedule("taken", "rate(1 day)", target, State="DISABLED")
        with self.refused("ConflictException", "Schedule taken already exists."):
            self.is_at.schedule("taken", "rate(1 day)", target)
        with self.refused("ResourceNotFoundException", "Schedule none does not exist."):
            self.client.delete_schedule(Name="none")
        with self.refused("ResourceNotFoundException", "Schedule group none does not exist."):
            self.client.list_schedules(GroupName="none")
        with self.refused("ValidationException",
                          "Invalid Schedule Expression cron(0 1 * * * *). (one of day-of-month and "
                          "day-of-week must be ?, and only one)"):
            self.is_at.schedule("bad", "cron(0 1 * * * *)", target)
        with self.refused("ValidationException", "s3 is not a supported service for a target."):
            self.is_at.schedule("bad", "rate(1 day)", "arn:aws:s3:::bucket")
        with self.refused("ValidationException", "Hearth does not serve KmsKeyArn."):
            self.is_at.schedule("bad", "rate(1 day)", target,
                                KmsKeyArn="arn:aws:kms:us-east-1:000000000000:key/k")
        for expression in ("rate(10)", "rate( 10 minutes )", "at(2021-12-31)",
                           "at(2021-12-31T00:00:00)", "cron()", "x" * 256):
            with self.assertRaises(botocore.exceptions.ClientError) as refusal:
                self.is_at.schedule("bad", expression, target)
            self.assertEqual(refusal.exception.response["Error"]["Code"], "ValidationException")

    def test_bad_requests_are_refused_and_write_nothing(self):
        for method, path, body, status in (
                ("POST", "/schedules/x", "", 400), ("POST", "/schedules/x", "{", 400),
                ("POST", "/schedules/x", "[]", 400), ("POST", "/schedules/x", "[" * 100_000, 400),
                ("POST", "/schedules/a%2Fb", "{}", 400), ("GET", "/schedules/%00", None, 400),
                ("GET", "/schedules?MaxResults=0", None, 400),
                ("GET", "/schedules?MaxResults=1e3", None, 400),
                ("GET", "/schedules?NextToken=%25", None, 400),
                ("GET", "/schedules?State=ON", None, 400),
                ("GET", "/schedules?ScheduleGroup=a/b", None, 400),
                ("PATCH", "/schedules/x", "{}", 404), ("PUT", "/schedules", "{}", 404),
                ("POST", "/schedule-groups/a%20b", "{}", 400),
                ("DELETE", "/schedule-groups/default", None, 400)):
            answer = self.host.request(method, path, body)
            self.assertEqual(answer.status, status, f"{method} {path} {body!r:.40}: {answer.body}")
            self.assertTrue(answer.json["message"])
        self.assertEqual(self.client.list_schedules(NamePrefix="x")["Schedules"], [])

    def test_the_cli_drives_schedules(self):
        def aws(*arguments):
            done = subprocess.run(
                ["/usr/bin/aws", "--endpoint-url", self.host.url, "--output", "json", "scheduler",
                 *arguments], capture_output=True, text=True, timeout=60,
                env=environment(self.host))
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout) if done.stdout.strip() else None
        aws("create-schedule-group", "--name", "cli", "--tags", "Key=k,Value=v")
        group = aws("get-schedule-group", "--name", "cli")
        self.assertEqual(group["State"], "ACTIVE")
        tags = aws("list-tags-for-resource", "--resource-arn", group["Arn"])
        self.assertEqual(tags["Tags"], [{"Key": "k", "Value": "v"}])
        arguments = ("--name", "s", "--group-name", "cli", "--flexible-time-window",
                     '{"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}', "--start-date",
                     "2030-01-01T00:00:00Z", "--schedule-expression-timezone", "Europe/Berlin",
                     "--target", json.dumps({"Arn": queue_arn("q"), "RoleArn": ROLE}))
        made = aws("create-schedule", "--schedule-expression", "rate(5 minutes)", *arguments)
        self.assertEqual(made["ScheduleArn"],
                         "arn:aws:scheduler:us-east-1:000000000000:schedule/cli/s")
        aws("update-schedule", "--schedule-expression", "rate(2 minute)", *arguments)
        got = aws("get-schedule", "--name", "s", "--group-name", "cli")
        self.assertEqual(got["ScheduleExpression"], "rate(2 minute)")
        self.assertEqual(datetime.datetime.fromisoformat(got["StartDate"]),
                         datetime.datetime(2030, 1, 1, tzinfo=UTC))
        listed = aws("list-schedules", "--group-name", "cli")["Schedules"]
        self.assertEqual([each["Name"] for each in listed], ["s"])
        aws("delete-schedule", "--name", "s", "--group-name", "cli")
        aws("delete-schedule-group", "--name", "cli")

    def test_a_group_goes_with_its_schedules(self):
        self.client.create_schedule_group(Name="many")
        for i in range(20):
            self.is_at.schedule(f"s{i}", "rate(1 day)", queue_arn("q"), GroupName="many",
                                State="DISABLED")
        self.client.delete_schedule_group(Name="many")
        poll("the group is gone", lambda: "many" not in [
            each["Name"] for each in self.client.list_schedule_groups()["ScheduleGroups"]])
        with self.refused("ResourceNotFoundException", "Schedule group many does not exist."):
            self.client.get_schedule(Name="s1", GroupName="many")


class JavaScriptSchedules(JavaScriptSdkTest):
    def test_the_javascript_sdk_drives_schedules_and_groups(self):
        self.assert_script_passes("sdk_scheduler.cjs", {}, {})


class Kills(unittest.TestCase):
    def test_what_is_due_around_a_kill_is_delivered_and_what_was_missed_is_late(self):
        host = Hearthd()
        self.addCleanup(host.stop)
        clients = Clients(host)
        url = clients.queue("q")
        names = []
        for when in range(4):
            for i in range(25):
                names.append(f"{when}-{i}")
                clients.schedule(names[-1], at(when)[0], queue_arn("q"), target={"Input": names[-1]})
        clients.close()
        for pause in (1.5, 0.4, 1.1):
            time.sleep(pause)
            host.kill()
            host.start()
        clients = Clients(host)
        self.addCleanup(clients.close)
        seen = set()

        def all_came():
            seen.update(each["Body"] for each in clients.take_all(url))
            return len(seen) == len(names)
        poll("every one came", all_came, 30)
        self.assertEqual(seen, set(names))

    def test_an_acknowledged_schedule_survives_a_kill(self):
        host = Hearthd()
        self.addCleanup(host.stop)
        for i in range(5):
            clients = Clients(host)
            clients.schedule(f"s{i}", "cron(0 0 1 1 ? *)", queue_arn("q"))
            clients.close()
            host.kill()
            host.start()
        clients = Clients(host)
        self.addCleanup(clients.close)
        self.assertEqual([each["Name"] for each in clients.scheduler.list_schedules()["Schedules"]],
                         [f"s{i}" for i in range(5)])


def days_of(year, month):
    return [datetime.date(year, month, day)
            for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def last_weekday(day):
    """LW of the month of a day."""
    return max(each for each in days_of(day.year, day.month) if each.weekday() < 5)


def nearest_weekday(day, number):
    asked = datetime.date(day.year, day.month, number)
    month = [each for each in days_of(day.year, day.month) if each.weekday() < 5]
    return min(month, key=lambda each: (abs((each - asked).days), each))


# Expression, zone, and what the test itself knows of it: which days, and which local times.
CRONS = (
    ("cron(30 2 * * ? *)", "Europe/Berlin", lambda day: True, [(2, 30)]),
    ("cron(0 9 ? * MON-FRI *)", "America/New_York", lambda day: day.weekday() < 5, [(9, 0)]),
    ("cron(0/30 1-2 ? 3,11 SUN *)", "America/New_York",
     lambda day: day.month in (3, 11) and day.weekday() == 6,
     [(1, 0), (1, 30), (2, 0), (2, 30)]),
    ("cron(15 10 ? * 6L *)", "UTC",
     lambda day: day.weekday() == 4 and (day + datetime.timedelta(7)).month != day.month, [(10, 15)]),
    ("cron(0 0 LW * ? *)", "Asia/Kolkata", lambda day: day == last_weekday(day), [(0, 0)]),
    ("cron(30 23 15W * ? *)", "Australia/Lord_Howe",
     lambda day: day == nearest_weekday(day, 15), [(23, 30)]),
    ("cron(45 12 ? * TUE#2 *)", "America/Sao_Paulo",
     lambda day: day.weekday() == 1 and 8 <= day.day <= 14, [(12, 45)]),
)


def enumerate_cron(zone, is_day, times, begin, end):
    """Moments in [begin, end): local times that exist, the first of two where they are repeated."""
    place, moments = zoneinfo.ZoneInfo(zone), []
    day = (begin - datetime.timedelta(2)).date()
    while day <= (end + datetime.timedelta(2)).date():
        for hour, minute in times if is_day(day) else ():
            local = datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=place)
            moment = local.astimezone(UTC)
            exists = moment.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None)
            if exists and begin <= moment < end:
                moments.append(moment)
        day += datetime.timedelta(1)
    return moments


class Virtual(HearthTest):
    OPTIONS = ("--clock", "virtual")

    def advance(self, delta):
        answer = self.host.request("POST", "/_hearth/clock", json.dumps(
            {"advance_ms": int(delta.total_seconds() * 1000)}), timeout=300)
        self.assertEqual(answer.status, 200, answer.body)
        return datetime.datetime.fromtimestamp(answer.json["now_ms"] / 1000, UTC)

    def test_a_year_of_crons_is_the_year_that_a_calendar_has(self):
        clients = Clients(self.host)
        self.addCleanup(clients.close)
        url = clients.queue("year", MessageRetentionPeriod="1209600")
        begin = self.advance(datetime.timedelta(0))
        for i, (expression, zone, _, _) in enumerate(CRONS):
            clients.schedule(f"cron{i}", expression, queue_arn("year"),
                             ScheduleExpressionTimezone=zone,
                             target={"Input": f"{i} <aws.scheduler.scheduled-time>"})
        clients.schedule("rate", "rate(7 days)", queue_arn("year"),
                         target={"Input": "rate <aws.scheduler.scheduled-time>"})
        fired, now = {}, begin
        for _ in range(37):
            now = self.advance(datetime.timedelta(days=10))
            for message in clients.take_all(url):
                which, moment = message["Body"].split()
                sent = datetime.datetime.fromtimestamp(
                    int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
                moment = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
                self.assertLess(abs((sent - moment).total_seconds()), 1, message["Body"])
                fired.setdefault(which, []).append(moment)
        for i, (expression, zone, is_day, times) in enumerate(CRONS):
            expected = enumerate_cron(zone, is_day, times, begin, now)
            self.assertEqual(sorted(fired.get(str(i), [])), expected, f"{expression} in {zone}")
        self.assertEqual(len(fired["rate"]), 53)

    def test_a_message_that_its_queue_does_not_take_is_a_dead_letter(self):
        clients = Clients(self.host)
        self.addCleanup(clients.close)
        url = clients.queue("letters", MessageRetentionPeriod="1209600")
        # The target's queue takes less than the message has.
        clients.queue("small", MaximumMessageSize="1024")
        clients.schedule("large", "rate(30 days)", queue_arn("small"),
                         target={"Input": "x" * 2000, "RetryPolicy": {"MaximumRetryAttempts": 2},
                                 "DeadLetterConfig": {"Arn": queue_arn("letters")}})
        self.advance(datetime.timedelta(days=1))
        message, = clients.wait_for(url, 1)
        self.assertEqual(json.loads(message["Body"])["MessageBody"], "x" * 2000)

    def test_what_is_no_call_of_its_universal_target_is_a_dead_letter(self):
        clients = Clients(self.host)
        self.addCleanup(clients.close)
        url = clients.queue("no-calls", MessageRetentionPeriod="1209600")
        # A DetailType has 128 characters at most; the schedule's ARN is known when it fires.
        entry = {"Source": "shop", "Detail": "{}",
                 "DetailType": "x" * 100 + "<aws.scheduler.schedule-arn>"}
        clients.schedule("no-call", "rate(30 days)",
                         "arn:aws:scheduler:::aws-sdk:eventbridge:putEvents",
                         target={"Input": json.dumps({"Entries": [entry]}),
                                 "DeadLetterConfig": {"Arn": queue_arn("no-calls")}})
        message, = clients.wait_for(url, 1)
        said, = json.loads(message["Body"])["Entries"]
        self.assertTrue(said["DetailType"].endswith(":schedule/default/no-call"), said)


if __name__ == "__main__":
    unittest.main()
