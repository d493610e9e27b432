"""Hearth's Python runtime: loads the handler, then serves one event after another from fd 3.

The frames are those of runtime/channel.h. A cold start waits for every import made here, so only
what each call needs is imported; the rest comes when it is first used. Formats of errors and logs
are AWS's (awslambdaric), so that tools that read them go on working.
"""
import json
import os
import sys
from _struct import Struct

import hearth_endpoint
import hearth_logging
from hearth_context import Context

EVENTS, ANSWERS = 3, 4
INVOKE, READY, INIT_ERROR, RESPONSE, ERROR, LOAD, PREPARE = 1, 2, 3, 4, 5, 7, 8
MAX_RESPONSE = 6 * 1024 * 1024 + 100
MAX_MESSAGE = 256 * 1024  # Of an error over MAX_RESPONSE.
CANNOT_WRITE_DOWN = "Hearth.CannotWriteDown"  # Known to invoker/snapshot_maker.cc.

_HEADER = Struct("<IB3x")
_U32 = Struct("<I")
_I64 = Struct("<q")


class Fault(Exception):
    """A failure of the runtime's own, with AWS's type."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.trace = kind, list(trace)


# --- Frames ---------------------------------------------------------------------------------------

def send(kind, *fields):
    parts = []
    length = 0
    for field in fields:
        parts.append(_U32.pack(len(field)))
        parts.append(field)
        length += 4 + len(field)
    data = b"".join((_HEADER.pack(length, kind), *parts))
    written = os.write(ANSWERS, data)
    while written < len(data):
        written += os.write(ANSWERS, memoryview(data)[written:])


def read_exactly(have, size):
    """`have` grown to at least `size` bytes; exits where the host is gone."""
    if len(have) >= size:
        return have
    pieces = [have]
    missing = size - len(have)
    while missing > 0:
        piece = os.read(EVENTS, max(65536, missing))
        if not piece:
            os._exit(0)
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def next_frame(wanted, at_once=4096):
    """The next frame's fields; None where it says PREPARE instead.

    `at_once`: how much may be read; only where nothing follows before the host is answered may it
    be more than the header."""
    # Most events are small, and the buffer of a read is made and shrunk each time.
    data = read_exactly(os.read(EVENTS, at_once) or os._exit(0), _HEADER.size)
    length, kind = _HEADER.unpack_from(data)
    if kind != wanted:
        assert kind == PREPARE, kind
        return None
    data = read_exactly(data, _HEADER.size + length)
    fields = []
    at = _HEADER.size
    while at < len(data):
        (size,) = _U32.unpack_from(data, at)
        at += 4
        fields.append(data[at:at + size])
        at += size
    return fields


# --- Errors ---------------------------------------------------------------------------------------

def describe(error, request_id):
    """AWS's error object for an exception."""
    if isinstance(error, Fault):
        kind, message, trace = error.kind, str(error), error.trace
    else:
        import traceback
        frames = traceback.extract_tb(error.__traceback__)
        while frames and frames[0].filename.startswith(("/var/runtime/", "<frozen importlib")):
            del frames[0]
        kind, message, trace = type(error).__name__, str(error), traceback.format_list(frames)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id,
            "stackTrace": trace}


def log_error(described):
    if os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
        return write_out(json.dumps({"timestamp": now_text(), "log_level": "ERROR", **described},
                                    ensure_ascii=False))
    lines = [f"[ERROR] {described['errorType']}: {described['errorMessage']}"]
    if described["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines += [line.rstrip("\n") for line in described["stackTrace"]]
    write_out("\n".join(lines))


def now_text():
    import time
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
            + f".{nanoseconds // 10**6:03}Z")


def write_out(text):
    # A message may hold what UTF-8 cannot: half a surrogate pair.
    text = text.encode("utf-8", "backslashreplace").decode()
    flush_output()
    try:
        sys.stdout.write(text + "\n")
    except Exception:
        pass
    flush_output()


def flush_output():
    """The function may have closed its output, or put something else in its place."""
    try:
        sys.stdout.flush()
    except Exception:
        pass


def error_frame(described):
    kind = described["errorType"].encode("utf-8", "replace")
    text = json.dumps(described, ensure_ascii=False).encode("utf-8", "replace")
    if len(text) > MAX_RESPONSE:
        # A frame over the limit would end the sandbox, and with it what the error was.
        cut = {**described, "errorMessage": described["errorMessage"][:MAX_MESSAGE],
               "stackTrace": []}
        text = json.dumps(cut, ensure_ascii=False).encode("utf-8", "replace")
    return kind, text


# --- The handler ----------------------------------------------------------------------------------

def load_handler(name):
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from None
    try:
        __import__(module_name.replace("/", "."))
        module = sys.modules[module_name.replace("/", ".")]
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError",
                    f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        raise Fault("Runtime.UserCodeSyntaxError",
                    f"Syntax error in module '{module_name}': {error}",
                    [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound",
                    f"Handler '{function_name}' missing on module '{module_name}'") from None


def to_json_default(value):
    decimal = sys.modules.get("decimal")
    if decimal is not None and isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def make_encoder():
    """json.dumps as Lambda's, made once; what is left is its C part."""
    encoder = json.JSONEncoder(ensure_ascii=False, default=to_json_default)
    make = json.encoder.c_make_encoder
    if make is None:
        return encoder.encode

    def encode(value):
        if isinstance(value, str):
            return encoder.encode(value)
        chunks = make({}, to_json_default, json.encoder.encode_basestring, None, ": ", ", ", False,
                      False, True)(value, 0)
        return "".join(chunks)
    return encode


def call(handler, payload, context, encode):
    try:
        event = json.loads(payload.decode())
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    result = handler(event, context)
    try:
        encoded = encode(result).encode()
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None
    if len(encoded) > MAX_RESPONSE:
        raise Fault("Function.ResponseSizeTooLarge",
                    f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} "
                    "bytes).")
    return encoded


def serve(handler, encode, environment, given):
    """`environment`: os.environ before the function's code could put another in its place."""
    Context.set_up(environment)
    # Not through setenv: libc keeps every value that a variable ever had, and this one is new with
    # each call.
    variables = environment._data
    while True:
        fields = next_frame(INVOKE)
        if fields is None:
            go_through_snapshot(environment, given)
            continue
        request_id, deadline, arn, trace, client, identity, tenant, payload = fields
        text_id = request_id.decode()
        if trace:
            variables[b"_X_AMZN_TRACE_ID"] = trace
        context = Context(text_id, _I64.unpack(deadline)[0], arn.decode(), client, identity, tenant)
        Context.current_request_id = text_id
        try:
            answer = call(handler, payload, context, encode)
        except Exception as error:
            described = describe(error, text_id)
            log_error(described)
            send(ERROR, request_id, *error_frame(described))
        else:
            flush_output()
            send(RESPONSE, request_id, b"application/json", answer)


def go_through_snapshot(environment, given):
    """Written down here; returns in each sandbox that goes on from this moment."""
    import hearth_snapshot as snapshot
    try:
        kind = "Runtime.BeforeSnapshotError"
        snapshot.run_hooks("get_before_snapshot", reverse=True)
        flush_output()
        kind = CANNOT_WRITE_DOWN
        state = snapshot.State(environment, given)
        kind = "Runtime.RestoreError"
        snapshot.pause(environment, say_ready_and_wait)
        state.restore()
        Context.set_up(environment)
        kind = "Runtime.AfterRestoreError"
        snapshot.run_hooks("get_after_restore")
    except Exception as error:
        described = describe(error, "")
        described["errorMessage"] = described["errorMessage"] or described["errorType"]
        # What cannot be written down is no failure: it starts the usual way, and the host logs why.
        leave_init({**described, "errorType": kind}, log=kind != CANNOT_WRITE_DOWN)
    flush_output()
    send(READY)


def say_ready_and_wait():
    send(READY)
    return next_frame(LOAD)[0]


def leave_init(described, log=True):
    if log:
        log_error(described)
    send(INIT_ERROR, *error_frame(described))
    os._exit(1)


# --- Start ----------------------------------------------------------------------------------------

LAYER_PATHS = []


def prepare_paths():
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    standard = [path for path in sys.path if path != "/var/runtime"]
    LAYER_PATHS[:] = [f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    before = ["/var/task", *LAYER_PATHS, "/var/runtime"]
    # PYTHONPATH's folders stand before the standard library's.
    own = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    sys.path[:] = own + before + [path for path in standard if path not in own] + [
        f"/usr/local/lib/{version}/dist-packages", "/usr/lib/python3/dist-packages"]


def find_layers_of_the_name_asked_for():
    """A layer names the version that its function asks for, whichever runs it."""
    version = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("_")[2]
    path = f"/opt/python/lib/{version}/site-packages"
    if path not in sys.path and os.path.isdir(path):
        sys.path.insert(sys.path.index(LAYER_PATHS[0]), path)


def prepare_builtins():
    """What the interpreter's own `site` would have added; it is skipped for its cost."""
    import builtins

    def leave(code=None):
        raise SystemExit(code)
    builtins.exit = builtins.quit = leave


def rehearse(encode):
    """Calls that nobody asked for: the interpreter rewrites code that runs often, and what it keeps
    for later is made on first use. Done here, it is in the image and not in every sandbox."""
    handler = load_handler("hearth_rehearsal.handler")
    del sys.modules["hearth_rehearsal"]
    context = Context("", 0, "", b"", b"", b"")
    for _ in range(16):
        call(handler, b'{"a": [1, 2.5, "b", null]}', context, encode)
    exec(compile("def handler(event, context):\n    return event\n", "rehearsal", "exec"), {})


def wait_as_stem_cell(encode):
    """Imports what most functions import, then waits to be told whose code this is."""
    # Everything here is paid for before there is a call, in processor time and in memory.
    import base64, datetime, decimal, functools, hashlib, hmac, logging, random, re, traceback
    import urllib.parse, uuid
    import hearth_snapshot
    rehearse(encode)
    hearth_snapshot.pause(os.environ, lambda: wait_for_load(encode))
    os.chdir("/var/task")  # What was mounted there while we waited.
    # The import system has noted that these do not exist, and would not look again.
    for path in LAYER_PATHS:
        sys.path_importer_cache.pop(path, None)


def wait_for_load(encode):
    """The environment. Asked to, rehearses meanwhile: what goes on from an image has touched nothing
    of its memory, and would do so in somebody's first call."""
    import hearth_snapshot
    while (fields := next_frame(LOAD, _HEADER.size)) is None:
        rehearse(encode)
        hearth_snapshot.go_on(os.environ, b"\0".join(
            name + b"=" + value for name, value in os.environb.items()))
        Context.set_up(os.environ)
        flush_output()
    return fields[0]


def main():
    os.set_inheritable(EVENTS, False)
    os.set_inheritable(ANSWERS, False)
    sys.stdout.reconfigure(line_buffering=True)
    sys.stderr.reconfigure(line_buffering=True)
    sys.argv[:] = [""]
    prepare_paths()
    prepare_builtins()
    encode = make_encoder()
    if "HEARTH_STEM_CELL" in os.environ:
        wait_as_stem_cell(encode)
    find_layers_of_the_name_asked_for()
    hearth_logging.install()
    hearth_endpoint.install()
    environment = os.environ
    given = dict(environment._data)
    try:
        handler = load_handler(os.environ.get("_HANDLER", ""))
    except Exception as error:
        leave_init(describe(error, ""))
    flush_output()
    send(READY)
    serve(handler, encode, environment, given)


if __name__ == "__main__":
    main()
