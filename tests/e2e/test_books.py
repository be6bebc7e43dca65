# SPDX-License-Identifier: GPL-2.0-or-later
"""
The books: thousands of connections of real programs in a fresh namespace, then every counter that
the kernel keeps of it against the same counter computed from the tracer's lines. Equal, not close.
The table is printed; TCPWITNESS_FULL=1 makes 20,000 connections.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from harness import actor, books, crowd, netns, programs, tracer, witness
from harness.traced import need_binary

FULL = os.environ.get("TCPWITNESS_FULL") == "1"
CONNECTIONS = 20_000 if FULL else 1_500
TCP = socket.IPPROTO_TCP
LO = "127.0.0.1"
HELD = 30
TIMERS = 200 if FULL else 20  # connections of each kind that end by a timer

HTTP, REDIS, SSH, CROWD = 8080, 6379, 2222, 7000
NOBODY, DEAF, LOSSY, DROPPED, FULL_QUEUE, CUT, ONE_PORT = 7001, 7002, 7003, 7004, 7005, 7006, 7007

# What must not be 0, or the traffic has not done what it claims and equality says little.
PROVOKED = {r.name for r in books.ROWS} - {"TcpExt.TCPAbortOnMemory", "TcpExt.TCPAbortFailed"}
# Not compared while an orphan may be in FIN_WAIT_2 or something is going on.
TRANSIENT = ("FIN_WAIT_1", "LAST_ACK", "CLOSING", "SYN_SENT", "SYN_RECEIVED")


class Traffic:
    """The parts of the traffic; each is one kind of program or of failure."""

    def __init__(self, ns):
        self.ns = ns
        self.wrong = []
        self.actors = {}
        self.drops = 0
        for name in ("server", "crowd", "failing", "timing", "held", "tuples", "queue"):
            self.actors[name] = actor.Actor(ns, comm=f"e2e-{name}")
            self.actors[name].call(crowd.many_files)
        ns.sysctl(tcp_syn_retries=1, tcp_synack_retries=1, tcp_syn_linear_timeouts=0,
                  tcp_retries2=3, tcp_orphan_retries=2)
        # Segments as on a network: one retransmission can then be of several.
        ns.run("ip", "link", "set", "lo", "mtu", "1500")
        ns.nft("input", f"tcp dport {DEAF} drop")
        ns.nft("input", f"tcp sport {LOSSY} tcp flags & (syn|fin|rst) == 0 "
                        "numgen random mod 25 == 0 drop")
        self.servers = [programs.Nginx(ns, HTTP, listeners=2), programs.Redis(ns, REDIS),
                        programs.Sshd(ns, SSH)]
        self.sshd = self.servers[2]
        for port in (CROWD, LOSSY):
            self.actors["server"].call(crowd.serve, port)

    def close(self):
        for a in self.actors.values():
            a.stop()
        for s in self.servers:
            s.stop()

    def run_all(self, *parts):
        """Parts side by side; what one raises is told by the test."""
        def guarded(part):
            try:
                part()
            except Exception as e:  # noqa: judged by the test
                self.wrong.append(f"{part.__name__}: {e!r}")

        threads = [threading.Thread(target=guarded, args=[p]) for p in parts]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def check(self, condition, text):
        if not condition:
            self.wrong.append(text)

    def _client(self, *argv):
        out = subprocess.run(self.ns.argv(*argv), stdin=subprocess.DEVNULL, timeout=200,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.check(out.returncode == 0, f"{argv[:3]}: status {out.returncode}: {out.stdout[-300:]}")

    def programs(self):
        n = CONNECTIONS
        curl = ("curl", "-s", "-o", "/dev/null", "--resolve", f"six:{HTTP}:[::1]")
        for host, share in ((LO, 5), ("six", 10)):
            self._client(*curl, "-H", "Connection: close",
                         f"http://{host}:{HTTP}/file?[1-{n // share}]")
            self._client(*curl, f"http://{host}:{HTTP}/large")
            # One connection for a hundred requests.
            self._client(*curl, f"http://{host}:{HTTP}/file?[1-100]")
        for i in range(n // 150):
            self._client(*curl, f"http://{LO}:{HTTP}/file")
        self._client("redis-benchmark", "-p", str(REDIS), "-k", "0", "-c", "20", "-q",
                     "-n", str(n // 5), "ping")
        self._client("redis-benchmark", "-p", str(REDIS), "-c", "20", "-n", "2000", "-q",
                     "-t", "set,get")
        for i in range(n // 300):
            self._client("redis-cli", "-p", str(REDIS), "set", "key", str(i))
        for _ in range(n // 300):
            self._client(*self.sshd.client("true"))

    def crowds(self):
        a = self.actors["crowd"]
        for addr, share in ((LO, 3), ("::1", 7)):
            failed = a.call(crowd.crowd, addr, CROWD, CONNECTIONS // share, timeout=300)
            self.check(not failed, f"crowd: {failed[:3]}")
        # Large answers with losses: data sent again, several segments at once.
        failed = a.call(crowd.crowd, LO, LOSSY, 20, only=b"L", timeout=120)
        self.check(not failed, f"lossy: {failed[:3]}")

    def failing(self):
        a = self.actors["failing"]
        for addr in (LO, "::1"):
            n = CONNECTIONS // 40
            self.check(a.call(crowd.refused, addr, NOBODY, n) == n, "not refused")
        # Nobody answers; some go away before they are told, some have a timeout of their own.
        left = a.call(crowd.start_connects, LO, DEAF, TIMERS)
        user = a.call(crowd.start_connects, "::1", DEAF, TIMERS,
                      options=[(TCP, socket.TCP_USER_TIMEOUT, 600)])
        gone = a.call(crowd.start_connects, LO, DEAF, TIMERS)
        a.call(crowd.drop_all, gone)
        # Killed and disconnected from outside; a listener closed on its children.
        made = a.call(crowd.pairs, LO, 7010, 20)
        self.ns.run("ss", "-K", "-tn", "state", "established", "sport", "= :7010")
        a.call(crowd.drop_all, [n for pair in made for n in pair])
        made = a.call(crowd.pairs, LO, 7011, 5)
        for c, _ in made:
            a.disconnect(c)
        a.call(crowd.drop_all, [n for pair in made for n in pair])
        listener, port = a.listen(LO)
        waiting = a.call(crowd.start_connects, LO, port, 5)
        time.sleep(0.2)
        a.close(listener)
        a.call(crowd.drop_all, waiting)
        # An orphan in FIN_WAIT_2 for 2 s, or not at all, from FIN_WAIT_2 or on the way to it.
        for seconds, first in ((2, False), (-1, True), (-1, False)):
            made = a.call(crowd.pairs, LO, 7012, 5, options=[(TCP, crowd.LINGER2, seconds)])
            if first:
                a.call(crowd.shutdown_all, [c for c, _ in made])
                time.sleep(0.2)
            a.call(crowd.drop_all, [c for c, _ in made])
            time.sleep(2.6 if seconds > 0 else 0.2)
            a.call(crowd.reset_all, [s for _, s in made])
        for i in range(3):
            a.close(a.connect_to_self(LO, 7020 + i))
        time.sleep(4)  # 1 s and 2 s after a SYN, and what the timer wheel adds
        a.call(crowd.drop_all, left + user)

    def queue_overflow(self):
        """A queue of two: what comes then is dropped, as SYN or as the handshake's last ACK."""
        a = self.actors["queue"]
        listener, _ = a.listen(LO, port=FULL_QUEUE, backlog=1)
        left = a.call(crowd.start_connects, LO, FULL_QUEUE, 12)
        time.sleep(8)
        a.call(crowd.drop_all, left)
        self.drops = listener_drops(self.ns, f"sport = :{FULL_QUEUE}")
        a.close(listener)

    def tuples(self):
        """TIME_WAITs taken over: by a connect on the same port, and by a SYN."""
        a = self.actors["tuples"]
        n = CONNECTIONS // 50
        for function, port in ((crowd.same_ports, 20000), (crowd.server_closes, 25000)):
            for _ in range(2):
                a.call(function, LO, CROWD, port, n, timeout=60)
                time.sleep(1.2)  # tcp_tw_reuse_delay
        self.ns.run("ss", "-K", "-tn", "state", "time-wait", "sport", "= :20001")

    def timing(self):
        """Established, then nothing arrives any more."""
        a = self.actors["timing"]
        rule = None
        alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (TCP, socket.TCP_KEEPIDLE, 1),
                 (TCP, socket.TCP_KEEPINTVL, 1), (TCP, socket.TCP_KEEPCNT, 1)]
        kinds = {"user": [(TCP, socket.TCP_USER_TIMEOUT, 600)], "keepalive": alive,
                 "data": (), "fin": ()}
        made = {k: a.call(crowd.pairs, LO, DROPPED + 1000 + i, TIMERS, options=options)
                for i, (k, options) in enumerate(kinds.items())}
        ports = f"{DROPPED + 1000}-{DROPPED + 1003}"
        rule = self.ns.nft("input", f"tcp dport {ports} drop")
        for kind in ("user", "data"):
            a.call(crowd.send_all, [c for c, _ in made[kind]])
        a.call(crowd.drop_all, [c for c, _ in made.pop("fin")])
        clients = [c for pairs in made.values() for c, _ in pairs]
        end = time.monotonic() + 30
        while any(s != 7 for s in a.call(crowd.states, clients)):
            if time.monotonic() > end:
                self.wrong.append("timing: some did not time out")
                break
            time.sleep(0.1)
        time.sleep(2)  # the FINs
        self.ns.nft_delete(rule)
        a.call(crowd.close_everything)

    def embryos(self):
        """A SYN-ACK that meets nobody, one that is never answered; a send that fails here."""
        a = self.actors["held"]
        listener, _ = a.listen(LO, port=CUT)
        rule = self.ns.nft("input", f"tcp sport {CUT} drop")
        gone = a.call(crowd.start_connects, LO, CUT, 10)
        a.call(crowd.drop_all, gone)
        left = a.call(crowd.start_connects, LO, CUT, 10)
        time.sleep(0.3)
        self.ns.nft_delete(rule)  # the next SYN-ACK of the first ten is answered with a RST
        time.sleep(3.5)
        rule = self.ns.nft("input", f"tcp sport {CUT} drop")
        late = a.call(crowd.start_connects, LO, CUT, 10)
        time.sleep(7)
        self.ns.nft_delete(rule)
        a.call(crowd.drop_all, left + late)
        a.close(listener)
        [(c, s)] = a.call(crowd.pairs, LO, 7013, 1)
        rule = self.ns.nft("output", "tcp dport 7013 drop")
        a.call(crowd.send_all, [c])
        time.sleep(0.5)
        self.ns.nft_delete(rule)
        a.recv(s, 7)
        a.call(crowd.drop_all, [c, s])

    def hold(self):
        """Open while the books are read: some half closed."""
        a = self.actors["held"]
        self.held = a.call(crowd.pairs, LO, 7014, HELD)
        a.call(crowd.shutdown_all, [c for c, _ in self.held[::3]])

    def let_go(self):
        self.actors["held"].call(crowd.drop_all, [n for pair in self.held for n in pair])

    def alone(self):
        """What changes the namespace's settings, so that nothing else may run beside."""
        a = self.actors["failing"]
        self.ns.sysctl(ip_local_port_range="40000 40001")
        made = [c for c in a.call(crowd.start_connects, LO, CROWD, 6)]
        self.ns.sysctl(ip_local_port_range="32768 60999")
        time.sleep(0.1)
        a.call(crowd.drop_all, made)
        self.ns.sysctl(tcp_syncookies=2)
        failed = a.call(crowd.crowd, LO, CROWD, 60, timeout=60)
        self.check(not failed, f"cookies: {failed[:3]}")
        self.ns.sysctl(tcp_syncookies=1)
        self.settle()
        self.ns.sysctl(tcp_max_tw_buckets=0)
        failed = a.call(crowd.crowd, LO, CROWD, 40, only=b"E", timeout=60)
        self.check(not failed, f"buckets: {failed[:3]}")
        self.ns.sysctl(tcp_max_tw_buckets=131072)

    def settle(self, orphans=True, limit=60):
        """Until nothing moves any more; -> what still did after the limit."""
        end = time.monotonic() + limit
        moving = TRANSIENT + (("FIN_WAIT_2",) if orphans else ())
        while True:
            now = witness.states(self.ns)
            left = {s: now[s] for s in moving if now[s]}
            if not left or time.monotonic() > end:
                time.sleep(0.3)
                return left
            time.sleep(0.2)


def sockstat_tw(ns):
    """(ns before, TIME_WAIT sockets of the namespace now, ns after)"""
    before = time.monotonic_ns()
    text = ns.keeper.read_file(f"/proc/{ns.keeper.pid}/net/sockstat")
    return before, int(re.search(r"^TCP:.* tw (\d+)", text, re.M).group(1)), time.monotonic_ns()


def listener_drops(ns, *which):
    """Sum of sk_drops of the listeners, by ss."""
    text = ns.run("ss", "-tlnmH", *which)
    return sum(int(d) for d in re.findall(r"skmem:\([^)]*,d(\d+)\)", text))


class TestBooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.ns = netns.Namespace("books")
        cls.file = tempfile.NamedTemporaryFile(prefix="e2e-books-", suffix=".jsonl")
        cls.trace = cls.traffic = None
        try:
            cls.first = cls.ns.counters()
            cls.trace = tracer.Tracer("trace", "--netns", cls.ns.inode, stdout=cls.file)
            cls.traffic = Traffic(cls.ns)
            cls._perform(cls.traffic)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.trace is not None:
            cls.trace.kill()
        if cls.traffic is not None:
            cls.traffic.close()
        cls.file.close()
        cls.ns.remove()

    @classmethod
    def _perform(cls, t):
        cls.started = time.monotonic()
        t.run_all(t.programs, t.crowds, t.failing, t.timing, t.embryos, t.tuples,
                  t.queue_overflow)
        t.hold()
        cls.moving_1 = t.settle(orphans=False)
        cls.middle, cls.middle_at = cls.ns.counters(), time.monotonic_ns()
        cls.middle_states = witness.states(cls.ns)
        t.let_go()
        t.run_all(t.alone)
        cls.moving_2 = t.settle()
        cls.drops = t.drops + listener_drops(cls.ns)
        cls.last = cls.ns.counters()
        cls.sockstat = [sockstat_tw(cls.ns) for _ in range(10) if not time.sleep(0.05)]
        time.sleep(0.1)
        cls.status = cls.trace.stop()
        cls.took = time.monotonic() - cls.started

    def read(self, until=None, gauge_at=()):
        """The books of the lines up to a time, and what the gauge was at others."""
        result, marks = books.Books(self.ns.inode), []
        wanted = sorted(gauge_at)
        with open(self.file.name) as f:
            for line in f:
                e = json.loads(line)
                at = int(e["mono_ns"])
                while wanted and wanted[0] < at:
                    marks.append((wanted.pop(0), result["time_wait_now"]))
                if until is not None and at > until:
                    break
                result.add(e)
        marks += [(at, result["time_wait_now"]) for at in wanted]
        return result, dict(marks)

    def judge(self, lines, title):
        text = books.table(lines)
        print(f"{title}\n{text}", file=sys.stderr, flush=True)
        self.assertEqual([x.name for x in lines if x.equal is False], [],
                         f"{title}\n{text}\n{self.trace.stderr}")

    def test_fresh(self):
        self.assertEqual({k: v for k, v in self.first.items()
                          if v and k in {r.name for r in books.ROWS}}, {})

    def test_traffic(self):
        self.assertEqual(self.traffic.wrong, [])
        self.assertEqual((self.moving_1, self.moving_2), ({}, {}))
        self.assertGreaterEqual(self.last["Tcp.ActiveOpens"], CONNECTIONS)
        provoked = {r.name for r in books.ROWS if self.last.get(r.name, self.middle.get(r.name))}
        self.assertEqual(PROVOKED - provoked - {"sockstat.tw", "Tcp.CurrEstab"}, set())
        in_place = sum(self.middle_states[s] for s in books.IN_PLACE)
        self.assertEqual(self.middle["Tcp.CurrEstab"], in_place)
        self.assertGreaterEqual(in_place, 2 * HELD - len(self.traffic.held[::3]))

    def test_books_in_the_middle(self):
        """With connections open: the gauge, and everything else that is sure by then."""
        mine, _ = self.read(self.middle_at)
        lines = books.compare(mine, self.middle, skip=("TcpExt.TW", "TcpExt.TWKilled"))
        self.judge(lines, f"with {HELD} connections open")

    def test_books_at_the_end(self):
        mine, marks = self.read(gauge_at=[t for a, _, b in self.sockstat
                                          for t in (a - 5_000_000, b + 5_000_000)])
        # A moment at which no TIME_WAIT began or ended.
        for before, value, after in self.sockstat:
            at = marks[before - 5_000_000]
            if at == marks[after + 5_000_000]:
                self.last["sockstat.tw"] = value
                mine["time_wait_now"] = at
                break
        lines = books.compare(mine, self.last, self.drops)
        opened = self.last["Tcp.ActiveOpens"]
        self.judge(lines, f"{opened} connections in {self.took:.0f} s")
        self.assertIn("sockstat.tw", self.last, "no moment was calm")
        self.assertEqual(mine.doubts[:3], [], f"{len(mine.doubts)} lines in doubt")

    def test_a_missing_line_shows(self):
        """Each of these lines left out once: the books must not balance."""
        mutants = {
            ("Tcp.ActiveOpens",): lambda e: e.get("new") == "SYN_SENT",
            ("Tcp.PassiveOpens",): lambda e: e.get("cause") == "handshake_done",
            ("Tcp.RetransSegs", "TcpExt.TCPSynRetrans"): lambda e: e.get("kind") == "syn_ack",
            ("Tcp.OutRsts",): lambda e: e.get("direction") == "sent",
            ("Tcp.CurrEstab",): lambda e: e.get("old") == "CLOSE_WAIT",
            ("TcpExt.TW",): lambda e: e.get("new") == "TIME_WAIT",
            ("TcpExt.TWKilled",): lambda e: e.get("cause") == "fin_wait_2_timeout",
            # A server's TIME_WAIT is taken over by a SYN, which is not counted.
            ("TcpExt.TWRecycled",): lambda e: (e.get("cause"), e.get("role")) == (
                "time_wait_reused", "active"),
            ("Tcp.EstabResets",): lambda e: (e.get("old"), e.get("new")) == (
                "ESTABLISHED", "CLOSED"),
            ("Tcp.AttemptFails", "TcpExt.TCPAbortOnTimeout"): lambda e: (
                e.get("old"), e.get("cause")) == ("SYN_SENT", "timeout"),
            ("TcpExt.TCPAbortOnClose",): lambda e: e.get("reason") == "TCP_ABORT_ON_CLOSE",
            ("TcpExt.TCPTimeWaitOverflow",): lambda e: e.get("cause") == "time_wait_overflow",
        }
        mine = {rows: books.Books(self.ns.inode) for rows in mutants}
        missing = set(mutants)
        with open(self.file.name) as f:
            for line in f:
                e = json.loads(line)
                for rows, b in mine.items():
                    if rows in missing and mutants[rows](e):
                        missing.discard(rows)
                    else:
                        b.add(e)
        self.assertEqual(missing, set())
        for rows, b in mine.items():
            differ = {x.name for x in books.compare(b, self.last) if x.equal is False}
            self.assertTrue(differ.issuperset(rows), f"{rows}: {differ}")

    def test_nothing_is_lost(self):
        self.assertEqual(self.status, 0, self.trace.stderr)
        self.assertRegex(self.trace.stderr, r", 0 lost\n")


if __name__ == "__main__":
    unittest.main()
