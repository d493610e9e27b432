"""The example of thumbnails: an upload makes a thumbnail and an entry in an index."""
import json
import os
import struct
import sys
import unittest
import urllib.parse
import zlib

import botocore.exceptions

from harness import ROOT, poll
from s3_clients import s3_client
from test_templates import TemplateTest

EXAMPLE = os.path.join(ROOT, "examples/thumbnails")
sys.path.insert(0, os.path.join(EXAMPLE, "src"))
import png  # noqa: E402


def png_of(width, height, colour, rows, filters=b"\0"):
    """A PNG whose rows are filtered already, each with the next of `filters`."""
    lines = b"".join(bytes([filters[y % len(filters)]]) + row for y, row in enumerate(rows))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
              (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return png.SIGNATURE + b"".join(struct.pack(">I", len(body)) + kind + body +
                                    struct.pack(">I", zlib.crc32(kind + body))
                                    for kind, body in chunks)


class Pictures(unittest.TestCase):
    def test_every_filter_is_undone(self):
        # By hand, of the PNG specification's section 9: 2 x 1 pixels of gray, five rows.
        rows = [b"\x0a\x0b", b"\x05\x05", b"\x01\x02", b"\x04\x04", b"\x03\xff"]
        got = png.decode(png_of(2, 5, 0, rows, b"\0\1\2\3\4"))
        self.assertEqual([list(row) for row in got.rows],
                         [[10, 11], [5, 10], [6, 12], [7, 13], [10, 12]])

    def test_a_pixel_is_the_mean_of_those_it_stands_for(self):
        for colour, channels in png.CHANNELS.items():
            rows = [bytes([0] * channels + [255] * channels) * 2] * 4
            small = png.shrunk(png.decode(png_of(4, 4, colour, rows)), 2)
            self.assertEqual((small.width, small.height), (2, 2))
            # What is clear has no colour: half is seen of what is there.
            mean = [255, 255, 255, 128] if channels == 4 else [128] * channels
            self.assertEqual([list(row) for row in small.rows], [mean * 2] * 2)
            again = png.decode(png.encode(small))
            self.assertEqual((again.rows, again.channels), (small.rows, channels))
        wide = png.shrunk(png.Picture(300, 1, [bytes(300)]), 100)
        self.assertEqual((wide.width, wide.height), (100, 1))

    def test_what_is_no_such_picture_is_refused(self):
        good = png_of(1, 1, 0, [b"x"])
        interlaced = bytearray(good)
        interlaced[28] = 1
        interlaced[29:33] = struct.pack(">I", zlib.crc32(interlaced[12:29]))
        for data in (b"", b"GIF89a", good[:40], good[:20] + b"?" + good[21:], bytes(interlaced),
                     png_of(1, 1, 3, [b"x"]), png_of(2, 1, 0, [b"x"]), png_of(1, 1, 0, [b"x"], b"\5"),
                     png_of(1 << 20, 1 << 20, 2, []), png_of(0, 1, 0, [])):
            with self.assertRaises(ValueError, msg=data[:60]):
                png.decode(data)


class Thumbnails(TemplateTest):
    def setUp(self):
        super().setUp()
        self.s3 = s3_client(self.host)
        self.addCleanup(self.s3.close)

    def object(self, key):
        try:
            return self.s3.get_object(Bucket="thumbnails", Key=key)["Body"].read()
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None

    def shows(self, *keys):
        page = (self.object("index.html") or b"").decode()
        return page.count("<figure>") == len(keys) and \
            all(f'src="small/{urllib.parse.quote(key)}"' in page for key in keys)

    def test_an_upload_makes_a_thumbnail_and_an_entry_in_the_index(self):
        self.hearth("deploy", os.path.join(EXAMPLE, "template.yaml"))
        with open(os.path.join(EXAMPLE, "lake.png"), "rb") as file:
            lake = file.read()
        self.assertLess(len(lake), 200_000)
        for key in ("lake.png", "of 2026/a lake & more.png"):
            self.s3.put_object(Bucket="photos", Key=key, Body=lake)
        self.s3.put_object(Bucket="photos", Key="broken.png", Body=b"no picture")
        self.s3.put_object(Bucket="photos", Key="notes.txt", Body=b"no picture")
        poll("both are shown", lambda: self.shows("lake.png", "of 2026/a lake & more.png"),
             seconds=60)
        small = png.decode(self.object("small/lake.png"))
        self.assertEqual((small.width, small.height, small.channels), (160, 107, 3))
        self.assertEqual(small.rows, png.shrunk(png.decode(lake), 160).rows)
        entry = json.loads(self.object("index/of 2026/a lake & more.png.json"))
        self.assertEqual((entry["key"], entry["bytes"], entry["width"], entry["height"]),
                         ("of 2026/a lake & more.png", len(lake), 480, 320))
        self.assertEqual(entry["small"], {"key": "small/of 2026/a lake & more.png", "width": 160,
                                          "height": 107})
        poll("the broken one is named",
             lambda: "none: broken.png no PNG" in self.hearth("logs", "Thumbnail"))
        page = self.host.request("GET", "/thumbnails/index.html")
        self.assertEqual((page.status, page.headers["content-type"]),
                         (200, "text/html; charset=utf-8"))

        # Many at once: whoever writes the index last has seen all of them.
        keys = [f"many/{n}.png" for n in range(8)]
        for key in keys:
            self.s3.put_object(Bucket="photos", Key=key, Body=png_of(1, 1, 0, [b"x"]))
        poll("all are shown",
             lambda: self.shows("lake.png", "of 2026/a lake & more.png", *keys), seconds=60)

        # What goes is shown no more.
        self.s3.delete_objects(Bucket="photos", Delete={
            "Objects": [{"Key": key} for key in keys + ["of 2026/a lake & more.png"]]})
        poll("one is left", lambda: self.shows("lake.png"), seconds=60)
        self.assertIsNone(self.object("small/many/3.png"))

        out = self.hearth("delete", "thumbnails", status=1)
        self.assertIn("is not empty (BucketNotEmpty)", out)
        for bucket in ("photos", "thumbnails"):
            for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                for each in page.get("Contents", []):
                    self.s3.delete_object(Bucket=bucket, Key=each["Key"])
        poll("it goes once both are empty", lambda: self.gone(), seconds=60)

    def gone(self):
        """The last deletions' events may write the index once more."""
        self.s3.delete_object(Bucket="thumbnails", Key="index.html")
        try:
            self.hearth("delete", "thumbnails")
        except AssertionError:
            return False
        return True


if __name__ == "__main__":
    unittest.main()
