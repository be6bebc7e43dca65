# SPDX-License-Identifier: GPL-2.0-or-later
"""Other accounts of the same things: ss, and the kernel's lists of BPF objects."""

import json
import os
import re
import subprocess
import threading
import time
from collections import Counter, namedtuple

from .netns import sh
from .tables import FROM_SS

Socket = namedtuple("Socket", "state laddr lport raddr rport")


def _endpoint(text):
    addr, _, port = text.rpartition(":")
    addr = addr.strip("[]").split("%")[0]
    if addr.startswith("::ffff:"):
        addr = addr[7:]
    if addr == "*":
        addr = "::"
    return addr, 0 if port == "*" else int(port)


def _socket(line):
    state, _, _, local, remote = line.split()[:5]
    return Socket(FROM_SS[state], *_endpoint(local), *_endpoint(remote))


def sockets(ns):
    """`ss -tan` of a namespace: [Socket], states by their RFC names, mapped addresses as IPv4."""
    return [_socket(line) for line in ns.run("ss", "-tanH").splitlines()]


class Watcher:
    """Asks ss again and again, as often as it answers: .seen is the set of Sockets there were."""

    def __init__(self, ns):
        self.ns, self.seen = ns, set()

    def _read(self):
        for line in self.process.stdout:
            self.seen.add(_socket(line))

    def __enter__(self):
        # One shell for all: on a busy machine the start of another each time takes too long.
        self.process = subprocess.Popen(
            self.ns.argv("sh", "-c", "while ss -tanH; do :; done"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()

    def states(self, *lports):
        return {s.state for s in self.seen if s.lport in lports}


def states(ns):
    return Counter(s.state for s in sockets(ns))


def time_wait_timers(ns):
    """Seconds left of each TIME_WAIT: {(laddr, lport, raddr, rport): s}, by `ss -tano`."""
    result = {}
    for line in ns.run("ss", "-tanoH", "state", "time-wait").splitlines():
        words = line.split()
        m = re.search(r"timer:\(timewait,([\w.]+),", line)
        result[(*_endpoint(words[2]), *_endpoint(words[3]))] = _seconds(m.group(1))
    return result


def _seconds(text):
    """ "59sec", "1min3sec", "804ms", "1.5sec" """
    total = 0.0
    for value, unit in re.findall(r"([\d.]+?)(min|sec|ms)", text):
        total += float(value) * {"min": 60, "sec": 1, "ms": 0.001}[unit]
    return total


def bpf_held(pids):
    """BPF objects these processes have descriptors of: {("prog"|"map"|"link", id)}"""
    held = set()
    for pid in pids:
        try:
            fds = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for fd in fds:
            try:
                if "bpf" not in os.readlink(f"/proc/{pid}/fd/{fd}"):
                    continue
                with open(f"/proc/{pid}/fdinfo/{fd}") as f:
                    text = f.read()
            except OSError:
                continue
            for kind, number in re.findall(r"^(prog|map|link)_id:\s*(\d+)", text, re.M):
                held.add((kind, int(number)))
    return held


def bpf_objects():
    """Every BPF program, map and link of the machine: {(kind, id): what bpftool says}"""
    found = {}
    for kind in ("prog", "map", "link"):
        for o in json.loads(sh("bpftool", "-j", kind, "show") or "[]"):
            found[(kind, o["id"])] = o
    return found


def recursion_misses(pid):
    """What a process's BPF programs did not see because they were running: {name: count}"""
    mine, objects = bpf_held([pid]), bpf_objects()
    return {objects[k]["name"]: objects[k]["recursion_misses"] for k in mine
            if k in objects and objects[k].get("recursion_misses")}


def bpf_held_by_all():
    """What any living process holds, directly or through a link's program or a program's maps."""
    held = bpf_held(p for p in os.listdir("/proc") if p.isdigit())
    objects = bpf_objects()
    for kind, number in list(held):
        o = objects.get((kind, number))
        if o and kind == "link" and "prog_id" in o:
            held.add(("prog", o["prog_id"]))
    for kind, number in list(held):
        o = objects.get((kind, number))
        if o and kind == "prog":
            held.update(("map", m) for m in o.get("map_ids", ()))
    return held, objects


def orphaned_bpf(before, patience=2.0):
    """
    Objects that are not in `before` (bpf_objects() of earlier) and that no living process holds:
    what somebody left behind. The kernel frees with a delay, hence the patience.
    """
    end = time.monotonic() + patience
    while True:
        held, objects = bpf_held_by_all()
        left = {k: o for k, o in objects.items() if k not in before and k not in held}
        # Two looks, so that an object made or freed between the lists is not mistaken.
        if not left or time.monotonic() > end:
            return {k: o for k, o in left.items() if k in bpf_objects()}
        time.sleep(0.05)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return [int(p) for p in subprocess.run(
            ["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True).stdout.split()]


def process_status(pid):
    """/proc/PID/status as a dictionary of strings."""
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def gone(pid, patience=2.0):
    """Whether a process ended (or is a zombie of somebody) within `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        try:
            if process_status(pid)["State"].startswith("Z"):
                return True
        except OSError:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
