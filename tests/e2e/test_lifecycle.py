"""Lifecycles of buckets: what they ask is done at midnight, under a clock that the test moves."""
import datetime
import json
import unittest

from harness import Hearthd, poll
from s3_clients import ObjectsTest, s3_client
from test_queues import sqs_client

DAY_MS = 86_400_000


def advance(host, ms):
    answer = host.request("POST", "/_hearth/clock", json.dumps({"advance_ms": ms}))
    if answer.status != 200:
        raise AssertionError(answer.body)
    return answer.json["now_ms"]


def to_midnight(host):
    """Leaves a moment before the next one."""
    return advance(host, DAY_MS - 1 - advance(host, 0) % DAY_MS)


def rules(client, bucket, *each):
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={
        "Rules": [{"ID": f"r{i}", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}
                  for i, rule in enumerate(each)]})


class Lifecycles(ObjectsTest):
    OPTIONS = ("--clock", "virtual")

    def setUp(self):
        super().setUp()
        self.sqs = sqs_client(self.host)
        self.addCleanup(self.sqs.close)
        # What is told on a day of a long move is still there at its end.
        self.url = self.sqs.create_queue(QueueName=self.bucket[:60], Attributes={
            "MessageRetentionPeriod": "1209600"})["QueueUrl"]
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": [{
                "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{self.bucket[:60]}",
                "Events": ["s3:LifecycleExpiration:*"]}]})

    def told(self):
        """The records that have come, without the test of the configuration."""
        out = []
        while True:
            got = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages")
            if not got:
                return out
            for each in got:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
                out += json.loads(each["Body"]).get("Records", [])

    def test_an_object_is_gone_after_its_days_and_is_told_of(self):
        rules(self.s3, self.bucket, {"Filter": {"Prefix": "in/"}, "Expiration": {"Days": 1}})
        to_midnight(self.host)
        put = self.put("in/a b", b"hello")
        due = datetime.datetime.fromtimestamp(
            (advance(self.host, 0) // DAY_MS + 2) * 86400, datetime.timezone.utc)
        expected = due.strftime('expiry-date="%a, %d %b %Y %H:%M:%S GMT", rule-id="r0"')
        self.put("out/a")
        for answer in (put, self.s3.get_object(Bucket=self.bucket, Key="in/a b"),
                       self.s3.head_object(Bucket=self.bucket, Key="in/a b"),
                       self.s3.copy_object(Bucket=self.bucket, Key="in/copy", CopySource={
                           "Bucket": self.bucket, "Key": "in/a b"})):
            self.assertEqual(answer["Expiration"], expected)
        self.assertNotIn("Expiration", self.s3.head_object(Bucket=self.bucket, Key="out/a"))
        advance(self.host, DAY_MS)
        self.assertEqual(self.keys(), ["in/a b", "in/copy", "out/a"])
        advance(self.host, 1)
        self.assertEqual(self.keys(), ["out/a"])
        records = self.told()
        self.assertEqual(sorted(each["s3"]["object"]["key"] for each in records),
                         ["in/a+b", "in/copy"])
        for record in records:
            self.assertEqual(record["eventName"], "LifecycleExpiration:Delete")
            self.assertEqual(record["userIdentity"], {"principalId": "s3.amazonaws.com"})
            self.assertEqual(record["requestParameters"], {"sourceIPAddress": "s3.amazonaws.com"})

    def test_a_long_move_does_what_each_midnight_on_its_way_asks(self):
        self.s3.put_bucket_versioning(Bucket=self.bucket,
                                      VersioningConfiguration={"Status": "Enabled"})
        rules(self.s3, self.bucket,
              {"Expiration": {"Days": 2}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}},
              {"Expiration": {"ExpiredObjectDeleteMarker": True},
               "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 5}})
        self.put("k", b"1")
        self.put("k", b"2")
        self.s3.create_multipart_upload(Bucket=self.bucket, Key="upload")
        advance(self.host, 10 * DAY_MS)
        left = self.s3.list_object_versions(Bucket=self.bucket)
        self.assertNotIn("Versions", left)
        self.assertNotIn("DeleteMarkers", left)
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket=self.bucket))
        records = self.told()
        self.assertEqual(sorted(each["eventName"] for each in records),
                         ["LifecycleExpiration:Delete"] * 3 +
                         ["LifecycleExpiration:DeleteMarkerCreated"])
        # Each on a day of its own: the marker, what it hid a day before that, what it hid, it.
        self.assertEqual(len({each["eventTime"][:10] for each in records}), 4)


class Restarted(unittest.TestCase):
    def test_a_midnight_is_made_up_for_after_a_kill(self):
        host = Hearthd("--clock", "virtual")
        client = s3_client(host)
        client.create_bucket(Bucket="made-up-for")
        client.put_object(Bucket="made-up-for", Key="k", Body=b"x")
        advance(host, 2 * DAY_MS)
        # The rule comes after the midnight: the next one would be the first to do it.
        rules(client, "made-up-for", {"Expiration": {"Days": 1}})
        client.head_object(Bucket="made-up-for", Key="k")
        client.close()
        host.kill()
        host.start()
        client = s3_client(host)
        poll("it is gone", lambda: "Contents" not in client.list_objects_v2(Bucket="made-up-for"))
        client.close()
        host.stop()
