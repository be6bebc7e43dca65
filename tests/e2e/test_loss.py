# SPDX-License-Identifier: GPL-2.0-or-later
"""A tiny ring and a reader that stands still: every loss is a number, no wrong path is told."""

import re
import signal
import time
import unittest

from harness import actor, lives, netns, tracer
from harness.stage import OPENED
from harness.traced import need_binary

BURST = 1000
HOLES = 5


class TestLoss(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.ns = netns.Namespace("loss")
        cls.tracers = []
        try:
            where = ("--netns", cls.ns.inode)
            tiny = (*where, "--ring-size", 4096)
            for mode, args in (("trace", tiny), ("trace", (*tiny, "--strict")),
                               ("life", (*tiny, "--complete")),
                               ("trace", (*where, "--strict"))):
                cls.tracers.append(tracer.Tracer(mode, *args, ready=False))
            for t in cls.tracers:
                t.wait_ready()
            cls.tiny, cls.strict, cls.life, cls.big = cls.tracers
            cls._perform()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for t in cls.tracers:
            t.kill()
        cls.ns.remove()

    @classmethod
    def _perform(cls):
        with actor.Actor(cls.ns, comm="e2e-client") as client, \
                actor.Actor(cls.ns, comm="e2e-server") as server:
            listener, port = server.listen("127.0.0.1", backlog=128)
            cls.port = port

            def burst(n):
                server.post(actor.serve_churn, listener, n)
                failed = client.churn("127.0.0.1", port, n, timeout=60)
                server.wait(60)
                assert failed == 0, failed

            burst(20)
            # These live through the loss: what happens to them in the middle is not seen.
            long, long_port = server.listen("127.0.0.1")
            cls.long_port = long_port
            pairs = []
            for _ in range(HOLES):
                time.sleep(0.1)  # the ring holds some thirty records
                pairs.append((client.connect("127.0.0.1", long_port)[0], server.accept(long)[0]))
            time.sleep(0.2)
            for i in range(2):
                # Standing still: the ring fills and what follows is lost.
                for t in (cls.tiny, cls.strict, cls.life):
                    t.process.send_signal(signal.SIGSTOP)
                burst(BURST // 2)
                if i == 0:
                    for c, s in pairs:
                        client.shutdown(c)
                        server.recv_eof(s)
                for t in (cls.tiny, cls.strict, cls.life):
                    t.process.send_signal(signal.SIGCONT)
                time.sleep(0.3)
                if i == 0:
                    for c, s in pairs:
                        server.close(s)
                        client.recv_eof(c)
                        client.close(c)
                        time.sleep(0.1)
                burst(20)
                time.sleep(1.2)
        cls.statuses = [t.stop() for t in cls.tracers]

    def account(self, t):
        m = re.search(r"seen (\d+) = submitted (\d+) \+ filtered (\d+) \+ ring_full (\d+) \+ "
                      r"map_full (\d+)", t.stderr)
        self.assertTrue(m, t.stderr)
        return [int(x) for x in m.groups()]

    def test_the_account_adds_up(self):
        for t in self.tracers:
            with self.subTest(" ".join(t.argv[1:])):
                seen, submitted, filtered, ring_full, map_full = self.account(t)
                self.assertEqual(seen, submitted + filtered + ring_full + map_full, t.stderr)
                self.assertGreater(submitted, 0)
                if t is not self.big:
                    self.assertGreater(ring_full, 1000, t.stderr)
                else:
                    self.assertEqual((ring_full, map_full), (0, 0), t.stderr)

    def test_user_space_finds_each_hole(self):
        """By the sequence numbers alone: as many as the kernel counted."""
        for t in self.tracers:
            m = re.search(r"holes found (\d+)", t.stderr)
            found = int(m.group(1)) if m else 0  # not said when there is none
            self.assertEqual(found, self.account(t)[3] + self.account(t)[4], t.stderr)

    def test_lost_events(self):
        for t in (self.tiny, self.strict, self.life):
            told = sum(e["count"] for e in t.lines
                       if e["event"] == "lost" and e["stage"] == "ring_full")
            self.assertEqual(told, self.account(t)[3], t.stderr)
        self.assertEqual([e for e in self.big.lines if e["event"] == "lost" and
                          e["stage"] != "missed"], [])

    def test_exit_status(self):
        missed = any(e["event"] == "lost" for e in self.big.lines)
        self.assertEqual(self.statuses, [0, 5, 0, 5 if missed else 0],
                         [t.stderr for t in self.tracers])

    def test_contract(self):
        for t in self.tracers:
            self.assertEqual(t.problems[:5], [], t.argv)

    def test_no_wrong_path_is_told(self):
        for t in (self.tiny, self.strict):
            joined = lives.join(t.lines)
            self.assertGreater(len(joined), 20)
            wrong = [(f, life) for life in joined for f in lives.faults(life)]
            self.assertEqual(wrong[:3], [])
            # A cause is told right or not at all: this traffic knows few.
            right = self.expected()
            wrong = [life for life in joined if any(
                (e["old"], e["new"], e["cause"]) not in right for e in life.lines)]
            self.assertEqual(wrong[:3], [], f"{len(wrong)} of {len(joined)}")

    def expected(self):
        """What this traffic does; with a hole before it, a cause may be unknown."""
        right = {(t["old"], t["new"], t["cause"]) for t in self.big.transitions()}
        right |= {("TIME_WAIT", "CLOSED", "time_wait_expired")}
        return right | {(old, new, "unknown") for old, new, _ in right}

    def test_holes_are_marked(self):
        """Whatever the big ring saw and a tiny one did not, the tiny one owns up to."""
        whole = {}
        for life in lives.join(self.big.lines):
            if life.conn is not None:
                whole[life.conn] = life.path
        for t in (self.tiny, self.strict):
            incomplete = claimed = 0
            for life in lives.join(t.lines):
                if life.conn is None:
                    continue
                if not life.last["complete"]:
                    incomplete += 1
                    continue
                claimed += 1
                # Complete: from the beginning of what happened, or from where a walk of the
                # table found it, nothing left out.
                path = whole[life.conn]
                at = 0
                if life.lines[0]["began"] == "snapshot":
                    at = path.index(life.path[0])
                self.assertEqual(life.path, path[at:at + len(life.path)], life)
            self.assertGreater(incomplete, 0)
            self.assertGreater(claimed, 0)

    def test_lives_with_a_hole(self):
        whole = {life.conn: life for life in lives.join(self.big.lines) if life.conn}
        told = [e for e in self.life.lines if e["event"] == "life"]
        self.assertGreater(len(told), 5)
        for e in told:
            if e["complete"] and e["conn"] in whole:
                path = [s["state"] for s in e["path"] if s["state"] not in ("CLOSED", "LISTEN")]
                want = [t["new"] for t in whole[e["conn"]].lines if t["new"] != "CLOSED"]
                self.assertEqual(path, want[:len(path)], e)
        holes = [e for e in told if e["lport"] == self.long_port]
        self.assertEqual([e["complete"] for e in holes], [False] * HOLES, holes)

    def test_the_other_side_of_a_hole(self):
        """Seen before and after, not between: the end is told, as incomplete."""
        for t in (self.tiny, self.strict):
            found = [life for life in lives.find(lives.join(t.lines), self.ns.inode,
                                                 lport=self.long_port)
                     if not life.has("role", "listener")]
            self.assertEqual(len(found), HOLES, found)
            for life in found:
                self.assertTrue(life.lines[1]["complete"], life)
                self.assertEqual(life.path[:2], OPENED, life)
                self.assertEqual((life.last["new"], life.last["complete"]), ("CLOSED", False),
                                 life)

    def test_nothing_is_lost_with_the_default_ring(self):
        over = [life for life in lives.join(self.big.lines) if life.has("rport", self.port)]
        self.assertEqual(len(over), 3 * 20 + BURST)


class TestFullTables(unittest.TestCase):
    """--max-connections too small: the rest is counted, not invented."""

    def test_max_connections(self):
        need_binary()
        with netns.Namespace("small") as ns, \
                tracer.Tracer("trace", "--netns", ns.inode, "--max-connections", 16,
                              "--strict") as t, \
                actor.Actor(ns, comm="e2e-client") as client, \
                actor.Actor(ns, comm="e2e-server") as server:
            listener, port = server.listen("127.0.0.1", backlog=128)
            made = client.connect_many("127.0.0.1", port, 64)
            server.accept_many(listener, 64)
            client.close_many([c for c, _ in made])
            time.sleep(0.5)
            status = t.stop()
            self.assertEqual(status, 5, t.stderr)
            told = [e for e in t.lines if e["event"] == "lost"]
            self.assertTrue(told, t.stderr)
            wrong = [(f, life) for life in lives.join(t.lines) for f in lives.faults(life)]
            self.assertEqual(wrong[:3], [])
            self.assertEqual(t.problems, [])


if __name__ == "__main__":
    unittest.main()
