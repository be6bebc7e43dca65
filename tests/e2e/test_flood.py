# SPDX-License-Identifier: GPL-2.0-or-later
"""
SYN floods, bounded, from raw sockets of one namespace to a listener in another: every half-open
connection that the kernel made is told from its beginning to its end, none that it did not make, and
ordinary connections beside the flood, or through it, are whole.
"""

import os
import re
import signal
import socket
import time
import unittest

from harness import actor, hidden, lives, netns, raw, tracer
from harness.schema import ns
from harness.stage import CLOSED, OPEN, OPENED, TO_TIME_WAIT
from harness.traced import need_binary

FULL = os.environ.get("TCPWITNESS_FULL") == "1"
FLOOD = 59_000 if FULL else 15_000
ORDINARY = 400 if FULL else 60
FIRST_PORT = 5000  # of the flood; its ports and those of ordinary clients lie apart
CLIENT_PORTS = "1024 4999"
ADDRESSES = {"ipv4": ("192.0.2.1", "192.0.2.2"), "ipv6": ("2001:db8::1", "2001:db8::2")}


def flood(side, src, dst, dport, count, first=FIRST_PORT):
    """`count` SYNs, each from a port of its own; -> how many seconds it took."""
    start = time.monotonic()
    syns = [raw.segment(src, first + i, dst, dport, raw.SYN, 1_000_000 + i)
            for i in range(count)]
    s = socket.socket(raw.family_of(src), socket.SOCK_RAW, socket.IPPROTO_TCP)
    s.bind((src, 0))
    for syn in syns:
        s.sendto(syn, (dst, 0))
    s.close()
    return time.monotonic() - start


def knock(side, addr, port, count):
    """`count` connects, one after another, with one SYN again; -> [(local port, error or None)]"""
    result = []
    for i in range(count):
        s = socket.socket(raw.family_of(addr))
        s.bind(("", 700 + i))  # no port that a connect chooses
        try:
            s.connect((addr, port))
            error = None
        except OSError as e:
            error = e.errno
        result.append((s.getsockname()[1], error))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    return result


class TestFlood(unittest.TestCase):
    def setUp(self):
        need_binary()
        self.attacker = netns.Namespace("attacker")
        self.addCleanup(self.attacker.remove)
        self.server_ns = netns.Namespace("flooded")
        self.addCleanup(self.server_ns.remove)
        netns.veth(self.attacker, self.server_ns)
        self.attacker.sysctl(tcp_syn_retries=1, ip_local_port_range=CLIENT_PORTS)

    def begin(self, family, *args, **sysctls):
        """The flooded listener, a quiet one beside it, and the tracer of both namespaces."""
        self.family = family
        self.src, self.dst = ADDRESSES[family]
        self.server_ns.sysctl(tcp_synack_retries=0, **sysctls)
        self.server_ns.keeper.write_file("/proc/sys/net/core/somaxconn", "65535\n")
        # Without answers from here the flood's half-open connections stay until their timers end.
        self.attacker.nft("input", f"tcp dport >= {FIRST_PORT} drop")
        self.server_ns.nft("input", "tcp flags & (syn|ack) == syn counter")
        where = ("--netns", self.attacker.inode, "--netns", self.server_ns.inode)
        self.watch = hidden.Watch()
        self.addCleanup(self.watch.close)
        self.before = self.server_ns.counters()
        self.trace = tracer.Tracer("trace", *where, *args)
        self.addCleanup(self.trace.kill)
        self.client = actor.Actor(self.attacker, comm="e2e-client")
        self.addCleanup(self.client.stop)
        self.server = actor.Actor(self.server_ns, comm="e2e-server")
        self.addCleanup(self.server.stop)
        self.flooder = actor.Actor(self.attacker, comm="e2e-flooder")
        self.addCleanup(self.flooder.stop)

    def churn_through(self, listener, port, first=0):
        """Floods `self.port` while ordinary connections go to `port`, one after another."""
        self.flooder.post(flood, self.src, self.dst, self.port, FLOOD - first, FIRST_PORT + first)
        self.server.post(actor.serve_churn, listener, ORDINARY)
        failed = self.client.churn(self.dst, port, ORDINARY, timeout=60)
        self.server.wait(60)
        took = self.flooder.wait(60)
        self.assertEqual(failed, 0)
        return took

    def await_end_of_half_open(self, patience=30):
        end = time.monotonic() + patience
        while self.server_ns.run("ss", "-tanH", "state", "syn-recv").strip():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)
        time.sleep(0.3)

    def finish(self):
        """Until nothing is half open any more; stops the tracer."""
        self.await_end_of_half_open()
        self.stop()

    def stop(self):
        self.after = self.server_ns.counters()
        status = self.trace.stop()
        self.assertEqual(self.trace.problems[:5], [])
        self.assertEqual(status, 0, self.trace.stderr)
        # A flood's timers run out together, so a kernel that hides one softirq hides hundreds.
        timers = [e.name for e in self.watch.events() if "reqsk_timer_handler" in e.text]
        self.untold_starts = timers.count("timer_start")
        self.untold_ends = timers.count("timer_expire_entry")
        self.lives = lives.join(self.trace.lines)
        self.half = [life for life in self.lives if life.has("netns", self.server_ns.inode) and
                     life.has("lport", self.port) and
                     any((t["rport"] or 0) >= FIRST_PORT for t in life.lines)]

    def syns(self):
        """SYNs that came to the server, by nft's counter."""
        text = self.server_ns.run("nft", "list chain inet e2e input")
        return int(re.search(r"counter packets (\d+)", text)[1])

    def delta(self, key):
        return self.after[key] - self.before[key]

    def lost(self):
        lost = {}
        for e in self.trace.lines:
            if e["event"] == "lost" and e["stage"] != "missed":
                lost[e["stage"]] = lost.get(e["stage"], 0) + e["count"]
        return lost

    def ordinary(self, port, clients, opened):
        """Whole at both ends, with owners: `clients` connections to `port`."""
        ours = [life for life in self.lives if life.has("netns", self.attacker.inode) and
                life.has("rport", port)]
        self.assertEqual(len(ours), clients)
        for life in ours:
            self.assertEqual(life.path, OPEN + TO_TIME_WAIT, life)
            self.whole(life, "active", self.client.pid)
        theirs = [life for life in self.lives if life.has("netns", self.server_ns.inode) and
                  life.has("lport", port) and not life.has("role", "listener") and
                  all((t["rport"] or 0) < FIRST_PORT for t in life.lines)]
        self.assertEqual(len(theirs), clients)
        for life in theirs:
            self.assertIn(life.path, [way + CLOSED for way in opened], life)
            self.whole(life, "passive", self.server.pid)
        return theirs

    def whole(self, life, role, pid):
        self.assertEqual(lives.faults(life), [], life)
        for t in life.lines:
            self.assertEqual((t["family"], t["role"], t["complete"], t["began"], t["pid"]),
                             (self.family, role, True, "seen", pid), life)
            self.assertNotEqual(t["dwell_exact"], False if t["dwell_ns"] else None, life)

    def half_open_all_timed_out(self):
        """Each half-open connection of the flood has one beginning and one end, after its second."""
        endless = 0
        for life in self.half:
            self.whole(life, "passive", self.server.pid)
            if life.path == OPENED[:1]:
                endless += 1
                continue
            self.assertEqual(life.path, OPENED[:1] + [("SYN_RECEIVED", "CLOSED",
                                                       "syn_ack_timeout")], life)
            self.assertTrue(0.9e9 < life.dwell("SYN_RECEIVED") < 4e9, life)
            self.assertIsNone(life.conn, life)
        self.assertEqual(len({life.key for life in self.half}), len(self.half))
        self.assertLessEqual(endless, self.untold_ends, self.trace.stderr)

    def books_of_syns(self):
        """A SYN makes a request socket, is answered by a cookie, or is dropped: nothing else."""
        opened = sum(t["old"] == "LISTEN" and t["new"] == "SYN_RECEIVED"
                     for t in self.trace.transitions() if t["netns"] == self.server_ns.inode)
        untold = self.syns() - (opened + self.delta("TcpExt.SyncookiesSent") +
                                self.delta("TcpExt.ListenDrops"))
        self.assertIn(untold, range(self.untold_starts + 1), self.trace.stderr)

    def queue_of_128(self, family):
        self.begin(family, tcp_syncookies=0)
        self.flooded, self.port = self.server.listen(self.dst, backlog=128)
        quiet, quiet_port = self.server.listen(self.dst)
        self.churn_through(quiet, quiet_port)
        self.flooder.call(flood, self.src, self.dst, self.port, 500, FIRST_PORT + FLOOD)
        knocks = self.client.call(knock, self.dst, self.port, 2)
        self.finish()
        self.assertEqual(self.lost(), {})
        self.ordinary(quiet_port, ORDINARY, [OPENED])
        self.half_open_all_timed_out()
        self.books_of_syns()
        self.assertGreaterEqual(self.syns(), FLOOD + 500 + ORDINARY + 2)
        self.assertGreaterEqual(len(self.half), 96)
        self.assertGreater(self.delta("TcpExt.ListenDrops"), FLOOD // 2)
        # Who comes to the flooded port itself is told what became of him, as he was.
        for port, error in knocks:
            life, = lives.find(self.lives, self.attacker.inode, self.src, port, self.dst, self.port)
            want = (OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")] if error else
                    OPEN + [("ESTABLISHED", "CLOSED", "abort")])
            self.assertEqual(life.path, want, life)

    def test_without_cookies_ipv4(self):
        self.queue_of_128("ipv4")

    def test_without_cookies_ipv6(self):
        self.queue_of_128("ipv6")

    def cookies(self, family):
        """The queue fills, cookies go out, and connections through the flood are opened by them."""
        self.begin(family, tcp_syncookies=1)
        self.flooded, self.port = self.server.listen(self.dst, backlog=128)
        self.flooder.call(flood, self.src, self.dst, self.port, 500)  # the queue is full now
        self.churn_through(self.flooded, self.port, 500)
        self.finish()
        self.assertEqual(self.lost(), {})
        cookie = [("LISTEN", "ESTABLISHED", "syn_cookie")]
        theirs = self.ordinary(self.port, ORDINARY, [cookie, OPENED])
        by_cookie = sum(life.path[0] == cookie[0] for life in theirs)
        self.assertEqual(by_cookie, self.delta("TcpExt.SyncookiesRecv"))
        self.assertGreater(by_cookie, 0)
        self.half_open_all_timed_out()
        self.books_of_syns()
        self.assertGreaterEqual(self.syns(), FLOOD + ORDINARY)
        self.assertGreater(self.delta("TcpExt.SyncookiesSent"), FLOOD // 2)

    def test_with_cookies_ipv4(self):
        self.cookies("ipv4")

    def test_with_cookies_ipv6(self):
        self.cookies("ipv6")

    def cookies_only(self, family):
        """tcp_syncookies=2: nothing is half open, and nothing of the kind is told."""
        self.begin(family, tcp_syncookies=2)
        self.flooded, self.port = self.server.listen(self.dst, backlog=128)
        self.churn_through(self.flooded, self.port)
        self.finish()
        self.assertEqual(self.lost(), {})
        self.ordinary(self.port, ORDINARY, [[("LISTEN", "ESTABLISHED", "syn_cookie")]])
        self.assertEqual(self.half, [])
        self.books_of_syns()
        self.assertEqual(self.delta("TcpExt.SyncookiesRecv"), ORDINARY)

    def test_cookies_only_ipv4(self):
        self.cookies_only("ipv4")

    def test_cookies_only_ipv6(self):
        self.cookies_only("ipv6")

    def deep_queue(self, family):
        """The kernel keeps every one of the flood: so many are told, and so many end."""
        # All their timers run out at once: that many records do not fit into the usual ring.
        ring = ("--ring-size", 64 << 20) if FULL else ()
        self.begin(family, *ring, tcp_syncookies=0, tcp_max_syn_backlog=1 << 20)
        self.flooded, self.port = self.server.listen(self.dst, backlog=65535)
        self.churn_through(self.flooded, self.port)
        self.finish()
        self.assertEqual(self.lost(), {})
        self.ordinary(self.port, ORDINARY, [OPENED])
        self.half_open_all_timed_out()
        self.books_of_syns()
        self.assertIn(FLOOD - len(self.half), range(self.untold_starts + 1))
        self.assertEqual(self.delta("TcpExt.ListenDrops"), 0)

    def test_deep_queue_ipv4(self):
        self.deep_queue("ipv4")

    def test_deep_queue_ipv6(self):
        self.deep_queue("ipv6")

    def lag(self, go_on):
        """The tracer stands still until all is over, and so is many rounds of reading behind."""
        count = max(FLOOD, 25_000) + 1  # odd, so that rounds end between a cancel and its expiry
        self.begin("ipv4", "--ring-size", 64 << 20, tcp_syncookies=0, tcp_max_syn_backlog=1 << 20)
        self.flooded, self.port = self.server.listen(self.dst, backlog=65535)
        self.trace.process.send_signal(signal.SIGSTOP)
        self.flooder.call(flood, self.src, self.dst, self.port, count)
        self.await_end_of_half_open()
        go_on()
        self.stop()
        self.assertEqual(self.lost(), {})
        self.half_open_all_timed_out()
        self.books_of_syns()
        self.assertIn(count - len(self.half), range(self.untold_starts + 1))

    def test_reader_that_lags(self):
        """What ends a round of reading has its evidence in the next."""
        def go_on():
            self.trace.process.send_signal(signal.SIGCONT)
            time.sleep(0.5)

        self.lag(go_on)

    def test_reader_that_lags_and_is_interrupted(self):
        """What is still to be read when it is asked to end is told, more than its queue holds."""
        def go_on():
            self.trace.process.send_signal(signal.SIGINT)
            self.trace.process.send_signal(signal.SIGCONT)

        self.lag(go_on)

    def test_more_than_the_tracer_follows(self):
        """
        Half-open connections have a table of their own: when it is full those that find no room are
        counted, and connections are not pushed out. Of a child whose SYN went untold the line says
        so; the client's end, which needs no room there, is whole.
        """
        room = 200
        self.begin("ipv4", "--max-half-open", room, tcp_syncookies=0, tcp_max_syn_backlog=1 << 20)
        self.flooded, self.port = self.server.listen(self.dst, backlog=65535)
        quiet, quiet_port = self.server.listen(self.dst)
        self.flooder.call(flood, self.src, self.dst, self.port, 1000)  # no room from now on
        self.churn_through(quiet, quiet_port, 1000)
        self.finish()
        told = sum(t["old"] == "LISTEN" and t["new"] == "SYN_RECEIVED"
                   for t in self.trace.transitions() if t["netns"] == self.server_ns.inode)
        lost = self.lost()
        self.assertEqual(set(lost), {"half_open_full"}, self.trace.stderr)
        self.assertIn(self.syns() - told - lost["half_open_full"], range(self.untold_starts + 1),
                      self.trace.stderr)
        self.assertGreaterEqual(told, room)
        self.half_open_all_timed_out()
        ours = [life for life in self.lives if life.has("netns", self.attacker.inode) and
                life.has("rport", quiet_port)]
        self.assertEqual(len(ours), ORDINARY)
        for life in ours:
            self.assertEqual(life.path, OPEN + TO_TIME_WAIT, life)
            self.whole(life, "active", self.client.pid)
        untold = 0
        for life in [life for life in self.lives if life.has("netns", self.server_ns.inode) and
                     life.has("lport", quiet_port) and life.has("role", "passive")]:
            self.assertEqual(life.path, OPENED + CLOSED if life.path[0] == OPENED[0] else
                             OPENED[1:] + CLOSED, life)
            if life.path[0] != OPENED[0]:
                untold += 1
                self.assertEqual({t["complete"] for t in life.lines}, {False}, life)
                self.assertIsNone(life.lines[0]["dwell_ns"], life)
            for t in life.lines[1:]:
                self.assertIsNotNone(ns(t["dwell_ns"]), life)
        self.assertGreater(untold, 0)


if __name__ == "__main__":
    unittest.main()
