"""PNG pictures of 8 bits (gray, RGB, RGBA, not interlaced), with the standard library alone."""
import struct
import zlib
from operator import add, mul

SIGNATURE = b'\x89PNG\r\n\x1a\n'
CHANNELS = {0: 1, 2: 3, 6: 4}  # By colour type.
MOST_PIXELS = 16_000_000       # A small file may say that it is a huge picture.


class Picture:
    """`rows` of bytes, `channels` of them a pixel."""

    def __init__(self, width, channels, rows):
        self.width, self.channels, self.rows = width, channels, rows

    @property
    def height(self):
        return len(self.rows)


def decode(data):
    """The picture; ValueError for what is none, or is of a kind that is not read here."""
    if not data.startswith(SIGNATURE):
        raise ValueError('no PNG')
    header, packed, at = None, bytearray(), len(SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from('>I4s', data, at)
        body = data[at + 8:at + 8 + size]
        if len(body) != size or data[at + 8 + size:at + 12 + size] != crc(kind, body):
            raise ValueError('a damaged PNG')
        if kind == b'IHDR' and size == 13:
            header = struct.unpack('>IIBBBBB', body)
        elif kind == b'IDAT':
            packed += body
        elif kind == b'IEND':
            break
        at += 12 + size
    if header is None:
        raise ValueError('a PNG without a header')
    width, height, depth, colour, _, _, interlaced = header
    if depth != 8 or colour not in CHANNELS or interlaced:
        raise ValueError('not a PNG of 8-bit gray, RGB or RGBA without interlacing')
    if not 0 < width * height <= MOST_PIXELS:
        raise ValueError('a picture of too many pixels, or of none')
    channels = CHANNELS[colour]
    stride = width * channels
    try:
        lines = zlib.decompressobj().decompress(bytes(packed), height * (stride + 1))
    except zlib.error as error:
        raise ValueError('a damaged PNG') from error
    if len(lines) != height * (stride + 1):
        raise ValueError('a PNG that is cut off')
    rows, above = [], bytes(stride)
    for start in range(0, len(lines), stride + 1):
        above = unfiltered(lines[start], lines[start + 1:start + 1 + stride], above, channels)
        rows.append(above)
    return Picture(width, channels, rows)


def unfiltered(kind, line, above, channels):
    """A row as it was before the filter `kind`; `above` is the row before it."""
    if kind == 0:
        return line
    if kind == 2:
        return bytes([(x + up) & 255 for x, up in zip(line, above)])
    row = bytearray(line)
    if kind == 1:
        for i in range(channels, len(row)):
            row[i] = (row[i] + row[i - channels]) & 255
    elif kind == 3:
        for i, up in enumerate(above):
            left = row[i - channels] if i >= channels else 0
            row[i] = (row[i] + (left + up) // 2) & 255
    elif kind == 4:
        for i, up in enumerate(above):
            left, corner = (row[i - channels], above[i - channels]) if i >= channels else (0, 0)
            to_left, to_up = abs(up - corner), abs(left - corner)
            to_corner = abs(left + up - 2 * corner)
            if to_left <= to_up and to_left <= to_corner:
                row[i] = (row[i] + left) & 255
            else:
                row[i] = (row[i] + (up if to_up <= to_corner else corner)) & 255
    else:
        raise ValueError('a damaged PNG')
    return bytes(row)


def shrunk(picture, largest):
    """The picture, no side longer than `largest`: each pixel is the mean of those it stands for."""
    width, height, channels = picture.width, picture.height, picture.channels
    scale = min(1.0, largest / max(width, height))
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    edges = [x * width // new_width for x in range(new_width + 1)]
    rows = []
    for y in range(new_height):
        box = picture.rows[y * height // new_height:(y + 1) * height // new_height]
        # What is clear has no colour: it counts for as much as one sees of it.
        seen = [0] * width
        planes = [[0] * width for _ in range(channels)]
        for row in box:
            alpha = row[3::4] if channels == 4 else b'\1' * width
            seen = list(map(add, seen, alpha))
            for channel, plane in enumerate(planes):
                values = row[channel::channels]
                if channels == 4:
                    values = alpha if channel == 3 else map(mul, values, alpha)
                planes[channel] = list(map(add, plane, values))
        out = bytearray(new_width * channels)
        for x, (first, last) in enumerate(zip(edges, edges[1:])):
            weight = sum(seen[first:last]) or 1
            for channel, plane in enumerate(planes):
                if channels == 4 and channel == 3:
                    count = (last - first) * len(box)
                    out[x * 4 + 3] = (weight + count // 2) // count if any(seen[first:last]) else 0
                else:
                    out[x * channels + channel] = (sum(plane[first:last]) + weight // 2) // weight
        rows.append(bytes(out))
    return Picture(new_width, channels, rows)


def encode(picture):
    """A PNG; each row is what it adds to the one above, or is as it is."""
    colour = {channels: colour for colour, channels in CHANNELS.items()}[picture.channels]
    lines, above = bytearray(), bytes(picture.width * picture.channels)
    for row in picture.rows:
        delta = bytes([(x - up) & 255 for x, up in zip(row, above)])
        small = sum(min(x, 256 - x) for x in delta) < sum(min(x, 256 - x) for x in row)
        lines += b'\2' + delta if small else b'\0' + row
        above = row
    header = struct.pack('>IIBBBBB', picture.width, picture.height, 8, colour, 0, 0, 0)
    return SIGNATURE + b''.join(
        struct.pack('>I', len(body)) + kind + body + crc(kind, body)
        for kind, body in ((b'IHDR', header), (b'IDAT', zlib.compress(bytes(lines), 9)),
                           (b'IEND', b'')))


def crc(kind, body):
    return struct.pack('>I', zlib.crc32(kind + body))
