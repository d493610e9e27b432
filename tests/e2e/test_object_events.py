"""Notifications of buckets: to functions and to queues, and from another store's webhook."""
import json
import unittest
import urllib.parse

import boto3

from harness import poll
from s3_clients import ObjectsTest
from test_queues import sqs_client

ACCOUNT = "000000000000"
# Appends what it gets to a queue of its own making, through the endpoint inside its sandbox.
TELLER = {"app.py": "import boto3, json\n"
                    "sqs = boto3.client('sqs')\n"
                    "def handler(event, context):\n"
                    "    url = sqs.get_queue_url(QueueName='told')['QueueUrl']\n"
                    "    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))\n"}


class ObjectEvents(ObjectsTest):
    def setUp(self):
        super().setUp()
        self.sqs = sqs_client(self.host)
        self.addCleanup(self.sqs.close)
        self.queue = self.bucket[:60]
        self.url = self.sqs.create_queue(QueueName=self.queue)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.queue}"

    def configure(self, **more):
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": [{
                "Id": "rule", "QueueArn": self.arn, **more}]})

    def messages(self, count, url=None):
        got = []

        def received():
            for each in self.sqs.receive_message(QueueUrl=url or self.url, MaxNumberOfMessages=10,
                                                 WaitTimeSeconds=1).get("Messages", []):
                got.append(json.loads(each["Body"]))
                self.sqs.delete_message(QueueUrl=url or self.url, ReceiptHandle=each["ReceiptHandle"])
            return len(got) >= count
        poll(f"{count} messages", received, 30)
        self.assertEqual(len(got), count, got)
        return got

    def test_a_queue_is_tested_and_then_told_of_each_change_that_fits(self):
        self.configure(Events=["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"],
                       Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"},
                                                       {"Name": "Suffix", "Value": ".txt"}]}})
        test = self.messages(1)[0]
        self.assertEqual((test["Service"], test["Event"], test["Bucket"]),
                         ("Amazon S3", "s3:TestEvent", self.bucket))
        self.put("out/a.txt")
        self.put("in/a.bin")
        etag = self.put("in/a b+ü.txt", b"hello")["ETag"].strip('"')
        self.s3.copy_object(Bucket=self.bucket, Key="in/copy.txt",
                            CopySource={"Bucket": self.bucket, "Key": "in/a b+ü.txt"})
        self.s3.put_object_tagging(Bucket=self.bucket, Key="in/copy.txt", Tagging={"TagSet": [
            {"Key": "a", "Value": "b"}]})
        self.s3.delete_object_tagging(Bucket=self.bucket, Key="in/copy.txt")
        self.s3.delete_object(Bucket=self.bucket, Key="in/copy.txt")
        records = {record["eventName"]: record
                   for record in (message["Records"][0] for message in self.messages(5))}
        self.assertEqual(sorted(records), ["ObjectCreated:Copy", "ObjectCreated:Put",
                                           "ObjectRemoved:Delete", "ObjectTagging:Delete",
                                           "ObjectTagging:Put"])
        first, last = records["ObjectCreated:Put"], records["ObjectRemoved:Delete"]
        self.assertLess(records["ObjectCreated:Copy"]["s3"]["object"]["sequencer"],
                        last["s3"]["object"]["sequencer"])
        self.assertEqual(first["eventSource"], "aws:s3")
        self.assertEqual(first["awsRegion"], "us-east-1")
        self.assertEqual(first["s3"]["configurationId"], "rule")
        self.assertEqual(first["s3"]["bucket"]["arn"], "arn:aws:s3:::" + self.bucket)
        self.assertEqual(first["s3"]["object"]["key"], urllib.parse.quote_plus("in/a b+ü.txt", safe="/"))
        self.assertEqual((first["s3"]["object"]["size"], first["s3"]["object"]["eTag"]), (5, etag))
        self.assertNotIn("size", last["s3"]["object"])

    def test_a_versioned_bucket_tells_of_markers_and_versions(self):
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.configure(Events=["s3:ObjectCreated:*", "s3:ObjectRemoved:*"])
        self.messages(1)
        version = self.put("k")["VersionId"]
        marker = self.s3.delete_object(Bucket=self.bucket, Key="k")["VersionId"]
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=version)
        told = sorted((record["Records"][0] for record in self.messages(3)),
                      key=lambda record: record["s3"]["object"]["sequencer"])
        self.assertEqual([(each["eventName"], each["s3"]["object"]["versionId"]) for each in told],
                         [("ObjectCreated:Put", version), ("ObjectRemoved:DeleteMarkerCreated", marker),
                          ("ObjectRemoved:Delete", version)])

    def test_a_function_is_invoked_for_an_upload_in_parts_and_a_form(self):
        told = self.sqs.create_queue(QueueName="told")["QueueUrl"]
        self.host.create("Teller", TELLER, Timeout=20)
        lambdas = boto3.client("lambda", endpoint_url=self.host.url, region_name="us-east-1",
                               aws_access_key_id="any", aws_secret_access_key="any")
        self.addCleanup(lambdas.close)
        lambdas.add_permission(FunctionName="Teller", StatementId="s3", Action="lambda:InvokeFunction",
                               Principal="s3.amazonaws.com", SourceAccount=ACCOUNT,
                               SourceArn="arn:aws:s3:::" + self.bucket)
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [{
                "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:Teller",
                "Events": ["s3:ObjectCreated:*"]}]})
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="parts")["UploadId"]
        etag = self.s3.upload_part(Bucket=self.bucket, Key="parts", UploadId=upload, PartNumber=1,
                                   Body=b"part")["ETag"]
        self.s3.complete_multipart_upload(Bucket=self.bucket, Key="parts", UploadId=upload,
                                          MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        self.put("whole")
        names = sorted(message["Records"][0]["eventName"] for message in self.messages(2, told))
        self.assertEqual(names, ["ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Put"])

    def test_targets_that_are_not_there_or_do_not_let_the_store_in_are_refused(self):
        with self.refused("InvalidArgument", 400,
                          "Unable to validate the following destination configurations"):
            self.s3.put_bucket_notification_configuration(
                Bucket=self.bucket, NotificationConfiguration={"QueueConfigurations": [{
                    "QueueArn": self.arn + "-none", "Events": ["s3:ObjectCreated:*"]}]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage", "Resource": self.arn}]})})
        with self.refused("InvalidArgument", 400):
            self.configure(Events=["s3:ObjectCreated:*"])
        with self.refused("InvalidArgument", 400):
            self.configure(Events=["s3:ObjectInvented:*"])
        got = self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        self.assertNotIn("QueueConfigurations", got)

    def test_what_was_configured_is_given_back_and_taken_away(self):
        self.configure(Events=["s3:ObjectCreated:Put"])
        got = self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        self.assertEqual(got["QueueConfigurations"], [{
            "Id": "rule", "QueueArn": self.arn, "Events": ["s3:ObjectCreated:Put"]}])
        self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
        self.messages(1)
        self.put("k")
        self.assertNotIn("Messages", self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=1))

    def test_an_outside_store_s_events_take_the_same_way(self):
        self.configure(Events=["s3:ObjectCreated:*"])
        self.messages(1)
        record = {"eventVersion": "2.0", "eventSource": "minio:s3", "awsRegion": "",
                  "eventTime": "2026-11-28T12:00:00.000Z", "eventName": "s3:ObjectCreated:Put",
                  "s3": {"s3SchemaVersion": "1.0", "configurationId": "Config",
                         "bucket": {"name": self.bucket, "arn": "arn:aws:s3:::" + self.bucket},
                         "object": {"key": "a+b%2Bc", "size": 7, "eTag": "abc", "sequencer": "17C5"}}}
        body = json.dumps({"EventName": "s3:ObjectCreated:Put", "Key": f"{self.bucket}/a b+c",
                           "Records": [record]})
        answer = self.host.request("POST", "/_hearth/s3-events", body,
                                   {"Content-Type": "application/json"})
        self.assertEqual(answer.status, 200, answer.body)
        told = self.messages(1)[0]["Records"][0]
        self.assertEqual((told["eventName"], told["s3"]["object"]["key"], told["s3"]["object"]["size"]),
                         ("ObjectCreated:Put", "a+b%2Bc", 7))
        self.assertEqual(self.host.request("POST", "/_hearth/s3-events", "{").status, 400)


if __name__ == "__main__":
    unittest.main()
