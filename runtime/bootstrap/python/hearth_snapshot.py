"""What a process does when it is written down, and when one of many goes on from there.

Its memory is all that goes along. Files in /tmp are taken into it; what must differ between two
sandboxes (random state, the environment) is made anew; how signals are handled is told to the
kernel again.
"""
import gc
import os
import sys

ROOT = "/tmp"


def run_hooks(getter, reverse=False):
    module = sys.modules.get("snapshot_restore_py")
    hooks = list(getattr(module, getter)()) if module is not None else []
    for function, args, kwargs in reversed(hooks) if reverse else hooks:
        function(*args, **kwargs)


def pack_files():
    """Everything below /tmp: (path, mode, what), parents first; what is None for a folder."""
    packed = []
    for folder, folders, files in os.walk(ROOT):
        for name in folders + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if os.path.islink(path):
                packed.append((path, None, os.readlink(path)))
            elif os.path.isdir(path):
                packed.append((path, status.st_mode & 0o7777, None))
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    packed.append((path, status.st_mode & 0o7777, file.read()))
    return packed


def unpack_files(packed):
    for path, mode, what in packed:
        if mode is None:
            os.symlink(what, path)
            continue
        if what is None:
            os.mkdir(path)
        else:
            with open(path, "wb") as file:
                file.write(what)
    for path, mode, _ in reversed(packed):  # A folder may be one that nobody may write into.
        if mode is not None:
            os.chmod(path, mode)


def become_unique():
    """Nothing that is drawn from now on may be what another sandbox draws."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
    ssl = sys.modules.get("_ssl")
    if ssl is not None:
        ssl.RAND_add(os.urandom(64), 64.0)
    tempfile = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile._name_sequence = None


def set_environment(variables):
    os.environ.clear()
    for variable in variables.split(b"\0"):
        name, _, value = variable.partition(b"=")
        os.environb[name] = value


def handle_signals():
    signal = sys.modules.get("signal")
    if signal is None:
        import _signal as signal
    for number in range(1, signal.NSIG):
        try:
            handler = signal.getsignal(number)
            if handler is not None and handler != signal.SIG_DFL:
                signal.signal(number, handler)
        except (OSError, ValueError):
            pass


def pause(wait):
    """Waits for an environment; whoever goes on from an image of that moment is made itself.

    What is frozen is no garbage collector's business: its pages stay as they are, so that every
    sandbox shares them.
    """
    gc.collect()
    gc.freeze()
    set_environment(wait())
    handle_signals()
    become_unique()


def write_down(wait):
    """Returns in each sandbox that goes on from here."""
    packed = pack_files()
    pause(wait)
    unpack_files(packed)
