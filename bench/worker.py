"""The floor's Python worker: JSON in, JSON out, over the frames of bench/worker.h."""
import os
from json import dumps, loads


def read(size):
    return os.read(3, size) or os._exit(0)  # The front is gone.


def serve():
    write, number, length = os.write, int.from_bytes, int.to_bytes
    while True:
        data = read(65536)
        while len(data) < 4:
            data += read(65536)
        missing = 4 + number(data[:4], "little") - len(data)
        if missing:
            pieces = [data]
            while missing:
                pieces.append(read(missing))
                missing -= len(pieces[-1])
            data = b"".join(pieces)
        answer = dumps(loads(data[4:].decode())).encode()
        frame = length(len(answer), 4, "little") + answer
        written = write(4, frame)
        while written < len(frame):
            written += write(4, frame[written:])


serve()
