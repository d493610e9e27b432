"""Templates with all of Lambda's control plane: deployed, driven with stock clients, changed, rolled back."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, ROOT, poll
from stock_clients import AwsCliTest, Boto3Test

ALL = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Auth: {Type: String, Default: NONE}
  Retries: {Type: Number, Default: 0}
Globals:
  Function:
    Runtime: python3.12
    RecursiveLoop: Allow
    RuntimeManagementConfig: {UpdateRuntimeOn: FunctionUpdate}
    PropagateTags: true
Resources:
  All:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            if event.get('fail'):
                raise ValueError('told to')
            return {'statusCode': 200, 'body': context.invoked_function_arn}
      AutoPublishAlias: live
      ReservedConcurrentExecutions: 7
      Tags: {team: x}
      FunctionUrlConfig:
        AuthType: !Ref Auth
        Cors: {AllowOrigins: ['https://a.example'], MaxAge: 60}
      EventInvokeConfig:
        MaximumRetryAttempts: !Ref Retries
        MaximumEventAgeInSeconds: 60
        DestinationConfig: {OnFailure: {Type: Lambda, Destination: !GetAtt Sink.Arn}}
  Sink:
    Type: AWS::Lambda::Function
    Properties:
      Role: arn:aws:iam::000000000000:role/r
      Runtime: python3.12
      Handler: index.handler
      Code:
        ZipFile: |
          def handler(event, context):
              print('heard', event['requestContext']['condition'], event['responsePayload'])
              return event
      Tags: [{Key: of, Value: Sink}]
  SinkUrl:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !Ref Sink, AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM}
  SinkVersion:
    Type: AWS::Lambda::Version
    Properties: {FunctionName: !Ref Sink}
  SinkAlias:
    Type: AWS::Lambda::Alias
    Properties: {FunctionName: !Ref Sink, FunctionVersion: !GetAtt SinkVersion.Version, Name: stable}
  SinkEvents:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Sink, Qualifier: $LATEST, MaximumRetryAttempts: 1}
  FromBucket:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref SinkAlias
      Action: lambda:InvokeFunction
      Principal: s3.amazonaws.com
      SourceArn: arn:aws:s3:::bucket
      SourceAccount: '000000000000'
Outputs:
  Url: {Value: !GetAtt AllUrl.FunctionUrl}
"""
# Its alias names a version that does not exist: all before it is made, and taken back.
BROKEN = """
  Broken:
    Type: AWS::Lambda::Alias
    DependsOn: [All, FromBucket, SinkEvents]
    Properties: {FunctionName: !Ref Sink, FunctionVersion: '77', Name: broken}
"""


class TemplateTest(AwsCliTest, Boto3Test):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="hearth-template-")
        self.addCleanup(shutil.rmtree, self.folder)

    def hearth(self, *arguments, status=0):
        done = subprocess.run([os.path.join(BIN, "hearth"), *arguments], capture_output=True,
                              text=True, timeout=120,
                              env={**os.environ, "HEARTH_ENDPOINT": self.host.url})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def deploy(self, text, *more, stack="all", status=0):
        path = os.path.join(self.folder, "template.yaml")
        with open(path, "w", encoding="utf-8") as template:
            template.write(text)
        return self.hearth("deploy", path, "--stack", stack, *more, status=status)


class Templates(TemplateTest):
    def ask(self, url, path="/"):
        return self.host.request("GET", path, headers={"Host": url[len("http://"):].rstrip("/")})

    def all_of_it(self):
        """What the stock clients see of the stack, but for times and revisions."""
        client = self.client
        url = client.get_function_url_config(FunctionName="All", Qualifier="live")
        events = client.get_function_event_invoke_config(FunctionName="All", Qualifier="live")
        return {
            "url": [url[k] for k in ("FunctionUrl", "AuthType", "Cors")],
            "events": [events[k] for k in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds",
                                           "DestinationConfig")],
            "policy": [s["Sid"] for s in json.loads(
                client.get_policy(FunctionName="All", Qualifier="live")["Policy"])["Statement"]]
            if url["AuthType"] == "NONE" else [],
            "alias": client.get_alias(FunctionName="All", Name="live")["FunctionVersion"],
            "sink": client.get_function_url_config(FunctionName="Sink")["FunctionUrl"],
            "recursion": self.host.request(
                "GET", "/2024-08-31/functions/All/recursion-config").json,
            "runtime": client.get_runtime_management_config(
                FunctionName="All")["UpdateRuntimeOn"]
            if hasattr(client, "get_runtime_management_config") else "FunctionUpdate"}

    def test_a_template_with_all_of_it_lives_its_whole_life(self):
        out = self.deploy(ALL)
        made = self.all_of_it()
        self.assertEqual(made["url"][1:], ["NONE", {"AllowOrigins": ["https://a.example"],
                                                    "MaxAge": 60}])
        self.assertIn(made["url"][0], out)
        self.assertEqual(made["events"][:2], [0, 60])
        self.assertEqual(made["policy"], ["all-AllUrlPublicPermissions",
                                          "all-AllURLInvokeAllowPublicAccess"])
        self.assertEqual(made["recursion"], {"RecursiveLoop": "Allow"})
        self.assertEqual(made["runtime"], "FunctionUpdate")
        self.assertEqual(self.ask(made["url"][0]).body,
                         b"arn:aws:lambda:us-east-1:000000000000:function:All:live")
        self.assertEqual(self.ask(made["sink"]).status, 403)
        self.assertEqual(self.aws("get-function-concurrency", "--function-name", "All"),
                         {"ReservedConcurrentExecutions": 7})
        policy = json.loads(self.aws("get-policy", "--function-name", "Sink", "--qualifier",
                                     "stable")["Policy"])["Statement"][0]
        self.assertEqual((policy["Sid"], policy["Principal"], policy["Condition"]["ArnLike"]),
                         ("all-FromBucket", {"Service": "s3.amazonaws.com"},
                          {"AWS:SourceArn": "arn:aws:s3:::bucket"}))
        tags = self.client.list_tags(
            Resource="arn:aws:lambda:us-east-1:000000000000:function:Sink")["Tags"]
        self.assertEqual(tags["of"], "Sink")

        # The destination hears of a failure.
        self.assertEqual(self.client.invoke(FunctionName="All:live", InvocationType="Event",
                                            Payload=b'{"fail": 1}')["StatusCode"], 202)
        poll("the destination is told", lambda: "heard RetriesExhausted"
             in self.hearth("logs", "Sink"))

        # Nothing is done again, not even after a kill.
        self.host.kill()
        self.host.start()
        super().setUp()
        out = self.deploy(ALL)
        self.assertNotRegex(out, r"(?m)\b(create|update|delete)\b")
        address = made["url"][0].split(":")[1]
        self.assertEqual(self.all_of_it()["url"][0].split(":")[1], address)

        # Changed by its parameters: the URL keeps its address, and is public no more.
        self.deploy(ALL, "--parameter", "Auth=AWS_IAM", "--parameter", "Retries=2")
        changed = self.all_of_it()
        self.assertEqual(changed["url"][0].split(":")[1], address)
        self.assertEqual((changed["url"][1], changed["events"][0]), ("AWS_IAM", 2))
        self.assertEqual(self.ask(changed["url"][0]).status, 403)
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException):
            self.client.get_policy(FunctionName="All", Qualifier="live")

        # What fails late is taken back, all of it.
        broken = ALL.replace("Outputs:\n", BROKEN.lstrip("\n") + "Outputs:\n").replace(
            "RecursiveLoop: Allow", "RecursiveLoop: Terminate").replace("MaxAge: 60", "MaxAge: 1")
        out = self.deploy(broken, status=1)
        self.assertIn("rolled back", out)
        self.assertEqual(self.all_of_it(), changed)

        # Without them, nothing of them is left, and the functions go on.
        bare = ALL[:ALL.index("      FunctionUrlConfig:")] + ALL[ALL.index("  Sink:\n"):]
        bare = bare[:bare.index("  SinkUrl:")]
        self.deploy(bare)
        self.assertEqual(self.ask(changed["url"][0]).status, 404)
        self.assertEqual(self.client.list_function_url_configs(
            FunctionName="All")["FunctionUrlConfigs"], [])
        self.assertEqual(self.client.list_function_event_invoke_configs(
            FunctionName="Sink")["FunctionEventInvokeConfigs"], [])
        self.assertEqual(self.hearth("invoke", "All", "--payload", "{}").count("function:All"), 1)
        self.hearth("delete", "all")
        self.assertNotRegex(self.hearth("functions"), r"(?m)^(All|Sink)\s")

    def test_a_kill_at_any_moment_leaves_all_of_it_old_or_all_of_it_new(self):
        def state():
            seen = self.all_of_it()
            return [seen["url"][1], seen["events"][0], seen["policy"], seen["recursion"]]
        ends = []
        for choice in ("NONE", "AWS_IAM"):
            text = ALL if choice == "NONE" else ALL.replace("RecursiveLoop: Allow",
                                                            "RecursiveLoop: Terminate")
            arguments = ["--parameter", f"Auth={choice}", "--parameter",
                         f"Retries={0 if choice == 'NONE' else 2}"]
            self.deploy(text, *arguments)
            ends.append((state(), text, arguments))
        address = self.all_of_it()["url"][0].split(":")[1]
        template = os.path.join(self.folder, "template.yaml")
        for round_ in range(10):
            _, text, arguments = ends[round_ % 2]
            with open(template, "w", encoding="utf-8") as file:
                file.write(text)
            # Moments of the deployment, from its first change to after its last.
            self.host.die_in_deployment(2 * round_ + 1, template, "--stack", "all", *arguments)
            self.host.start()
            super().setUp()
            poll("the stack is whole", lambda: self.host.request(
                "GET", "/_hearth/stacks/all").json["status"] == "deployed")
            self.assertIn(state(), [end[0] for end in ends])
            self.assertEqual(self.all_of_it()["url"][0].split(":")[1], address)
        self.hearth("delete", "all")

    def test_code_of_a_plain_function_may_be_a_path(self):
        os.mkdir(os.path.join(self.folder, "code"))
        with open(os.path.join(self.folder, "code", "app.py"), "w", encoding="utf-8") as source:
            source.write("def handler(event, context):\n    return 'from a path'\n")
        text = ("Resources:\n  Path:\n    Type: AWS::Lambda::Function\n    Properties:\n"
                "      {Code: ./code, Handler: app.handler, Runtime: python3.12,\n"
                "       Role: 'arn:aws:iam::000000000000:role/r'}\n")
        self.deploy(text, stack="path")
        self.assertIn("from a path", self.hearth("invoke", "Path"))
        out = self.deploy(text.replace("./code", "./absent"), stack="path", status=2)
        self.assertIn("template.yaml:5:8: error: there is no", out)
        self.hearth("delete", "path")

    def test_what_is_not_served_is_refused_at_its_line(self):
        for change, message in (
                (("AuthType: !Ref Auth", "AuthType: OPEN"), "OPEN"),
                (("Type: Lambda, Destination: !GetAtt Sink.Arn", "Type: SNS"),
                 "without a Destination would make one, which is not served yet"),
                (("Type: Lambda, Destination: !GetAtt Sink.Arn",
                  "Type: EventBridge, Destination: 'arn:aws:events:us-east-1:000000000000:event-bus/b'"),
                 "there is no such event bus"),
                (("Type: Lambda, Destination: !GetAtt Sink.Arn",
                  "Type: SNS, Destination: 'arn:aws:sns:us-east-1:000000000000:t'"),
                 "does not serve sns as a destination yet"),
                (("        ZipFile: |", "        S3Bucket: b"), "'Code.S3Bucket' is not served yet"),
                (("InvokeMode:", "InvokeMod:"), "did you mean 'InvokeMode'")):
            text = ALL.replace(*change)
            if change[0] == "        ZipFile: |":
                text = text[:text.index("          def handler(event, context):\n              print")] \
                    + text[text.index("      Tags: [{Key: of"):]
            out = self.deploy(text, stack="refused", status=2)
            self.assertRegex(out, r"template\.yaml:\d+:\d+: error: ")
            self.assertRegex(out, message)
        self.assertEqual(self.host.request("GET", "/_hearth/stacks/refused").status, 404)

    def test_the_example_with_a_url_answers(self):
        out = self.hearth("deploy", os.path.join(ROOT, "examples/web/template.yaml"))
        url = next(w for w in out.split() if ".lambda-url." in w)
        self.assertEqual(self.ask(url, "/?name=x").body, b"Hello x\n")
        self.client.invoke(FunctionName="Web:live", InvocationType="Event", Payload=b"{}")
        poll("the failure is told", lambda: "failed:" in self.hearth("logs", "Failures"))
        self.hearth("delete", "web")


if __name__ == "__main__":
    unittest.main()
