#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every test: lint, the unit tests given as arguments (cmocka programs), and end to end.

Ends with a line "N passed, N failed, N skipped"; exit status 1 when one failed, when none ran, or,
in continuous integration, when one was skipped.
"""

import os
import re
import subprocess
import sys
import time

TIMEOUT = 900
TOTALS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed, failed, skipped):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def run(command, env=None):
    """Output and status of a command; a hanging one is a failure with what it said so far."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=TIMEOUT, env=env, check=False)
        return done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as hang:
        return (hang.stdout or b"").decode("utf-8", "replace") + "\ntimed out\n", 124


def unit(program, totals):
    """A cmocka program: its own counts, and a crash counts as a failure."""
    began = time.monotonic()
    output, status = run([program], dict(os.environ, CMOCKA_MESSAGE_OUTPUT="STDOUT"))
    passed = len(re.findall(r"^\[       OK \]", output, re.M))
    failed = len(re.findall(r"^\[  (?:FAILED|ERROR) +\] .*[^0-9:]$", output, re.M))
    listed = re.search(r"^\[  FAILED  \] .*?(\d+) test\(s\)", output, re.M)
    if listed:
        failed = int(listed.group(1))
    skipped = len(re.findall(r"^\[  SKIPPED \] (?!tests)(?!.*\d+ test)", output, re.M))
    if status != 0 and failed == 0:
        failed = 1
    if passed + failed + skipped == 0:
        failed = 1
    name = program.split("/tests/", 1)[-1]
    mark = "ok  " if not failed else "FAIL"
    print(f"{mark} {name}: {passed} passed, {failed} failed, {skipped} skipped "
          f"({time.monotonic() - began:.1f} s)", flush=True)
    if failed or skipped:
        print(output, flush=True)
    totals.add(passed, failed, skipped)


def one(name, command, totals):
    """A program that is one test: its status tells."""
    output, status = run(command)
    print(f"{'FAIL' if status else 'ok  '} {name}")
    print(output, end="", flush=True)
    totals.add(status == 0, status != 0, 0)


def suite(name, command, totals):
    """A program that ends with a line of totals of its own."""
    print(f"---- {name}", flush=True)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    found = None
    for raw in process.stdout:
        line = raw.decode("utf-8", "replace").rstrip("\n")
        match = TOTALS.match(line)
        if match:
            found = match
        else:
            print(line, flush=True)
    status = process.wait()
    if found:
        counts = [int(n or 0) for n in found.groups()]
    else:
        counts = [0, 1, 0]
        print(f"FAIL {name}: it did not reach its totals (status {status})")
    if status != 0 and counts[1] == 0 and not (counts[2] and os.environ.get("CI")):
        counts[1] = 1
        print(f"FAIL {name}: status {status}")
    totals.add(*counts)


def main():
    only_unit = "--unit" in sys.argv
    programs = [a for a in sys.argv[1:] if not a.startswith("--")]
    out = os.environ.get("OUT", "build")
    totals = Totals()
    python = sys.executable

    if not only_unit:
        suite("lint", [python, "tools/lint.py"], totals)
        suite("vm driver", [python, "tests/vm/driver_test.py"], totals)
        if os.path.exists("tests/rfc/check"):
            one("rfc ledger", [python, "tests/rfc/check"], totals)
    for program in sorted(programs):
        unit(program, totals)
    if not only_unit:
        os.environ.setdefault("TCPWITNESS", os.path.abspath(os.path.join(out, "tcpwitness")))
        suite("end to end", [python, "tests/run_e2e.py"], totals)
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    bad = totals.failed or not totals.passed or (totals.skipped and os.environ.get("CI"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
