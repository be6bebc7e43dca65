# SPDX-License-Identifier: GPL-2.0-or-later
"""
All eleven states on both sides: the stack tells its own, `trace` tells the kernel's, and ss, which
knows nothing of either, sees the kernel's too.
"""

import time
import unittest

from harness import kernel_side
from harness.actor import ActorError
from harness.stack import FULL, HOST, OWN, StackCase, crosswise, each, target
from harness.tables import STATES
from harness.witness import Watcher
from harness.stage import CLOSED, OPEN, OPENED, TO_TIME_WAIT

# A link slow enough that every state in passing lasts, and ss can be asked meanwhile.
SLOW = ("--impair", "delay=250ms")
# Within it the kernel does the same as the stack, some time after it, on a busy machine too. The
# kernel's state in passing lasts as long as it was behind.
CROSSING = ("--impair", "on=out,delay=1400ms")
BEHIND_S = 0.4
LOOK_S = 0.4  # a state lasts at least so long where ss shall see it
CROSSED_OPEN = [("CLOSED", "SYN_SENT", "connect"),
                ("SYN_SENT", "SYN_RECEIVED", "simultaneous_open"),
                ("SYN_RECEIVED", "ESTABLISHED", "handshake_done")]
CROSSED_CLOSE = [("ESTABLISHED", "FIN_WAIT_1", "close"),
                 ("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                 ("CLOSING", "TIME_WAIT", "fin_acked")]


def opened(role):
    """(the stack's moves, the kernel's)"""
    return (OPENED, OPEN) if role == "passive" else (OPEN, OPENED)


class TestStackStates(StackCase):
    def assert_paths(self, s, life, stack, kernel):
        path = s.path()
        # A FIN sent again by a kernel that is gone when the answer comes brings a RST: RFC 1337.
        if path[-1] == ("TIME_WAIT", "CLOSED", "time_wait_killed"):
            path.pop()
        self.assertEqual(path, stack, s.stderr)
        self.assertEqual(life.path[:len(kernel)], kernel, life)

    @each
    def test_stack_closes_first(self, role, family):
        with Watcher(self.ns) as ss:
            s, n, lport = self.open(role, family, *SLOW, "--pause", "0.3")
            self.assertEqual(self.kernel.recv_eof(n), 0)
            self.kernel.wait_state(n, 8)
            time.sleep(LOOK_S)
            self.kernel.close(n)
            self.ended(s)
            life = self.kernel_life(family, lport, "CLOSED")
        stack, kernel = opened(role)
        self.assert_paths(s, life, stack + TO_TIME_WAIT, kernel + CLOSED)
        self.assertLessEqual({"CLOSE_WAIT", "LAST_ACK", "ESTABLISHED"}, ss.states(lport))

    @each
    def test_kernel_closes_first(self, role, family):
        with Watcher(self.ns) as ss:
            s, n, lport = self.open(role, family, *SLOW, "--close", "peer", "--pause", "0.6")
            time.sleep(LOOK_S)
            self.kernel.shutdown(n)
            self.assertEqual(self.kernel.recv_eof(n), 0)
            self.kernel.close(n)
            self.ended(s)
            life = self.kernel_life(family, lport, "TIME_WAIT")
            time.sleep(LOOK_S)
        stack, kernel = opened(role)
        self.assert_paths(s, life, stack + CLOSED, kernel + TO_TIME_WAIT)
        half_open = {"SYN_SENT"} if role == "passive" else {"SYN_RECEIVED", "LISTEN"}
        self.assertLessEqual({"ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"} | half_open,
                             ss.states(lport))

    @crosswise
    def test_simultaneous_close(self, role, family):
        with Watcher(self.ns) as ss:
            s, n, lport = self.open(role, family, *CROSSING, "--pause", "2")
            s.wait_state("FIN_WAIT_1")
            time.sleep(BEHIND_S)
            self.kernel.shutdown(n)
            self.assertEqual(self.kernel.recv_eof(n), 0)
            self.kernel.close(n)
            self.ended(s)
            life = self.kernel_life(family, lport, "TIME_WAIT")
        stack, kernel = opened(role)
        self.assert_paths(s, life, stack + CROSSED_CLOSE, kernel + CROSSED_CLOSE)
        self.assertIn("CLOSING", ss.states(lport))

    def simultaneous_open(self, family):
        """-> (stack, kernel's socket, its port)"""
        lport = self.port + 20000
        s = self.start("connect", target(HOST[family], lport), "--local-port", self.port,
                       "--pause", "0.3", *CROSSING)
        s.wait_state("SYN_SENT")
        time.sleep(BEHIND_S)
        n, _ = self.kernel.connect(OWN[family], self.port, bind=(HOST[family], lport))
        return s, n, lport

    def test_simultaneous_open(self):
        for family in OWN:
            with self.subTest(family=family):
                with Watcher(self.ns) as ss:
                    s, n, lport = self.simultaneous_open(family)
                    self.assertEqual(self.kernel.recv_eof(n), 0)
                    self.kernel.close(n)
                    self.ended(s)
                    life = self.kernel_life(family, lport, "CLOSED")
                self.assert_paths(s, life, CROSSED_OPEN + TO_TIME_WAIT, CROSSED_OPEN + CLOSED)
                self.assertLessEqual({"SYN_SENT", "SYN_RECEIVED"}, ss.states(lport))
                self.port += 1

    @each
    def test_half_close(self, role, family):
        """The stack has nothing more to send; the kernel goes on for a megabyte."""
        path = self.data(1_000_000)
        s, n, lport = self.open(role, family, "--receive", self.got)
        s.wait_state("FIN_WAIT_2")
        self.assertEqual(self.kernel.call(kernel_side.exchange, n, path)[1], 0)
        self.kernel.close(n)
        self.ended(s)
        stack, kernel = opened(role)
        self.assert_paths(s, self.kernel_life(family, lport, "CLOSED"), stack + TO_TIME_WAIT,
                          kernel + CLOSED)
        self.assertEqual(kernel_side.sha(self.got), kernel_side.sha(path))

    @each
    def test_kernel_half_closes(self, role, family):
        """The kernel has nothing more to send; the stack goes on for a megabyte."""
        path = self.data(1_000_000)
        s, n, lport = self.open(role, family, "--send", path, "--close", "peer")
        digest, _ = self.kernel.call(kernel_side.exchange, n, None)
        self.kernel.close(n)
        self.ended(s)
        stack, kernel = opened(role)
        self.assert_paths(s, self.kernel_life(family, lport, "TIME_WAIT"), stack + CLOSED,
                          kernel + TO_TIME_WAIT)
        self.assertEqual(digest, kernel_side.sha(path))

    @each
    def test_stack_resets(self, role, family):
        path = self.data(100_000)
        s, n, lport = self.open(role, family, "--send", path, "--close", "abort")
        self.assertEqual(self.kernel.recv_error(n), "ECONNRESET")
        self.ended(s)
        stack, kernel = opened(role)
        self.assert_paths(s, self.kernel_life(family, lport, "CLOSED"),
                          stack + [("ESTABLISHED", "CLOSED", "abort")],
                          kernel + [("ESTABLISHED", "CLOSED", "reset_received")])

    @each
    def test_kernel_resets(self, role, family):
        s, n, lport = self.open(role, family, "--close", "peer")
        s.wait_state("ESTABLISHED")
        self.kernel.abort(n)
        self.ended(s, status=1)
        self.assertIn("Connection reset by peer", s.stderr)
        stack, kernel = opened(role)
        self.assert_paths(s, self.kernel_life(family, lport, "CLOSED"),
                          stack + [("ESTABLISHED", "CLOSED", "reset_received")],
                          kernel + [("ESTABLISHED", "CLOSED", "abort")])

    @each
    def test_kernel_leaves_data_unread(self, role, family):
        """Linux resets then (RFC 9293 3.6.1, SHLD-3)."""
        path = self.data(100_000)
        s, n, lport = self.open(role, family, "--send", path, "--close", "peer")
        self.kernel.recv(n, 1)
        time.sleep(0.1)
        self.kernel.close(n)
        self.ended(s, status=1)
        self.assertEqual(s.path()[2:], [("ESTABLISHED", "CLOSED", "reset_received")])

    def test_all_eleven(self):
        """Three connections show every state there is, on both sides, to every witness."""
        own, kernels, seen = set(), set(), set()

        def note(s, lport, ss):
            own.update(state for life in [*s.lives(), *s.lives("listener")]
                       for old, new, _ in life.path for state in (old, new))
            for life in self.lives(lport=lport):  # the listener among them
                kernels.update(state for old, new, _ in life.path for state in (old, new))
            seen.update(ss.states(lport, self.port))

        with Watcher(self.ns) as ss:
            s, n, lport = self.simultaneous_open("ipv4")
            s.wait_state("FIN_WAIT_1")
            time.sleep(BEHIND_S)
            self.kernel.shutdown(n)
            self.kernel.recv_eof(n)
            self.kernel.close(n)
            self.ended(s)
        note(s, lport, ss)
        for role, family, close in (("passive", "ipv6", "peer"), ("active", "ipv4", "sent")):
            self.port += 1
            with Watcher(self.ns) as ss:
                s, n, lport = self.open(role, family, *SLOW, "--close", close, "--pause", "0.6")
                time.sleep(LOOK_S)
                if close == "peer":
                    self.kernel.shutdown(n)
                self.kernel.recv_eof(n)
                time.sleep(LOOK_S)
                self.kernel.close(n)
                self.ended(s)
                self.kernel_life(family, lport, "TIME_WAIT" if close == "peer" else "CLOSED")
            note(s, lport, ss)
        self.assertEqual(len(STATES), 11)
        self.assertEqual(own, set(STATES))
        self.assertEqual(kernels, set(STATES))
        # A closed connection is one that ss has no line of.
        self.assertEqual(seen | {"CLOSED"}, set(STATES))

    def test_time_wait_at_the_stack_is_taken_over(self):
        """RFC 6191: the kernel connects again from the port whose TIME_WAIT the stack holds."""
        for family in OWN:
            with self.subTest(family=family):
                self.take_over(family)
                self.port += 1

    def take_over(self, family):
        s = self.start("listen", self.port, "--service", "file", "--connections", 3,
                       "--personality", "linux")
        bind = (HOST[family], self.port + 20000)
        for i in range(3):
            n, _ = self.kernel.connect(OWN[family], self.port, bind=bind)
            self.assertEqual(self.kernel.recv_eof(n), 0)
            self.kernel.close(n)
            s.wait_state("TIME_WAIT", count=i + 1)
        self.ended(s)
        self.assertEqual([life.path[-1] for life in s.lives()][:2],
                         [("TIME_WAIT", "CLOSED", "time_wait_reused")] * 2)

    def test_time_wait_at_the_kernel_is_taken_over(self):
        """The same the other way round: each connection from the same port of the stack."""
        for family in OWN:
            with self.subTest(family=family):
                listener, _ = self.kernel.listen("::" if family == "ipv6" else "0.0.0.0",
                                                 self.port)
                s = self.start("connect", target(HOST[family], self.port), "--local-port",
                               7000, "--close", "peer", "--connections", 3)
                for i in range(3):
                    n, _ = self.kernel.accept(listener)
                    self.kernel.shutdown(n)
                    self.assertEqual(self.kernel.recv_eof(n), 0)
                    self.kernel.close(n)
                self.ended(s)
                end = time.monotonic() + 5
                while time.monotonic() < end:
                    lives = self.lives(laddr=HOST[family], lport=self.port, rport=7000)
                    if len(lives) == 3 and lives[2].last["new"] == "TIME_WAIT":
                        break
                    time.sleep(LOOK_S)
                self.assertEqual([life.path[-1] for life in lives],
                                 [("TIME_WAIT", "CLOSED", "time_wait_reused")] * 2 +
                                 [("FIN_WAIT_2", "TIME_WAIT", "fin_received")])
                self.port += 1

    def time_wait_of_the_stack_ends(self):
        s, n, lport = self.open("passive", "ipv4", "--personality", "linux", "--time-wait", 70)
        self.kernel.recv_eof(n)
        self.kernel.close(n)
        s.wait_state("TIME_WAIT")
        t = time.monotonic()
        s.wait_state("CLOSED", timeout=70)
        self.assertAlmostEqual(time.monotonic() - t, 60, delta=1)
        self.assertEqual(s.path()[-1], ("TIME_WAIT", "CLOSED", "time_wait_expired"))

    if FULL:  # it takes a minute
        test_time_wait_of_the_stack_ends = time_wait_of_the_stack_ends

    def test_unreachable_port(self):
        """An ICMP port unreachable in SYN_SENT is final (RFC 9293 3.9.2.2)."""
        for family, icmp in (("ipv4", "icmp"), ("ipv6", "icmpv6")):
            with self.subTest(family=family):
                rule = self.ns.nft("input", f"tcp dport {self.port} "
                                            f"reject with {icmp} type port-unreachable")
                s = self.start("connect", target(HOST[family], self.port))
                self.ended(s, status=1)
                self.ns.nft_delete(rule)
                self.assertEqual(s.path(), [("CLOSED", "SYN_SENT", "connect"),
                                            ("SYN_SENT", "CLOSED", "icmp_error")])

    def test_stack_refuses(self):
        """No listener on that port: the kernel is reset in SYN_SENT."""
        for family in OWN:
            with self.subTest(family=family):
                s = self.start("listen", self.port)
                with self.assertRaises(ActorError) as refused:
                    self.kernel.connect(OWN[family], self.port + 1)
                self.assertEqual(refused.exception.kind, "ECONNREFUSED")
                self.assertEqual(s.stop(), 0, s.stderr)

    def test_nobody_answers(self):
        """The kernel drops the SYN: retransmitted, then given up by the user timeout."""
        drop = self.ns.nft("input", f"tcp dport {self.port} drop")
        self.addCleanup(self.ns.nft_delete, drop)
        s = self.start("connect", target(HOST["ipv4"], self.port), "--user-timeout", "3.5")
        self.ended(s, status=1)
        self.assertEqual(s.path(), [("CLOSED", "SYN_SENT", "connect"),
                                    ("SYN_SENT", "CLOSED", "timeout")])
        self.assertIn("Connection timed out", s.stderr)
        self.assertGreaterEqual(s.counter("retransmits"), 1)

    def test_interrupt_resets_what_is_open(self):
        s, n, lport = self.open("passive", "ipv4", "--close", "never")
        s.wait_state("ESTABLISHED")
        s.stop()
        self.assertEqual(self.kernel.recv_error(n), "ECONNRESET")
        self.assertEqual(s.path()[-1], ("ESTABLISHED", "CLOSED", "abort"))

    def test_echo_to_many(self):
        s = self.start("listen", self.port)
        many = [self.kernel.connect(OWN[f], self.port)[0] for f in OWN for _ in range(50)]
        for n in many:
            self.kernel.send(n, 5000)
        for n in many:
            self.kernel.recv(n, 5000)
            self.kernel.shutdown(n)
        for n in many:
            self.assertEqual(self.kernel.recv_eof(n), 0)
            self.kernel.close(n)
        s.wait_state("CLOSED", count=100)
        self.assertEqual(s.stop(), 0, s.stderr)
        self.assertEqual({tuple(life.path) for life in s.lives()}, {tuple(OPENED + CLOSED)})


if FULL:
    class TestStackStatesLinux(TestStackStates):
        """All of it with the other personality."""

        ARGS = ("--personality", "linux")


if __name__ == "__main__":
    unittest.main()
