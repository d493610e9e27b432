"""The CloudWatch Logs API, asked by stock clients, over what functions have written."""
import json
import subprocess
import time
import unittest

import boto3
import botocore.config
import botocore.exceptions

from harness import HearthTest
from stock_clients import environment

WRITER = {"app.py": """
import json
def handler(event, context):
    for line in event.get("lines", []):
        print(line)
    return context.log_stream_name
"""}
GROUP = "/aws/lambda/Writer"


class LogsTest(HearthTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.create("Writer", WRITER)

    def setUp(self):
        self.logs = boto3.client(
            "logs", endpoint_url=self.host.url, region_name="us-east-1", aws_access_key_id="any",
            aws_secret_access_key="any", config=botocore.config.Config(retries={"max_attempts": 0}))
        self.addCleanup(self.logs.close)

    def cli(self, *arguments):
        return ["/usr/bin/aws", "--endpoint-url", self.host.url, "--output", "json", "logs",
                *arguments]

    def aws(self, *arguments):
        done = subprocess.run(self.cli(*arguments), capture_output=True, text=True, timeout=60,
                              env=environment(self.host))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def write(self, *lines):
        answer = self.host.invoke("Writer", {"lines": lines})
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def messages(self, **query):
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, **query)
        return [event["message"].rstrip("\n") for page in pages for event in page["events"]]

    def test_what_a_function_wrote_is_found_at_once(self):
        stream = self.write("first line", '{"level": "ERROR", "code": 7}', '{"level": "INFO"}')
        groups = self.logs.describe_log_groups(logGroupNamePrefix="/aws/")["logGroups"]
        self.assertIn(GROUP, [group["logGroupName"] for group in groups])
        streams = self.logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime",
                                                 descending=True)["logStreams"]
        self.assertIn(stream, [each["logStreamName"] for each in streams])
        events = self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream,
                                          startFromHead=True)["events"]
        self.assertIn("first line", [event["message"] for event in events])
        self.assertTrue(any(event["message"].startswith("REPORT RequestId") for event in events))
        self.assertEqual(self.messages(filterPattern='{ $.level = "ERROR" && $.code > 6 }'),
                         ['{"level": "ERROR", "code": 7}'])
        self.assertEqual(self.messages(filterPattern='"first line"'), ["first line"])

    def test_the_cli_tails_and_follows(self):
        self.write("before")
        self.assertIn("before", self.aws("tail", GROUP, "--since", "1h"))
        follow = subprocess.Popen(self.cli("tail", GROUP, "--follow", "--since", "1h",
                                           "--filter-pattern", "follow"),
                                  stdout=subprocess.PIPE, text=True,
                                  env=environment(self.host, PYTHONUNBUFFERED="1"))
        try:
            self.write("to follow 1")
            self.assertIn("to follow 1", follow.stdout.readline())
            self.write("nothing", "to follow 2")
            self.assertIn("to follow 2", follow.stdout.readline())
        finally:
            follow.kill()
            follow.wait()
            follow.stdout.close()

    def test_a_deleted_functions_logs_stay_until_their_group_is_deleted(self):
        self.host.create("Gone", WRITER)
        self.host.invoke("Gone", {"lines": ["still here"]})
        self.host.request("DELETE", "/2015-03-31/functions/Gone")
        found = self.logs.filter_log_events(logGroupName="/aws/lambda/Gone",
                                            filterPattern='"still here"')
        self.assertEqual(len(found["events"]), 1)
        self.logs.delete_log_group(logGroupName="/aws/lambda/Gone")
        with self.assertRaises(self.logs.exceptions.ResourceNotFoundException):
            self.logs.filter_log_events(logGroupName="/aws/lambda/Gone")

    def test_groups_streams_events_and_retention_outlive_a_kill(self):
        self.logs.create_log_group(logGroupName="/own", tags={"team": "a"})
        self.logs.create_log_stream(logGroupName="/own", logStreamName="s")
        self.logs.put_retention_policy(logGroupName="/own", retentionInDays=30)
        now = int(time.time() * 1000)
        self.logs.put_log_events(logGroupName="/own", logStreamName="s",
                                 logEvents=[{"timestamp": now, "message": f"{i}"} for i in range(9)])
        self.host.kill()
        self.host.start()
        self.setUp()
        group = self.logs.describe_log_groups(logGroupNamePrefix="/own")["logGroups"][0]
        self.assertEqual(group["retentionInDays"], 30)
        self.assertEqual(self.logs.list_tags_log_group(logGroupName="/own")["tags"], {"team": "a"})
        events = self.logs.get_log_events(logGroupName="/own", logStreamName="s")["events"]
        self.assertEqual([event["message"] for event in events], [f"{i}" for i in range(9)])
        with self.assertRaises(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_group(logGroupName="/own")
        described = json.loads(self.aws("describe-log-streams", "--log-group-name", "/own"))
        self.assertEqual([s["logStreamName"] for s in described["logStreams"]], ["s"])

    def test_a_search_of_a_large_group_holds_nobody_up(self):
        block = "x" * 1000
        for _ in range(12):
            self.write(*[block] * 2000)
        self.write("a needle")
        searches = [subprocess.Popen(self.cli("filter-log-events", "--log-group-name", GROUP,
                                              "--filter-pattern", "needle"),
                                     stdout=subprocess.PIPE, text=True,
                                     env=environment(self.host)) for _ in range(4)]
        while any(search.poll() is None for search in searches):
            self.assertEqual(self.host.request("GET", "/_hearth/health", timeout=5).status, 200)
        for search in searches:
            found = json.loads(search.communicate()[0])
            self.assertEqual([event["message"] for event in found["events"]], ["a needle"])

    def test_an_operation_that_is_not_served_says_so(self):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.logs.describe_metric_filters(logGroupName=GROUP)
        self.assertEqual(caught.exception.response["Error"]["Code"], "NotImplementedException")
        self.assertIn("DescribeMetricFilters", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
