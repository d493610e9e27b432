"""Templates with buses, rules, archives and schedules, driven with stock clients."""
import json
import os
import unittest

import boto3
import botocore.config

from harness import poll
from s3_clients import s3_client
from test_queues import sqs_client
from test_templates import TemplateTest

ROLE = "arn:aws:iam::000000000000:role/r"
ALL = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  State: {Type: String, Default: ENABLED}
  Rate: {Type: String, Default: 1 hour}
Resources:
  Heard:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import json
        def handler(event, context):
            print('heard', json.dumps(event, sort_keys=True), context.invoked_function_arn)
            if event.get('fail'):
                raise ValueError('told to')
      AutoPublishAlias: live
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig:
          OnFailure: {Type: EventBridge, Destination: !GetAtt Orders.Arn}
      Events:
        Placed:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Orders
            Pattern: {source: [shop], detail: {total: [{numeric: ['>=', 10]}]}}
            InputTransformer:
              InputPathsMap: {id: $.detail.id}
              InputTemplate: '{"order": "<id>"}'
            DeadLetterConfig: {Type: SQS, QueueLogicalId: Dead}
        Often: {Type: Schedule, Properties: {Schedule: rate(1 day), State: !Ref State}}
        Nightly:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: cron(0 2 * * ? *)
            ScheduleExpressionTimezone: Europe/Berlin
            State: !Ref State
  Orders:
    Type: AWS::Events::EventBus
    Properties: {Name: orders, Tags: [{Key: team, Value: x}]}
  Failures:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Orders
      EventPattern: {source: [lambda]}
      Targets: [{Id: q, Arn: !GetAtt Q.Arn, InputPath: $.detail-type}]
  Others:
    Type: AWS::Events::EventBusPolicy
    Properties: {EventBusName: !Ref Orders, StatementId: Others, Action: 'events:PutEvents', Principal: '111111111111'}
  Kept:
    Type: AWS::Events::Archive
    Properties: {ArchiveName: kept, SourceArn: !GetAtt Orders.Arn, RetentionDays: 3, EventPattern: {source: [shop]}}
  Photos:
    Type: AWS::S3::Bucket
    Properties: {BucketName: photos, NotificationConfiguration: {EventBridgeConfiguration: {}}}
  Objects:
    Type: AWS::Events::Rule
    Properties:
      Name: objects
      EventPattern: {source: [aws.s3], detail: {bucket: {name: [!Ref Photos]}}}
      Targets: [{Id: q, Arn: !GetAtt Q.Arn, InputPath: $.detail.object.key}]
  Q: {Type: AWS::SQS::Queue}
  Mine:
    Type: AWS::Scheduler::ScheduleGroup
    Properties: {Name: mine, Tags: [{Key: team, Value: x}]}
  Hourly:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: hourly
      GroupName: !Ref Mine
      ScheduleExpression: !Sub rate(${Rate})
      FlexibleTimeWindow: {Mode: 'OFF'}
      StartDate: '2031-01-01T00:00:00Z'
      Target: {Arn: !GetAtt Q.Arn, RoleArn: 'arn:aws:iam::000000000000:role/r', Input: hello}
Outputs:
  Rule: {Value: !Ref HeardPlaced}
  Hourly: {Value: !GetAtt Hourly.Arn}
"""
# Its alias names a version that does not exist: all before it is made, and taken back.
BROKEN = """
  Broken:
    Type: AWS::Lambda::Alias
    DependsOn: [Heard, Failures, Kept, Hourly, Objects]
    Properties: {FunctionName: !Ref Heard, FunctionVersion: '77', Name: broken}
"""


def client_of(host, service):
    return boto3.client(service, endpoint_url=host.url, region_name="us-east-1",
                        aws_access_key_id="any", aws_secret_access_key="any",
                        config=botocore.config.Config(retries={"max_attempts": 0}))


class EventTemplates(TemplateTest):
    def setUp(self):
        super().setUp()
        self.events = client_of(self.host, "events")
        self.schedules = client_of(self.host, "scheduler")
        self.sqs = sqs_client(self.host)
        self.s3 = s3_client(self.host)
        for client in (self.events, self.schedules, self.sqs, self.s3):
            self.addCleanup(client.close)

    def rules(self, bus="default"):
        out = {}
        for rule in self.events.list_rules(EventBusName=bus)["Rules"]:
            targets = self.events.list_targets_by_rule(Rule=rule["Name"],
                                                       EventBusName=bus)["Targets"]
            out[rule["Name"]] = {**rule, "targets": targets}
        return out

    def state(self):
        """What the stock clients see of the stack, but for times."""
        groups = self.schedules.list_schedule_groups()["ScheduleGroups"]
        schedules = [self.schedules.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
                     for each in self.schedules.list_schedules()["Schedules"]]
        buses = self.events.list_event_buses()["EventBuses"]
        archives = self.events.list_archives()["Archives"]
        functions = self.client.get_policy(FunctionName="Heard", Qualifier="live")["Policy"]
        return {"default": self.rules(), "orders": self.rules("orders"),
                "buses": [(bus["Name"], bus.get("Policy")) for bus in buses],
                "archives": [(a["ArchiveName"], a["RetentionDays"]) for a in archives],
                "groups": [group["Name"] for group in groups],
                "schedules": [{key: each[key] for key in ("Name", "ScheduleExpression", "State",
                                                          "Target")} for each in schedules],
                "queues": [url.rsplit("/")[-1] for url in self.sqs.list_queues()["QueueUrls"]],
                "policy": [(s["Sid"], s["Condition"]) for s in json.loads(functions)["Statement"]]}

    def heard(self):
        return self.hearth("logs", "Heard")

    def bodies(self, queue, count):
        found = []

        def look():
            answer = self.sqs.receive_message(QueueUrl=f"{self.host.url}/000000000000/{queue}",
                                              WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=f"{self.host.url}/000000000000/{queue}",
                                        ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count
        poll(f"{count} messages in {queue}", look, seconds=30)
        return sorted(found)

    def put(self, detail, source="shop"):
        answer = self.events.put_events(Entries=[{
            "EventBusName": "orders", "Source": source, "DetailType": "x",
            "Detail": json.dumps(detail)}])
        self.assertEqual(answer["FailedEntryCount"], 0, answer)

    def test_a_template_with_events_lives_its_whole_life(self):
        out = self.deploy(ALL, stack="shop")
        self.assertIn("the role 'HeardNightlyRole' that SAM would make is not made", out)
        made = self.state()
        self.assertEqual([name for name, policy in made["buses"]], ["default", "orders"])
        self.assertIn("arn:aws:iam::111111111111:root", made["buses"][1][1])
        placed = next(rule for name, rule in made["orders"].items() if "HeardPlaced" in name)
        self.assertRegex(placed["Name"], r"^shop-HeardPlaced-[0-9A-F]{12}$")
        self.assertIn(f"orders|{placed['Name']}", out)
        live = "arn:aws:lambda:us-east-1:000000000000:function:Heard:live"
        self.assertEqual(placed["targets"], [{
            "Id": "HeardPlacedLambdaTarget", "Arn": live,
            "InputTransformer": {"InputPathsMap": {"id": "$.detail.id"},
                                 "InputTemplate": '{"order": "<id>"}'},
            "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:Dead"}}])
        self.assertEqual(made["archives"], [("kept", 3)])
        self.assertEqual(made["groups"], ["default", "mine"])
        self.assertEqual([each["Name"] for each in made["schedules"]], ["HeardNightly", "hourly"])
        nightly = made["schedules"][0]
        self.assertEqual(nightly["Target"]["RoleArn"],
                         "arn:aws:iam::000000000000:role/shop-HeardNightlyRole")
        self.assertEqual(made["queues"], ["Dead", "Q"])
        self.assertEqual({sid for sid, condition in made["policy"]},
                         {"shop-HeardPlacedPermission", "shop-HeardOftenPermission"})
        tags = self.events.list_tags_for_resource(ResourceARN=placed["Arn"])["Tags"]
        self.assertIn({"Key": "aws:cloudformation:stack-name", "Value": "shop"}, tags)

        # The stack's own tags nobody gives or takes away.
        with self.assertRaises(self.events.exceptions.ClientError):
            self.events.untag_resource(ResourceARN=placed["Arn"],
                                       TagKeys=["aws:cloudformation:stack-name"])
        with self.assertRaises(self.events.exceptions.ClientError):
            self.events.tag_resource(ResourceARN=placed["Arn"],
                                     Tags=[{"Key": "aws:x", "Value": "y"}])
        self.events.tag_resource(ResourceARN=placed["Arn"], Tags=[{"Key": "x", "Value": "y"}])
        self.events.untag_resource(ResourceARN=placed["Arn"], TagKeys=["x"])

        # Everybody hears of what is meant for them.
        self.put({"id": "A-1", "total": 9})
        self.put({"id": "A-2", "total": 10})
        poll("the function hears of it", lambda: '{"order": "A-2"}' in self.heard(), seconds=30)
        self.assertNotIn("A-1", self.heard())
        self.client.invoke(FunctionName="Heard", Qualifier="live", InvocationType="Event",
                           Payload=b'{"fail": 1}')
        self.s3.put_object(Bucket="photos", Key="a b.png", Body=b"x")
        self.assertEqual(self.bodies("Q", 2),
                         ['"Lambda Function Invocation Result - Failure"', '"a b.png"'])

        # Nothing changes; then what somebody else changed is brought back.
        out = self.deploy(ALL, stack="shop")
        self.assertNotRegex(out, r"\b(create|update|delete)\b")
        self.assertEqual(self.state(), made)
        self.events.disable_rule(Name="objects")
        self.events.remove_targets(Rule="objects", Ids=["q"])
        self.events.put_rule(Name=placed["Name"], EventBusName="orders",
                             EventPattern='{"source": ["theirs"]}')
        self.events.update_archive(ArchiveName="kept", RetentionDays=9)
        self.events.remove_permission(EventBusName="orders", StatementId="Others")
        self.schedules.delete_schedule(Name="hourly", GroupName="mine")
        out = self.deploy(ALL, stack="shop")
        self.assertEqual(self.state(), made)

        # What changes; then what fails, which changes nothing.
        self.deploy(ALL, "--parameter", "State=DISABLED", "--parameter", "Rate=2 hours",
                    stack="shop")
        changed = self.state()
        self.assertEqual([each["ScheduleExpression"] for each in changed["schedules"]],
                         ["cron(0 2 * * ? *)", "rate(2 hours)"])
        self.assertEqual([each["State"] for each in changed["schedules"]], ["DISABLED", "ENABLED"])
        broken = ALL.replace("Outputs:", BROKEN + "\nOutputs:") \
                    .replace("source: [lambda]", "source: [nobody]") \
                    .replace("Name: objects", "Name: renamed").replace("Input: hello", "Input: bye")
        self.assertIn("rolled back", self.deploy(broken, "--parameter", "State=DISABLED",
                                                 "--parameter", "Rate=2 hours", stack="shop",
                                                 status=1))
        self.assertEqual(self.state(), changed)

        self.s3.delete_object(Bucket="photos", Key="a b.png")
        self.hearth("delete", "shop")
        self.assertEqual([bus["Name"] for bus in self.events.list_event_buses()["EventBuses"]],
                         ["default"])
        self.assertEqual((self.rules(), self.events.list_archives()["Archives"],
                          self.schedules.list_schedules()["Schedules"],
                          [g["Name"] for g in
                           self.schedules.list_schedule_groups()["ScheduleGroups"]]),
                         ({}, [], [], ["default"]))

    def test_what_is_somebody_elses_is_refused_by_name(self):
        self.events.put_rule(Name="objects", EventPattern='{"source": ["theirs"]}')
        self.addCleanup(self.events.delete_rule, Name="objects")
        self.schedules.create_schedule(
            Name="HeardNightly", ScheduleExpression="rate(9 days)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:x", "RoleArn": ROLE})
        self.addCleanup(self.schedules.delete_schedule, Name="HeardNightly")
        out = self.deploy(ALL, stack="taken", status=2)
        self.assertIn("'objects' (AWS::Events::Rule) exists already and belongs to no stack", out)
        self.assertIn("'default/HeardNightly' (AWS::Scheduler::Schedule) exists already", out)
        self.assertEqual(list(self.rules()), ["objects"])

    def test_a_kill_at_any_moment_leaves_all_of_it_old_or_all_of_it_new(self):
        changed = ALL.replace("Input: hello", "Input: bye").replace("Name: objects", "Name: renamed")
        for lines in (3, 9, 15, 21, 27):
            self.deploy(ALL, stack="shop")
            path = os.path.join(self.folder, "kill.yaml")
            with open(path, "w", encoding="utf-8") as template:
                template.write(changed)
            old = self.state()
            self.host.die_in_deployment(lines, path, "--stack", "shop",
                                        "--parameter", "Rate=3 hours")
            self.host.start()
            self.setUp()
            poll("the stack is whole", lambda: self.host.request(
                "GET", "/_hearth/stacks/shop").json["status"] == "deployed")
            new = self.state()
            if new != old:
                self.assertIn("renamed", new["default"], lines)
                self.assertNotIn("objects", new["default"], lines)
                self.assertEqual(new["schedules"][1]["ScheduleExpression"], "rate(3 hours)")
        self.hearth("delete", "shop")


if __name__ == "__main__":
    unittest.main()
