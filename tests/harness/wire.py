# SPDX-License-Identifier: GPL-2.0-or-later
"""What was on the wire, by tcpdump: proof that a scenario did what it claims."""

import atexit
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import namedtuple

Segment = namedtuple("Segment", "ts src sport dst dport flags seq ack length")

FLAGS = ((0x02, "S"), (0x01, "F"), (0x04, "R"), (0x10, "A"))


def flag_names(byte):
    """As in "SA", "FA", "R", "A": SYN, FIN, RST, ACK in this order; PSH does not matter here."""
    return "".join(name for bit, name in FLAGS if byte & bit)


class Capture:
    """tcpdump of all TCP on one device of a namespace, from start() to stop()."""

    def __init__(self, ns, device):
        fd, self.path = tempfile.mkstemp(prefix="e2e-", suffix=".pcap")
        os.close(fd)
        self.process = subprocess.Popen(
            ns.argv("tcpdump", "-i", device, "-p", "-n", "-U", "--immediate-mode", "-s", "128",
                    "-B", "8192", "--time-stamp-precision=nano", "-w", self.path, "tcp"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        atexit.register(self.discard)
        line = b""
        while b"listening on" not in line:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError(f"tcpdump on {device} did not start")
        # What it says later must not fill the pipe.
        self.drain = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.drain.start()
        self._segments = None

    def discard(self):
        if self._segments is None:
            self.process.kill()
            self.process.wait()
            os.unlink(self.path)

    def stop(self):
        if self._segments is not None:
            return self._segments
        time.sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        atexit.unregister(self.discard)
        self.drain.join(5)
        self.process.stderr.close()
        with open(self.path, "rb") as f:
            self._segments = parse(f.read())
        os.unlink(self.path)
        return self._segments


def parse(data):
    """A pcap file of Ethernet frames -> [Segment], times in ns of CLOCK_REALTIME."""
    magic = struct.unpack_from("<I", data)[0]
    if magic not in (0xa1b23c4d, 0xa1b2c3d4):
        raise ValueError("not a pcap file of this machine")
    scale = 1 if magic == 0xa1b23c4d else 1000
    segments = []
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, kept, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + kept]
        at += 16 + kept
        segment = _frame(seconds * 10**9 + fraction * scale, frame)
        if segment:
            segments.append(segment)
    return segments


def _frame(ts, frame):
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800:
        header = (frame[14] & 15) * 4
        protocol = frame[23]
        total = struct.unpack_from("!H", frame, 16)[0] - header
        src, dst = (socket.inet_ntop(socket.AF_INET, frame[i:i + 4]) for i in (26, 30))
        at = 14 + header
    elif kind == 0x86dd:
        protocol = frame[20]
        total = struct.unpack_from("!H", frame, 18)[0]
        src, dst = (socket.inet_ntop(socket.AF_INET6, frame[i:i + 16]) for i in (22, 38))
        at = 54
    else:
        return None
    if protocol != socket.IPPROTO_TCP:
        return None
    sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, at)
    return Segment(ts, src, sport, dst, dport, flag_names(flags), seq, ack,
                   total - (offset >> 4) * 4)


def connection(segments, client, server):
    """Segments between client (addr, port) and server (addr, port) as [("c"|"s", Segment)]."""
    result = []
    for s in segments:
        if (s.src, s.sport) == client and (s.dst, s.dport) == server:
            result.append(("c", s))
        elif (s.src, s.sport) == server and (s.dst, s.dport) == client:
            result.append(("s", s))
    return result


def brief(conversation):
    """["c S", "s SA", "c A", ...]; data shows as "c A+n"."""
    return [f"{who} {s.flags}" + (f"+{s.length}" if s.length else "") for who, s in conversation]


def follows(have, want):
    """Whether `want` (without data lengths, "c data" for any data) is a subsequence of `have`."""
    at = 0
    for item in want:
        who, what = item.split()
        while at < len(have):
            words = have[at].split()
            at += 1
            data = "+" in words[1]
            if words[0] == who and (data if what == "data" else
                                    what in (words[1], words[1].split("+")[0])):
                break
        else:
            return False
    return True
