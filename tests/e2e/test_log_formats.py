"""LoggingConfig: JSON, levels and log groups, as applied to real functions."""
import json
import os
import subprocess
import unittest

import boto3
import botocore.config

from harness import BIN, poll
from stock_clients import Boto3Test


PYTHON = {"app.py": """
import logging, os
logging.getLogger("init").warning("at init")
def handler(event, context):
    logging.debug("quiet")
    logging.info("info %s", 1, extra={"order": 7})
    print("plain")
    if event.get("fail"):
        raise ValueError("asked to")
    return {name: os.environ.get(name) for name in (
        "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_GROUP_NAME")}
"""}
NODE = {"app.js": """
exports.handler = async (event) => {
  console.debug('quiet');
  console.log('loud', 1);
  console.warn({ a: 1 });
  if (event.fail) throw new TypeError('asked to');
  return process.env.AWS_LAMBDA_LOG_LEVEL;
};
"""}


class LogFormatsTest(Boto3Test):
    def setUp(self):
        super().setUp()
        self.logs = boto3.client(
            "logs", endpoint_url=self.host.url, region_name="us-east-1", aws_access_key_id="any",
            aws_secret_access_key="any", config=botocore.config.Config(retries={"max_attempts": 0}))
        self.addCleanup(self.logs.close)

    def lines(self, group):
        events = self.logs.filter_log_events(logGroupName=group)["events"]
        return [event["message"] for event in events]

    def objects(self, group):
        return [json.loads(line) for line in self.lines(group) if line.startswith("{")]

    def types(self, group):
        return [line["type"] for line in self.objects(group) if "type" in line]

    def test_python_writes_json_of_its_level_and_above(self):
        self.host.create("Py", PYTHON, LoggingConfig={"LogFormat": "JSON"})
        environment = self.host.invoke("Py", {}).json
        self.assertEqual(environment, {"AWS_LAMBDA_LOG_FORMAT": "JSON",
                                       "AWS_LAMBDA_LOG_LEVEL": "INFO",
                                       "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/Py"})
        self.host.invoke("Py", {"fail": True})
        poll("the report", lambda: self.types("/aws/lambda/Py").count("platform.report") == 2)
        own = [line for line in self.objects("/aws/lambda/Py") if "message" in line]
        self.assertEqual([(line["level"], line["message"]) for line in own],
                         [("WARNING", "at init"), ("INFO", "info 1"), ("INFO", "info 1")])
        self.assertEqual(own[1]["order"], 7)
        self.assertRegex(own[1]["requestId"], "^[0-9a-f-]{36}$")
        self.assertNotIn("requestId", own[0])
        self.assertIn("plain", self.lines("/aws/lambda/Py"))
        raised = [line for line in self.objects("/aws/lambda/Py") if "log_level" in line]
        self.assertEqual([(line["errorType"], line["errorMessage"]) for line in raised],
                         [("ValueError", "asked to")])
        self.assertEqual(self.types("/aws/lambda/Py"),
                         ["platform.initStart", "platform.start", "platform.report",
                          "platform.start", "platform.runtimeDone", "platform.report"])
        report = [line for line in self.objects("/aws/lambda/Py")
                  if line.get("type") == "platform.report"][0]["record"]
        self.assertEqual(report["status"], "success")
        self.assertEqual(report["metrics"]["memorySizeMB"], 128)
        self.assertGreater(report["metrics"]["initDurationMs"], 0)

    def test_node_writes_json_of_its_level_and_above(self):
        self.host.create("Js", NODE, runtime="nodejs20.x", LoggingConfig={
            "LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "WARN"})
        self.assertEqual(self.host.invoke("Js", {}).json, "WARN")
        answer = self.host.invoke("Js", {"fail": True})
        self.assertEqual(answer.json["errorType"], "TypeError")
        poll("the report", lambda: "platform.report" in self.types("/aws/lambda/Js"))
        own = [line for line in self.objects("/aws/lambda/Js") if "message" in line]
        self.assertEqual([(line["level"], line["message"]) for line in own[:2]],
                         [("WARN", {"a": 1}), ("WARN", {"a": 1})])
        self.assertEqual(own[2]["level"], "ERROR")
        self.assertEqual(own[2]["message"]["errorType"], "TypeError")
        # Of what went well, nothing is said at this level.
        self.assertEqual(self.types("/aws/lambda/Js"), ["platform.runtimeDone", "platform.report"])

    def test_every_system_event_is_shown_at_debug(self):
        self.host.create("All", PYTHON, LoggingConfig={"LogFormat": "JSON",
                                                       "SystemLogLevel": "DEBUG"})
        self.host.invoke("All", {})
        poll("the report", lambda: "platform.report" in self.types("/aws/lambda/All"))
        self.assertEqual(self.types("/aws/lambda/All"),
                         ["platform.initStart", "platform.initRuntimeDone", "platform.initReport",
                          "platform.start", "platform.runtimeDone", "platform.report"])

    def test_the_tail_of_a_call_is_json_too(self):
        self.host.create("Tail", PYTHON, LoggingConfig={"LogFormat": "JSON"})
        tail = self.host.invoke("Tail", {}).log.splitlines()
        self.assertEqual(json.loads(tail[0])["type"], "platform.start")
        self.assertEqual(json.loads(tail[-1])["type"], "platform.report")

    def test_a_log_group_of_ones_own_and_a_format_that_changes(self):
        self.host.create("Own", PYTHON, LoggingConfig={"LogGroup": "/shared/logs"})
        environment = self.host.invoke("Own", {}).json
        self.assertEqual(environment, {"AWS_LAMBDA_LOG_FORMAT": None, "AWS_LAMBDA_LOG_LEVEL": None,
                                       "AWS_LAMBDA_LOG_GROUP_NAME": "/shared/logs"})
        poll("text", lambda: any(line.startswith("REPORT") for line in self.lines("/shared/logs")))
        changed = json.loads(subprocess.run(
            ["/usr/bin/curl", "-sf", "-X", "PUT",
             f"{self.host.url}/2015-03-31/functions/Own/configuration",
             "-d", json.dumps({"LoggingConfig": {"LogFormat": "JSON"}})],
            capture_output=True, check=True).stdout)
        self.assertEqual(changed["LoggingConfig"],
                         {"LogFormat": "JSON", "LogGroup": "/shared/logs",
                          "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"})
        self.host.invoke("Own", {})
        poll("JSON", lambda: "platform.report" in self.types("/shared/logs"))
        names = [g["logGroupName"] for g in self.logs.describe_log_groups()["logGroups"]]
        self.assertNotIn("/aws/lambda/Own", names)

    def test_a_custom_runtime_writes_platform_events(self):
        self.host.create("Custom", {"bootstrap!": """#!/bin/bash
while true; do
  headers=$(mktemp)
  curl -sS -o /dev/null -D $headers http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next
  id=$(grep -i lambda-runtime-aws-request-id $headers | tr -d '\\r' | cut -d' ' -f2)
  curl -sS -X POST -d "\\"$AWS_LAMBDA_LOG_FORMAT\\"" \\
    http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response > /dev/null
done
"""}, runtime="provided.al2023", handler="x", LoggingConfig={"LogFormat": "JSON"})
        self.assertEqual(self.host.invoke("Custom", {}).json, "JSON")
        poll("the report", lambda: "platform.report" in self.types("/aws/lambda/Custom"))

    def test_a_template_sets_it(self):
        folder = os.path.join(self.host.state, "stack")
        os.makedirs(folder)
        with open(os.path.join(folder, "app.py"), "w", encoding="utf-8") as out:
            out.write(PYTHON["app.py"])
        with open(os.path.join(folder, "template.yaml"), "w", encoding="utf-8") as out:
            out.write("""Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    LoggingConfig: {LogFormat: JSON}
Resources:
  InStack:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: InStack
      Runtime: python3.12
      Handler: app.handler
      CodeUri: .
      LoggingConfig: {ApplicationLogLevel: DEBUG, LogGroup: /stack/logs}
""")
        done = subprocess.run([os.path.join(BIN, "hearth"), "--endpoint", self.host.url, "deploy",
                               folder], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.host.invoke("InStack", {})
        poll("the report", lambda: "platform.report" in self.types("/stack/logs"))
        self.assertIn("quiet", [line.get("message") for line in self.objects("/stack/logs")])


if __name__ == "__main__":
    unittest.main()
