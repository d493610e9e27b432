"""Templates with queues that call functions and take what they give up, driven with stock clients."""
import json
import os
import subprocess
import unittest

import botocore.exceptions

from harness import BIN, ROOT, poll
from test_queues import sqs_client
from test_templates import TemplateTest

WORK = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Delay: {Type: Number, Default: 0}
  Batch: {Type: Number, Default: 10}
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import os
        def handler(event, context):
            if 'Records' not in event:
                raise ValueError('no records')
            for record in event['Records']:
                print('worked on', record['body'], 'by', context.invoked_function_arn,
                      os.environ['QUEUE'])
                if record['body'] == 'bad':
                    raise ValueError('told to')
      AutoPublishAlias: live
      Environment: {Variables: {QUEUE: !GetAtt Jobs.QueueName}}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig: {OnFailure: {Type: SQS}}
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: !Ref Batch
            FilterCriteria: {Filters: [{Pattern: '{"body": [{"anything-but": "unwanted"}]}'}]}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: !Ref Delay
      VisibilityTimeout: 3
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}
      Tags: [{Key: team, Value: x}]
  Dead: {Type: AWS::SQS::Queue}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Jobs]
      PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: '*', Action: 'sqs:*', Resource: !GetAtt Jobs.Arn}]}
Outputs:
  Url: {Value: !Ref Jobs}
  Mapping: {Value: !Ref WorkJobs}
"""
# Its alias names a version that does not exist: all before it is made, and taken back.
BROKEN = """
  Broken:
    Type: AWS::Lambda::Alias
    DependsOn: [Work, Policy]
    Properties: {FunctionName: !Ref Work, FunctionVersion: '77', Name: broken}
"""


class QueueTemplates(TemplateTest):
    def setUp(self):
        super().setUp()
        self.sqs = sqs_client(self.host)
        self.addCleanup(self.sqs.close)

    def url(self, name):
        return f"{self.host.url}/000000000000/{name}"

    def taken(self, queue):
        """One message of the queue, gone from it, or None."""
        got = self.sqs.receive_message(QueueUrl=self.url(queue), WaitTimeSeconds=1,
                                       MessageAttributeNames=["All"]).get("Messages")
        if got:
            self.sqs.delete_message(QueueUrl=self.url(queue), ReceiptHandle=got[0]["ReceiptHandle"])
        return got and got[0]

    def state(self):
        """What the stock clients see of the stack."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url("Jobs"),
                                                   AttributeNames=["All"])["Attributes"]
        mappings = self.client.list_event_source_mappings()["EventSourceMappings"]
        return {"queues": [q.rsplit("/", 1)[1] for q in self.sqs.list_queues()["QueueUrls"]],
                "jobs": [attributes.get(k) for k in ("DelaySeconds", "VisibilityTimeout",
                                                     "RedrivePolicy", "Policy")],
                "mappings": [(m["UUID"], m["BatchSize"], m["FunctionArn"].split(":", 6)[6],
                              m["State"]) for m in mappings],
                "dead": self.client.get_function_configuration(
                    FunctionName="Work")["DeadLetterConfig"]}

    def test_a_template_with_queues_lives_its_whole_life(self):
        out = self.deploy(WORK, stack="work")
        self.assertIn(self.url("Jobs"), out)
        made = self.state()
        self.assertEqual(made["queues"],
                         ["Dead", "Jobs", "WorkEventInvokeConfigOnFailureQueue"])
        self.assertEqual(made["jobs"][:2], ["0", "3"])
        self.assertEqual([m[1:] for m in made["mappings"]], [(10, "Work:live", "Enabled")])
        self.assertIn(made["mappings"][0][0], out)
        self.assertEqual(json.loads(made["jobs"][3])["Statement"][0]["Action"], "sqs:*")
        tags = self.sqs.list_queue_tags(QueueUrl=self.url("Jobs"))["Tags"]
        self.assertEqual(tags, {"team": "x", "aws:cloudformation:stack-name": "work",
                                "aws:cloudformation:logical-id": "Jobs"})

        # A message is worked on; one that the filter leaves away is not; one that fails is dead.
        for body in ("unwanted", "good"):
            self.sqs.send_message(QueueUrl=self.url("Jobs"), MessageBody=body)
        poll("the message is worked on", lambda: "worked on good by arn:aws:lambda:us-east-1:"
             "000000000000:function:Work:live Jobs" in self.hearth("logs", "Work"))
        self.sqs.send_message(QueueUrl=self.url("Jobs"), MessageBody="bad")
        self.assertEqual(poll("what fails is dead", lambda: self.taken("Dead"), seconds=30)["Body"],
                         "bad")
        self.assertNotIn("unwanted", self.hearth("logs", "Work"))
        # An event that fails goes to the function's own queues.
        self.client.invoke(FunctionName="Work:live", InvocationType="Event", Payload=b"{}")
        record = poll("the destination hears of it",
                      lambda: self.taken("WorkEventInvokeConfigOnFailureQueue"), seconds=30)
        self.assertEqual(json.loads(record["Body"])["requestContext"]["condition"],
                         "RetriesExhausted")
        dead = poll("the event is dead", lambda: self.taken("Dead"), seconds=30)
        self.assertEqual((dead["Body"], dead["MessageAttributes"]["ErrorMessage"]["StringValue"]),
                         ("{}", "no records"))

        # Nothing changes; then what changes; then what fails, which changes nothing.
        out = self.deploy(WORK, stack="work")
        self.assertNotRegex(out, r"\b(create|update|delete)\b")
        self.assertEqual(self.state(), made)
        self.deploy(WORK, "--parameter", "Delay=1", "--parameter", "Batch=4", stack="work")
        changed = self.state()
        self.assertEqual(changed["jobs"][0], "1")
        self.assertEqual(changed["mappings"], [(made["mappings"][0][0], 4, "Work:live", "Enabled")])
        self.sqs.send_message(QueueUrl=self.url("Dead"), MessageBody="kept")
        broken = WORK.replace("Outputs:", BROKEN + "\nOutputs:") \
                     .replace("DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}",
                              "Description: without") \
                     .replace("      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, "
                              "maxReceiveCount: 1}\n", "") \
                     .replace("  Dead: {Type: AWS::SQS::Queue}\n", "  New: {Type: AWS::SQS::Queue}\n")
        self.assertIn("rolled back", self.deploy(broken, stack="work", status=1))
        self.assertEqual(self.state(), changed)
        self.assertEqual(poll("its message is there", lambda: self.taken("Dead"))["Body"], "kept")

        self.hearth("delete", "work")
        self.assertNotIn("QueueUrls", self.sqs.list_queues())
        self.assertEqual(self.client.list_event_source_mappings()["EventSourceMappings"], [])
        self.assertNotRegex(self.hearth("functions"), r"(?m)^Work\s")

    def test_a_kill_at_any_moment_leaves_all_of_it_old_or_all_of_it_new(self):
        ends = []
        texts = (WORK, WORK.replace("  Dead: {Type: AWS::SQS::Queue}\n",
                                    "  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: Grave}}\n")
                 .replace("DelaySeconds: !Ref Delay", "DelaySeconds: 7")
                 .replace("BatchSize: !Ref Batch", "BatchSize: 3"))
        for text in texts:
            self.deploy(text, stack="work")
            ends.append(self.state())
        self.assertEqual(ends[1]["queues"],
                         ["Grave", "Jobs", "WorkEventInvokeConfigOnFailureQueue"])
        template = os.path.join(self.folder, "template.yaml")
        for round_ in range(10):
            with open(template, "w", encoding="utf-8") as file:
                file.write(texts[round_ % 2])
            # Moments of the deployment, from its first change to after its last.
            self.host.die_in_deployment(2 * round_ + 1, template, "--stack", "work")
            self.host.start()
            self.setUp()
            poll("the stack is whole", lambda: self.host.request(
                "GET", "/_hearth/stacks/work").json["status"] == "deployed")
            poll("its mapping runs", lambda: self.state()["mappings"][0][3] == "Enabled")
            self.assertIn(self.state(), ends, f"round {round_}")
        self.hearth("delete", "work")
        self.assertNotIn("QueueUrls", self.sqs.list_queues())

    def test_a_host_that_ends_while_a_stack_waits_for_its_calls_leaves_the_stack_whole(self):
        self.deploy(WORK.replace("            for record in event['Records']:",
                                 "            import time; time.sleep(4)\n"
                                 "            for record in event['Records']:")
                    .replace("      AutoPublishAlias", "      Timeout: 10\n      AutoPublishAlias")
                    .replace("VisibilityTimeout: 3", "VisibilityTimeout: 10"), stack="work")
        before = self.state()
        self.sqs.send_message(QueueUrl=self.url("Jobs"), MessageBody="good")
        poll("it is worked on", lambda: "START" in self.hearth("logs", "Work"))
        with subprocess.Popen([os.path.join(BIN, "hearth"), "delete", "work"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "HEARTH_ENDPOINT": self.host.url}):
            poll("the mapping waits for its call",
                 lambda: self.state()["mappings"][0][3] == "Deleting")
            self.assertEqual(self.host.terminate(), 0)
        self.host.start()
        self.setUp()
        poll("the stack is whole", lambda: self.host.request(
            "GET", "/_hearth/stacks/work").json["status"] == "deployed")
        poll("its mapping runs", lambda: self.state()["mappings"][0][3] == "Enabled")
        self.assertEqual(self.state(), before)
        self.hearth("delete", "work")

    def test_a_queue_of_somebody_else_and_what_is_not_served_are_refused_at_their_lines(self):
        self.sqs.create_queue(QueueName="theirs")
        self.addCleanup(lambda: self.sqs.delete_queue(QueueUrl=self.url("theirs")))
        out = self.deploy(WORK.replace("DelaySeconds: !Ref Delay", "QueueName: theirs"),
                          stack="refused", status=2)
        self.assertRegex(out, r"template\.yaml:\d+:7: error: the queue 'theirs' exists already and "
                         "belongs to no stack")
        for change, message in (
                (("Type: SQS\n          Prop", "Type: Api\n          Prop"),
                 "the event type 'Api' of 'Events.Jobs' is not served yet; served: CloudWatchEvent"),
                (("VisibilityTimeout: 3", "VisibilityTimeout: 2"),
                 "Queue visibility timeout: 2 seconds is less than Function timeout: 3 seconds"),
                (("maxReceiveCount: 1", "maxReceiveCount: 0"), "valid values are from 1 to 1000"),
                (("BatchSize: !Ref Batch", "BatchSise: 1"), "did you mean 'BatchSize'")):
            out = self.deploy(WORK.replace(*change), stack="refused", status=2)
            self.assertRegex(out, r"template\.yaml:\d+:\d+: error: ")
            self.assertIn(message, out)
        self.assertEqual(self.host.request("GET", "/_hearth/stacks/refused").status, 404)
        with self.assertRaises(botocore.exceptions.ClientError):
            self.sqs.get_queue_url(QueueName="Dead")

    def test_the_example_works_on_its_queue(self):
        self.hearth("deploy", os.path.join(ROOT, "examples/queue-worker/template.yaml"))
        self.sqs.send_message(QueueUrl=self.url("Jobs"), MessageBody='{"task": "sweep"}')
        self.sqs.send_message(QueueUrl=self.url("Jobs"), MessageBody="no job")
        poll("the job is done", lambda: "done: sweep" in self.hearth("logs", "Worker"))
        self.assertEqual(poll("the other one failed", lambda: self.taken("Failed"),
                              seconds=60)["Body"], "no job")
        self.hearth("delete", "queue-worker")
        self.assertNotIn("QueueUrls", self.sqs.list_queues())


if __name__ == "__main__":
    unittest.main()
