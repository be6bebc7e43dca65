# SPDX-License-Identifier: GPL-2.0-or-later
"""The tracer under test: started, awaited, read line by line, stopped."""

import atexit
import os
import re
import signal
import subprocess
import threading
import time

from . import schema
from .tables import ROOT

BINARY = os.path.abspath(os.environ.get("TCPWITNESS") or os.path.join(ROOT, "build", "tcpwitness"))


_running = set()


@atexit.register
def _kill_all():
    for process in list(_running):
        if process.poll() is None:
            process.kill()
            process.wait()


def available():
    return os.access(BINARY, os.X_OK)


class Tracer:
    """
    `tcpwitness MODE -o json ARGS` as a child. Lines are parsed as they come; what breaks the
    contract is kept in .problems. wait_ready() returns once everything is attached.
    """

    READY = "tracing"  # what it says on stderr then

    def __init__(self, mode, *args, ready=True, stdout=None, json=True, env=None):
        self.argv = [BINARY, mode, *(["-o", "json"] if json else []), *map(str, args)]
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE, env=env)
        _running.add(self.process)
        self.lines = []
        self.raw = []
        self.problems = []
        self.errors = []
        self.changed = threading.Condition()
        self.threads = []
        self.ready = False
        if stdout is None:
            self._thread(self._read_lines)
        self._thread(self._read_errors)
        if ready:
            self.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        return "".join(self.errors)

    def _thread(self, target):
        t = threading.Thread(target=target, daemon=True)
        t.start()
        self.threads.append(t)

    def _read_lines(self):
        for raw in self.process.stdout:
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as e:
                obj, wrong = None, [f"not UTF-8: {e}: {raw[:200]!r}"]
            else:
                obj, wrong = schema.problems(line)
                if not line.endswith("\n"):
                    wrong.append(f"half a line: {line[-100:]!r}")
            with self.changed:
                self.raw.append(raw)
                if obj is not None:
                    self.lines.append(obj)
                self.problems.extend(wrong[:20])
                self.changed.notify_all()

    def _read_errors(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "backslashreplace")
            with self.changed:
                self.errors.append(line)
                self.ready = self.ready or self.READY in line
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_ready(self, timeout=60):
        end = time.monotonic() + timeout
        with self.changed:
            while not self.ready:
                # What it said before it ended may still be on its way here.
                if self.process.poll() is not None and not self.threads[-1].is_alive():
                    raise RuntimeError(f"{' '.join(self.argv)}: ended with status "
                                       f"{self.process.returncode}: {self.stderr}")
                if time.monotonic() > end:
                    raise RuntimeError(f"{' '.join(self.argv)}: not ready: {self.stderr}")
                self.changed.wait(0.1)

    def wait_for(self, condition, timeout=10):
        """Until condition(lines) is true; -> whether it became so."""
        end = time.monotonic() + timeout
        with self.changed:
            while not condition(self.lines):
                left = end - time.monotonic()
                if left <= 0 or self.process.poll() is not None and not self.threads[0].is_alive():
                    return bool(condition(self.lines))
                self.changed.wait(min(left, 0.5))
        return True

    def stop(self, sig=signal.SIGINT, timeout=30):
        """Interrupts it; -> its exit status. Its output is complete then."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.wait(timeout)

    def wait(self, timeout=30):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{' '.join(self.argv)}: did not end: {self.stderr}") from None
        _running.discard(self.process)
        for t in self.threads:
            t.join(timeout)
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for t in self.threads:
            t.join(5)
        for f in (self.process.stdout, self.process.stderr):
            if f and not f.closed and not any(t.is_alive() for t in self.threads):
                f.close()

    def transitions(self):
        return [e for e in self.lines if e["event"] == "transition"]


class Counter(Tracer):
    """`tcpwitness timewait`: readings of what the kernel counts."""

    READY = "counting"

    def __init__(self, *args, **kwargs):
        super().__init__("timewait", *args, **kwargs)

    def moves(self):
        """With -v, after its end: {(old, new): how many}."""
        return {(m[1], m[2]): int(m[3])
                for m in re.finditer(r"moves (\w+) (\w+) (-?\d+)", self.stderr) if int(m[3])}


def run(*args, timeout=60, stdin=subprocess.DEVNULL, **kwargs):
    """Runs the binary to its end; -> CompletedProcess with text output."""
    kwargs.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([BINARY, *map(str, args)], stdin=stdin, stderr=subprocess.PIPE,
                          timeout=timeout, text=True, errors="backslashreplace", **kwargs)
