"""Function URLs: their configuration, what a function hears of a request, and what becomes of its answer."""
import base64
import http.client
import json
import subprocess
import unittest
from urllib.parse import quote

from harness import HearthTest
from stock_clients import AwsCliTest, Boto3Test

ECHO = """
import json
def handler(event, context):
    do = json.loads(event.get('queryStringParameters', {}).get('do', '{}'))
    if do.get('raise'):
        raise ValueError(do['raise'])
    return do['answer'] if 'answer' in do else {'event': event, 'arn': context.invoked_function_arn}
"""
STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const do_ = JSON.parse(event.queryStringParameters.do);
  if (do_.metadata) stream = awslambda.HttpResponseStream.from(stream, do_.metadata);
  if (do_.type) stream.setContentType(do_.type);
  if (do_.throwFirst) throw new Error('early');
  if (do_.long) stream.write('x'.repeat(do_.long));
  for (const piece of do_.pieces || []) stream.write(piece);
  if (do_.wait) await new Promise((done) => setTimeout(done, do_.wait));
  if (do_.throwLast) throw new Error('late');
  stream.end();
});
"""
SIGNED = {"X-Amz-Date": "20260806T123456Z",
          "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20260806/us-east-1/lambda/aws4_request, "
                           "SignedHeaders=host;x-amz-date, Signature=" + "0a" * 32}


class Urls(HearthTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.create("Echo", {"app.py": ECHO})
        cls.host.create("Stream", {"app.js": STREAM}, runtime="nodejs20.x", Timeout=10)
        cls.url = cls.make("Echo")
        cls.stream_url = cls.make("Stream", InvokeMode="RESPONSE_STREAM")

    @classmethod
    def config(cls, method, name, part="url", body=None, query=""):
        return cls.host.request(method, f"/2021-10-31/functions/{name}/{part}{query}",
                                None if body is None else json.dumps(body),
                                {"Host": f"localhost:{cls.host.port}"})

    @classmethod
    def make(cls, name, query="", **settings):
        answer = cls.config("POST", name, body={"AuthType": "NONE", **settings}, query=query)
        assert answer.status == 201, answer.body
        return answer.json["FunctionUrl"]

    def ask(self, url, path="/", method="GET", body=None, headers=None, do=None):
        """Speaks to the URL's host by its name, as curl and browsers resolve *.localhost."""
        if do is not None:
            path += "?do=" + quote(json.dumps(do))
        return self.host.request(method, path, body,
                                 {"Host": url[len("http://"):].rstrip("/"), **(headers or {})})

    # --- Configuration

    def test_a_url_has_a_life(self):
        self.host.create("Life", {"app.py": ECHO})
        made = self.config("POST", "Life", body={"AuthType": "AWS_IAM", "Cors": {
            "AllowOrigins": ["*"], "MaxAge": 60}})
        self.assertEqual(made.status, 201)
        self.assertRegex(made.json["FunctionUrl"],
                         rf"^http://[0-9a-f]{{32}}\.lambda-url\.us-east-1\.localhost:{self.host.port}/$")
        self.assertEqual(made.json["Cors"], {"AllowOrigins": ["*"], "MaxAge": 60})
        self.assertEqual((made.json["AuthType"], made.json["InvokeMode"]), ("AWS_IAM", "BUFFERED"))
        self.assertEqual(self.config("GET", "Life").json, made.json)
        changed = self.config("PUT", "Life", body={"AuthType": "NONE"})
        self.assertEqual(changed.json["AuthType"], "NONE")
        self.assertEqual(changed.json["FunctionUrl"], made.json["FunctionUrl"])
        self.assertEqual(self.config("GET", "Life", "urls").json["FunctionUrlConfigs"], [changed.json])
        self.assertEqual(self.ask(changed.json["FunctionUrl"]).status, 200)
        self.assertEqual(self.config("DELETE", "Life").status, 204)
        self.assertEqual(self.ask(changed.json["FunctionUrl"]).status, 404)

    def test_each_named_error(self):
        self.host.create("Errors", {"app.py": ECHO})
        self.make("Errors")
        self.host.create("Bare", {"app.py": ECHO})
        none = {"AuthType": "NONE"}
        for method, name, query, body, status, error, message in (
                ("POST", "Errors", "", none, 409, "ResourceConflictException",
                 "Failed to create function url config for \\[functionArn = arn:aws:lambda:us-east-1:"
                 "000000000000:function:Errors\\]. Error message:  FunctionUrlConfig exists"),
                ("POST", "Nobody", "", none, 404, "ResourceNotFoundException", "^Function does not exist$"),
                ("POST", "Errors", "?Qualifier=no", none, 404, "ResourceNotFoundException",
                 "^Function does not exist$"),
                ("POST", "Errors", "?Qualifier=1", none, 400, "ValidationException", "'qualifier'"),
                ("POST", "Errors", "?Qualifier=$LATEST", none, 400, "ValidationException", "'qualifier'"),
                ("PUT", "Errors", "", {"AuthType": "X"}, 400, "ValidationException",
                 "enum value set: \\[NONE, AWS_IAM\\]"),
                ("PUT", "Errors", "", {"InvokeMode": "X"}, 400, "ValidationException", "'invokeMode'"),
                ("PUT", "Errors", "", {"Cors": {"MaxAge": 86401}}, 400, "ValidationException", "maxAge"),
                ("PUT", "Errors", "", {"Cors": {"AllowMethods": ["OPTIONS"]}}, 400,
                 "ValidationException", "allowMethods"),
                ("POST", "Bare", "", {}, 400, "ValidationException", "'authType'"),
                ("GET", "Nobody", "", None, 404, "ResourceNotFoundException", "resource you requested"),
                ("PUT", "Stream", "?Qualifier=no", none, 404, "ResourceNotFoundException",
                 "^Function does not exist$"),
                ("DELETE", "Nobody", "", None, 404, "ResourceNotFoundException", "resource")):
            answer = self.config(method, name, body=body, query=query)
            self.assertEqual((answer.status, answer.headers["x-amzn-errortype"]), (status, error),
                             (method, name, query, body, answer.body))
            self.assertRegex(answer.json["message"], message)

    def test_an_alias_has_a_url_of_its_own_which_goes_with_it(self):
        self.host.create("Aliased", {"app.py": ECHO}, Publish=True)
        self.host.request("POST", "/2015-03-31/functions/Aliased/aliases",
                          json.dumps({"Name": "live", "FunctionVersion": "1"}))
        url = self.make("Aliased", "?Qualifier=live")
        self.assertTrue(self.ask(url).json["arn"].endswith(":function:Aliased:live"))
        self.host.request("DELETE", "/2015-03-31/functions/Aliased/aliases/live")
        self.assertEqual(self.ask(url).status, 404)

    def test_urls_survive_a_kill_and_go_with_their_function(self):
        self.host.create("Kept", {"app.py": ECHO})
        url = self.make("Kept")
        before = self.config("GET", "Kept").json
        port = self.host.port
        self.host.kill()
        self.host.start()
        after = self.config("GET", "Kept").json
        self.assertEqual(after["FunctionUrl"].replace(str(self.host.port), str(port)),
                         before["FunctionUrl"])
        self.assertEqual(self.ask(url).status, 200)
        self.host.request("DELETE", "/2015-03-31/functions/Kept")
        self.assertEqual(self.ask(url).status, 404)
        self.host.create("Kept", {"app.py": ECHO})
        self.assertEqual(self.ask(url).status, 404)

    # --- Requests

    def test_the_event_is_payload_format_2(self):
        answer = self.ask(self.url, "/a%20b/c?x=1&x=2&y=a%2Bb+c&z", "POST", b'{"a": 1}',
                          {"Content-Type": "application/json", "Cookie": "a=1; b=2", "X-Custom": "Ü",
                           "User-Agent": "me"})
        self.assertEqual(answer.status, 200, answer.body)
        event = answer.json["event"]
        self.assertEqual({k: event[k] for k in ("version", "routeKey", "rawPath", "rawQueryString",
                                                "cookies", "body", "isBase64Encoded",
                                                "queryStringParameters")},
                         {"version": "2.0", "routeKey": "$default", "rawPath": "/a b/c",
                          "rawQueryString": "x=1&x=2&y=a%2Bb+c&z", "cookies": ["a=1", "b=2"],
                          "body": '{"a": 1}', "isBase64Encoded": False,
                          "queryStringParameters": {"x": "1,2", "y": "a+b c", "z": ""}})
        self.assertEqual(event["headers"]["content-type"], "application/json")
        self.assertEqual(event["headers"]["x-forwarded-for"], "127.0.0.1")
        self.assertNotIn("cookie", event["headers"])
        self.assertTrue(all(name == name.lower() for name in event["headers"]))
        context = event["requestContext"]
        self.assertEqual(context["http"], {"method": "POST", "path": "/a b/c", "protocol": "HTTP/1.1",
                                           "sourceIp": "127.0.0.1", "userAgent": "me"})
        self.assertEqual((context["accountId"], context["stage"]), ("anonymous", "$default"))
        self.assertEqual(context["requestId"], answer.headers["x-amzn-requestid"])
        self.assertTrue(context["domainName"].startswith(context["domainPrefix"] + ".lambda-url."))

    def test_what_is_no_text_goes_in_base64(self):
        for kind, body in (("application/octet-stream", b"\x00\xff"), ("text/plain", b"\xff"),
                           ("image/png", b"abc")):
            event = self.ask(self.url, "/", "PUT", body, {"Content-Type": kind}).json["event"]
            self.assertTrue(event["isBase64Encoded"], kind)
            self.assertEqual(base64.b64decode(event["body"]), body)

    def test_paths_of_the_hosts_own_are_the_functions_there(self):
        for path in ("/_hearth/ps", "/2015-03-31/functions/Echo/invocations"):
            self.assertEqual(self.ask(self.url, path).json["event"]["rawPath"], path)

    def test_a_request_over_6_mb_is_refused(self):
        self.assertEqual(self.ask(self.url, "/", "POST", b"x" * (6 * 1024 * 1024 + 1)).status, 413)
        self.assertEqual(self.ask(self.url, "/", "POST", b"x" * (5 * 1024 * 1024)).status, 413)

    def test_an_unknown_url_is_not_found(self):
        self.assertEqual(self.ask("http://" + "0" * 32 + ".lambda-url.us-east-1.localhost/").status, 404)

    # --- Answers

    def test_answers_become_responses(self):
        for answer, status, body, kind in (
                ({"statusCode": 201, "body": "made", "headers": {"Content-Type": "text/plain"}},
                 201, b"made", "text/plain"),
                ({"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(),
                  "isBase64Encoded": True}, 200, b"\x00\xff", "application/json"),
                ({"message": "plain"}, 200, b'{"message": "plain"}', "application/json"),
                ("text", 200, b'"text"', "application/json"),
                ([1], 200, b"[1]", "application/json"),
                (None, 200, b"null", "application/json"),
                ({"statusCode": 204}, 204, b"", "application/json")):
            got = self.ask(self.url, do={"answer": answer})
            self.assertEqual((got.status, got.body, got.headers["content-type"]),
                             (status, body, kind), answer)

    def test_fields_and_cookies_are_passed_on(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port)
        self.addCleanup(connection.close)
        answer = {"statusCode": 200, "headers": {"X-A": 1, "X-B": True, "Content-Length": "9",
                                                 "X-C": "a\r\nX-Evil: 1"},
                  "cookies": ["a=1; Path=/", "b=2"], "body": "ok"}
        connection.request("GET", "/?do=" + quote(json.dumps({"answer": answer})),
                           headers={"Host": self.url[7:].rstrip("/")})
        response = connection.getresponse()
        self.assertEqual(response.read(), b"ok")
        headers = response.headers
        self.assertEqual(headers.get_all("Set-Cookie"), ["a=1; Path=/", "b=2"])
        self.assertEqual((headers["X-A"], headers["X-B"], headers["Content-Length"],
                          headers["x-amzn-Remapped-Content-Length"]), ("1", "true", "2", "9"))
        self.assertIsNone(headers["X-Evil"])

    def test_what_is_no_response_is_a_502(self):
        for answer in ({"statusCode": "x"}, {"statusCode": 99}, {"statusCode": 600},
                       {"statusCode": 100}, {"statusCode": 200, "body": {}},
                       {"statusCode": 200, "headers": {"a b": "c"}},
                       {"statusCode": 200, "headers": {"a": []}}, {"statusCode": 200, "cookies": "a"},
                       {"statusCode": 200, "body": "?", "isBase64Encoded": True}):
            got = self.ask(self.url, do={"answer": answer})
            self.assertEqual((got.status, got.body), (502, b"Internal Server Error"), answer)
        self.assertEqual(self.ask(self.url, do={"raise": "no"}).status, 502)

    def test_a_head_request_has_no_body(self):
        got = self.ask(self.url, method="HEAD")
        self.assertEqual((got.status, got.body), (200, b""))

    def test_no_room_for_the_call_is_a_429(self):
        self.host.create("Blocked", {"app.py": ECHO})
        url = self.make("Blocked")
        done = self.host.request("PUT", "/2017-10-31/functions/Blocked/concurrency",
                                 json.dumps({"ReservedConcurrentExecutions": 0}))
        self.assertEqual(done.status, 200, done.body)
        got = self.ask(url)
        self.assertEqual((got.status, got.headers["x-amzn-errortype"]),
                         (429, "TooManyRequestsException"))

    # --- Who may

    def test_iam_asks_for_a_signature(self):
        self.host.create("Iam", {"app.py": ECHO})
        url = self.make("Iam", AuthType="AWS_IAM")
        for headers in ({}, {"Authorization": "Bearer x"}, {**SIGNED, "X-Amz-Date": "today"},
                        {**SIGNED, "Authorization": SIGNED["Authorization"].replace("0a", "0G")},
                        {**SIGNED, "Authorization": SIGNED["Authorization"].replace("/lambda/", "/s3/")}):
            got = self.ask(url, headers=headers)
            self.assertEqual((got.status, got.headers["x-amzn-errortype"]),
                             (403, "AccessDeniedException"))
            self.assertRegex(got.json["Message"], "^Forbidden")
        context = self.ask(url, headers=SIGNED).json["event"]["requestContext"]
        self.assertEqual(context["authorizer"]["iam"]["accessKey"], "AKID")

    def test_cors_is_the_hosts_to_say(self):
        self.host.create("Cors", {"app.py": ECHO})
        url = self.make("Cors", Cors={"AllowOrigins": ["http://good"], "AllowMethods": ["GET", "PUT"],
                                      "AllowHeaders": ["x-a"], "ExposeHeaders": ["x-b"],
                                      "AllowCredentials": True, "MaxAge": 5})
        preflight = {"Access-Control-Request-Method": "GET"}
        got = self.ask(url, "/", "OPTIONS", headers={"Origin": "http://good", **preflight})
        self.assertEqual((got.status, got.body), (200, b""))
        self.assertEqual({k[len("access-control-"):]: v for k, v in got.headers.items()
                          if k.startswith("access-control-")},
                         {"allow-origin": "http://good", "allow-methods": "GET,PUT",
                          "allow-headers": "x-a", "max-age": "5", "allow-credentials": "true",
                          "expose-headers": "x-b"})
        got = self.ask(url, "/", "OPTIONS", headers={"Origin": "http://bad", **preflight})
        self.assertNotIn("access-control-allow-origin", got.headers)
        evil = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "http://evil"}}
        got = self.ask(url, do={"answer": evil}, headers={"Origin": "http://good"})
        self.assertEqual(got.headers["access-control-allow-origin"], "http://good")
        got = self.ask(url, do={"answer": evil}, headers={"Origin": "http://bad"})
        self.assertNotIn("access-control-allow-origin", got.headers)
        # Without a configuration it is the function's.
        got = self.ask(self.url, "/", "OPTIONS", headers={"Origin": "http://x", **preflight})
        self.assertEqual(got.json["event"]["requestContext"]["http"]["method"], "OPTIONS")

    # --- In pieces

    def test_the_prelude_is_the_head_of_a_streamed_response(self):
        got = self.ask(self.stream_url, do={
            "metadata": {"statusCode": 202, "headers": {"X-A": "b"}, "cookies": ["c=d"]},
            "pieces": ["one ", "two"]})
        self.assertEqual((got.status, got.body), (202, b"one two"))
        self.assertEqual((got.headers["x-a"], got.headers["set-cookie"]), ("b", "c=d"))
        self.assertEqual(got.headers["transfer-encoding"], "chunked")
        got = self.ask(self.stream_url, do={"pieces": ["plain"], "type": "text/plain"})
        self.assertEqual((got.status, got.body, got.headers["content-type"]),
                         (200, b"plain", "text/plain"))

    def test_the_first_piece_is_there_before_the_end_and_a_failure_cuts_the_connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port, timeout=30)
        self.addCleanup(connection.close)
        do = {"metadata": {"statusCode": 200}, "pieces": ["first"], "wait": 500, "throwLast": True}
        connection.request("GET", "/?do=" + quote(json.dumps(do)),
                           headers={"Host": self.stream_url[7:].rstrip("/")})
        response = connection.getresponse()
        self.assertEqual(response.read(5), b"first")
        self.assertIn("busy", [i["state"] for i in self.host.ps() if i["function"] == "Stream"])
        with self.assertRaises(http.client.IncompleteRead):
            response.read()

    def test_a_stream_that_is_none_is_a_502(self):
        for do in ({"throwFirst": True}, {"metadata": {"statusCode": "x"}, "pieces": ["a"]},
                   {"type": "application/vnd.awslambda.http-integration-response", "pieces": ["{"]},
                   {"type": "application/vnd.awslambda.http-integration-response",
                    "long": 70000}):
            self.assertEqual(self.ask(self.stream_url, do=do).status, 502, str(do)[:100])

    def test_a_streaming_function_behind_a_buffered_url_is_collected(self):
        self.host.create("Collected", {"app.js": STREAM}, runtime="nodejs20.x")
        url = self.make("Collected")
        got = self.ask(url, do={"metadata": {"statusCode": 202}, "pieces": ["a", "b"]})
        self.assertEqual((got.status, got.body), (202, b"ab"))

    def test_curl_speaks_to_it(self):
        done = subprocess.run(["curl", "-sS", "--resolve", f"*:{self.host.port}:127.0.0.1",
                               self.url + "by-curl"], capture_output=True, text=True, timeout=30)
        self.assertEqual(json.loads(done.stdout)["event"]["rawPath"], "/by-curl", done.stderr)


class UrlsByBoto3(Boto3Test):
    def test_boto3_drives_them(self):
        self.host.create("Boto", {"app.py": ECHO})
        made = self.client.create_function_url_config(FunctionName="Boto", AuthType="NONE")
        self.assertEqual(self.client.get_function_url_config(FunctionName="Boto")["FunctionUrl"],
                         made["FunctionUrl"])
        self.client.update_function_url_config(FunctionName="Boto", Cors={"AllowOrigins": ["*"]})
        listed = self.client.list_function_url_configs(FunctionName="Boto")["FunctionUrlConfigs"]
        self.assertEqual(listed[0]["Cors"], {"AllowOrigins": ["*"]})
        self.client.delete_function_url_config(FunctionName="Boto")
        with self.assertRaises(self.client.exceptions.ResourceNotFoundException):
            self.client.get_function_url_config(FunctionName="Boto")


class UrlsByAwsCli(AwsCliTest):
    def test_the_aws_cli_drives_them(self):
        self.host.create("Cli", {"app.py": ECHO})
        made = self.aws("create-function-url-config", "--function-name", "Cli", "--auth-type", "NONE")
        self.assertIn(f".localhost:{self.host.port}/", made["FunctionUrl"])
        got = self.aws("list-function-url-configs", "--function-name", "Cli")
        self.assertEqual([c["FunctionUrl"] for c in got["FunctionUrlConfigs"]], [made["FunctionUrl"]])
        self.aws("delete-function-url-config", "--function-name", "Cli")


if __name__ == "__main__":
    unittest.main()
