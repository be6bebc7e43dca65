# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a kernel hides from BPF. Some vendors' kernels run no BPF tracing program while a task of the
machine's own agent (process 1) is on the CPU. A softirq that happens to interrupt it, and with it a
whole batch of timers or segments, is then told to no program and counted by none. ftrace is told:
an instance of its own, for the tasks of process 1 alone, names those events.

    with hidden.Watch() as watch:
        ...
        watch.events()     # [Event]; empty on a kernel that hides nothing
"""

import os
import re
import subprocess
from collections import namedtuple

Event = namedtuple("Event", "seconds name lport rport text")  # seconds: CLOCK_MONOTONIC

TRACEFS = "/sys/kernel/tracing"
EVENTS = ("sock/inet_sock_set_state", "tcp/tcp_retransmit_skb", "tcp/tcp_retransmit_synack",
          "tcp/tcp_send_reset", "tcp/tcp_receive_reset", "tcp/tcp_destroy_sock")
# Their lines name no connection, only that a request or timewait socket was concerned.
TIMERS = ("timer/timer_start", "timer/timer_expire_entry")
HANDLERS = ("tw_timer_handler", "reqsk_timer_handler")
_LINE = re.compile(r"\s(\d+\.\d+): (\w+): (.*)")
_PORTS = re.compile(r"sport=(\d+) dport=(\d+)")


def _write(path, text):
    with open(path, "w") as f:
        f.write(text)


def _handlers():
    with open("/proc/kallsyms") as f:
        return [int(line.split()[0], 16) for line in f if line.split()[2] in HANDLERS]


def remove_stale():
    """Removes instances whose maker is gone; -> their names."""
    gone = []
    for name in os.listdir(TRACEFS + "/instances") if os.path.isdir(TRACEFS + "/instances") else ():
        m = re.fullmatch(r"tcpwitness-(\d+)-[0-9a-f]+", name)
        if m and not os.path.isdir(f"/proc/{m[1]}"):
            os.rmdir(f"{TRACEFS}/instances/{name}")
            gone.append(name)
    return gone


class Watch:
    """Of process 1 by default; `pids` for another process's threads (the harness's own test)."""

    def __init__(self, pid=1):
        if not os.path.isdir(TRACEFS + "/events"):
            subprocess.run(["mount", "-t", "tracefs", "none", TRACEFS], check=True)
        self.dir = f"{TRACEFS}/instances/tcpwitness-{os.getpid()}-{id(self):x}"
        os.mkdir(self.dir)
        try:
            _write(self.dir + "/trace_clock", "mono")
            _write(self.dir + "/options/event-fork", "1")
            _write(self.dir + "/set_event_pid", " ".join(os.listdir(f"/proc/{pid}/task")))
            wanted = " || ".join(f"function == {a:#x}" for a in _handlers())
            for name in EVENTS + TIMERS:
                where = f"{self.dir}/events/{name}"
                if not os.path.isdir(where):
                    continue
                if name in TIMERS:
                    _write(where + "/filter", wanted)
                _write(where + "/enable", "1")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self.dir:
            _write(self.dir + "/events/enable", "0")
            os.rmdir(self.dir)
            self.dir = None

    def events(self):
        """[Event] since the beginning, oldest first; ports 0 where the line has none."""
        found = []
        with open(self.dir + "/trace") as f:
            for line in f:
                m = None if line.startswith("#") else _LINE.search(line)
                if not m or "protocol=" in line and "IPPROTO_TCP" not in line:
                    continue
                ports = _PORTS.search(m[3])
                found.append(Event(float(m[1]), m[2], *(map(int, ports.groups()) if ports
                                                        else (0, 0)), line.strip()))
        return found


def count(events, name, ports):
    """How many of `events` are `name`s of a connection that has one of `ports` at an end."""
    return sum(1 for e in events if e.name == name and (e.lport in ports or e.rport in ports))
