# SPDX-License-Identifier: GPL-2.0-or-later
"""
Network namespaces that come and go, as containers do: the connection of each is told whole, though
its TIME_WAIT ends with its namespace, and nothing of them is left in the tracer.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import threading
import unittest

from harness import actor, lives, tracer, witness
from harness.stage import CLOSED, LISTENER, OPEN, OPENED, SWEPT, TO_TIME_WAIT
from harness.traced import need_binary

COUNT = 2000 if os.environ.get("TCPWITNESS_FULL") else 200
# The queues are allocated at the start and touched for the first time as they go round.
GROWTH_KIB = 16384 if COUNT > 200 else 512
AT_ONCE = 4
COMM = "e2e-spaces"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def _cookie(s):
    return str(struct.unpack("=Q", s.getsockopt(socket.SOL_SOCKET, actor.SO_COOKIE, 8))[0])


def _counters():
    with open("/proc/self/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Tcp:")]
    tcp = dict(zip(names[1:], map(int, values[1:])))
    return tcp["ActiveOpens"], tcp["PassiveOpens"], tcp["EstabResets"]


def _inside(family):
    """In a new namespace: one connection to itself; -> what there is to know about it."""
    if _libc.unshare(actor.CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
    addr = "127.0.0.1" if family == socket.AF_INET else "::1"
    listener = socket.socket(family)
    listener.bind((addr, 0))
    listener.listen(1)
    client = socket.socket(family)
    client.connect(listener.getsockname())
    server, _ = listener.accept()
    told = {"netns": os.stat("/proc/self/ns/net").st_ino, "pid": os.getpid(),
            "client": _cookie(client), "server": _cookie(server), "listener": _cookie(listener)}
    client.sendall(b"hello")
    server.recv(5)
    client.close()
    while server.recv(1):
        pass
    server.close()
    listener.close()
    told["counters"] = _counters()
    return told


def one_namespace(side, family):
    """A process of its own makes a namespace, which ends with it; -> what it tells."""
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            actor.die_with_parent(parent)
            os.write(write, json.dumps(_inside(family)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as f:
        told = f.read()
    os.waitpid(pid, 0)
    return json.loads(told)


class TestNamespaces(unittest.TestCase):
    maxDiff = None

    def weigh(self):
        """What the tracer and its helper hold: KiB of memory, descriptors, BPF objects."""
        pids = [self.trace.pid, *witness.children(self.trace.pid)]
        memory = sum(int(witness.process_status(p)["VmRSS"].split()[0]) for p in pids)
        return memory, [len(os.listdir(f"/proc/{p}/fd")) for p in pids], witness.bpf_held(pids)

    def make(self, actors, count):
        """`count` namespaces, AT_ONCE at a time; families by turns."""
        told = []
        for first in range(0, count, AT_ONCE):
            for i, a in enumerate(actors):
                a.post(one_namespace, socket.AF_INET6 if (first + i) % 2 else socket.AF_INET)
            told += [a.wait() for a in actors]
        return told

    def snapshots(self, stop):
        """Walks all namespaces while they come and go."""
        while not stop.is_set():
            p = tracer.run("snapshot", "-o", "json", "--comm", COMM)
            self.walks.append((p.returncode, p.stderr))

    def test_come_and_go(self):
        need_binary()
        actors = [actor.Actor(comm=COMM) for _ in range(AT_ONCE)]
        for a in actors:
            self.addCleanup(a.stop)
        self.trace = tracer.Tracer("trace", "--comm", COMM)
        self.addCleanup(self.trace.kill)
        self.walks = []
        stop = threading.Event()
        walker = threading.Thread(target=self.snapshots, args=[stop])
        walker.start()
        try:
            told = self.make(actors, COUNT // 4)
            before = self.weigh()
            told += self.make(actors, COUNT - COUNT // 4)
        finally:
            stop.set()
            walker.join()
        ends = {t[end] for t in told for end in ("client", "server", "listener")}
        self.assertTrue(self.trace.wait_for(
            lambda lines: sum(e.get("new") == "CLOSED" and e["conn"] in ends
                              for e in lines) == len(ends), 60), self.trace.stderr)
        after = self.weigh()
        self.assertEqual(self.trace.stop(), 0, self.trace.stderr)
        self.assertEqual(self.trace.problems, [])
        self.assertEqual([e for e in self.trace.lines if e["event"] == "lost" and
                          e["stage"] != "missed"], [], self.trace.stderr)
        self.judge(told)
        self.assertLess(after[0] - before[0], GROWTH_KIB, f"KiB grown from {before[0]} to {after[0]}")
        self.assertEqual(after[1:], before[1:], "descriptors and BPF objects")
        self.assertGreater(len(self.walks), 1)
        self.assertEqual([w for w in self.walks if w[0]], [])

    def judge(self, told):
        """Each connection, by the cookies that its process was told, and nothing beside them."""
        found = {life.conn: life for life in lives.join(self.trace.lines)}
        for t in told:
            self.assertEqual(t["counters"], [1, 1, 0], t)
            for end, path in (("client", OPEN + TO_TIME_WAIT + SWEPT),
                              ("server", OPENED + CLOSED), ("listener", LISTENER)):
                life = found.pop(t[end])
                self.assertEqual(life.path, path, life)
                self.assertEqual(lives.faults(life), [], life)
                self.assertEqual({(e["netns"], e["pid"], e["comm"], e["complete"])
                                  for e in life.lines}, {(t["netns"], t["pid"], COMM, True)}, life)
        self.assertEqual(list(map(repr, found.values())), [])


if __name__ == "__main__":
    unittest.main()
