# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections older than the tracer: found, counted as ss counts them, told right afterwards."""

import resource
import socket
import time
import unittest
from collections import Counter

from harness import actor, lives, netns, running, schema, tracer, witness
from harness.schema import ns as as_ns
from harness.stage import CLOSED, TO_TIME_WAIT
from harness.traced import need_binary

SERVER, CLIENTS = 7000, 20000
ESTABLISHED, HALF_CLOSED, ORPHANS, OVER = 900, 40, 20, 40
HALF_OPEN = 4
TOTAL = ESTABLISHED + HALF_CLOSED + ORPHANS + OVER


def _many_files(side):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))


def _open_pairs(client, server, addr):
    """TOTAL / 2 connections; -> [(client's socket, server's socket, client's port)]"""
    listener, _ = server.listen(addr, SERVER, backlog=1024)
    first = CLIENTS if ":" not in addr else CLIENTS + TOTAL
    pairs = {}
    made = client.connect_many(addr, SERVER, TOTAL // 2, bind_from=(addr, first), timeout=60)
    for s, port in server.accept_many(listener, TOTAL // 2, timeout=60):
        pairs[port] = s
    return [(c, pairs[port], port) for c, port in made]


def _syn_only(side, addr, port, count):
    """Connects that will get no answer; they wait in SYN_SENT."""
    for i in range(count):
        s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
        s.setblocking(False)
        try:
            s.connect((addr, port))
        except BlockingIOError:
            pass
        side.add(s)


class TestOlder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.trace = None
        cls.ns = netns.Namespace("older")
        cls.client = cls.server = None
        try:
            cls._perform()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.trace is not None:
            cls.trace.kill()
        for a in (cls.client, cls.server):
            if a is not None:
                a.stop()
        cls.ns.remove()

    @classmethod
    def _perform(cls):
        cls.ns.keeper  # noqa: forked before there are threads
        cls.client = actor.Actor(cls.ns, comm="e2e-client")
        cls.server = actor.Actor(cls.ns, comm="e2e-server")
        for a in (cls.client, cls.server):
            a.call(_many_files)
        cls.groups = {"established": [], "half_closed": [], "orphans": [], "over": []}
        for addr in ("127.0.0.1", "::1"):
            pairs = _open_pairs(cls.client, cls.server, addr)
            pairs = [(addr, *p) for p in pairs]
            at = 0
            for group, n in (("established", ESTABLISHED), ("half_closed", HALF_CLOSED),
                             ("orphans", ORPHANS), ("over", OVER)):
                cls.groups[group] += pairs[at:at + n // 2]
                at += n // 2
        for _, c, _, _ in cls.groups["half_closed"]:
            cls.client.shutdown(c)
        cls.client.close_many([c for _, c, _, _ in cls.groups["orphans"] + cls.groups["over"]])
        cls.server.close_many([s for _, _, s, _ in cls.groups["over"]])
        # Half-open ones: the SYN-ACK is dropped.
        cls.ns.nft("input", f"tcp sport {SERVER} tcp flags & (syn|ack) == syn|ack drop")
        cls.ns.sysctl(tcp_synack_retries=6, tcp_syn_retries=6)
        for addr in ("127.0.0.1", "::1"):
            cls.client.call(_syn_only, addr, SERVER, HALF_OPEN // 2)
        time.sleep(0.3)

        cls.ss_before = Counter(witness.sockets(cls.ns))
        cls.timers = witness.time_wait_timers(cls.ns)
        cls.snapshot = tracer.run("snapshot", "-o", "json", "--netns", cls.ns.inode)
        cls.timers_after = witness.time_wait_timers(cls.ns)
        cls.subsets = {name: tracer.run("snapshot", "-o", "json", "--netns", cls.ns.inode, *args)
                       for name, (args, _) in cls.filters().items()}
        cls.ss_after = Counter(witness.sockets(cls.ns))

        cls.started = time.monotonic()
        cls.trace = tracer.Tracer("trace", "--netns", cls.ns.inode)
        cls.client.close_many([c for _, c, _, _ in cls.groups["established"]])
        cls.server.close_many([s for _, _, s, _ in cls.groups["established"]])
        cls.server.close_many([s for _, _, s, _ in cls.groups["half_closed"]])
        cls.server.close_many([s for _, _, s, _ in cls.groups["orphans"]])
        time.sleep(0.5)
        end = time.monotonic() + 64
        while time.monotonic() < end and cls.ns.run("ss", "-tanH", "state", "time-wait").strip():
            time.sleep(0.5)
        time.sleep(0.3)
        cls.status = cls.trace.stop()
        cls.lives = lives.join(cls.trace.lines)
        cls.rows = []
        cls.row_problems = []
        for line in cls.snapshot.stdout.splitlines():
            obj, wrong = schema.problems(line)
            cls.row_problems += wrong
            cls.rows.append(obj)

    @classmethod
    def filters(cls):
        """name: (options, which rows of the whole)"""
        return {
            "state": (["--state", "TIME_WAIT,SYN_RECEIVED"],
                      lambda r: r["state"] in ("TIME_WAIT", "SYN_RECEIVED")),
            "family": (["--family", "ipv6"], lambda r: r["family"] == "ipv6"),
            "lport": (["--lport", SERVER], lambda r: r["lport"] == SERVER),
            "rport": (["--rport", CLIENTS + 3], lambda r: r["rport"] == CLIENTS + 3),
            "laddr": (["--laddr", "127.0.0.0/8"], lambda r: r["laddr"] == "127.0.0.1"),
            "pid": (["--pid", cls.server.pid], lambda r: r["pid"] == cls.server.pid),
            "comm": (["--comm", "e2e-client"], lambda r: r["comm"] == "e2e-client"),
            "role": (["--role", "listener"], lambda r: r["state"] == "LISTEN"),
        }

    def test_snapshot_filters(self):
        def key(r):
            return (r["state"], r["laddr"], r["lport"], r["raddr"], r["rport"], r["pid"])

        for name, (args, want) in self.filters().items():
            with self.subTest(name):
                p = self.subsets[name]
                self.assertEqual(p.returncode, 0, p.stderr)
                rows = [schema.problems(line)[0] for line in p.stdout.splitlines()]
                whole = Counter(key(r) for r in self.rows if want(r))
                have = Counter(key(r) for r in rows)
                self.assertGreater(len(whole), 0)
                self.assertEqual((list((have - whole))[:5], list((whole - have))[:5]), ([], []))

    def of(self, addr, laddr_port, raddr_port):
        key = (addr, laddr_port, raddr_port)
        if not hasattr(type(self), "index"):
            type(self).index = {}
            for life in self.lives:
                t = life.last
                self.index.setdefault((t["laddr"], t["lport"], t["rport"]), []).append(life)
        found = self.index.get(key, [])
        self.assertEqual(len(found), 1, (key, found))
        return found[0]

    def old(self, life, path, pid):
        """An older connection's lines."""
        self.assertEqual(life.path, path, life)
        self.assertEqual(lives.faults(life), [], life)
        self.assertEqual({t["began"] for t in life.lines}, {"snapshot"}, life)
        self.assertEqual({t["complete"] for t in life.lines}, {True}, life)
        self.assertIs(life.lines[0]["dwell_exact"], False, life)
        for t in life.lines[1:]:
            self.assertIs(t["dwell_exact"], t not in life.inexact(), life)
        self.assertFalse(running.SEGMENTS and life.inexact(), life)
        self.assertEqual({t["pid"] for t in life.lines}, {pid}, life)

    def test_contract(self):
        self.assertEqual(self.snapshot.returncode, 0, self.snapshot.stderr)
        self.assertEqual(self.row_problems[:10], [])
        self.assertEqual(self.trace.problems[:10], [])
        self.assertEqual(self.status, 0, self.trace.stderr)

    def test_snapshot_has_the_sockets_of_ss(self):
        have = Counter(witness.Socket(r["state"], r["laddr"], r["lport"], r["raddr"], r["rport"])
                       for r in self.rows)
        # A listener's remote end: no address.
        have = Counter({s._replace(raddr=_none(s), rport=s.rport or 0): n for s, n in have.items()})
        self.assertEqual(self.ss_before, self.ss_after)
        self.assertEqual(have - self.ss_before, Counter(), "in the snapshot only")
        self.assertEqual(self.ss_before - have, Counter(), "in ss only")

    def test_snapshot_counts_by_state(self):
        have = Counter(r["state"] for r in self.rows)
        self.assertEqual(have, Counter({
            "LISTEN": 2, "ESTABLISHED": 2 * ESTABLISHED,
            "FIN_WAIT_2": HALF_CLOSED + ORPHANS, "CLOSE_WAIT": HALF_CLOSED + ORPHANS,
            "TIME_WAIT": OVER, "SYN_SENT": HALF_OPEN, "SYN_RECEIVED": HALF_OPEN}))

    def test_snapshot_owners(self):
        wrong = []
        for r in self.rows:
            if r["state"] in ("LISTEN", "CLOSE_WAIT", "SYN_RECEIVED"):
                want = self.server.pid
            elif r["state"] == "ESTABLISHED":
                want = self.server.pid if r["lport"] == SERVER else self.client.pid
            elif r["state"] == "SYN_SENT":
                want = self.client.pid
            else:
                continue
            if r["pid"] != want:
                wrong.append((r, want))
        self.assertEqual(wrong[:3], [])

    def test_snapshot_time_wait_age_and_timer(self):
        rows = [r for r in self.rows if r["state"] == "TIME_WAIT"]
        self.assertEqual(len(rows), OVER)
        for r in rows:
            whole = (as_ns(r["age_ns"]) + as_ns(r["timer_ns"])) / 1e9
            self.assertTrue(59.5 < whole < 62.5, r)
            key = (r["laddr"], r["lport"], r["raddr"], r["rport"])
            # ss tells whole seconds.
            self.assertLess(self.timers_after[key] - 1.1, as_ns(r["timer_ns"]) / 1e9, r)
            self.assertLess(as_ns(r["timer_ns"]) / 1e9, self.timers[key] + 1.1, r)

    def test_established_then_closed(self):
        for addr, _, _, port in self.groups["established"]:
            client = self.of(addr, port, SERVER)
            self.old(client, TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_expired")],
                     self.client.pid)
            self.old(self.of(addr, SERVER, port), CLOSED, self.server.pid)

    def test_half_closed_then_closed(self):
        for addr, _, _, port in self.groups["half_closed"]:
            self.old(self.of(addr, SERVER, port), CLOSED[1:], self.server.pid)
            self.old(self.of(addr, port, SERVER),
                     [("FIN_WAIT_2", "TIME_WAIT", "fin_received"),
                      ("TIME_WAIT", "CLOSED", "time_wait_expired")], self.client.pid)

    def test_orphans_in_fin_wait_2(self):
        """No process holds them: the owner is unknown, the path is not."""
        for addr, _, _, port in self.groups["orphans"]:
            life = self.of(addr, port, SERVER)
            self.old(life, [("FIN_WAIT_2", "TIME_WAIT", "fin_received"),
                            ("TIME_WAIT", "CLOSED", "time_wait_expired")], None)

    def test_time_wait_then_over(self):
        for addr, _, _, port in self.groups["over"]:
            life = self.of(addr, port, SERVER)
            self.assertEqual(life.path, [("TIME_WAIT", "CLOSED", "time_wait_expired")], life)
            self.assertEqual(life.lines[0]["began"], "snapshot")
            self.assertIsNone(life.lines[0]["pid"])
            if life.lines[0]["dwell_exact"]:
                self.assertTrue(59.5e9 < as_ns(life.lines[0]["dwell_ns"]) < 64e9, life)


def _none(s):
    if s.raddr is not None:
        return s.raddr
    return "::" if ":" in s.laddr else "0.0.0.0"


if __name__ == "__main__":
    unittest.main()
