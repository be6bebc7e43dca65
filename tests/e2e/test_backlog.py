# SPDX-License-Identifier: GPL-2.0-or-later
"""What waits at a listener: its two queues, what overflows them, and what TCP_DEFER_ACCEPT holds."""

import re
import socket
import time

from harness import actor, lives, stage
from harness.schema import ns
from harness.stage import (CLOSED, LISTENER, OPEN, OPENED, SWEPT, TO_TIME_WAIT, scenarios_of)

TCP = socket.IPPROTO_TCP
LAST_ACK = "tcp flags & (syn|ack) == ack"
RESET = [("ESTABLISHED", "CLOSED", "reset_received")]


class TestBacklog(stage.StageCase):
    SPECIAL = {"abort_on_overflow": {"tcp_abort_on_overflow": 1},
               "patient": {"tcp_synack_retries": 3}}
    SWEEP = True

    def test_counters_of_the_kernel(self):
        self.need_tracer()
        for where in self.stage.all_ns:
            lines = [e for e in self.stage.trace.lines if e.get("netns") == where.inode]
            told = {
                # With SYN cookies too: a backlog of 0 is soon full.
                "Tcp.PassiveOpens": sum(
                    e["event"] == "transition" and e["new"] == "ESTABLISHED" and
                    e["role"] == "passive" for e in lines),
                "Tcp.OutRsts": sum(e["event"] == "reset" and e["direction"] == "sent"
                                   for e in lines),
            }
            self.assertEqual(told, self.stage.counted(where, told), where.name)
            again = sum(e["event"] == "retransmit" and e["kind"] == "syn_ack" for e in lines)
            again += sum(e["event"] == "retransmit" and e["kind"] == "syn" for e in lines)
            hidden = (self.stage.hidden_count("tcp_retransmit_skb") +
                      self.stage.hidden_count("tcp_retransmit_synack"))
            self.assertIn(self.stage.delta(where, "TcpExt.TCPSynRetrans") - again,
                          range(hidden + 1), where.name)


scenario = scenarios_of(TestBacklog)


def _ends_of(test, p, cport):
    """Paths of one of several connections of a play: (client's, server's)"""
    client, = lives.find(p.stage.lives, p.cns.inode, p.caddr, cport, p.saddr, p.sport)
    server, = lives.find(p.stage.lives, p.sns.inode, p.saddr, p.sport, p.caddr, cport)
    for life in (client, server):
        test.assertEqual(lives.faults(life), [], life)
    return client, server


# ---- the listener goes --------------------------------------------------------------------------

def _pending(p, go):
    """Three wait in the accept queue and two for their last ACK when the listener goes."""
    p.listen()
    ports = [20000 + p.port % 10000 + 1000 * i for i in range(5)]
    for port in ports[3:]:
        p.drop(p.cns, f"sport {p.sport} tcp dport {port}")
    queued = [p.client.connect(p.saddr, p.sport, bind=(p.caddr, port))[0] for port in ports[:3]]
    p.cport = ports[0]
    with actor.Actor(p.cns, comm="e2e-client") as a, actor.Actor(p.cns, comm="e2e-client") as b:
        for knocks, port in ((a, ports[3]), (b, ports[4])):
            knocks.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, port))
            p.wait_socket(p.sns, "SYN-RECV", p.sport, port)
        backlog = p.sns.run("ss", "-tlnH", "sport", f"= :{p.sport}").split()
        assert backlog[1] == "3", backlog
        go()
        # The kernel lets the half-open ones be until their SYN-ACK's timer looks for the listener.
        for port in ports[3:]:
            p.wait_socket(p.sns, "SYN-RECV", p.sport, port)
        for c in queued:
            error = p.client.recv_error(c)
            assert error == "ECONNRESET", error
            p.client.close(c)
        for knocks in (a, b):
            try:
                knocks.wait()
                raise AssertionError("connected")
            except actor.ActorError as e:
                assert e.kind == "ETIMEDOUT", e
    p.want_client = [OPEN + RESET]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "listener_closed")]]
    p.want_wire = ["c S", "s SA", "c A", "s RA"]

    def check(test, play, clients, servers):
        listener, = [life for life in lives.find(play.stage.lives, p.sns.inode, p.saddr, p.sport)
                     if life.has("role", "listener")]
        test.assertEqual(listener.path, LISTENER, listener)
        for port in ports:
            client, server = _ends_of(test, p, port)
            if port in ports[:3]:
                test.assertEqual((client.path, server.path),
                                 (p.want_client[0], p.want_server[0]), (client, server))
            else:
                test.assertEqual(client.path, OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")])
                test.assertEqual(server.path,
                                 OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "listener_closed")])
            # The listener is the first to go.
            after = ns(server.last["mono_ns"]) - ns(listener.last["mono_ns"])
            most = 50e6 if port in ports[:3] else 1.5e9
            test.assertTrue(0 <= after < most, f"{after} ns after its listener\n{server}")
            for t in server.lines:
                test.assertEqual((t["pid"], t["comm"]), (p.server_pid, "e2e-server"), server)

    p.checks.append(check)


@scenario
def listener_closes_with_five_pending(p):
    def go():
        p.server.close(p.listener)
        p.listener = None

    _pending(p, go)


@scenario
def listener_is_shut_down_with_five_pending(p):
    """shutdown() on a listener ends it like close(), and what waits with it."""
    _pending(p, lambda: p.server.shutdown(p.listener, socket.SHUT_RD))


# ---- the accept queue overflows -----------------------------------------------------------------

def _overflow(p):
    """
    The last ACK is held up until somebody else has filled the queue; -> the client's socket, the
    server's of who was in the way, and how to let the ACKs in.
    """
    p.listen(backlog=0)
    p.cport = 20000 + p.port % 10000
    rule = p.drop(p.sns, f"dport {p.sport} tcp sport {p.cport} {LAST_ACK}")
    c, _ = p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
    other, _ = p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport + 10000))
    p.wait_socket(p.sns, "ESTAB", p.sport, p.cport + 10000)
    p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
    return c, other, lambda: p.sns.nft_delete(rule)


def _drops(p):
    """What the listener has dropped, by `ss -m` (sk_drops)."""
    text = p.sns.run("ss", "-tlnmH", "sport", f"= :{p.sport}")
    return int(re.search(r"skmem:\(.*d(\d+)\)", text)[1])


def _end_other(p, other):
    """Who was in the way is taken from the queue and reset by its client."""
    s, _ = p.server.accept(p.listener)
    p.client.abort(other)
    p.server.recv_error(s)
    p.server.close(s)


def _syn_acks(life):
    return [e for e in life.others if e["event"] == "retransmit" and e["kind"] == "syn_ack"]


@scenarios_of(TestBacklog, topologies=("patient",))
def accept_queue_full_until_there_is_room(p):
    """The last ACK is ignored, so the SYN-ACK is sent again; once there is room its ACK is taken."""
    c, other, let_in = _overflow(p)
    before = _drops(p)
    let_in()
    end = time.monotonic() + 5
    while _drops(p) == before:  # the ACK of the second SYN-ACK came in vain
        assert time.monotonic() < end
        time.sleep(0.02)
    _end_other(p, other)
    s, _ = p.server.accept(p.listener)
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "s SA", "c A", "s SA", "c A", "c data", "c FA", "s FA"]

    def check(test, play, clients, servers):
        test.assertLess(clients[0].dwell("SYN_SENT"), 500e6, clients)
        # Sent again after 1 s and after 3 s.
        test.assertTrue(2.9e9 < servers[0].dwell("SYN_RECEIVED") < 4.5e9, servers)
        hidden = play.stage.hidden_count("tcp_retransmit_synack")
        test.assertIn(len(_syn_acks(servers[0])), range(2 - hidden, 3), servers[0].others)
        for e in _syn_acks(servers[0]):
            test.assertEqual(e["half_open"], servers[0].lines[0]["half_open"], e)

    p.checks.append(check)


@scenarios_of(TestBacklog, topologies=("abort_on_overflow",))
def accept_queue_full_aborts(p):
    """tcp_abort_on_overflow: the last ACK, which here is that of data, is answered by a RST."""
    c, other, let_in = _overflow(p)
    before = _drops(p)
    let_in()
    p.client.send(c, 10)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    assert _drops(p) > before
    p.client.close(c)
    _end_other(p, other)
    p.want_client = [OPEN + RESET]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "reset_sent")]]
    p.want_wire = ["c S", "s SA", "c A", "c data", "s R"]
    stage.moments(p, lambda clients, servers: servers, {"SYN_RECEIVED": ("c", "S"),
                                                        "CLOSED": ("s", "R")})


@scenario
def syn_on_a_full_accept_queue(p):
    """The SYN is dropped before anything is made of it: the server has nothing to tell."""
    p.listen(backlog=0)
    p.cport = 20000 + p.port % 10000
    other, _ = p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport + 10000))
    p.wait_socket(p.sns, "ESTAB", p.sport, p.cport + 10000)
    drops = _drops(p)
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    assert _drops(p) >= drops + 2
    _end_other(p, other)
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_server = []
    p.want_wire = ["c S", "c S"]


# ---- TCP_DEFER_ACCEPT ---------------------------------------------------------------------------

def _defer(p, seconds):
    p.listen()
    p.server.setsockopt(p.listener, TCP, socket.TCP_DEFER_ACCEPT, seconds)
    p.cport = 20000 + p.port % 10000
    c, _ = p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
    p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
    return c


def _waited(p, least, most):
    """How long the server's SYN_RECEIVED lasts, while the client is long ESTABLISHED."""
    def check(test, play, clients, servers):
        test.assertTrue(least < servers[0].dwell("SYN_RECEIVED") < most, servers)
        test.assertLess(clients[0].dwell("SYN_SENT"), 500e6, clients)

    p.checks.append(check)


@scenario
def deferred_accept_ends_with_data(p):
    c = _defer(p, 5)
    time.sleep(0.2)
    p.client.send(c, 10)
    s, _ = p.server.accept(p.listener)
    p.server.recv(s, 10)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "c data", "c FA"]
    stage.moments(p, lambda clients, servers: servers, {"SYN_RECEIVED": ("c", "S")})
    _waited(p, 190e6, 950e6)


@scenario
def deferred_accept_ends_with_a_fin(p):
    """The client closes without a word: that is worth an accept."""
    c = _defer(p, 5)
    time.sleep(0.2)
    p.client.close(c)
    s, _ = p.server.accept(p.listener)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "c FA", "s FA"]
    _waited(p, 190e6, 950e6)


@scenario
def deferred_accept_ends_by_its_time(p):
    """No data comes within the second: the SYN-ACK is sent again, and its ACK is taken."""
    c = _defer(p, 1)
    s, _ = p.server.accept(p.listener)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "s SA", "c A", "c FA", "s FA"]
    _waited(p, 0.9e9, 2.5e9)


@scenario
def deferred_accept_ends_with_a_reset(p):
    """The client aborts: nobody ever hears of the connection."""
    c = _defer(p, 5)
    time.sleep(0.2)
    p.client.abort(c)
    p.wait_socket(p.sns, None, p.sport, p.cport)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "reset_received")]]
    p.want_wire = ["c S", "s SA", "c A", "c RA"]
    stage.moments(p, lambda clients, servers: servers, {"CLOSED": ("c", "RA")})
    _waited(p, 190e6, 950e6)
