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
    from hearth_context import Context

    class LambdaFormatter(logging.Formatter):
        converter = __import__("time").gmtime

        def format(self, record):
            record.aws_request_id = Context.current_request_id or ""
            return super().format(record)

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            sys.stdout.write(self.format(record))

    handler = LambdaHandler()
    handler.setFormatter(LambdaFormatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
        "%Y-%m-%dT%H:%M:%S"))
    logging.root.addHandler(handler)


def install():
    if "logging" in sys.modules:
        _set_up(sys.modules["logging"])
    else:
        sys.meta_path.insert(0, _WhenImported("logging", _set_up))
