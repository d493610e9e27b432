"""Reads application/vnd.amazon.eventstream, message by message, and checks both checksums."""
import struct
import zlib


def read_message(read):
    """`read(n)` gives exactly n bytes, or fewer at the end. None: the stream has ended."""
    prelude = read(12)
    if not prelude:
        return None
    total, headers_size, checksum = struct.unpack(">III", prelude)
    assert checksum == zlib.crc32(prelude[:8]), "the prelude's checksum"
    rest = read(total - 12)
    assert len(rest) == total - 12, "the message is cut off"
    assert struct.unpack(">I", rest[-4:])[0] == zlib.crc32(prelude + rest[:-4]), "the checksum"
    headers, at = {}, 0
    while at < headers_size:
        name = rest[at + 1:at + 1 + rest[at]].decode()
        at += 1 + rest[at]
        assert rest[at] == 7, "a header that is no string"
        size = struct.unpack(">H", rest[at + 1:at + 3])[0]
        headers[name] = rest[at + 3:at + 3 + size].decode()
        at += 3 + size
    return headers, rest[headers_size:-4]


def read_all(read):
    messages = []
    while (message := read_message(read)) is not None:
        messages.append(message)
    return messages
