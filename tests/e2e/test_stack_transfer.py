# SPDX-License-Identifier: GPL-2.0-or-later
"""Octets between the kernel and the reference stack: all of them, both ways, on bad links too."""

import hashlib
import os
import unittest

from harness import kernel_side
from harness.stack import StackCase, each

FULL = os.environ.get("TCPWITNESS_FULL") == "1"
SEEDS = range(1, 6) if FULL else (1,)
# (octets, loss, seconds); what it took is printed in the full form.
LOADS = ([(100_000_000, None, 60), (10_000_000, "1%", 30), (1_000_000, "5%", 30),
          (64_000, "20%", 120)] if FULL else
         [(10_000_000, None, 20), (1_000_000, "1%", 20), (200_000, "5%", 20),
          (16_000, "20%", 60)])


# What the kernel would count were a segment of the stack's not as it should be.
SUSPICIOUS = ("Tcp.InErrs", "Tcp.InCsumErrors", "Tcp.OutRsts", "Tcp.EstabResets",
              "TcpExt.PAWSEstab", "TcpExt.TCPChallengeACK", "TcpExt.TCPSYNChallenge",
              "TcpExt.TCPACKSkippedSeq", "TcpExt.TCPACKSkippedPAWS", "TcpExt.TCPAbortOnData",
              "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPSACKDiscard", "TcpExt.TCPDSACKIgnoredOld",
              "TcpExt.TCPSynRetrans")


class TransferCase(StackCase):
    def transfer(self, role, family, size, *args, seconds=60):
        """A file each way at the same time; -> the stack."""
        path = self.data(size)
        s, n, _ = self.open(role, family, "--send", path, "--receive", self.got, *args,
                            timeout=seconds)
        digest, length = self.kernel.call(kernel_side.exchange, n, path, timeout=seconds)
        self.kernel.close(n)
        self.assertEqual(length, size, s.stderr)
        self.ended(s, timeout=seconds)
        self.assertEqual(digest, kernel_side.sha(path))
        self.assertEqual(kernel_side.sha(self.got), digest)
        self.assertEqual(s.counter("illegal_edges"), 0)
        return s


class TestStackTransfer(TransferCase):
    """Each with a bound on its time: the actor's call and the wait for the end have one."""

    def load(self, role, family, index):
        size, loss, seconds = LOADS[index]
        before = self.ns.counters()
        for seed in SEEDS if loss else (0,):
            args = ("--impair", f"loss={loss},seed={seed}") if loss else ()
            s = self.transfer(role, family, size, *args, seconds=seconds)
            if loss:
                self.assertRegex(s.stderr, r"dropped by the link [1-9]\d* in and [1-9]")
        if not loss:
            after = self.ns.counters()
            self.assertEqual({k: after[k] - before[k] for k in SUSPICIOUS
                              if after[k] != before[k]}, {})

    @each
    def test_without_loss(self, role, family):
        self.load(role, family, 0)

    @each
    def test_little_loss(self, role, family):
        self.load(role, family, 1)

    @each
    def test_more_loss(self, role, family):
        self.load(role, family, 2)

    @each
    def test_heavy_loss(self, role, family):
        self.load(role, family, 3)


class TestStackBadLinks(TransferCase):
    SIZE = 4_000_000 if FULL else 500_000

    @each
    def test_reordering(self, role, family):
        s = self.transfer(role, family, self.SIZE, "--impair",
                          "reorder=5%,hold=2ms,delay=1ms,seed=3")
        self.assertGreater(s.counter("out_of_order"), 0)

    @each
    def test_duplication(self, role, family):
        s = self.transfer(role, family, self.SIZE, "--impair", "duplicate=10%,seed=4")
        # Linux limits how often it tells of them.
        self.assertGreater(s.counter("dsack_sent") + s.counter("dsack_received"), 0)

    @each
    def test_corruption(self, role, family):
        s = self.transfer(role, family, self.SIZE, "--impair", "corrupt=2%,seed=5")
        self.assertGreater(s.counter("bad_checksum"), 0)

    @each
    def test_bursts(self, role, family):
        self.transfer(role, family, self.SIZE, "--impair", "burst=0.2%:8,seed=6")

    @each
    def test_slow_and_narrow(self, role, family):
        self.transfer(role, family, self.SIZE // 4, "--impair",
                      "delay=10ms,jitter=5ms,rate=2M,loss=0.5%,seed=7")

    @each
    def test_all_at_once(self, role, family):
        self.transfer(role, family, self.SIZE // 2, "--impair",
                      "loss=2%,reorder=2%,duplicate=2%,corrupt=0.5%,delay=2ms,jitter=1ms,seed=8")


class TestStackServices(TransferCase):
    """What is not a file on both sides."""

    @each
    def test_echo(self, role, family):
        """More than the buffers of both sides hold, so that each must wait for the other."""
        path = self.data(1_000_000)
        s, n, _ = self.open(role, family, "--service", "echo", "--buffer", "8K")
        digest, length = self.kernel.call(kernel_side.exchange, n, path)
        self.kernel.close(n)
        self.ended(s)
        self.assertEqual((digest, length), (kernel_side.sha(path), 1_000_000))

    @each
    def test_discard(self, role, family):
        path = self.data(1_000_000)
        s, n, _ = self.open(role, family, "--service", "discard")
        self.assertEqual(self.kernel.call(kernel_side.exchange, n, path)[1], 0)
        self.kernel.close(n)
        self.ended(s)
        self.assertIn("1.0MB received", s.stderr)

    @each
    def test_source(self, role, family):
        """Lines of 17 octets, each with its place; cut where it was told to stop."""
        size = 700_001
        s, n, _ = self.open(role, family, "--service", "source", "--bytes", size)
        digest, length = self.kernel.call(kernel_side.exchange, n, None)
        self.kernel.close(n)
        self.ended(s)
        want = "".join(f"{at:016x}\n" for at in range(0, size, 17))[:size].encode()
        self.assertEqual((digest, length), (hashlib.sha256(want).hexdigest(), size))

    @each
    def test_source_without_end(self, role, family):
        s, n, _ = self.open(role, family, "--service", "source")
        self.kernel.recv(n, 100_000)
        self.kernel.shutdown(n)
        self.kernel.recv_eof(n)
        self.kernel.close(n)
        self.ended(s)


class TestStackPersonalities(TransferCase):
    """Whatever is chosen, the octets are the same."""

    SIZE = 1_000_000 if FULL else 200_000

    @each
    def test_linux(self, role, family):
        self.transfer(role, family, self.SIZE, "--personality", "linux", "--impair",
                      "loss=2%,delay=1ms,seed=9")

    @each
    def test_newreno(self, role, family):
        self.transfer(role, family, self.SIZE, "--congestion", "newreno", "--impair",
                      "loss=2%,delay=1ms,seed=10")

    @each
    def test_bare(self, role, family):
        """Nothing but RFC 9293 and 5681."""
        self.transfer(role, family, self.SIZE, "--without",
                      "sack,timestamps,window-scaling,ecn,nagle,delayed-ack,mtu-probing",
                      "--impair", "loss=1%,delay=1ms,seed=11")

    @each
    def test_small_buffers(self, role, family):
        self.transfer(role, family, self.SIZE, "--buffer", "3000")


if __name__ == "__main__":
    unittest.main()
