"""Templates with buckets that call functions and tell queues, driven with stock clients."""
import http.client
import http.server
import json
import os
import shutil
import threading
import unittest

import botocore.exceptions

from harness import ROOT, poll
from s3_clients import s3_client
from test_queues import sqs_client
from test_templates import TemplateTest

STORE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Versions: {Type: String, Default: Enabled}
  Ending: {Type: String, Default: .txt}
Resources:
  Heard:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            for record in event['Records']:
                print('heard', record['eventName'], record['s3']['object']['key'], 'by',
                      context.invoked_function_arn)
      AutoPublishAlias: live
      Events:
        Texts:
          Type: S3
          Properties:
            Bucket: !Ref Store
            Events: 's3:ObjectCreated:*'
            Filter: {S3Key: {Rules: [{Name: suffix, Value: !Ref Ending}]}}
  Jobs: {Type: AWS::SQS::Queue}
  Store:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: !Ref Versions}
      Tags: [{Key: team, Value: x}]
      CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ['*']}]}
      LifecycleConfiguration: {Rules: [{Id: old, Status: Enabled, ExpirationInDays: 30}]}
      NotificationConfiguration:
        QueueConfigurations: [{Event: 's3:ObjectRemoved:*', Queue: !GetAtt Jobs.Arn}]
  Named:
    Type: AWS::S3::Bucket
    Properties: {BucketName: named}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Store
      PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: '*', Action: 's3:*', Resource: !Sub '${Store.Arn}/*'}]}
Outputs:
  Store: {Value: !Ref Store}
  Arn: {Value: !GetAtt Store.Arn}
"""
# Its alias names a version that does not exist: all before it is made, and taken back.
BROKEN = """
  Broken:
    Type: AWS::Lambda::Alias
    DependsOn: [Heard, Policy]
    Properties: {FunctionName: !Ref Heard, FunctionVersion: '77', Name: broken}
"""


class CountingRelay:
    """Passes requests on to the host and notes each: method, path and the size of its body."""

    def __init__(self, host):
        relay, self.seen = self, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                relay.seen.append((self.command, self.path, len(body)))
                there = http.client.HTTPConnection(host.url.partition("//")[2], timeout=60)
                there.request(self.command, self.path, body, dict(self.headers))
                answer = there.getresponse()
                data = answer.read()
                there.close()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def uploads(self):
        """Sizes of the code that went up since the last call."""
        sizes = [size for method, path, size in self.seen
                 if method == "PUT" and path.startswith("/_hearth/artifacts/")]
        self.seen.clear()
        return sizes


class BucketTemplates(TemplateTest):
    def setUp(self):
        super().setUp()
        self.s3 = s3_client(self.host)
        self.addCleanup(self.s3.close)
        self.sqs = sqs_client(self.host)
        self.addCleanup(self.sqs.close)

    def buckets(self):
        return [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]

    def name(self, stack="store"):
        outputs = self.host.request("GET", f"/_hearth/stacks/{stack}").json["outputs"]
        return next(each["value"] for each in outputs if each["name"] == "Store")

    def empty(self, bucket):
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", []) + page.get("DeleteMarkers", []):
                self.s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])

    def heard(self):
        return self.hearth("logs", "Heard")

    def tags(self, bucket):
        return {tag["Key"]: tag["Value"]
                for tag in self.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}

    def state(self):
        """What the stock clients see of the stack."""
        store, s3 = self.name(), self.s3
        notifications = s3.get_bucket_notification_configuration(Bucket=store)
        return {"buckets": self.buckets(),
                "versioning": s3.get_bucket_versioning(Bucket=store).get("Status"),
                "tags": self.tags(store),
                "cors": s3.get_bucket_cors(Bucket=store)["CORSRules"],
                "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=store)["Rules"],
                "functions": notifications["LambdaFunctionConfigurations"],
                "queues": notifications["QueueConfigurations"],
                "policy": json.loads(s3.get_bucket_policy(Bucket=store)["Policy"]),
                "function": [s["Sid"] for s in json.loads(self.client.get_policy(
                    FunctionName="Heard", Qualifier="live")["Policy"])["Statement"]]}

    def test_a_template_with_buckets_lives_its_whole_life(self):
        out = self.deploy(STORE, stack="store")
        store = self.name()
        self.assertRegex(store, r"^store-store-[0-9a-f]{12}$")
        self.assertIn(f"arn:aws:s3:::{store}", out)
        made = self.state()
        self.assertEqual(made["buckets"], ["named", store])
        self.assertEqual(made["versioning"], "Enabled")
        self.assertEqual(made["tags"], {"team": "x", "aws:cloudformation:stack-name": "store",
                                        "aws:cloudformation:logical-id": "Store"})
        self.assertEqual(made["cors"], [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}])
        self.assertEqual((made["lifecycle"][0]["ID"], made["lifecycle"][0]["Expiration"]),
                         ("old", {"Days": 30}))
        self.assertEqual(made["policy"]["Statement"][0]["Resource"], f"arn:aws:s3:::{store}/*")
        self.assertEqual(made["function"], ["store-HeardTextsPermission"])
        self.assertTrue(made["functions"][0]["LambdaFunctionArn"].endswith(":Heard:live"))
        self.assertEqual(made["functions"][0]["Filter"]["Key"]["FilterRules"][0]["Value"], ".txt")

        # An object that is made calls the function; one that goes is told to the queue.
        self.s3.put_object(Bucket=store, Key="no.png", Body=b"x")
        self.s3.put_object(Bucket=store, Key="a b.txt", Body=b"x")
        poll("the function hears of it",
             lambda: "heard ObjectCreated:Put a+b.txt by arn:aws:lambda:us-east-1:000000000000:"
             "function:Heard:live" in self.heard(), seconds=30)
        self.assertNotIn("no.png", self.heard())
        self.s3.delete_object(Bucket=store, Key="no.png")
        queue = f"{self.host.url}/000000000000/Jobs"
        bodies = []

        def told():
            for message in self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1,
                                                    MaxNumberOfMessages=10).get("Messages", []):
                bodies.append(json.loads(message["Body"]))
            return len(bodies) > 1
        poll("the queue is told", told, seconds=30)
        self.assertEqual(sum(body.get("Event") == "s3:TestEvent" for body in bodies), 1)
        self.assertIn("ObjectRemoved:DeleteMarkerCreated",
                      [record["eventName"] for body in bodies for record in body.get("Records", [])])

        # Nothing changes; then what changes; then what fails, which changes nothing.
        out = self.deploy(STORE, stack="store")
        self.assertNotRegex(out, r"\b(create|update|delete)\b")
        self.assertEqual(self.state(), made)
        # What somebody else changed is brought back; the stack's own tags nobody takes away.
        self.s3.delete_bucket_cors(Bucket=store)
        own = {key: value for key, value in made["tags"].items() if key != "team"}
        self.s3.put_bucket_tagging(Bucket=store,
                                   Tagging={"TagSet": [{"Key": "theirs", "Value": "y"}]})
        self.assertEqual(self.tags(store), {**own, "theirs": "y"})
        self.s3.delete_bucket_tagging(Bucket=store)
        self.assertEqual(self.tags(store), own)
        self.deploy(STORE, "--parameter", "Versions=Suspended", "--parameter", "Ending=.md",
                    stack="store")
        changed = self.state()
        self.assertEqual((changed["versioning"], changed["cors"], changed["tags"]),
                         ("Suspended", made["cors"], made["tags"]))
        self.assertEqual(changed["functions"][0]["Filter"]["Key"]["FilterRules"][0]["Value"], ".md")
        broken = STORE.replace("Outputs:", BROKEN + "\nOutputs:") \
                      .replace("Tags: [{Key: team, Value: x}]", "Tags: []") \
                      .replace("BucketName: named", "BucketName: other")
        self.assertIn("rolled back", self.deploy(broken, stack="store", status=1))
        self.assertEqual(self.state(), changed)
        self.s3.put_object(Bucket=store, Key="after.md", Body=b"x")
        poll("the function hears again", lambda: "after.md" in self.heard(), seconds=30)

        # A bucket that is not empty keeps its stack.
        out = self.hearth("delete", "store", status=1)
        self.assertIn(f"Store: the bucket '{store}' is not empty (BucketNotEmpty)", out)
        self.assertEqual(self.state(), changed)
        self.empty(store)
        self.hearth("delete", "store")
        self.assertEqual(self.buckets(), [])
        self.assertNotRegex(self.hearth("functions"), r"(?m)^Heard\s")

    def test_a_kill_at_any_moment_leaves_all_of_it_old_or_all_of_it_new(self):
        ends = []
        texts = (STORE, STORE.replace("BucketName: named", "BucketName: called")
                 .replace("Tags: [{Key: team, Value: x}]", "Tags: [{Key: team, Value: y}]")
                 .replace("Default: .txt", "Default: .md"))
        for text in texts:
            self.deploy(text, stack="store")
            ends.append(self.state())
        store = self.name()
        self.assertEqual([end["buckets"] for end in ends], [["named", store], ["called", store]])
        self.s3.put_object(Bucket=store, Key="kept", Body=b"kept")
        template = os.path.join(self.folder, "template.yaml")
        for round_ in range(10):
            with open(template, "w", encoding="utf-8") as file:
                file.write(texts[round_ % 2])
            # Moments of the deployment, from its first change to after its last.
            self.host.die_in_deployment(2 * round_ + 1, template, "--stack", "store")
            self.host.start()
            self.setUp()
            poll("the stack is whole", lambda: self.host.request(
                "GET", "/_hearth/stacks/store").json["status"] == "deployed")
            self.assertIn(self.state(), ends, f"round {round_}")
            self.assertEqual(self.s3.get_object(Bucket=store, Key="kept")["Body"].read(), b"kept")
        self.empty(store)
        self.hearth("delete", "store")
        self.assertEqual(self.buckets(), [])

    def test_a_bucket_that_is_kept_is_taken_up_again_and_one_that_is_replaced_stays_while_full(self):
        kept = STORE.replace("  Named:\n    Type: AWS::S3::Bucket\n",
                             "  Named:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Retain\n")
        self.deploy(kept, stack="store")
        self.s3.put_object(Bucket="named", Key="k", Body=b"v")
        self.deploy(STORE.replace("BucketName: named", "BucketName: called"), stack="store")
        self.assertIn("named", self.buckets())
        self.deploy(kept, stack="store")
        self.assertNotIn("called", self.buckets())
        self.hearth("delete", "store")
        self.assertEqual(self.buckets(), ["named"])
        self.deploy(STORE, stack="store")
        self.assertEqual(self.s3.get_object(Bucket="named", Key="k")["Body"].read(), b"v")
        self.empty("named")
        self.hearth("delete", "store")
        self.assertEqual(self.buckets(), [])

    def test_a_bucket_of_somebody_else_and_what_is_not_served_are_refused_at_their_lines(self):
        self.s3.create_bucket(Bucket="theirs")
        self.addCleanup(lambda: self.s3.delete_bucket(Bucket="theirs"))
        out = self.deploy(STORE.replace("BucketName: named", "BucketName: theirs"),
                          stack="refused", status=2)
        self.assertRegex(out, r"template\.yaml:\d+:18: error: the bucket 'theirs' exists already "
                         "and belongs to no stack")
        for change, message in (
                (("BucketName: named", "WebsiteConfiguration: {}"),
                 "the property 'WebsiteConfiguration' of AWS::S3::Bucket is not served yet"),
                (("BucketName: named", "AccessControl: PublicRead"),
                 "'AccessControl' 'PublicRead' is not served yet"),
                (("Default: Enabled", "Default: Often"), "is Enabled or Suspended, not 'Often'"),
                (("Bucket: !Ref Store\n            Ev", "Bucket: store\n            Ev"),
                 "must reference an S3 bucket in the same template"),
                (("'s3:ObjectCreated:*'", "'s3:ObjectMade:*'"),
                 "The event 's3:ObjectMade:*' is not supported for notifications"),
                (("QueueConfigurations: [{", "TopicConfigurations: [{"),
                 "the property 'TopicConfigurations' of NotificationConfiguration is not served"),
                (("Jobs: {Type: AWS::SQS::Queue}",
                  "Jobs: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}"),
                 "FIFO SQS queues are not supported"),
                (("AllowedMethods: [GET]", "AllowedMethods: [PATCH]"), "'CorsConfiguration': ")):
            out = self.deploy(STORE.replace(*change), stack="refused", status=2)
            self.assertRegex(out, r"template\.yaml:\d+:\d+: error: ")
            self.assertIn(message, out)
        self.assertEqual(self.host.request("GET", "/_hearth/stacks/refused").status, 404)
        self.assertEqual(self.buckets(), ["theirs"])
        with self.assertRaises(botocore.exceptions.ClientError):
            self.client.get_function(FunctionName="Heard")

    def test_code_that_is_here_does_not_go_up_again(self):
        relay = CountingRelay(self.host)
        self.addCleanup(relay.close)
        first = os.path.join(self.folder, "first")
        shutil.copytree(os.path.join(ROOT, "examples/hello"), first)

        def deploy(folder):
            self.hearth("--endpoint", relay.url, "deploy", os.path.join(folder, "template.yaml"),
                        "--stack", "again")
            return relay.uploads()
        sizes = deploy(first)
        self.assertEqual(len(sizes), 1)
        self.assertGreater(sizes[0], 0)
        self.assertEqual(deploy(first), [])
        # The same files elsewhere, of another time.
        second = os.path.join(self.folder, "second")
        shutil.copytree(first, second, copy_function=shutil.copyfile)
        for folder, _, files in os.walk(second):
            for file in files:
                os.utime(os.path.join(folder, file), (1e9, 1e9))
        self.assertEqual(deploy(second), [])
        self.host.kill()
        self.host.start()
        self.assertEqual(deploy(second), [], "nor after a crash")
        with open(os.path.join(second, "src/app.py"), "a", encoding="utf-8") as source:
            source.write("# another\n")
        self.assertEqual(len(deploy(second)), 1)
        self.hearth("delete", "again")


if __name__ == "__main__":
    unittest.main()
