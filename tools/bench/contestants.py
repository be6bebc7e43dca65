# SPDX-License-Identifier: GPL-2.0-or-later
"""Who takes part in the benchmark: how each is started, and how its output is read.

No process is started here and no clock is read: a contestant is a command and a reader of files.
"""

import collections
import json
import os
import re
import shutil

SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"

# Of the ten state changes of one connection none is from or to LISTEN but the child's; a
# listener's own are made once per run and are not counted.
EDGES_PER_CONNECTION = 10
LISTENER_EDGES = {("CLOSE", "LISTEN"), ("LISTEN", "CLOSE"), ("CLOSED", "LISTEN"),
                  ("LISTEN", "CLOSED"), ("7", "10"), ("10", "7")}

# bcc's tools say it on stderr, bpftrace in the middle of its output.
LOST_EVENTS = re.compile(r"\blost\s+(\d+)\s+events", re.I)

BPFTRACE_PROGRAM = """
tracepoint:sock:inet_sock_set_state /args->protocol == 6/
{
	printf("%llu %p %d %s %s %d %s %d %d -> %d\\n", nsecs, args->skaddr, pid, comm,
	       ntop(args->family, args->SADDR), args->sport,
	       ntop(args->family, args->DADDR), args->dport, args->oldstate, args->newstate);
}
"""


class Contestant:
    """One way to watch the churn."""

    name = ""
    what = ""
    package = None
    in_namespace = False
    events_per_connection = None  # what a complete account has

    def __init__(self, options):
        self.options = options
        self.path = self.find()

    def find(self):
        return shutil.which(self.name, path=SEARCH_PATH)

    def missing(self):
        return f"not installed (Debian package {self.package})"

    def command(self, directory):
        raise NotImplementedError

    def ready_text(self):
        """Text on stderr that tells it is attached; None: only events can tell."""
        return None

    def output(self, directory):
        return os.path.join(directory, "out")

    def events(self, file):
        """Counter of the events in the file that belong to the churn, by kind."""
        raise NotImplementedError

    def lost(self, stderr, counter):
        """Number of events lost as the tool itself says it; None: it cannot say."""
        return counter["lost"] + sum(int(n) for n in LOST_EVENTS.findall(stderr))

    def is_ours(self, *ports):
        first, count = self.options.port, self.options.ports
        return any(first <= int(port) < first + count for port in ports)


class Untraced(Contestant):
    name = "untraced"
    what = "no tracer at all"

    def find(self):
        return "-"


class Tcpwitness(Contestant):
    name = "tcpwitness"
    what = "tcpwitness trace -o json"
    events_per_connection = EDGES_PER_CONNECTION

    def find(self):
        path = os.path.join(self.options.build_dir, "tcpwitness")
        return path if os.access(path, os.X_OK) else None

    def missing(self):
        return f"not built (no {os.path.join(self.options.build_dir, 'tcpwitness')})"

    def command(self, directory):
        return [self.path, "trace", "-o", "json"]

    def ready_text(self):
        return "tracing"

    def events(self, file):
        counter = collections.Counter()
        for line in file:
            # Cheaper than parsing the lines of everybody else on the machine.
            if '"transition"' not in line and '"lost"' not in line:
                continue
            try:
                record = json.loads(line)
            except ValueError:
                counter["unreadable"] += 1
                continue
            if record.get("event") == "lost":
                counter["lost"] += int(record.get("count") or 0)
            elif record.get("event") == "transition":
                edge = (record.get("old"), record.get("new"))
                ports = (record.get("lport") or 0, record.get("rport") or 0)
                if self.is_ours(*ports) and edge not in LISTENER_EDGES:
                    counter[edge] += 1
        return counter

    def lost(self, stderr, counter):
        """The summary names the losses by stage; both `lost 0` and `0 lost` are understood."""
        told = re.findall(r"\blost\b[ :=]*(\d+)", stderr, re.I)
        told += re.findall(r"(\d+) (?:events? )?lost\b", stderr, re.I)
        if not told:
            return None
        return max(max(int(n) for n in told), counter["lost"])


class Tcplife(Contestant):
    name = "tcplife"
    what = "bcc tcplife, a line for each socket at its end"
    package = "libbpf-tools"
    events_per_connection = 2

    def command(self, directory):
        return [self.path]

    def events(self, file):
        counter = collections.Counter()
        for line in file:
            match = re.search(r" (\d+)\s+[0-9a-f.:]+\s+(\d+)(?:\s+[\d.]+){3}\s*$", line)
            if match and self.is_ours(match[1], match[2]):
                counter["life"] += 1
        return counter


class StateLines(Contestant):
    """Tools that print `lport raddr rport old -> new` in a line."""

    events_per_connection = EDGES_PER_CONNECTION
    pattern = re.compile(r" (\d+)\s+[0-9a-f.:]+\s+(\d+)\s+(\w+)\s*-> (\w+)")

    def events(self, file):
        counter = collections.Counter()
        for line in file:
            match = self.pattern.search(line)
            if match and self.is_ours(match[1], match[2]):
                edge = (match[3], match[4])
                if edge not in LISTENER_EDGES:
                    counter[edge] += 1
            elif "ost " in line:
                counter["lost"] += sum(int(n) for n in LOST_EVENTS.findall(line))
        return counter


class Tcpstates(StateLines):
    name = "tcpstates"
    what = "bcc tcpstates, a line for each state change"
    package = "libbpf-tools"

    def command(self, directory):
        return [self.path]


class Bpftrace(StateLines):
    name = "bpftrace"
    what = "bpftrace, printing each inet_sock_set_state"
    package = "bpftrace"

    def command(self, directory):
        suffix = "_v6" if self.options.family == 6 else ""
        program = BPFTRACE_PROGRAM.replace("SADDR", "saddr" + suffix)
        return [self.path, "-o", self.output(directory), "-e",
                program.replace("DADDR", "daddr" + suffix)]

    def output(self, directory):
        return os.path.join(directory, "lines")


class Tcpdump(Contestant):
    name = "tcpdump"
    what = "tcpdump of the same loopback, 96 bytes a packet"
    package = "tcpdump"
    in_namespace = True

    def command(self, directory):
        return [self.path, "-i", "lo", "-n", "-s", "96", "-Z", "root", "-w",
                os.path.join(directory, "pcap"), "tcp"]

    def ready_text(self):
        return "listening on"

    def output(self, directory):
        return os.path.join(directory, "pcap")

    def events(self, file):
        return collections.Counter()

    def lost(self, stderr, counter):
        match = re.search(r"(\d+) packets? dropped by kernel", stderr)
        return int(match[1]) if match else None


CONTESTANTS = (Untraced, Tcpwitness, Tcplife, Tcpstates, Bpftrace, Tcpdump)
