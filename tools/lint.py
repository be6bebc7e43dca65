#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the lines of the house: who may include what, what is pure, how long things are.

Each check is one test; the last line gives the totals.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What each folder of user/ may include, beside itself and include/tcpwitness.
MAY_INCLUDE = {
    "base": set(),
    "reftcp": {"base", "reftcp-api"},
    "kernel": {"base"},
    "capture": {"base"},
    "lifecycle": {"base"},
    "stack": {"base", "reftcp", "reftcp-api", "kernel", "lifecycle"},
    "check": {"base", "reftcp", "reftcp-api", "kernel", "capture", "lifecycle"},
    "view": {"base", "lifecycle", "check"},
    "serve": {"base", "lifecycle", "check", "view"},
    "command": {"base", "reftcp", "reftcp-api", "kernel", "capture", "lifecycle", "stack", "check",
                "view", "serve", "command"},
}
# The pure cores: no clock, no I/O.
PURE = ("lifecycle", "check", "reftcp")
IMPURE = re.compile(r"#include <(stdio|unistd|time|fcntl|poll|signal|sys/.*|pthread|dirent)\.h>")
ONLY_KERNEL = re.compile(r"#include <(bpf/.*|libelf|gelf)\.h>")
TOP = {".ci", ".clang-format", ".clang-tidy", ".gitignore", "ARCHITECTURE.md", "CONTRIBUTING.md",
       "LICENSE", "Makefile", "README.md", "bpf", "include", "tests", "tools", "user"}
MAX_FILE = 700
MAX_FUNCTION = 80


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard",
                             *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [p for p in listed.stdout.split("\n") if p and (ROOT / p).exists()]


def read(path):
    return (ROOT / path).read_text(errors="replace")


def check_layers():
    for path in tracked("user/*.c", "user/*.h"):
        parts = path.split("/")
        if len(parts) < 3:
            continue
        folder = parts[1]
        if folder not in MAY_INCLUDE:
            yield f"{path}: unknown folder user/{folder}"
            continue
        for include in re.findall(r'#include "([^"]+)"', read(path)):
            target = include.split("/")[0] if "/" in include else folder
            if include.startswith("reftcp/reftcp"):
                target = "reftcp-api" if folder != "reftcp" else "reftcp"
            if target in ("tcpwitness", folder) or include.endswith(".skel.h"):
                if target == "tcpwitness" and folder == "reftcp":
                    yield f"{path}: reftcp is a library of its own, not of {include}"
                continue
            if target not in MAY_INCLUDE[folder]:
                yield f"{path}: user/{folder} must not include {include}"


def check_pure():
    for path in tracked("user/*.c", "user/*.h"):
        folder = path.split("/")[1]
        for line in read(path).split("\n"):
            if folder in PURE and IMPURE.match(line):
                yield f"{path}: {line}: user/{folder} has no clock and no I/O"
            if folder != "kernel" and ONLY_KERNEL.match(line):
                yield f"{path}: {line}: only user/kernel knows libbpf"


def check_licence():
    for path in tracked("*.c", "*.h", "*.py"):
        if "SPDX-License-Identifier:" not in read(path)[:400]:
            yield f"{path}: no SPDX-License-Identifier"


def check_top():
    for path in tracked():
        if path.split("/")[0] not in TOP:
            yield f"{path}: nothing else belongs at the top"


def check_sizes():
    """clang-format gives every function a brace of its own in column 0 at either end."""
    for path in tracked("*.c", "*.h"):
        lines = read(path).split("\n")
        if len(lines) > MAX_FILE:
            yield f"{path}: {len(lines)} lines (at most {MAX_FILE})"
        if not path.endswith(".c"):
            continue
        begin = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                begin = number
            elif line == "}" and begin:
                if number - begin > MAX_FUNCTION:
                    yield f"{path}:{begin}: a function of {number - begin} lines"
                begin = None


def check_words():
    """What must not be left open, and what names a machine instead of the project."""
    words = ("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK")  # so that this file passes as well
    open_ends = re.compile(r"\b(" + "|".join(words) + r")\b")
    for path in tracked("*.c", "*.h", "*.py", "*.sh", "Makefile"):
        for number, line in enumerate(read(path).split("\n"), 1):
            if open_ends.search(line):
                yield f"{path}:{number}: {line.strip()}"


def check_format():
    files = tracked("bpf/*.c", "bpf/*.h", "user/*.c", "user/*.h", "include/*.h", "tests/*.c",
                    "tests/*.h", "tools/*.c")
    files = [f for f in files]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    wrong = sorted({line.split(":")[0] for line in done.stderr.split("\n") if "error:" in line})
    for path in wrong:
        yield f"{path}: not as clang-format has it: make format"
    if done.returncode and not wrong:
        yield done.stderr.strip()


CHECKS = [check_layers, check_pure, check_licence, check_top, check_sizes, check_words,
          check_format]


def main():
    failed = 0
    for check in CHECKS:
        found = list(check())
        name = check.__name__.replace("check_", "lint ")
        print(f"{'FAIL' if found else 'ok  '} {name}")
        for line in found:
            print(f"     {line}")
        failed += bool(found)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
