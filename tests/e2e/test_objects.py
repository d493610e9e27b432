"""The object store, driven by the stock clients, and by hand where they would not misbehave."""
import base64
import datetime
import hashlib
import http.client
import os
import random
import socket
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

import boto3
import boto3.s3.transfer
import botocore.exceptions

from harness import zip_of
from s3_clients import ObjectsTest
from stock_clients import JavaScriptSdkTest

MIB = 1 << 20


def bytes_of(size, seed=1):
    return random.Random(seed).randbytes(size)


class Objects(ObjectsTest):
    def test_what_is_put_is_got_with_all_that_was_said_of_it(self):
        body = bytes_of(100_000)
        put = self.put("a/b c+ü&.txt", body, ContentType="text/x-thing", CacheControl="no-store",
                       ContentDisposition="inline", ContentLanguage="de",
                       Metadata={"colour": "red", "Size": "big"}, Tagging="k=v&x=y%20z")
        self.assertEqual(put["ETag"], '"%s"' % hashlib.md5(body).hexdigest())
        got = self.s3.get_object(Bucket=self.bucket, Key="a/b c+ü&.txt")
        self.assertEqual(got["Body"].read(), body)
        self.assertEqual(got["ContentType"], "text/x-thing")
        self.assertEqual(got["CacheControl"], "no-store")
        self.assertEqual(got["ContentDisposition"], "inline")
        self.assertEqual(got["ContentLanguage"], "de")
        self.assertEqual(got["Metadata"], {"colour": "red", "size": "big"})
        self.assertEqual(got["TagCount"], 2)
        head = self.s3.head_object(Bucket=self.bucket, Key="a/b c+ü&.txt")
        self.assertEqual(head["ContentLength"], len(body))
        self.assertEqual(head["ETag"], put["ETag"])
        attributes = self.s3.get_object_attributes(Bucket=self.bucket, Key="a/b c+ü&.txt",
                                                   ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
        self.assertEqual(attributes["ObjectSize"], len(body))
        self.assertEqual(attributes["StorageClass"], "STANDARD")

    def test_an_object_may_be_empty(self):
        self.assertEqual(self.put("empty", b"")["ETag"], '"d41d8cd98f00b204e9800998ecf8427e"')
        self.assertEqual(self.get("empty"), b"")
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="empty")["ContentLength"], 0)

    def test_ranges_and_conditions_are_kept(self):
        body = bytes_of(300_000)
        etag = self.put("k", body)["ETag"]
        for given, want in (("bytes=0-0", body[:1]), ("bytes=100-", body[100:]),
                            ("bytes=-5", body[-5:]), ("bytes=299999-400000", body[-1:]),
                            ("bytes=1000-200000", body[1000:200001])):
            got = self.s3.get_object(Bucket=self.bucket, Key="k", Range=given)
            self.assertEqual(got["Body"].read(), want, given)
            self.assertEqual(got["ResponseMetadata"]["HTTPStatusCode"], 206)
        self.assertEqual(self.s3.get_object(Bucket=self.bucket, Key="k", Range="bytes=5-6")["ContentRange"],
                         "bytes 5-6/300000")
        with self.refused("InvalidRange", 416):
            self.get("k", Range="bytes=300000-")
        self.assertEqual(self.get("k", IfMatch=etag), body)
        with self.refused("PreconditionFailed", 412):
            self.get("k", IfMatch='"other"')
        with self.refused("304", 304):
            self.get("k", IfNoneMatch=etag)
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        with self.refused("304", 304):
            self.get("k", IfModifiedSince=later)

    def conditional_put(self, key, **headers):
        return self.host.request("PUT", f"/{self.bucket}/{key}", b"new", {
            "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, "
                             "SignedHeaders=host, Signature=0", **headers})

    def test_a_put_may_be_for_a_new_object_or_over_a_known_one_alone(self):
        first = self.conditional_put("k", **{"If-None-Match": "*"})
        self.assertEqual(first.status, 200, first.body)
        second = self.conditional_put("k", **{"If-None-Match": "*"})
        self.assertEqual(second.status, 412)
        self.assertIn(b"<Code>PreconditionFailed</Code>", second.body)
        self.assertEqual(self.conditional_put("k", **{"If-Match": '"0"'}).status, 412)
        self.assertEqual(self.conditional_put("k", **{"If-Match": first.headers["etag"]}).status, 200)
        self.assertEqual(self.conditional_put("none", **{"If-Match": '"0"'}).status, 404)

    def test_a_copy_takes_what_it_is_told(self):
        body = bytes_of(50_000)
        self.put("from", body, ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1")
        self.s3.copy_object(Bucket=self.bucket, Key="to", CopySource={"Bucket": self.bucket, "Key": "from"})
        got = self.s3.get_object(Bucket=self.bucket, Key="to")
        self.assertEqual((got["Body"].read(), got["ContentType"], got["Metadata"], got["TagCount"]),
                         (body, "a/b", {"m": "1"}, 1))
        self.s3.copy_object(Bucket=self.bucket, Key="to", MetadataDirective="REPLACE", ContentType="c/d",
                            CopySource={"Bucket": self.bucket, "Key": "to"})
        got = self.s3.head_object(Bucket=self.bucket, Key="to")
        self.assertEqual((got["ContentType"], got["Metadata"]), ("c/d", {}))
        self.s3.delete_object(Bucket=self.bucket, Key="from")
        self.assertEqual(self.get("to"), body)
        with self.refused("InvalidRequest", 400):
            self.s3.copy_object(Bucket=self.bucket, Key="to", CopySource={"Bucket": self.bucket, "Key": "to"})
        with self.refused("NoSuchKey", 404):
            self.s3.copy_object(Bucket=self.bucket, Key="x", CopySource={"Bucket": self.bucket, "Key": "none"})

    def test_lists_page_through_prefixes_and_delimiters(self):
        keys = sorted([f"{a}/{b}/{c}" for a in "ab" for b in "xyz" for c in range(4)] +
                      ["top", "a", "a+b c", "ü/€"], key=str.encode)
        for key in keys:
            self.put(key)
        self.assertEqual(self.keys(), keys)
        self.assertEqual(self.keys(PaginationConfig={"PageSize": 3}), keys)
        self.assertEqual(self.keys(Prefix="a/x/"), ["a/x/0", "a/x/1", "a/x/2", "a/x/3"])
        for operation in ("list_objects", "list_objects_v2"):
            pages = self.s3.get_paginator(operation).paginate(
                Bucket=self.bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
            contents, prefixes = [], []
            for page in pages:
                contents += [each["Key"] for each in page.get("Contents", [])]
                prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
            self.assertEqual(contents, ["a", "a+b c", "top"], operation)
            self.assertEqual(prefixes, ["a/", "b/", "ü/"], operation)
        self.assertEqual(self.keys(StartAfter="b/z/2"), [k for k in keys if k.encode() > b"b/z/2"])

    def test_deletes_of_many_keys_answer_for_each(self):
        for i in range(20):
            self.put(f"k{i}")
        answer = self.s3.delete_objects(Bucket=self.bucket, Delete={
            "Objects": [{"Key": f"k{i}"} for i in range(20)] + [{"Key": "never"}]})
        self.assertEqual(len(answer["Deleted"]), 21)
        self.assertEqual(self.keys(), [])

    def test_deletes_may_name_the_etag_that_they_mean(self):
        etag = self.put("k")["ETag"]
        body = "<Delete><Object><Key>k</Key><ETag>%s</ETag></Object></Delete>"
        for given, left in (('"0"', ["k"]), (etag, [])):
            answer = self.host.request("POST", f"/{self.bucket}?delete", body % given)
            self.assertEqual((answer.status, self.keys()), (200, left), answer.body)

    def test_a_versioned_bucket_keeps_what_was_replaced_and_deleted(self):
        self.put("k", b"null")
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        one, two = (self.put("k", body)["VersionId"] for body in (b"1", b"2"))
        self.assertEqual(self.get("k"), b"2")
        self.assertEqual(self.get("k", VersionId=one), b"1")
        self.assertEqual(self.get("k", VersionId="null"), b"null")
        marker = self.s3.delete_object(Bucket=self.bucket, Key="k")
        self.assertTrue(marker["DeleteMarker"])
        with self.refused("NoSuchKey", 404):
            self.get("k")
        listed = self.s3.list_object_versions(Bucket=self.bucket)
        self.assertEqual([each["VersionId"] for each in listed["Versions"]], [two, one, "null"])
        self.assertEqual([each["VersionId"] for each in listed["DeleteMarkers"]], [marker["VersionId"]])
        self.assertEqual(self.keys(), [])
        with self.refused("BucketNotEmpty", 409):
            self.s3.delete_bucket(Bucket=self.bucket)
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=marker["VersionId"])
        self.assertEqual(self.get("k"), b"2")
        self.s3.delete_object(Bucket=self.bucket, Key="k", VersionId=two)
        self.assertEqual(self.get("k"), b"1")
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Suspended"})
        self.put("k", b"null again")
        self.assertEqual(len(self.s3.list_object_versions(Bucket=self.bucket)["Versions"]), 2)
        with self.refused("NoSuchVersion", 404):
            self.get("k", VersionId=two)

    def test_tags_are_put_got_and_removed(self):
        self.put("k")
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
        self.s3.put_object_tagging(Bucket=self.bucket, Key="k", Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="k")["TagSet"], tags)
        self.s3.delete_object_tagging(Bucket=self.bucket, Key="k")
        self.assertEqual(self.s3.get_object_tagging(Bucket=self.bucket, Key="k")["TagSet"], [])
        with self.refused("InvalidTag", 400):
            self.s3.put_object_tagging(Bucket=self.bucket, Key="k",
                                       Tagging={"TagSet": [tags[0], tags[0]]})
        with self.refused("NoSuchTagSet", 404):
            self.s3.get_bucket_tagging(Bucket=self.bucket)
        self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": tags})
        self.assertEqual(self.s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], tags)

    def test_an_upload_in_parts_becomes_one_object(self):
        parts = [bytes_of(5 * MIB, 1), bytes_of(5 * MIB, 2), bytes_of(1000, 3)]
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="big", ContentType="x/y",
                                                 Metadata={"m": "1"})["UploadId"]
        where = {"Bucket": self.bucket, "Key": "big", "UploadId": upload}
        etags = {}
        for number in (3, 1, 2):
            etags[number] = self.s3.upload_part(PartNumber=number, Body=parts[number - 1], **where)["ETag"]
        listed = self.s3.list_parts(**where)["Parts"]
        self.assertEqual([(each["PartNumber"], each["Size"]) for each in listed],
                         [(1, 5 * MIB), (2, 5 * MIB), (3, 1000)])
        self.assertEqual([each["Key"] for each in self.s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"]],
                         ["big"])
        self.assertEqual(self.keys(), [])
        wanted = [{"PartNumber": n, "ETag": etags[n]} for n in (1, 2, 3)]
        with self.refused("InvalidPartOrder", 400):
            self.s3.complete_multipart_upload(MultipartUpload={"Parts": wanted[::-1]}, **where)
        with self.refused("InvalidPart", 400):
            self.s3.complete_multipart_upload(
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"00"'}]}, **where)
        with self.refused("EntityTooSmall", 400):
            last_first = self.s3.upload_part(PartNumber=4, Body=parts[0], **where)["ETag"]
            self.s3.complete_multipart_upload(MultipartUpload={"Parts": [
                wanted[2], {"PartNumber": 4, "ETag": last_first}]}, **where)
        done = self.s3.complete_multipart_upload(MultipartUpload={"Parts": wanted}, **where)
        digests = b"".join(hashlib.md5(part).digest() for part in parts)
        self.assertEqual(done["ETag"], '"%s-3"' % hashlib.md5(digests).hexdigest())
        self.assertEqual(self.get("big"), b"".join(parts))
        self.assertEqual(self.get("big", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}"),
                         parts[0][-2:] + parts[1][:2])
        self.assertEqual(self.get("big", PartNumber=3), parts[2])
        self.assertEqual(self.s3.head_object(Bucket=self.bucket, Key="big")["ContentType"], "x/y")
        with self.refused("NoSuchUpload", 404):
            self.s3.list_parts(**where)

    def test_the_last_part_may_be_empty_and_others_have_their_upload_s_checksum(self):
        where = {"Bucket": self.bucket, "Key": "k"}
        where["UploadId"] = self.s3.create_multipart_upload(**where)["UploadId"]
        parts = [{"PartNumber": n, "ETag": self.s3.upload_part(PartNumber=n, Body=body, **where)["ETag"]}
                 for n, body in ((1, bytes(5 * MIB)), (2, b""))]
        self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)
        got = self.s3.get_object(Bucket=self.bucket, Key="k", PartNumber=2)
        self.assertEqual((got["PartsCount"], got["Body"].read()), (2, b""))
        composite = self.s3.create_multipart_upload(Bucket=self.bucket, Key="c",
                                                    ChecksumAlgorithm="SHA256")["UploadId"]
        with self.refused("InvalidRequest", 400):
            self.s3.upload_part(Bucket=self.bucket, Key="c", UploadId=composite, PartNumber=1, Body=b"x")
        with self.refused("NoSuchUpload", 404):
            self.s3.upload_part(Bucket=self.bucket, Key="c", UploadId="none", PartNumber=1, Body=b"x")

    def test_parts_are_copied_of_an_object_and_an_upload_is_aborted(self):
        body = bytes_of(6 * MIB)
        self.put("source", body)
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="made")["UploadId"]
        where = {"Bucket": self.bucket, "Key": "made", "UploadId": upload}
        source = {"Bucket": self.bucket, "Key": "source"}
        one = self.s3.upload_part_copy(PartNumber=1, CopySource=source, **where)["CopyPartResult"]["ETag"]
        two = self.s3.upload_part_copy(PartNumber=2, CopySource=source, CopySourceRange="bytes=10-19",
                                       **where)["CopyPartResult"]["ETag"]
        self.s3.complete_multipart_upload(MultipartUpload={"Parts": [
            {"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]}, **where)
        self.assertEqual(self.get("made"), body + body[10:20])
        again = self.s3.create_multipart_upload(Bucket=self.bucket, Key="made")["UploadId"]
        self.s3.abort_multipart_upload(Bucket=self.bucket, Key="made", UploadId=again)
        with self.refused("NoSuchUpload", 404):
            self.s3.upload_part(Bucket=self.bucket, Key="made", UploadId=again, PartNumber=1, Body=b"x")

    def test_the_transfer_manager_brings_a_large_file_there_and_back(self):
        body = bytes_of(20 * MIB + 17)
        with tempfile.TemporaryDirectory() as folder:
            there, back = os.path.join(folder, "there"), os.path.join(folder, "back")
            with open(there, "wb") as file:
                file.write(body)
            config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 * MIB, max_concurrency=4)
            self.s3.upload_file(there, self.bucket, "large", Config=config)
            self.s3.download_file(self.bucket, "large", back, Config=config)
            with open(back, "rb") as file:
                self.assertEqual(file.read(), body)

    def test_presigned_urls_work_until_they_expire(self):
        put = self.s3.generate_presigned_url("put_object", {"Bucket": self.bucket, "Key": "k"}, 60)
        request = urllib.request.Request(put, b"presigned", method="PUT")
        self.assertEqual(urllib.request.urlopen(request).status, 200)
        get = self.s3.generate_presigned_url("get_object", {"Bucket": self.bucket, "Key": "k"}, 60)
        self.assertEqual(urllib.request.urlopen(get).read(), b"presigned")
        old = (f"/{self.bucket}/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=any%2F20200101%2F"
               "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"
               "&X-Amz-SignedHeaders=host&X-Amz-Signature=0")
        answer = self.host.request("GET", old)
        self.assertEqual(answer.status, 403)
        self.assertIn(b"<Message>Request has expired</Message>", answer.body)

    def test_what_a_presigned_url_was_made_with_is_kept(self):
        put = self.s3.generate_presigned_url("put_object", {
            "Bucket": self.bucket, "Key": "k", "ContentType": "a/b", "Metadata": {"m": "1"},
            "StorageClass": "STANDARD_IA"}, 60)
        head = {"Content-Type": "a/b"} if "AWSAccessKeyId" not in put else {}
        self.assertEqual(self.host.request("PUT", put.partition("/" + self.bucket)[1] + put.partition(
            "/" + self.bucket)[2], b"x", head).status, 200)
        got = self.s3.head_object(Bucket=self.bucket, Key="k")
        self.assertEqual((got["ContentType"], got["Metadata"], got["StorageClass"]),
                         ("a/b", {"m": "1"}, "STANDARD_IA"))
        signed = ("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=any%2F{0}%2Fus-east-1%2Fs3%2F"
                  "aws4_request&X-Amz-Date={0}T{1}Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
                  "&X-Amz-Signature=0").format(*datetime.datetime.now(datetime.timezone.utc).strftime(
                      "%Y%m%d %H%M%S").split())
        copied = self.host.request("PUT", f"/{self.bucket}/copy?x-amz-copy-source=%2F{self.bucket}%2Fk&"
                                   + signed, b"")
        self.assertEqual((copied.status, b"CopyObjectResult" in copied.body), (200, True), copied.body)
        self.assertEqual(self.get("copy"), b"x")
        self.assertEqual(self.host.request(
            "PUT", f"/{self.bucket}/open?x-amz-acl=public-read&" + signed, b"x").status, 400)

    def test_a_copy_has_a_storage_class_of_its_own(self):
        source = {"Bucket": self.bucket, "Key": "k"}
        self.put("k", Metadata={"m": "1"})
        self.s3.copy_object(Bucket=self.bucket, Key="k", CopySource=source, StorageClass="STANDARD_IA")
        got = self.s3.head_object(Bucket=self.bucket, Key="k")
        self.assertEqual((got["StorageClass"], got["Metadata"]), ("STANDARD_IA", {"m": "1"}))
        self.s3.copy_object(Bucket=self.bucket, Key="to", CopySource=source)
        self.assertNotIn("StorageClass", self.s3.head_object(Bucket=self.bucket, Key="to"))
        self.s3.copy_object(Bucket=self.bucket, Key="k", CopySource=source, StorageClass="STANDARD")
        self.assertNotIn("StorageClass", self.s3.head_object(Bucket=self.bucket, Key="k"))

    def test_a_form_uploads_what_its_policy_lets_in(self):
        post = self.s3.generate_presigned_post(self.bucket, "up/${filename}", ExpiresIn=60,
                                               Conditions=[["content-length-range", 1, 1000]])
        address = urllib.parse.urlparse(post["url"])

        def send(body):
            boundary = "----x1"
            parts = [f"--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                     for name, value in post["fields"].items()]
            form = "".join(parts).encode() + (
                f"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n"
                "Content-Type: text/plain\r\n\r\n").encode() + body + f"\r\n--{boundary}--\r\n".encode()
            return self.host.request("POST", address.path, form, {
                "Content-Type": f"multipart/form-data; boundary={boundary}"})
        self.assertEqual(send(b"hello").status, 204)
        self.assertEqual(self.get("up/f.txt"), b"hello")
        refused = send(b"x" * 1001)
        self.assertEqual((refused.status, b"EntityTooLarge" in refused.body), (400, True), refused.body)
        self.assertEqual(self.get("up/f.txt"), b"hello")

    def test_a_form_s_fields_never_become_lines_of_an_answer(self):
        for name in ("x-amz-meta-a\nSet-Cookie: x=1", "x-amz-meta-a b", "x-amz-meta-ü"):
            form = "".join(f"--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
                           for field, value in (("key", "k"), (name, "1")))
            form += "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n"
            answer = self.host.request("POST", "/" + self.bucket, form.encode(), {
                "Content-Type": "multipart/form-data; boundary=b"})
            self.assertEqual(answer.status, 400, name)
        self.assertEqual(self.keys(), [])

    def test_a_bucket_is_named_by_the_host_too(self):
        self.put("folder/key", b"by host")
        connection = http.client.HTTPConnection("127.0.0.1", self.host.port)
        for host in (f"{self.bucket}.s3.localhost.localstack.cloud:4566", f"{self.bucket}.localhost:4566",
                     f"{self.bucket}.s3.us-east-1.amazonaws.com"):
            connection.request("GET", "/folder/key", headers={"Host": host})
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (200, b"by host"), host)
        connection.close()

    def test_buckets_are_listed_located_and_removed(self):
        names = [each["Name"] for each in self.s3.list_buckets()["Buckets"]]
        self.assertIn(self.bucket, names)
        self.assertEqual(names, sorted(names))
        self.assertIsNone(self.s3.get_bucket_location(Bucket=self.bucket)["LocationConstraint"])
        self.s3.head_bucket(Bucket=self.bucket)
        self.s3.delete_bucket(Bucket=self.bucket)
        with self.refused("404", 404):
            self.s3.head_bucket(Bucket=self.bucket)
        with self.refused("NoSuchBucket", 404):
            self.s3.list_objects_v2(Bucket=self.bucket)

    def test_what_is_not_served_is_refused_by_name(self):
        with self.refused("NotImplemented", 501):
            self.s3.put_bucket_replication(Bucket=self.bucket, ReplicationConfiguration={
                "Role": "r", "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "b"}}]})
        with self.refused("NotImplemented", 501):
            self.put("k", ServerSideEncryption="aws:kms")
        with self.refused("AccessControlListNotSupported", 400):
            self.put("k", ACL="public-read")
        self.assertEqual(self.keys(), [])

    def test_the_command_line_copies_lists_syncs_and_removes(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("one.txt", "sub/two.txt"):
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                with open(os.path.join(folder, name), "w") as file:
                    file.write(name)
            bucket = f"s3://{self.bucket}"
            self.aws("s3", "cp", os.path.join(folder, "one.txt"), bucket)
            self.assertIn("one.txt", self.aws("s3", "ls", bucket))
            self.aws("s3", "sync", folder, bucket + "/all")
            self.assertIn("PRE all/", self.aws("s3", "ls", bucket))
            self.assertEqual(self.aws("s3", "cp", bucket + "/all/sub/two.txt", "-"), "sub/two.txt")
            self.assertEqual(self.aws("s3", "sync", folder, bucket + "/all"), "")
            url = self.aws("s3", "presign", bucket + "/one.txt").strip()
            self.assertEqual(urllib.request.urlopen(url).read(), b"one.txt")
            self.aws("s3", "rm", "--recursive", bucket)
            self.assertEqual(self.aws("s3", "ls", bucket), "")
            self.aws("s3", "mb", bucket + "-2")
            self.aws("s3", "rb", bucket + "-2")


class CodeFromABucket(ObjectsTest):
    def test_code_comes_from_a_bucket(self):
        self.put("code.zip", zip_of({"app.py": "def handler(event, context):\n    return 'one'\n"}))
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        two = self.put("code.zip", zip_of({"app.py": "def handler(event, context):\n    return 'two'\n"}))
        lambdas = boto3.client("lambda", endpoint_url=self.host.url, region_name="us-east-1",
                               aws_access_key_id="any", aws_secret_access_key="any")
        self.addCleanup(lambdas.close)
        made = {"FunctionName": "FromBucket", "Runtime": "python3.12", "Handler": "app.handler",
                "Role": "arn:aws:iam::000000000000:role/r"}
        where = {"S3Bucket": self.bucket, "S3Key": "code.zip"}
        lambdas.create_function(Code={**where, "S3ObjectVersion": "null"}, **made)
        self.assertEqual(self.host.invoke("FromBucket").json, "one")
        lambdas.update_function_code(FunctionName="FromBucket", S3ObjectVersion=two["VersionId"], **where)
        self.assertEqual(self.host.invoke("FromBucket").json, "two")
        layer = lambdas.publish_layer_version(LayerName="FromBucket", Content=where)
        self.assertEqual(layer["Version"], 1)
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            lambdas.update_function_code(FunctionName="FromBucket", S3Bucket=self.bucket, S3Key="none")
        self.assertEqual(caught.exception.response["Error"]["Message"],
                         "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: "
                         "The specified key does not exist.")


class BadInput(ObjectsTest):
    """Nothing of what is refused is written."""

    def tearDown(self):
        self.assertEqual(self.keys(), [])

    def send(self, method, path, body=b"", **headers):
        return self.host.request(method, path, body, {
            "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, "
                             "SignedHeaders=host, Signature=0",
            **{name.replace("_", "-"): value for name, value in headers.items()}})

    def assert_refused(self, answer, status, code):
        self.assertEqual(answer.status, status, answer.body)
        self.assertIn(b"<Code>%s</Code>" % code.encode(), answer.body)

    def test_digests_that_do_not_fit_are_refused(self):
        path = f"/{self.bucket}/k"
        wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        for code, headers in (
                ("BadDigest", {"Content_MD5": wrong}),
                ("InvalidDigest", {"Content_MD5": "????"}),
                ("XAmzContentSHA256Mismatch", {"x_amz_content_sha256": hashlib.sha256(b"o").hexdigest()}),
                ("BadDigest", {"x_amz_checksum_crc32": "AAAAAA=="}),
                ("BadDigest", {"x_amz_checksum_crc32c": "AAAAAA=="}),
                ("BadDigest", {"x_amz_checksum_crc64nvme": "AAAAAAAAAAA="}),
                ("BadDigest", {"x_amz_checksum_sha1": base64.b64encode(b"0" * 20).decode()}),
                ("BadDigest", {"x_amz_checksum_sha256": base64.b64encode(b"0" * 32).decode()}),
                ("InvalidRequest", {"x_amz_checksum_crc32": "short"})):
            self.assert_refused(self.send("PUT", path, b"body", **headers), 400, code)

    def test_chunks_that_lie_are_refused(self):
        def chunked(body, **more):
            return self.send("PUT", f"/{self.bucket}/k", body, Content_Encoding="aws-chunked",
                             x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
                             **{"x_amz_decoded_content_length": "5", **more})
        self.assert_refused(chunked(b"5\r\nhello\r\n"), 400, "IncompleteBody")
        self.assert_refused(chunked(b"3\r\nhel\r\n0\r\n\r\n"), 400, "IncompleteBody")
        self.assertEqual(chunked(b"zz\r\nhello\r\n0\r\n\r\n").status, 400)
        self.assertEqual(chunked(b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n").status, 400)
        self.assert_refused(chunked(b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
                                    x_amz_trailer="x-amz-checksum-crc32"), 400, "BadDigest")

    def test_a_body_that_breaks_off_is_nothing(self):
        for sent in (b"", b"x" * 70_000):
            with socket.create_connection(("127.0.0.1", self.host.port)) as client:
                client.sendall(f"PUT /{self.bucket}/k HTTP/1.1\r\nHost: s3.localhost\r\n"
                               "Content-Length: 100000\r\n\r\n".encode() + sent)
        self.assertEqual(self.s3.list_objects_v2(Bucket=self.bucket)["KeyCount"], 0)

    def test_keys_that_are_no_keys_are_refused(self):
        self.assert_refused(self.send("PUT", f"/{self.bucket}/..%2F..%2Fetc", b"x"), 400, "InvalidURI")
        self.assert_refused(self.send("PUT", f"/{self.bucket}/a%00b", b"x"), 400, "InvalidURI")
        self.assert_refused(self.send("PUT", f"/{self.bucket}/%ff", b"x"), 400, "InvalidURI")
        self.assert_refused(self.send("PUT", f"/{self.bucket}/" + "k" * 1025, b"x"), 400, "KeyTooLongError")

    def test_bucket_names_that_are_none_are_refused(self):
        for name in ("ab", "-abc", "a..b", "192.168.1.1", "x" * 64, "xn--abc"):
            self.assert_refused(self.send("PUT", f"/{name}"), 400, "InvalidBucketName")

    def test_xml_that_is_a_bomb_or_none_is_refused(self):
        path = f"/{self.bucket}?delete"
        bomb = (b"<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
                b"<Delete><Object><Key>&b;</Key></Object></Delete>")
        for body in (b"", b"<Delete>", bomb, b"<Delete/>", b"<a>" * 100_000, b"\xff\xfe",
                     b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>"):
            self.assert_refused(self.send("POST", path, body), 400, "MalformedXML")

    def test_sizes_over_the_limit_are_refused_before_a_byte_is_read(self):
        with socket.create_connection(("127.0.0.1", self.host.port)) as client:
            client.sendall(f"PUT /{self.bucket}/k HTTP/1.1\r\nHost: s3.localhost\r\n"
                           f"Content-Length: {5 * 2**30 + 1}\r\nExpect: 100-continue\r\n\r\n".encode())
            answer = client.recv(65536)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"EntityTooLarge", answer)

    def test_two_writers_of_one_key_leave_one_whole_object(self):
        bodies = [bytes([i]) * 300_000 for i in range(8)]
        threads = [threading.Thread(target=self.put, args=("k", body)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(self.get("k"), bodies)
        self.s3.delete_object(Bucket=self.bucket, Key="k")


class JavaScriptSdk(JavaScriptSdkTest):
    def test_the_javascript_sdk_drives_the_object_store(self):
        self.assert_script_passes("sdk_s3.cjs", {}, {})


class NewBoto(ObjectsTest):
    def test_newer_clients_default_checksums_are_kept(self):
        from test_queues import NEW_PYTHON
        if NEW_PYTHON is None:
            self.skipTest("no python with a boto3 of 1.36 or newer is on this machine")
        script = f"""
import boto3, io, os
s3 = boto3.client('s3', endpoint_url={self.host.url!r}, region_name='us-east-1',
                  aws_access_key_id='any', aws_secret_access_key='any')
put = s3.put_object(Bucket={self.bucket!r}, Key='k', Body=b'hello')
assert put['ChecksumCRC32'] == 'NhCmhg==', put
got = s3.get_object(Bucket={self.bucket!r}, Key='k', ChecksumMode='ENABLED')
assert got['Body'].read() == b'hello' and got['ChecksumCRC32'] == 'NhCmhg=='
body = os.urandom(9 << 20)
s3.upload_fileobj(io.BytesIO(body), {self.bucket!r}, 'big')
back = io.BytesIO()
s3.download_fileobj({self.bucket!r}, 'big', back)
assert back.getvalue() == body
print('passed')
"""
        done = subprocess.run([NEW_PYTHON, "-c", script], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, "passed\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
