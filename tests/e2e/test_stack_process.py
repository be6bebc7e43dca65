# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that is the stack: its privileges, its sleep, its end, its enemies."""

import os
import random
import socket
import struct
import subprocess
import time
import unittest

from harness import tracer, witness
from harness.actor import ActorError
from harness.stack import HOST, OWN, Stack, StackCase


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class TestStackProcess(StackCase):
    def test_privileges_are_dropped(self):
        s = self.start("listen", self.port)
        status = witness.process_status(s.pid)
        for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(witness.children(s.pid), [])

    def test_it_sleeps(self):
        """Idle, with a connection open, it costs nothing to speak of."""
        s, n, _ = self.open("passive", "ipv4", "--close", "never")
        s.wait_state("ESTABLISHED")
        before = cpu_seconds(s.pid)
        time.sleep(2)
        self.assertLess(cpu_seconds(s.pid) - before, 0.05)

    def test_nothing_is_left_behind(self):
        s = self.start("listen", self.port)
        self.assertIn("tcpw0", self.ns.run("ip", "-o", "link"))
        s.kill()
        self.assertNotIn("tcpw0", self.ns.run("ip", "-o", "link"))
        self.assertNotIn(HOST["ipv4"], self.ns.run("ip", "-o", "addr"))

    def test_its_own_names(self):
        """Another device and other addresses, a second stack beside the first."""
        one = self.start("listen", self.port)
        two = self.start("listen", self.port, "--device", "two", "--own-addr", "10.9.0.2",
                         "--own-addr", "fd09::2", "--host-addr", "10.9.0.1/24", "--host-addr",
                         "fd09::1/64")
        for addr in (OWN["ipv4"], OWN["ipv6"], "10.9.0.2", "fd09::2"):
            n, _ = self.kernel.connect(addr, self.port)
            self.kernel.send(n, 10)
            self.kernel.recv(n, 10)
            self.kernel.close(n)
        for s in (one, two):
            self.assertEqual(s.stop(), 0, s.stderr)
            self.assertEqual(len(s.lives()), 2)
        self.assertEqual({life.last["laddr"] for life in two.lives()}, {"10.9.0.2", "fd09::2"})

    def test_taken_device(self):
        self.start("listen", self.port)
        p = tracer.run("stack", "listen", self.port, "--in-netns", self.ns.path)
        self.assertEqual(p.returncode, 1)
        self.assertIn("tcpw0", p.stderr)

    def test_not_permitted(self):
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                            "--no-new-privs", tracer.BINARY, "stack", "listen", "80"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(p.returncode, 4, p.stderr)
        self.assertEqual(len(p.stderr.splitlines()), 1, p.stderr)

    def test_closed_pipe(self):
        read, write = os.pipe()
        s = Stack(self.ns, "listen", self.port, stdout=write)
        self.addCleanup(s.kill)
        os.close(write)
        os.close(read)
        try:
            self.kernel.connect(OWN["ipv4"], self.port)
        except ActorError:
            pass  # it may be gone already: its first line is that it listens
        self.assertEqual(s.wait(10), 0, s.stderr)

    def test_duration_and_text(self):
        p = tracer.run("stack", "listen", self.port, "--in-netns", self.ns.path, "--duration",
                       "0.3", "--utc")
        self.assertEqual(p.returncode, 0, p.stderr)
        lines = p.stdout.splitlines()
        self.assertEqual(lines[0].split()[:3], ["TIME", "PID", "COMM"])
        self.assertRegex(lines[1], rf"\[::\]:{self.port} .*CLOSED.*LISTEN.*listen +RFC 9293 3")
        self.assertIn("listening on port", p.stderr)
        self.assertIn("0 connections opened", p.stderr)

    def test_missing_file(self):
        for option in ("--send", "--serve", "--receive"):
            path = f"{self.dir}/no/such\x1bfile"
            p = tracer.run("stack", "listen", self.port, option, path, "--in-netns",
                           self.ns.path)
            self.assertEqual(p.returncode, 1, option)
            self.assertIn("\\x1bfile", p.stderr)

    def test_full_disk(self):
        """What cannot be kept ends the connection, with a reset and a word about why."""
        s, n, _ = self.open("passive", "ipv4", "--receive", "/dev/full", "--close", "peer")
        self.kernel.send(n, 10_000)
        self.assertIn(self.kernel.recv_error(n), ("ECONNRESET", "EPIPE"))
        self.ended(s, status=1)
        self.assertIn("No space left on device", s.stderr)

    def test_garbage(self):
        """Packets of every malformed kind, while a connection goes on beside them."""
        s, n, lport = self.open("passive", "ipv4", "--service", "echo")
        sent = self.kernel.call(throw_garbage, OWN["ipv4"], self.port, lport, 20_000)
        self.kernel.send(n, 100_000)
        self.kernel.recv(n, 100_000)
        self.kernel.shutdown(n)
        self.assertEqual(self.kernel.recv_eof(n), 0)
        self.kernel.close(n)
        self.ended(s)
        bad = sum(s.counter(c) for c in ("bad_ip", "bad_tcp", "bad_checksum", "bad_options",
                                         "not_tcp", "fragments"))
        self.assertGreater(bad, sent // 2, s.stderr)
        self.assertEqual(s.counter("illegal_edges"), 0)


def throw_garbage(side, addr, port, lport, count):
    """Raw packets to the stack: random ones, and headers that are nearly right."""
    rng = random.Random(1)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    src, dst = socket.inet_aton(HOST["ipv4"]), socket.inet_aton(addr)
    for i in range(count):
        tcp = bytearray(struct.pack("!HHIIBBHHH", lport if i & 1 else 1 + i % 60000, port,
                                    rng.getrandbits(32), rng.getrandbits(32),
                                    rng.getrandbits(8), rng.getrandbits(8), 1000,
                                    rng.getrandbits(16), rng.getrandbits(16)))
        tcp += rng.randbytes(rng.randrange(60))
        if i % 3 == 0:
            tcp = tcp[:rng.randrange(len(tcp))]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), i & 0xffff, 0, 64,
                         6 if i % 7 else 1, 0, src, dst)
        raw.sendto(ip + bytes(tcp), (addr, 0))
    raw.close()
    return count


if __name__ == "__main__":
    unittest.main()
