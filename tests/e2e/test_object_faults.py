"""Objects under faults: kills at random points, and a disk that is full."""
import collections
import hashlib
import json
import os
import random
import threading
import unittest
import urllib.parse

import botocore.exceptions

from harness import Hearthd, hearthd_on_a_disk, poll
from s3_clients import s3_client
from test_queues import sqs_client

FAILURES = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, OSError)
MIB = 1 << 20


def body_of(key):
    """Anybody can tell from the key what its object holds; every tenth is large."""
    seed = random.Random(key)
    size = seed.randrange(3 * MIB) if seed.random() < 0.1 else seed.randrange(20_000)
    return seed.randbytes(size)


class ObjectDurability(unittest.TestCase):
    ROUNDS = int(os.environ.get("HEARTH_OBJECT_KILLS", "6"))

    def setUp(self):
        self.host = Hearthd()
        self.addCleanup(self.host.stop)
        s3, sqs = s3_client(self.host), sqs_client(self.host)
        s3.create_bucket(Bucket="bucket")
        sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "600"})
        s3.put_bucket_notification_configuration(
            Bucket="bucket", NotificationConfiguration={"QueueConfigurations": [{
                "QueueArn": "arn:aws:sqs:us-east-1:000000000000:events",
                "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]})
        s3.close()
        sqs.close()
        self.put, self.unsure, self.deleted, self.tried = set(), set(), set(), set()

    def until_killed(self, stop, step, name):
        client, number = s3_client(self.host), 0
        while not stop.is_set():
            try:
                step(client, f"{name}/{number}-{threading.get_ident()}")
            except FAILURES:
                break
            number += 1
        client.close()

    def put_one(self, client, key):
        self.tried.add(key)
        client.put_object(Bucket="bucket", Key=key, Body=body_of(key))
        self.put.add(key)

    def put_in_parts(self, client, key):
        key = "parts/" + key
        self.tried.add(key)
        body = random.Random(key).randbytes(5 * MIB + 100)
        where = {"Bucket": "bucket", "Key": key}
        upload = client.create_multipart_upload(**where)["UploadId"]
        parts = [{"PartNumber": n + 1, "ETag": client.upload_part(
            PartNumber=n + 1, UploadId=upload, Body=body[n * 5 * MIB:][:5 * MIB], **where)["ETag"]}
                 for n in range(2)]
        client.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **where)
        self.put.add(key)

    def delete_one(self, client, key):
        self.put_one(client, "gone/" + key)
        self.unsure.add("gone/" + key)
        client.delete_object(Bucket="bucket", Key="gone/" + key)
        self.deleted.add("gone/" + key)

    def expected(self, key):
        return random.Random(key).randbytes(5 * MIB + 100) if key.startswith("parts/") else body_of(key)

    def test_kills_at_random_points_lose_no_object_no_event_and_leave_no_bytes(self):
        for turn in range(self.ROUNDS):
            stop = threading.Event()
            threads = [threading.Thread(target=self.until_killed, args=(stop, step, str(turn)))
                       for step in (self.put_one, self.put_one, self.put_in_parts, self.delete_one)]
            for thread in threads:
                thread.start()
            target = len(self.put) + random.randint(10, 60)
            poll("objects are put", lambda t=target: len(self.put) >= t, 60)
            self.host.kill()
            stop.set()
            for thread in threads:
                thread.join()
            self.host.start()
        s3 = s3_client(self.host)
        self.addCleanup(s3.close)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")
        found = {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", [])}
        self.assertEqual(self.put - self.unsure - found.keys(), set(), "acknowledged objects are lost")
        self.assertEqual(self.deleted & found.keys(), set(), "deleted objects came back")
        self.assertEqual(found.keys() - self.tried, set())
        for key in found:
            body = s3.get_object(Bucket="bucket", Key=key)["Body"].read()
            self.assertEqual(hashlib.md5(body).digest(), hashlib.md5(self.expected(key)).digest(), key)
        self.assert_each_was_told()
        self.assert_nothing_is_left(s3, found)

    def assert_each_was_told(self):
        sqs, told = sqs_client(self.host), collections.defaultdict(set)
        self.addCleanup(sqs.close)
        url = sqs.get_queue_url(QueueName="events")["QueueUrl"]

        def all_told():
            while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                for message in messages:
                    for record in json.loads(message["Body"]).get("Records", []):
                        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
                        told[record["eventName"].partition(":")[0]].add(key)
            return self.put <= told["ObjectCreated"] and self.deleted <= told["ObjectRemoved"]
        try:
            poll("every acknowledged change is told", all_told, 60)
        except AssertionError:
            self.fail(f"not told: {self.put - told['ObjectCreated']} "
                      f"{self.deleted - told['ObjectRemoved']}")
        self.assertEqual(told["ObjectCreated"] - self.tried, set())

    def assert_nothing_is_left(self, s3, found):
        """Of what was interrupted and deleted: as many bytes as the objects have."""
        for upload in s3.list_multipart_uploads(Bucket="bucket").get("Uploads", []):
            s3.abort_multipart_upload(Bucket="bucket", Key=upload["Key"], UploadId=upload["UploadId"])

        def bytes_on_disk():
            folder = os.path.join(self.host.state, "state", "objects", "data")
            return sum(os.path.getsize(os.path.join(where, name))
                       for where, _, names in os.walk(folder) for name in names)

        def collected():
            try:
                return bytes_on_disk() == sum(found.values())
            except FileNotFoundError:
                return False
        try:
            poll("only objects have bytes", collected, 30)
        except AssertionError:
            self.fail(f"{bytes_on_disk()} bytes on the disk for {sum(found.values())} of objects")


def take_the_rest(folder):
    """Whatever else there is of the disk is taken too."""
    with open(os.path.join(folder, "ballast"), "ab", buffering=0) as ballast:
        try:
            while ballast.write(bytes(4096)):
                pass
        except OSError:
            pass


class ObjectsOnAFullDisk(unittest.TestCase):
    def test_puts_are_refused_while_gets_and_deletes_live_on(self):
        with hearthd_on_a_disk(self, "80m") as (host, state):
            host.start()
            s3 = s3_client(host)
            self.addCleanup(s3.close)
            s3.create_bucket(Bucket="bucket")
            body, taken = os.urandom(2 * MIB), 0
            while taken < 100:
                try:
                    s3.put_object(Bucket="bucket", Key=str(taken), Body=body)
                except botocore.exceptions.ClientError as error:
                    self.assertEqual(error.response["Error"]["Code"], "SlowDown", error)
                    self.assertIn("the disk is full", error.response["Error"]["Message"])
                    break
                taken += 1
            self.assertGreater(taken, 10)
            self.assertLess(taken, 100)
            for key in range(taken):
                self.assertEqual(s3.get_object(Bucket="bucket", Key=str(key))["Body"].read(), body)
            host.kill()
            host.start()
            take_the_rest(state)  # What the start gave back too: the logs of the databases.
            s3 = s3_client(host)
            self.addCleanup(s3.close)
            self.assertEqual(len(s3.list_objects_v2(Bucket="bucket")["Contents"]), taken)
            with self.assertRaises(botocore.exceptions.ClientError) as refused:
                s3.put_object(Bucket="bucket", Key="refused", Body=body)
            self.assertEqual(refused.exception.response["Error"]["Code"], "SlowDown")
            for key in range(0, taken, 2):
                s3.delete_object(Bucket="bucket", Key=str(key))

            def put_again():
                try:
                    return s3.put_object(Bucket="bucket", Key="again", Body=body)
                except botocore.exceptions.ClientError:
                    return None
            poll("deletes make room", put_again, 30)


if __name__ == "__main__":
    unittest.main()
