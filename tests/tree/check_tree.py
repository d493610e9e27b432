#!/usr/bin/python3
"""The rules of the house, checked: who may include whom, the one door to each library, banned
calls, and sizes. Run by ctest; prints each breach as path:line: what, and exits 1 if there is one.

check_tree.py ROOT              checks the tree
check_tree.py ROOT --self-test  proves that each rule can fail
"""
import os
import re
import subprocess
import sys
import tempfile

# Which floors each floor may include. A floor looks down, never up, never sideways.
MAY_INCLUDE = {
    "base": set(),
    "expressions": {"base"},
    "io": {"base"},
    "store": {"base", "io"},
    "sandbox": {"base"},
    "layers": {"base"},
    "runtime": {"base", "io"},
    "aws": {"base", "io"},
    "invoker": {"base", "expressions", "io", "store", "aws", "sandbox", "layers", "runtime"},
    "logs": {"base", "io", "aws", "invoker"},
    "triggers": {"base", "expressions", "io", "store", "aws", "invoker"},
    "stacks": {"base", "expressions", "io", "store", "aws", "layers", "invoker", "triggers"},
    "host": {"base", "expressions", "io", "store", "aws", "sandbox", "layers", "runtime", "invoker", "logs",
             "triggers", "stacks"},
    "cli": {"base", "io", "layers"},
    "bench": {"base", "expressions", "io", "sandbox", "invoker", "triggers"},
}

# The one floor that may include a library's headers. bench/ measures without our wrappers.
DOORS = {
    r"<uv\.h>": {"io"},
    r"<llhttp\.h>": {"io", "bench"},
    r"<curl/": {"io"},
    r"<cctz/": {"expressions"},
    r"<sqlite3\.h>": {"store"},
    r"<archive(_entry)?\.h>": {"layers"},
    r"<seccomp\.h>": {"sandbox"},
    r"<yaml-cpp/": {"stacks"},
    r"<pugixml": {"aws"},
    r"<CLI/": {"cli"},
}

# Calls that the style bans, each with its reason; the folders where it is allowed.
BANNED = [
    (r"\bthrow\b", "we never throw: return an Error", set()),
    (r"\bsystem\(", "starts a shell", set()),
    (r"\bpopen\(", "starts a shell", set()),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets)\(", "no bounds", set()),
    (r"\bwaitpid\(\s*-1", "exits come from pidfds, one process each", set()),
    (r"\bSIGCHLD\b.*(signal|sigaction)\(", "exits come from pidfds", set()),
    (r"\[=[\],]", "captures must be named", set()),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\b", "wait with a timer or a poll", set()),
    (r"\bsystem_clock::now\(|\bsteady_clock::now\(", "read time from base::Clock",
     {"base", "bench", "cli"}),
    (r"\bstd::(rand|srand)\b", "use base/id.h or getrandom", set()),
    (r"\bNOLINT\b", "say why in words and fix it", set()),
]

MAX_HEADER, MAX_SOURCE, MAX_README = 200, 500, 40


def tracked(root):
    try:
        out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                             capture_output=True, text=True, check=True).stdout
        return out.splitlines()
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, _, names in os.walk(root):
            found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
        return found


def strip_comments(text):
    """Blanks comments and string contents, keeping every line where it is."""
    def blank(match):
        kept = match.group(0)
        if kept.startswith('"'):
            return '"' + " " * (len(kept) - 2) + '"' if len(kept) >= 2 else kept
        return re.sub(r"[^\n]", " ", kept)
    return re.sub(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', blank, text,
                  flags=re.S)


def service_of(path):
    """Of triggers/SERVICE/…, else None."""
    match = re.match(r"triggers/([^/]+)/", path)
    return match.group(1) if match else None


def check_source(path, text):
    floor = path.split("/")[0]
    breaches = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        include = re.match(r'\s*#\s*include\s+("([^"]+)"|<[^>]+>)', line)
        if include:
            target = (include.group(2) or "").split("/")[0]
            if floor in MAY_INCLUDE and target in MAY_INCLUDE and target != floor \
                    and target not in MAY_INCLUDE[floor]:
                breaches.append((number, f"{floor}/ may not include {target}/"))
            service, other = service_of(path), service_of(include.group(2) or "")
            if service and other and service != other:
                breaches.append((number, f"triggers/{service} may not include triggers/{other}: "
                                 "what goes on to another service goes by ARN"))
            for pattern, doors in DOORS.items():
                if re.search(pattern, include.group(1)) and floor not in doors \
                        and floor != "tests":
                    breaches.append((number, f"{include.group(1)} belongs to {sorted(doors)}"))
        if len(line) > 100 and "http" not in line:
            breaches.append((number, "longer than 100 columns"))
    if floor != "tests":
        for number, line in enumerate(strip_comments(text).splitlines(), 1):
            for pattern, why, allowed in BANNED:
                if floor not in allowed and re.search(pattern, line):
                    breaches.append((number, f"{line.strip()[:60]}: {why}"))
    if path.endswith(".h") and "#pragma once" not in text:
        breaches.append((1, "no #pragma once"))
    limit = MAX_HEADER if path.endswith(".h") else MAX_SOURCE
    if floor != "tests" and len(lines) > limit:
        breaches.append((len(lines), f"{len(lines)} lines, more than {limit}: split it"))
    return breaches


def check_tree(root):
    breaches = []
    files = tracked(root)
    for path in files:
        full = os.path.join(root, path)
        if not os.path.isfile(full) or path.startswith("build"):
            continue
        if path.endswith((".h", ".cc")):
            with open(full, encoding="utf-8") as source:
                text = source.read()
            breaches += [f"{path}:{n}: {what}" for n, what in check_source(path, text)]
        if os.path.basename(path) == "README.md" and path.count("/") == 1 \
                and path.split("/")[0] in MAY_INCLUDE:
            with open(full, encoding="utf-8") as readme:
                count = len(readme.read().splitlines())
            if count > MAX_README:
                breaches.append(f"{path}:{count}: longer than {MAX_README} lines")
    floors = {path.split("/")[0] for path in files if path.endswith(".cc")}
    for floor in sorted(floors & set(MAY_INCLUDE)):
        if not os.path.exists(os.path.join(root, floor, "README.md")):
            breaches.append(f"{floor}/: no README.md")
    return breaches


def self_test():
    bad = {
        "sandbox/a.cc": '#include "io/loop.h"\n',
        "invoker/a.cc": "#include <sqlite3.h>\n",
        "triggers/s3/a.cc": '#include "triggers/sqs/queue_engine.h"\n',
        "io/a.cc": "void F() { throw 1; }\n",
        "io/b.cc": "void F() { auto f = [=] {}; }\n",
        "base/a.h": "int x;\n",
        "base/b.cc": "// x\n" * 501,
        "io/c.cc": "// " + "x" * 100 + "\n",
    }
    good = {
        "io/a.cc": '#include "base/file.h"\n#include <uv.h>\n// throw\nauto s = "throw [=]";\n',
        "triggers/s3/b.cc": '#include "triggers/s3/errors.h"\n',
    }
    for path, text in bad.items():
        if not check_source(path, text):
            print(f"self-test: {path} should be a breach")
            return 1
    for path, text in good.items():
        if check_source(path, text):
            print(f"self-test: {path} should be clean: {check_source(path, text)}")
            return 1
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "io"))
        with open(os.path.join(folder, "io", "a.cc"), "w", encoding="utf-8") as out:
            out.write("\n")
        if "io/: no README.md" not in check_tree(folder):
            print("self-test: a floor without README.md should be a breach")
            return 1
    return 0


def main():
    root = sys.argv[1]
    if "--self-test" in sys.argv:
        return self_test()
    breaches = check_tree(root)
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
