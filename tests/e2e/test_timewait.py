# SPDX-License-Identifier: GPL-2.0-or-later
"""`timewait` on real TIME_WAITs: the sums, the owners, the ports."""

import os
import socket
import subprocess
import time
import unittest
from collections import Counter

from harness import actor, netns, tracer
from harness.traced import need_binary

RANGE = (30000, 31999)


def ss_time_wait(ns):
    return len(ns.run("ss", "-tanH", "state", "time-wait").splitlines())


class TimewaitCase:
    INTERVAL = 0.5

    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.t = None
        cls.client_ns = netns.Namespace("tw-client")
        cls.server_ns = netns.Namespace("tw-server")
        try:
            netns.veth(cls.client_ns, cls.server_ns)
            cls.prepare()
            cls.t = tracer.Counter("--interval", cls.INTERVAL,
                                  "--netns", cls.client_ns.inode)
            cls.t.wait_for(lambda lines: len(lines) > 1)
            cls.perform()
            cls.status = cls.t.stop()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        if cls.t:
            cls.t.kill()
        for ns in (cls.client_ns, cls.server_ns):
            ns.remove()

    @classmethod
    def prepare(cls):
        """What must be there before the counting is."""

    @classmethod
    def after_next_reading(cls):
        """-> the first reading that began after now."""
        have = len(cls.t.lines) + 1
        assert cls.t.wait_for(lambda lines: len(lines) > have), cls.t.stderr
        return cls.t.lines[have]

    def test_contract(self):
        self.assertEqual(self.t.problems[:5], [])
        self.assertEqual(self.status, 0, self.t.stderr)

    def test_sums_hold_in_every_reading(self):
        self.assertGreater(len(self.t.lines), 3)
        for e in self.t.lines:
            self.assertEqual(e["entered"], sum(e["ended"].values()) + e["time_wait"], e)
            self.assertLessEqual(sum(g["time_wait"] for g in e["groups"]) + e["other"],
                                 e["entered"])
            self.assertEqual(e["ended"]["unknown"], 0, e)


class TestTimewaitOwners(TimewaitCase, unittest.TestCase):
    """Who made them, how they ended; three processes, one of them dead by then."""

    @classmethod
    def prepare(cls):
        cls.client_ns.sysctl(tcp_tw_reuse=1, tcp_rfc1337=0)
        with actor.Actor(cls.client_ns) as client, actor.Actor(cls.server_ns) as server:
            listener, port = server.listen("192.0.2.2")
            cls.close_first(client, server, listener, port, 2)  # older than the counting

    @staticmethod
    def close_first(client, server, listener, port, count):
        """`count` connections that `client` opens and closes first. -> its ports"""
        ports = []
        for _ in range(count):
            c, cport = client.connect("192.0.2.2", port)
            s, _ = server.accept(listener)
            client.close(c)
            server.recv_eof(s)
            server.close(s)
            ports.append(cport)
        return ports

    @classmethod
    def perform(cls):
        with actor.Actor(cls.client_ns, comm="tw-many") as many, \
                actor.Actor(cls.client_ns, comm="tw-few") as few, \
                actor.Actor(cls.client_ns, comm="tw-server") as passive, \
                actor.Actor(cls.server_ns) as server:
            listener, cls.port = server.listen("192.0.2.2")
            cls.first = cls.after_next_reading()
            with actor.Actor(cls.client_ns, comm="tw-dead") as dead:
                cls.close_first(dead, server, listener, cls.port, 5)
                cls.dead_pid = dead.pid
            ports = cls.close_first(many, server, listener, cls.port, 9)
            cls.close_first(few, server, listener, cls.port, 3)
            # As a server that closes first: gathered by its port, whoever the client was.
            inside, cls.inside_port = passive.listen("192.0.2.1")
            for _ in range(4):
                s, _ = server.connect("192.0.2.1", cls.inside_port)
                c, _ = passive.accept(inside)
                passive.close(c)
                server.recv_eof(s)
                server.close(s)
            cls.pids = {"tw-many": many.pid, "tw-few": few.pid, "tw-server": passive.pid}
            cls.built = cls.after_next_reading()
            cls.ss_built = ss_time_wait(cls.client_ns)
            # One killed by hand, one by a connection that takes its port over.
            cls.client_ns.run("ss", "-K", "state", "time-wait", "sport", "=", f":{ports[0]}")
            time.sleep(1.1)  # tcp_tw_reuse asks for a second
            cls.client_ns.sysctl(ip_local_port_range=f"{ports[1]} {ports[1]}")
            c, again = many.connect("192.0.2.2", cls.port)
            cls.client_ns.sysctl(ip_local_port_range="32768 60999")
            assert again == ports[1], (again, ports)
            s, _ = server.accept(listener)
            many.close(c)
            server.recv_eof(s)
            server.close(s)
            # An orphan whose peer keeps silent.
            c, _ = few.connect("192.0.2.2", cls.port)
            s, _ = server.accept(listener)
            few.close(c)
            server.recv_eof(s)
            cls.orphan = cls.after_next_reading()
            server.close(s)
            cls.ended = cls.after_next_reading()
            cls.ss_ended = ss_time_wait(cls.client_ns)
        end = time.monotonic() + 66
        while time.monotonic() < end and ss_time_wait(cls.client_ns):
            time.sleep(0.5)
        cls.over = cls.after_next_reading()

    def by_owner(self, reading):
        found = Counter()
        for g in reading["groups"]:
            found[g["comm"], g["pid"]] += g["time_wait"]
        return found

    def test_older_ones_are_counted_and_have_no_owner(self):
        self.assertEqual((self.first["entered"], self.first["time_wait"]), (2, 2), self.first)
        self.assertEqual(self.by_owner(self.first), {(None, None): 2})

    def test_each_owner_has_its_own(self):
        self.assertEqual(self.by_owner(self.built), {
            (None, None): 2, ("tw-dead", self.dead_pid): 5, ("tw-many", self.pids["tw-many"]): 9,
            ("tw-few", self.pids["tw-few"]): 3, ("tw-server", self.pids["tw-server"]): 4})
        self.assertEqual(self.built["time_wait"], self.ss_built)

    def test_where_they_lead(self):
        self.assertEqual(len(self.built["groups"]), 5)
        for g in self.built["groups"]:
            self.assertEqual((g["netns"], g["laddr"]), (self.client_ns.inode, "192.0.2.1"), g)
            if g["comm"] == "tw-server":
                self.assertEqual((g["role"], g["lport"], g["raddr"], g["ports_total"]),
                                 ("passive", self.inside_port, None, None), g)
            elif g["comm"]:
                self.assertEqual((g["role"], g["raddr"], g["rport"]),
                                 ("active", "192.0.2.2", self.port), g)
                # All that lead to one destination, whoever made them.
                self.assertEqual(g["ports_used"], 5 + 9 + 3, g)

    def test_how_they_ended(self):
        self.assertEqual(self.built["ended"],
                         {"expired": 0, "reused": 0, "killed": 0, "unknown": 0})
        self.assertEqual(self.ended["ended"],
                         {"expired": 0, "reused": 1, "killed": 1, "unknown": 0})
        # 23 in all: the killed one, the one taken over and in again, the orphan.
        self.assertEqual((self.ended["entered"], self.ended["time_wait"]), (25, 23), self.ended)
        self.assertEqual(self.ended["time_wait"], self.ss_ended)

    def test_orphans(self):
        self.assertEqual(self.orphan["fin_wait_2_orphans"], 1, self.orphan)
        self.assertEqual(self.ended["fin_wait_2_orphans"], 0, self.ended)

    def test_at_the_end_all_have_expired(self):
        self.assertEqual((self.over["time_wait"], self.over["groups"]), (0, []), self.over)
        self.assertEqual(self.over["ended"],
                         {"expired": 23, "reused": 1, "killed": 1, "unknown": 0})


class TestPortExhaustion(TimewaitCase, unittest.TestCase):
    """A client burns through its ports at a steady rate: the time to the end is told before it."""

    INTERVAL = 0.25
    RATE = 120  # connections a second
    PORTS = RANGE[1] - RANGE[0] + 1

    @classmethod
    def prepare(cls):
        cls.client_ns.sysctl(ip_local_port_range=f"{RANGE[0]} {RANGE[1]}",
                             ip_local_reserved_ports=f"{RANGE[0]}-{RANGE[0] + 99}", tcp_tw_reuse=0)

    @classmethod
    def perform(cls):
        with actor.Actor(cls.client_ns, comm="burner") as client, \
                actor.Actor(cls.server_ns) as server:
            listener, cls.port = server.listen("192.0.2.2", backlog=128)
            server.post(_close_all, listener)
            cls.failed_at, cls.made = client.call(_burn, "192.0.2.2", cls.port, cls.RATE, 40,
                                                  timeout=60)
            cls.pid = client.pid
            server.wait(30)

    def test_told_before_it_happened(self):
        """Within a fifth, in each reading of the last ten seconds but the last one."""
        self.assertIsNotNone(self.failed_at, "the ports never ran out")
        told = []
        for e in self.t.lines:
            at = int(e["mono_ns"]) / 1e9
            left = self.failed_at - at
            if 1 < left < 10:
                group = [g for g in e["groups"] if g["pid"] == self.pid]
                self.assertEqual(len(group), 1, e)
                told.append((left, group[0]["seconds_to_exhaustion"], group[0]["ports_used"]))
        self.assertGreater(len(told), 20)
        wrong = [t for t in told if t[1] is None or abs(t[1] - t[0]) > max(0.2 * t[0], 0.6)]
        self.assertEqual(wrong, [], told)

    def test_all_ports_are_used(self):
        most = max(g["ports_used"] for e in self.t.lines for g in e["groups"])
        total = {g["ports_total"] for e in self.t.lines for g in e["groups"]}
        self.assertEqual(total, {self.PORTS - 100})
        self.assertEqual((most, self.made), (self.PORTS - 100, self.PORTS - 100))


class TestMatrix(unittest.TestCase):
    """
    The kernel's counts against the lines of `trace` of the same connections: every move, to the
    unit, and against the namespace's own counters.
    """

    CONNECTIONS = 3000 if os.environ.get("TCPWITNESS_FULL") == "1" else 400

    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.ns = netns.Namespace("tw-matrix")
        cls.tracers = []
        try:
            cls.ns.sysctl(tcp_tw_reuse=0, tcp_synack_retries=1, tcp_syn_retries=1,
                          tcp_fin_timeout=2, tcp_fastopen=0x1 | 0x2 | 0x4 | 0x200)
            before = cls.ns.counters()
            where = ("--netns", cls.ns.inode)
            cls.trace = tracer.Tracer("trace", *where)
            cls.tracers.append(cls.trace)
            cls.count = tracer.Counter("-v", "--interval", 0.5, *where)
            cls.tracers.append(cls.count)
            cls.count.wait_for(lambda lines: lines)
            cls.perform()
            # What is counted is told at once, what is traced only once its evidence is in.
            time.sleep(1)
            cls.after = cls.ns.counters()
            cls.before = before
            cls.statuses = [t.stop() for t in cls.tracers]
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for t in cls.tracers:
            t.kill()
        cls.ns.remove()

    @classmethod
    def perform(cls):
        with actor.Actor(cls.ns, comm="tw-a") as a, actor.Actor(cls.ns, comm="tw-b") as b:
            for addr in ("127.0.0.1", "::1"):
                listener, port = b.listen(addr, backlog=128)
                b.post(actor.serve_churn, listener, cls.CONNECTIONS)
                assert a.churn(addr, port, cls.CONNECTIONS, timeout=100) == 0
                b.wait(30)
                for n in range(20):
                    c, _ = a.connect(addr, port)
                    s, _ = b.accept(listener)
                    if n % 4 == 0:
                        a.abort(c)
                        b.recv_error(s)
                        b.close(s)
                    elif n % 4 == 1:
                        b.close(s)
                        a.recv_eof(c)
                        a.close(c)
                    elif n % 4 == 2:
                        a.close(c)  # an orphan that times out: its peer keeps silent
                        b.recv_eof(s)
                    else:
                        a.shutdown(c)
                        b.recv_eof(s)
                        b.close(s)
                        a.close(c)
                b.close(listener)
                for _ in range(10):  # refused
                    try:
                        a.connect(addr, port)
                    except actor.ActorError:
                        pass
            # Fast Open: data in the SYN, without a cookie; one of the children is reset.
            listener, port = b.call(_listen_fastopen)
            for n in range(6):
                c = a.call(_send_fastopen, "127.0.0.1", port)
                s, _ = b.accept(listener)
                b.recv(s, 5)
                if n == 3:
                    a.abort(c)
                else:
                    a.close(c)
                b.close(s)
            # A SYN-ACK that is never answered, and a SYN that is dropped.
            listener, port = b.listen("127.0.0.1")
            rule = cls.ns.nft("input", f"tcp sport {port} tcp flags & (syn | ack) == syn | ack drop")
            try:
                a.connect("127.0.0.1", port, timeout=10)
            except actor.ActorError:
                pass
            cls.ns.nft_delete(rule)
            time.sleep(4)

    def test_every_move_is_counted_as_it_is_traced(self):
        traced = Counter((t["old"], t["new"]) for t in self.trace.transitions())
        self.assertGreater(sum(traced.values()), 10 * self.CONNECTIONS)
        self.assertEqual(self.count.moves(), traced)

    def test_every_move_is_in_the_kernels_counters(self):
        moves = Counter(self.count.moves())
        into = Counter()
        for (_, new), n in moves.items():
            into[new] += n
        delta = {k: self.after[k] - self.before[k] for k in self.after}
        self.assertEqual(into["SYN_SENT"], delta["Tcp.ActiveOpens"])
        self.assertEqual(moves["SYN_RECEIVED", "ESTABLISHED"], delta["Tcp.PassiveOpens"])
        self.assertEqual(moves["ESTABLISHED", "CLOSED"] + moves["CLOSE_WAIT", "CLOSED"],
                         delta["Tcp.EstabResets"])

    def test_nothing_was_without_room(self):
        self.assertRegex(self.count.stderr,
                         r"missed \d+, without room: connections 0, half-open 0, owners 0")
        self.assertEqual(self.statuses, [0, 0], [t.stderr for t in self.tracers])


class TestOlderListener(unittest.TestCase):
    def test_what_it_accepts_is_its_own(self):
        """The listener is older than the counting; a worker holds it too."""
        need_binary()
        with netns.Namespace("tw-older") as ns, actor.Actor(ns, comm="master") as master, \
                actor.Actor(ns) as client:
            listener, port = master.listen("127.0.0.1")
            with tracer.Counter("--netns", ns.inode, "--interval", 0.3) as t:
                t.wait_for(lambda lines: lines)
                for _ in range(3):
                    c, _ = client.connect("127.0.0.1", port)
                    s, _ = master.accept(listener)
                    master.close(s)
                    client.recv_eof(c)
                    client.close(c)
                have = len(t.lines) + 1
                self.assertTrue(t.wait_for(lambda lines: len(lines) > have))
                groups = t.lines[have]["groups"]
            self.assertEqual([(g["comm"], g["pid"], g["lport"], g["time_wait"]) for g in groups],
                             [("master", master.pid, port, 3)])


class TestTextScreen(unittest.TestCase):
    def test_advice_names_what_is_short(self):
        need_binary()
        with netns.Namespace("tw-text") as ns, actor.Actor(ns, comm="short") as a:
            ns.sysctl(ip_local_port_range="40000 40019", tcp_tw_reuse=2)
            listener, port = a.listen("127.0.0.1", backlog=64)
            with tracer.Counter("--netns", ns.inode, "--interval", 0.3,
                               json=False, stdout=subprocess.PIPE) as t:
                for _ in range(16):
                    c, _ = a.connect("127.0.0.1", port)
                    s, _ = a.accept(listener)
                    a.close(c)
                    a.close(s)
                time.sleep(1)
                t.process.send_signal(2)
                text = t.process.communicate()[0].decode()
        last = text.split("\n\nTIME_WAIT")[-1]
        self.assertIn("16 of 20 80%", last)
        self.assertIn(f"short/{a.pid}", last)
        self.assertIn(f"ports to 127.0.0.1:{port}: 16 of 20 used", last)
        self.assertIn("ip_local_port_range is 40000 to 40019", last)
        # Loopback: tcp_tw_reuse = 2 covers it already.
        self.assertNotIn("tcp_tw_reuse is", last)


def _listen_fastopen(side):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.setsockopt(socket.IPPROTO_TCP, 23, 8)  # TCP_FASTOPEN
    s.listen(8)
    s.settimeout(20)
    return side.add(s), s.getsockname()[1]


def _send_fastopen(side, addr, port):
    s = socket.socket()
    s.sendto(b"hello", socket.MSG_FASTOPEN, (addr, port))
    s.settimeout(20)
    return side.add(s)


def _burn(side, addr, port, rate, seconds):
    """
    Connects and closes at `rate` a second until no port is left.
    -> (monotonic time of that or None, connections made)
    """
    begin = time.monotonic()
    made = 0
    while time.monotonic() < begin + seconds:
        s = socket.socket()
        try:
            s.connect((addr, port))
        except OSError as e:
            s.close()
            return (time.monotonic() if e.errno == 99 else None), made
        made += 1
        s.close()
        time.sleep(max(0, begin + made / rate - time.monotonic()))
    return None, made


def _close_all(side, listener):
    """Closes each connection once its peer has; ends when none comes for three seconds."""
    side.sockets[listener].settimeout(3)
    while True:
        try:
            s, _ = side.sockets[listener].accept()
        except TimeoutError:
            return
        s.settimeout(3)
        s.recv(1)
        s.close()


if __name__ == "__main__":
    unittest.main()
