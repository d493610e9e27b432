"""Lambda's root log handler, set up when (and only when) the function imports `logging`.

Importing `logging` costs several milliseconds of a cold start; most functions never do.
"""
import sys
from _frozen_importlib_external import PathFinder


class _WhenImported:
    """A finder that lets the import happen, then runs `then` on the module, once."""

    def __init__(self, name, then):
        self._name, self._then = name, then

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            self._then(module)
        spec.loader.exec_module = exec_module
        return spec


def _set_up(logging):
    import os
    from hearth_context import Context
    is_json = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"

    class TextFormatter(logging.Formatter):
        converter = __import__("time").gmtime

        def format(self, record):
            record.aws_request_id = Context.current_request_id or ""
            return super().format(record)

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            try:
                sys.stdout.write(self.format(record))
            except Exception:
                self.handleError(record)

    handler = LambdaHandler()
    handler.setFormatter(_json_formatter(logging)() if is_json else TextFormatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
        "%Y-%m-%dT%H:%M:%S"))
    logging.root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper() if is_json else ""
    level = {"TRACE": "DEBUG"}.get(level, level)
    if level in logging._nameToLevel:
        logging.root.setLevel(level)


def _json_formatter(logging):
    """One JSON object a line; what `extra` adds becomes members of it."""
    import json
    from datetime import datetime, timezone
    from hearth_context import Context
    own = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}

    class JsonFormatter(logging.Formatter):
        def format(self, record):
            time = datetime.fromtimestamp(record.created, timezone.utc)
            line = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                    "level": record.levelname, "message": record.getMessage(),
                    "logger": record.name}
            if record.exc_info and record.exc_info[0]:
                kind, error, trace = record.exc_info
                line["stackTrace"] = __import__("traceback").format_tb(trace)
                line["errorType"], line["errorMessage"] = kind.__name__, str(error)
            if Context.current_request_id:
                line["requestId"] = Context.current_request_id
            if "errorType" in line:
                line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
            for name, value in vars(record).items():
                if name not in own and value is not None:
                    line.setdefault(name, value)
            text = json.dumps(line, ensure_ascii=False, default=str)
            return text.encode("utf-8", "backslashreplace").decode() + "\n"
    return JsonFormatter


def install():
    if "logging" in sys.modules:
        _set_up(sys.modules["logging"])
    else:
        sys.meta_path.insert(0, _WhenImported("logging", _set_up))
