"""What others cost on this machine: starts of a process in `crun` and `bwrap`, HTTP echo servers.

Used by bench/all. What is not installed is skipped by name.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORKERD = os.path.join(os.path.dirname(HERE), "build/peers/node_modules/.bin/workerd")
COMMANDS = {"true": ["/usr/bin/true"], "python3 -c pass": ["/usr/bin/python3", "-c", "pass"],
            "node -e 0": ["/usr/bin/node", "-e", "0"]}
# The same view that a Hearth sandbox has: /usr read-only, and nothing else of the host's.
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "sbin": "usr/sbin"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_once(arguments):
    """Milliseconds from the spawn to the exit; without the cost of Python's own fork."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1)]
    began = time.perf_counter()
    pid = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=quiet)
    _, status = os.waitpid(pid, 0)
    took = (time.perf_counter() - began) * 1000
    if status != 0:
        raise RuntimeError(f"{' '.join(arguments[:6])} ... ended with status {status}")
    return took


class Bare:
    name = "bare process"

    def command(self, program):
        return program

    def stop(self):
        pass


class Bubblewrap:
    name = "bwrap"

    def __init__(self):
        self.program = shutil.which("bwrap")
        if not self.program:
            raise FileNotFoundError("bwrap is not installed (scripts/dev setup bench)")

    def command(self, program):
        links = [word for name, to in LINKS.items() for word in ("--symlink", to, f"/{name}")]
        return [self.program, "--unshare-all", "--ro-bind", "/usr", "/usr", *links, "--proc",
                "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--die-with-parent", *program]

    def stop(self):
        pass


class Crun:
    """One bundle a command; cgroups left out, as not every machine lets crun make them."""
    name = "crun"

    def __init__(self):
        self.program = shutil.which("crun")
        if not self.program:
            raise FileNotFoundError("crun is not installed (scripts/dev setup bench)")
        self.folder = tempfile.mkdtemp(prefix="hearth-crun-")
        self.bundles = {}
        self.count = 0

    def bundle(self, program):
        key = " ".join(program)
        if key not in self.bundles:
            folder = os.path.join(self.folder, str(len(self.bundles)))
            root = os.path.join(folder, "rootfs")
            for name in ("usr", "proc", "dev", "sys", "tmp"):
                os.makedirs(os.path.join(root, name))
            for name, to in LINKS.items():
                os.symlink(to, os.path.join(root, name))
            subprocess.run([self.program, "spec"], cwd=folder, check=True)
            path = os.path.join(folder, "config.json")
            with open(path, encoding="utf-8") as text:
                config = json.load(text)
            config["process"].update(args=list(program), terminal=False)
            config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"]
            config["mounts"].append({"destination": "/usr", "source": "/usr", "type": "bind",
                                     "options": ["rbind", "ro"]})
            config["linux"].pop("resources", None)
            with open(path, "w", encoding="utf-8") as out:
                json.dump(config, out)
            self.bundles[key] = folder
        return self.bundles[key]

    def command(self, program):
        self.count += 1
        return [self.program, "--root", os.path.join(self.folder, "state"),
                "--cgroup-manager=disabled", "run", "--bundle", self.bundle(program),
                f"hearth-bench-{os.getpid()}-{self.count}"]

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class HttpPeer:
    """A program that answers every POST with its JSON, and is ready once it listens."""

    def __init__(self, name, arguments, port=None):
        self.name = name
        self.port = port or free_port()
        self.process = subprocess.Popen([word.replace("PORT", str(self.port))
                                         for word in arguments])
        for _ in range(500):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{name} did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Workerd(HttpPeer):
    def __init__(self):
        if not os.path.exists(WORKERD):
            raise FileNotFoundError("workerd is not installed (scripts/dev setup bench)")
        self.folder = tempfile.mkdtemp(prefix="hearth-workerd-")
        config = os.path.join(self.folder, "config.capnp")
        shutil.copy(os.path.join(HERE, "peers_workerd.js"), self.folder)
        port = free_port()
        with open(config, "w", encoding="utf-8") as out:
            out.write('using Workerd = import "/workerd/workerd.capnp";\n'
                      'const config :Workerd.Config = (\n'
                      '  services = [(name = "main", worker = .echo)],\n'
                      f'  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), '
                      'service = "main")]);\n'
                      'const echo :Workerd.Worker = (\n'
                      '  modules = [(name = "worker", esModule = embed "peers_workerd.js")],\n'
                      '  compatibilityDate = "2024-01-01");\n')
        super().__init__("workerd", [WORKERD, "serve", config], port)

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


HTTP_PEERS = {
    "node http": lambda: HttpPeer("node http", ["/usr/bin/node",
                                                os.path.join(HERE, "peers_http.js"), "PORT"]),
    "python3 http.server": lambda: HttpPeer("python3 http.server",
                                            ["/usr/bin/python3",
                                             os.path.join(HERE, "peers_http.py"), "PORT"]),
    "workerd": Workerd,
}


def check(peer, program):
    """A first run, whose words are kept: a measured one has no standard error of its own."""
    done = subprocess.run(peer.command(program), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split()) or "without a word"
        raise RuntimeError(f"{program[0]} in {peer.name} ended with {done.returncode}: {said}")


def starts(rounds, count):
    """[{peer, command, p50_ms of each round}], interleaved; and what was skipped, with its reason."""
    skipped, makers = {}, []
    for kind in (Bare, Bubblewrap, Crun):
        try:
            makers.append(kind())
        except (FileNotFoundError, OSError) as error:
            skipped[kind.name] = str(error)
    results = {}
    try:
        for _ in range(rounds):
            for command, program in COMMANDS.items():
                for peer in list(makers):
                    if peer.name in skipped:
                        continue
                    try:
                        if (peer.name, command) not in results:
                            check(peer, program)
                        took = [run_once(peer.command(program)) for _ in range(count)]
                    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                        skipped[peer.name] = str(error)
                        continue
                    results.setdefault((peer.name, command), []).append(sorted(took))
    finally:
        for peer in makers:
            peer.stop()
    return [{"peer": peer, "command": command, "rounds_ms": rounds_ms}
            for (peer, command), rounds_ms in results.items()], skipped
