"""Stock runtime clients run unmodified inside a sandbox: npm's aws-lambda-ric on `provided`."""
import os
import unittest

from harness import HearthTest

# What the ric's own documentation says: run its program with the handler's name.
BOOTSTRAP = "#!/bin/sh\nexec /usr/bin/node node_modules/aws-lambda-ric/bin/index.mjs index.handler\n"


def tree(folder):
    files = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            if os.path.islink(path):
                continue
            mark = "!" if os.access(path, os.X_OK) else ""
            with open(path, "rb") as source:
                files["node_modules/" + os.path.relpath(path, folder) + mark] = source.read()
    return files


def ric_files():
    """All of a function on aws-lambda-ric, but its index.js."""
    modules = os.environ["HEARTH_NODE_MODULES"]
    files = {"node_modules/aws-lambda-ric/" + k[len("node_modules/"):]: v
             for k, v in tree(os.path.join(modules, "aws-lambda-ric")).items()}
    return {**files, "bootstrap!": BOOTSTRAP}


class StockRuntimes(HearthTest):
    def test_aws_lambda_ric_serves_a_function(self):
        files = ric_files()
        files["index.js"] = ("exports.handler = async (event, context) =>"
                             " ({got: event, id: context.awsRequestId});\n")
        self.host.create("Ric", files, runtime="provided.al2023", handler="index.handler",
                         MemorySize=256, Timeout=20)
        for number in range(3):
            answer = self.host.invoke("Ric", {"n": number})
            self.assertEqual(answer.json["got"], {"n": number}, answer.log)
            self.assertEqual(answer.json["id"], answer.headers["x-amzn-requestid"])


if __name__ == "__main__":
    unittest.main()
