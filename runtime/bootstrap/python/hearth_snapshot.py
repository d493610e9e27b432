"""What a process does when it is written down, and when one of many goes on from there.

Its memory is all that goes along. What init has changed outside of it (files in /tmp, the working
folder, limits, the environment) is taken into it and put back; what must differ between two
sandboxes (random state) is made anew; how signals are handled is told to the kernel again.
"""
import gc
import os
import stat
import sys

import _signal

ROOT = "/tmp"
# Of everything below ROOT, as it is held in memory twice for a moment.
MAX_FILES = 64 * 1024 * 1024
COST_OF_AN_ENTRY = 512


class Unfit(Exception):
    """The process is in a state that is not written down; it says which."""


def run_hooks(getter, reverse=False):
    module = sys.modules.get("snapshot_restore_py")
    hooks = list(getattr(module, getter)()) if module is not None else []
    for function, args, kwargs in reversed(hooks) if reverse else hooks:
        function(*args, **kwargs)


class Files:
    """Everything below /tmp: (path, status, what), parents first; what is None for a folder."""

    def __init__(self, max_bytes):
        self.entries = []
        left = max_bytes

        def refuse(error):
            raise error
        for folder, folders, files in os.walk(ROOT, onerror=refuse):
            for name in folders + files:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                left -= COST_OF_AN_ENTRY + len(path)
                if stat.S_ISREG(status.st_mode):
                    left -= status.st_size
                if left < 0:
                    raise Unfit(f"the files in {ROOT} are too large")
                self.entries.append((path, status, self.read(path, status)))

    @staticmethod
    def read(path, status):
        if stat.S_ISDIR(status.st_mode):
            return None
        if stat.S_ISLNK(status.st_mode):
            return os.readlink(path)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise Unfit(f"{path} is not a plain file")
        with open(path, "rb") as file:
            # No more than was measured: it may grow.
            return file.read(status.st_size)

    def write(self):
        for path, status, what in self.entries:
            if stat.S_ISLNK(status.st_mode):
                os.symlink(what, path)
            elif what is None:
                os.mkdir(path)
            else:
                with open(path, "wb") as file:
                    file.write(what)

    def set_modes(self):
        """Last: a folder may be one that nobody may write or even go into."""
        for path, status, what in reversed(self.entries):
            if not stat.S_ISLNK(status.st_mode):
                os.chmod(path, stat.S_IMODE(status.st_mode))
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


class Settings:
    """What init has set for its process: working folder, umask, limits, priority, environment."""

    def __init__(self, environment, given):
        """`environment`: os.environ as the process was started with; `given`: what it held."""
        import resource
        self.environment = environment
        now = dict(environment._data)
        self.changed = {name: value for name, value in now.items() if given.get(name) != value}
        self.removed = [name for name in given if name not in now]
        self.folder = os.getcwd()
        self.mask = os.umask(0)
        os.umask(self.mask)
        self.get_limit, self.set_limit = resource.getrlimit, resource.setrlimit
        numbers = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
        self.nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.processors = os.sched_getaffinity(0)
        self.limits = {number: self.get_limit(number) for number in numbers}

    def restore(self):
        for name in self.removed:
            if name in self.environment._data:
                del self.environment[self.environment.decodekey(name)]
        for name, value in self.changed.items():
            self.environment[self.environment.decodekey(name)] = (
                self.environment.decodevalue(value))
        os.chdir(self.folder)
        os.umask(self.mask)
        if os.getpriority(os.PRIO_PROCESS, 0) != self.nice:
            os.setpriority(os.PRIO_PROCESS, 0, self.nice)
        if os.sched_getaffinity(0) != self.processors:
            os.sched_setaffinity(0, self.processors)
        for number, limit in self.limits.items():
            if self.get_limit(number) != limit:
                self.set_limit(number, limit)


def refuse_timers():
    """Those of setitimer; who writes the process down sees the others itself (sandbox/capture.cc)."""
    for which in (_signal.ITIMER_REAL, _signal.ITIMER_VIRTUAL, _signal.ITIMER_PROF):
        if _signal.getitimer(which) != (0.0, 0.0):
            raise Unfit("a timer is set")


def refuse_other_streams():
    """The standard ones are made anew: a file in their place would be left behind."""
    for number in (1, 2):
        if not stat.S_ISFIFO(os.fstat(number).st_mode):
            raise Unfit(f"descriptor {number} is not what it was started with")


class State:
    """All that goes along beside the memory; made before the process is written down."""

    def __init__(self, environment, given):
        refuse_timers()
        refuse_other_streams()
        memory = int(given.get(b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", b"128")) * 1024 * 1024
        self.files = Files(min(MAX_FILES, memory // 4))
        self.settings = Settings(environment, given)

    def restore(self):
        self.files.write()
        self.settings.restore()
        self.files.set_modes()


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


def set_environment(environment, variables):
    environment.clear()
    for variable in variables.split(b"\0"):
        name, _, value = variable.partition(b"=")
        environment[environment.decodekey(name)] = environment.decodevalue(value)


def handle_signals():
    for number in range(1, _signal.NSIG):
        try:
            handler = _signal.getsignal(number)
            if handler is not None and handler != _signal.SIG_DFL:
                _signal.signal(number, handler)
        except (OSError, ValueError):
            pass


def pause(environment, wait):
    """Waits for an environment; whoever goes on from an image of that moment is made itself.

    What is frozen is no garbage collector's business: its pages stay as they are, so that every
    sandbox shares them.
    """
    gc.collect()
    gc.freeze()
    go_on(environment, wait())


def go_on(environment, variables):
    set_environment(environment, variables)
    handle_signals()
    become_unique()
