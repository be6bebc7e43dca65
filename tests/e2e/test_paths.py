# SPDX-License-Identifier: GPL-2.0-or-later
"""The paths a connection can take, whole, with causes, seen from both ends."""

import socket
import time

from harness import actor, lives, running, stage
from harness.schema import ns
from harness.stage import (CLOSE, CLOSED, EXPIRED, LISTENER, OPEN, OPENED, TO_CLOSE_WAIT,
                           TO_FIN_WAIT_2, TO_TIME_WAIT, scenarios_of)

FIN_WAIT_2, CLOSE_WAIT = 5, 8


class TestPaths(stage.StageCase):
    def test_every_line_is_right(self):
        """The contract, for every line of the stage."""
        self.need_tracer()
        mine = self.stage
        wrong = [(f, life) for life in mine.lives for f in lives.faults(life)]
        self.assertEqual(wrong[:5], [])

    def test_time_order_of_lines(self):
        self.need_tracer()
        times = [ns(t["mono_ns"]) for t in self.stage.trace.transitions()]
        back = [(a, b) for a, b in zip(times, times[1:]) if b < a]
        self.assertEqual(back, [], "lines whose time lies before that of the line above")

    def test_listeners(self):
        self.need_tracer()
        n = 0
        for p in self.stage.plays.values():
            if p.listener is None or p.error:
                continue
            found = [life for life in lives.find(self.stage.lives, p.sns.inode,
                                                 p.listener_addr, p.sport)
                     if life.has("role", "listener")]
            self.assertEqual([life.path for life in found], [LISTENER], (p.name, found))
            for t in found[0].lines:
                self.assertEqual((t["pid"], t["comm"], t["lport"]),
                                 (p.server_pid, "e2e-server", p.sport), found[0])
            n += 1
        self.assertGreater(n, 10)

    def test_counters_of_the_kernel(self):
        """What the kernel counted is what the lines say, to the unit."""
        self.need_tracer()
        for where in self.stage.all_ns:
            lines = [t for t in self.stage.trace.transitions() if t["netns"] == where.inode]

            def count(test):
                return sum(1 for t in lines if test(t))

            told = {
                "Tcp.ActiveOpens": count(lambda t: t["new"] == "SYN_SENT"),
                "Tcp.PassiveOpens": count(lambda t: t["old"] == "SYN_RECEIVED" and
                                          t["new"] == "ESTABLISHED" and t["role"] == "passive"),
                "Tcp.EstabResets": count(lambda t: t["old"] in ("ESTABLISHED", "CLOSE_WAIT") and
                                         t["new"] == "CLOSED"),
                # Mini-sockets: of TIME_WAIT, and orphans in FIN_WAIT_2 that got no further.
                "TcpExt.TW": count(lambda t: t["new"] == "TIME_WAIT" or (
                    t["old"] == "FIN_WAIT_2" and t["source"] == "timer")),
                "TcpExt.TWRecycled": count(lambda t: t["cause"] == "time_wait_reused" and
                                           t["role"] == "active"),
                "TcpExt.TCPSynRetrans": sum(
                    1 for e in self.stage.trace.lines if e["event"] == "retransmit" and
                    e["netns"] == where.inode and e["kind"].startswith("syn")),
                "Tcp.OutRsts": sum(
                    1 for e in self.stage.trace.lines if e["event"] == "reset" and
                    e["netns"] == where.inode and e["direction"] == "sent"),
            }
            kernel = self.stage.counted(where, told)
            # What the kernel hid from every program; none on most kernels.
            unseen = kernel["TcpExt.TCPSynRetrans"] - told["TcpExt.TCPSynRetrans"]
            if 0 < unseen <= self.stage.hidden_count("tcp_retransmit_skb", "TCP_SYN_SENT"):
                told["TcpExt.TCPSynRetrans"] += unseen
            self.assertEqual(told, kernel, (where.name, [
                e for e in self.stage.trace.lines if e["event"] in ("retransmit", "reset") and
                e["netns"] == where.inode]))


scenario = scenarios_of(TestPaths)
ipv4 = scenarios_of(TestPaths, families=("ipv4",))


@scenario
def close_by_client(p):
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "c data", "s data", "c FA", "s FA", "c A"]


@scenario
def close_by_server(p):
    c, s = p.open()
    p.talk(c, s)
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.close(c)
    p.want_client = [OPEN + CLOSED]
    p.want_server = [OPENED + CLOSE]
    p.want_wire = ["c S", "s SA", "c A", "s FA", "c FA", "s A"]


@scenario
def half_close(p):
    """The client is done sending; 100 kB come back before the server is."""
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.client.post(actor.recv, c, 100_000)
    p.server.send(s, 100_000)
    p.client.wait()
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.close(c)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s A", "s data", "s data", "s FA", "c A"]
    p.checks.append(_half_close_bytes)


def _half_close_bytes(test, p, clients, servers):
    for life, sent, received in ((clients[0], 0, 100_000), (servers[0], 100_000, 0)):
        told = [e for e in p.stage.life.lines if e["event"] == "life" and e["conn"] == life.conn]
        test.assertEqual((int(told[0]["bytes_sent"]), int(told[0]["bytes_received"])),
                         (sent, received), told[0])


@scenario
def close_with_unread_data(p):
    c, s = p.open()
    p.client.send(c, 100)
    p.server.call(_peek, s)
    p.server.close(s)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_wire = ["c data", "s RA"]


def _peek(side, number):
    side.sockets[number].recv(1, socket.MSG_PEEK)


@scenario
def linger_0(p):
    c, s = p.open()
    p.talk(c, s)
    p.client.abort(c)
    error = p.server.recv_error(s)
    assert error == "ECONNRESET", error
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_wire = ["s data", "c RA"]


@scenario
def reset_in_close_wait(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.client.abort(c)
    p.server.wait_state(s, 7)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "c RA"]


@scenario
def reset_in_fin_wait_2(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.server.abort(s)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s A", "s RA"]


@scenario
def reset_in_fin_wait_2_of_an_orphan(p):
    """As above, but the client has closed: the kernel holds a mini-socket only."""
    c, s = p.open()
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.1)  # the delayed ACK of the FIN
    p.server.abort(s)
    cause = running.end_of_orphan("reset_received")
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", cause)]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s A", "s RA"]


@scenario
def fin_wait_2_of_an_orphan(p):
    """The peer's FIN comes 200 ms after the close: the time is FIN_WAIT_2's, not TIME_WAIT's."""
    c, s = p.open()
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.2)
    p.server.close(s)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s A", "s FA", "c A"]
    p.checks.append(_dwell_of_the_orphan)


def _dwell_of_the_orphan(test, p, clients, servers):
    seen = p.segments()
    acked = next(g for who, g in seen if who == "s" and g.flags == "A" and
                 any(w == "c" and "F" in f.flags and f.ts < g.ts for w, f in seen))
    fin = next(g for who, g in seen if who == "s" and "F" in g.flags)
    t = clients[0].left("FIN_WAIT_2")
    apart = fin.ts - acked.ts
    test.assertGreater(apart, 100e6)
    test.assertEqual(t["dwell_exact"], running.SEGMENTS, clients[0])
    # From the socket table: to a jiffy either way.
    test.assertLess(abs(ns(t["dwell_ns"]) - apart), 5e6 if running.SEGMENTS else 15e6,
                    f"on the wire ACK and FIN are {apart} ns apart\n{clients[0]}")


@scenario
def refused(p):
    listener, p.sport = p.server.listen(p.saddr, p.port)
    p.server.close(listener)  # now nobody listens there
    p.cport = 20000 + p.sport % 10000
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
    except actor.ActorError as e:
        assert e.kind == "ECONNREFUSED", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "reset_received")]]
    p.want_server = []
    p.want_wire = ["c S", "s RA"]


@scenario
def connect_times_out(p):
    p.listen()
    p.cport = 20000 + p.sport % 10000
    p.drop(p.sns, f"dport {p.sport}")
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_server = []
    p.want_wire = ["c S", "c S"]


@scenario
def syn_ack_times_out(p):
    p.listen()
    p.cport = 20000 + p.sport % 10000
    p.drop(p.cns, f"sport {p.sport} tcp flags & (syn|ack) == syn|ack")
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    end = time.monotonic() + 15
    while "SYN-RECV" in p.sns.run("ss", "-tanH", "sport", f"= :{p.sport}"):
        assert time.monotonic() < end
        time.sleep(0.1)
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "syn_ack_timeout")]]
    p.want_wire = ["c S", "s SA", "s SA"]


def _life_of(p, c=None, s=None):
    """A connection that the client closes first; done when the client is in TIME_WAIT."""
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    end = time.monotonic() + 10
    while not p.cns.run("ss", "-tanH", "state", "time-wait", "sport", f"= :{p.cport}").strip():
        assert time.monotonic() < end
        time.sleep(0.01)


@scenario
def time_wait_reused_by_connect(p):
    c, s = p.open(options=[(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)])
    _life_of(p, c, s)
    time.sleep(2.1)  # timestamps must have moved on: tcp_tw_reuse_delay
    c, s = p.open(bind=(p.caddr, p.cport))
    _life_of(p, c, s)
    p.want_client = [OPEN + TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_reused")],
                     OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED, OPENED + CLOSED]
    p.want_wire = ["c S", "c FA", "s FA", "c A", "c S", "s SA", "c FA"]


@scenario
def time_wait_reused_by_syn(p):
    """The server is in TIME_WAIT when the same client port knocks again."""
    c, s = p.open()
    for last in (False, True):
        p.talk(c, s)
        p.server.close(s)
        p.client.recv_eof(c)
        p.client.close(c)
        if not last:
            time.sleep(1.2)
            c, s = p.open(bind=(p.caddr, p.cport))
    p.want_client = [OPEN + CLOSED, OPEN + CLOSED]
    p.want_server = [OPENED + TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_reused")],
                     OPENED + CLOSE]
    p.want_wire = ["c S", "s FA", "c FA", "s A", "c S", "s SA", "s FA"]


@scenario
def time_wait_killed(p):
    c, s = p.open()
    _life_of(p, c, s)
    p.cns.run("ss", "-K", "-tan", "state", "time-wait", "sport", f"= :{p.cport}")
    assert not p.cns.run("ss", "-tanH", "state", "time-wait", "sport", f"= :{p.cport}").strip()
    p.want_client = [OPEN + TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_killed")]]
    p.want_server = [OPENED + CLOSED]


@scenario
def port_reused_within_a_millisecond(p):
    """Two lives of one tuple, less than 1 ms apart, are two connections."""
    c, s = p.open()
    for _ in range(20):
        first = len(p.cookies)
        p.cookies[first] = p.client.cookie(c)
        c, took = p.client.abort_and_reconnect(c, p.saddr, p.sport, (p.caddr, p.cport))
        p.server.close(s)
        s, _ = p.server.accept(p.listener)
        if took < 1_000_000:
            break
    assert took < 1_000_000, took
    p.cookies[first + 1] = p.client.cookie(c)
    p.client.abort(c)
    p.server.recv_error(s)
    p.server.close(s)
    n = len(p.cookies)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "abort")]] * n
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]] * n
    p.want_wire = ["c S", "c RA", "c S", "c RA"]
    p.checks.append(_cookies)


def _cookies(test, p, clients, servers):
    """`conn` is the socket cookie that the process itself can ask for."""
    test.assertEqual([life.conn for life in clients], list(p.cookies.values()))


@ipv4
def listener_of_both_families(p):
    """A :: listener reached over IPv4: IPv4 at both ends, as on the wire."""
    p.listen("::", v6only=0)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_wire = ["c S", "s SA", "c A", "c FA", "s FA", "c A"]
