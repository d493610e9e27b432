"""The stock clients, each pointed at the host of a test and at nothing else."""
import base64
import json
import os
import subprocess

import boto3
import botocore.config

from harness import ROOT, HearthTest, zip_of

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
               "AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-1", "AWS_PAGER": "",
               "AWS_EC2_METADATA_DISABLED": "true"}


def environment(host, **more):
    return {**CREDENTIALS, "PATH": "/usr/bin:/bin", "HOME": host.state, **more}


class Boto3Test(HearthTest):
    """With a client of its own for each test, which tries each call once."""
    CONFIG = {}

    def setUp(self):
        self.client = boto3.client(
            "lambda", endpoint_url=self.host.url, region_name="us-east-1", aws_access_key_id="any",
            aws_secret_access_key="any",
            config=botocore.config.Config(retries={"max_attempts": 0}, **self.CONFIG))
        self.addCleanup(self.client.close)


class AwsCliTest(HearthTest):
    def aws(self, *arguments, succeeds=True):
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.host.url, "--output", "json",
                               "lambda", *arguments], capture_output=True, text=True, timeout=60,
                              env=environment(self.host))
        self.assertEqual(done.returncode == 0, succeeds, done.stderr)
        return json.loads(done.stdout) if succeeds and done.stdout.strip() else done.stderr


class JavaScriptSdkTest(HearthTest):
    def assert_script_passes(self, script, first, second):
        """Runs node/SCRIPT, which finds two functions' files, zipped, in its environment."""
        done = subprocess.run(
            ["/usr/bin/node", script], cwd=os.path.join(ROOT, "tests/e2e/node"),
            env=environment(self.host, HEARTH_URL=self.host.url,
                            NODE_PATH=os.environ["HEARTH_NODE_MODULES"],
                            CODE_V1=base64.b64encode(zip_of(first)).decode(),
                            CODE_V2=base64.b64encode(zip_of(second)).decode()),
            capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all operations passed", done.stdout)
