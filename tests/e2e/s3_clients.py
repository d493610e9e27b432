"""The stock clients of the object store."""
import contextlib
import subprocess

import boto3
import botocore.config
import botocore.exceptions

from harness import HearthTest
from stock_clients import environment


def s3_client(host, style="path", **config):
    return boto3.client("s3", endpoint_url=host.url, region_name="us-east-1",
                        aws_access_key_id="any", aws_secret_access_key="any",
                        config=botocore.config.Config(retries={"max_attempts": 0},
                                                      max_pool_connections=40,
                                                      s3={"addressing_style": style}, **config))


class ObjectsTest(HearthTest):
    """With a client, and a bucket of its own for each test."""

    def setUp(self):
        self.s3 = s3_client(self.host)
        self.addCleanup(self.s3.close)
        self.bucket = self.id().rpartition(".")[2].replace("_", "-")[-60:].strip("-")
        self.s3.create_bucket(Bucket=self.bucket)

    @contextlib.contextmanager
    def refused(self, code, status=None, message=None):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            yield caught
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code, error)
        if status is not None:
            self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], status, error)
        if message is not None:
            self.assertEqual(error["Error"]["Message"], message)

    def put(self, key, body=b"x", **more):
        return self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key, **more):
        return self.s3.get_object(Bucket=self.bucket, Key=key, **more)["Body"].read()

    def keys(self, **more):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, **more)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def aws(self, *arguments, succeeds=True):
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.host.url, *arguments],
                              capture_output=True, text=True, timeout=120,
                              env=environment(self.host))
        self.assertEqual(done.returncode == 0, succeeds, done.stdout + done.stderr)
        return done.stdout if succeeds else done.stderr
