"""The example of a nightly report: a year of nights is a moment where the clock is moved by hand."""
import datetime
import json
import os
import unittest
import zoneinfo

import botocore.exceptions

from harness import ROOT, poll
from s3_clients import s3_client
from test_event_templates import client_of
from test_templates import TemplateTest

EXAMPLE = os.path.join(ROOT, "examples/nightly-report")
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
DAY = datetime.timedelta(days=1)


class NightlyReport(TemplateTest):
    OPTIONS = ("--clock", "virtual")

    def setUp(self):
        super().setUp()
        self.s3 = s3_client(self.host)
        self.scheduler = client_of(self.host, "scheduler")
        for client in (self.s3, self.scheduler):
            self.addCleanup(client.close)

    def now(self):
        ms = self.host.request("GET", "/_hearth/clock").json["now_ms"]
        return datetime.datetime.fromtimestamp(ms / 1000, BERLIN)

    def report(self, day):
        try:
            answer = self.s3.get_object(Bucket="sales", Key=f"reports/{day}.json")
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        return json.loads(answer["Body"].read())

    def test_a_night_sums_the_day_before(self):
        out = self.hearth("deploy", os.path.join(EXAMPLE, "template.yaml"))
        self.assertIn("schedule/default/ReportNightly", out)
        schedule = self.scheduler.get_schedule(Name="ReportNightly")
        self.assertEqual((schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]),
                         ("cron(0 2 * * ? *)", "Europe/Berlin"))
        # To some noon: beyond the night that is yet to come, whatever time it is where this runs.
        noon = (self.now() + DAY).replace(hour=12, minute=0, second=0)
        self.hearth("clock", "advance", f"{int((noon - self.now()).total_seconds())}s")
        today = self.now().date()
        for n in (1, 2, 3):
            self.s3.put_object(Bucket="sales", Key=f"days/{today}/{n}.json",
                               Body=json.dumps({"amount": n}))
        self.s3.put_object(Bucket="sales", Key=f"days/{today + DAY}/4.json", Body=b'{"amount": 40}')
        self.hearth("clock", "advance", "24h")
        self.assertEqual(poll("a report", lambda: self.report(today), seconds=60),
                         {"day": str(today), "sales": 3, "sum": 6})
        self.hearth("clock", "advance", "24h")
        self.assertEqual(poll("the next", lambda: self.report(today + DAY), seconds=60),
                         {"day": str(today + DAY), "sales": 1, "sum": 40})
        # Each was called at two, by the clock of Berlin, and said once.
        lines = [line for line in self.hearth("logs", "Report").splitlines() if "report {" in line]
        days = [json.loads(line[line.index("report ") + 7:])["day"] for line in lines]
        self.assertEqual(sorted(days), sorted(set(days)))
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="sales"):
            for each in page.get("Contents", []):
                self.s3.delete_object(Bucket="sales", Key=each["Key"])
        self.hearth("delete", "nightly-report")
        self.assertEqual(self.scheduler.list_schedules()["Schedules"], [])


if __name__ == "__main__":
    unittest.main()
