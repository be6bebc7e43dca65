# SPDX-License-Identifier: GPL-2.0-or-later
"""The rarer ways to open a connection: simultaneous open, and Fast Open with its child's paths."""

import socket
import struct
import time

from harness import actor, raw, stage
from harness.schema import ns
from harness.stage import (CLOSED, OPEN, OPENED, SWEPT, TO_CLOSE_WAIT, TO_FIN_WAIT_2, TO_TIME_WAIT,
                           scenarios_of)

TCP = socket.IPPROTO_TCP
SYN = "tcp flags & (syn|ack) == syn"
SYN_ACK = "tcp flags & (syn|ack) == syn|ack"
CROSSED = [("CLOSED", "SYN_SENT", "connect"), ("SYN_SENT", "SYN_RECEIVED", "simultaneous_open"),
           ("SYN_RECEIVED", "ESTABLISHED", "handshake_done")]
FASTOPEN_SYN = [("LISTEN", "SYN_RECEIVED", "fastopen_syn")]
FASTOPENED = FASTOPEN_SYN + [("SYN_RECEIVED", "ESTABLISHED", "handshake_done")]
# Client and server, no cookie asked for nor needed.
NO_COOKIE = 0x1 | 0x2 | 0x4 | 0x200


class TestOpening(stage.StageCase):
    SPECIAL = {
        "fastopen": {"tcp_fastopen": NO_COOKIE, "tcp_synack_retries": 0},
        "fastopen_cookie": {"tcp_fastopen": 0x1 | 0x2},
    }
    SWEEP = True

    def test_counters_of_the_kernel(self):
        """What the kernel counted of Fast Open, opens and retransmits is what was told."""
        self.need_tracer()
        for where in self.stage.all_ns:
            lines = [e for e in self.stage.trace.lines if e.get("netns") == where.inode]
            moves = [e for e in lines if e["event"] == "transition"]
            told = {
                "TcpExt.TCPFastOpenPassive": sum(t["cause"] == "fastopen_syn" for t in moves),
                "Tcp.ActiveOpens": sum(t["new"] == "SYN_SENT" for t in moves),
                "Tcp.OutRsts": sum(e["event"] == "reset" and e["direction"] == "sent"
                                   for e in lines),
                "Tcp.RetransSegs": sum(e["event"] == "retransmit" for e in lines),
            }
            kernel = self.stage.counted(where, told)
            hidden = (self.stage.hidden_count("tcp_retransmit_skb") +
                      self.stage.hidden_count("tcp_retransmit_synack"))
            self.assertIn(kernel.pop("Tcp.RetransSegs") - told.pop("Tcp.RetransSegs"),
                          range(hidden + 1), where.name)
            self.assertEqual(told, kernel, where.name)


scenario = scenarios_of(TestOpening)
fast_open = scenarios_of(TestOpening, topologies=("fastopen",))


# ---- simultaneous open --------------------------------------------------------------------------

def _both_connect(p, *dropped):
    """Both ends connect to each other; -> what was dropped on the way in: [(ns, handle)]"""
    p.cport, p.sport = 20000 + p.port % 10000, p.port
    rules = {}
    for match in dropped:
        rules["c", match] = (p.cns, p.drop(p.cns, f"sport {p.sport} tcp dport {p.cport} {match}"))
        rules["s", match] = (p.sns, p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} {match}"))
    p.client.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, p.cport))
    p.server.post(actor.connect, p.caddr, p.cport, bind=(p.saddr, p.sport))
    p.wait_socket(p.cns, "SYN-SENT", p.cport, p.sport)
    p.wait_socket(p.sns, "SYN-SENT", p.sport, p.cport)
    p.roles = ("active", "active")
    return rules


def _lift(rules, *keys):
    for key in keys:
        where, handle = rules[key]
        where.nft_delete(handle)


def _converse_and_end(p):
    (c, _), (s, _) = p.client.wait(), p.server.wait()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)


@scenario
def simultaneous_open(p):
    """
    The SYNs are held up until both ends have sent theirs: each gets the other's in SYN_SENT. What
    nft drops is what the network delays: the same segments arrive later.
    """
    with actor.Actor(p.cns) as at_client, actor.Actor(p.sns) as at_server:
        eyes = [(a, a.call(raw.watch)) for a in (at_client, at_server)]
        rules = _both_connect(p, SYN, SYN_ACK)
        from_client = eyes[0][0].call(raw.seen, eyes[0][1], p.cport, p.sport, "S")[0]
        from_server = eyes[1][0].call(raw.seen, eyes[1][1], p.sport, p.cport, "S")[0]
        _lift(rules, ("c", SYN), ("s", SYN))
        for a, syn in ((at_client, from_client), (at_server, from_server)):
            a.call(raw.send, syn.src, syn.dst, raw.checksummed(syn.src, syn.dst, syn.tcp))
        p.wait_socket(p.cns, "SYN-RECV", p.cport, p.sport)
        p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
        _lift(rules, ("c", SYN_ACK), ("s", SYN_ACK))
    _converse_and_end(p)
    p.want_client = [CROSSED + TO_TIME_WAIT + SWEPT]
    p.want_server = [CROSSED + CLOSED]
    p.want_wire = [["c S", "c SA", "c data", "c FA", "s FA"], ["s S", "s SA", "s data", "s FA"]]
    stage.moments(p, lambda clients, servers: clients, {"SYN_RECEIVED": ("s", "S")})
    stage.moments(p, lambda clients, servers: servers, {"SYN_RECEIVED": ("c", "S")})


@scenario
def simultaneous_open_seen_by_one(p):
    """Only one of the SYNs arrives, sent again: one end crosses, the other has its answer."""
    rules = _both_connect(p, SYN)
    _lift(rules, ("s", SYN))
    _converse_and_end(p)
    _lift(rules, ("c", SYN))
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [CROSSED + CLOSED]
    p.want_wire = [["c S", "c S", "s SA", "c A", "c FA", "s FA"], ["s S", "s SA"]]


@scenario
def simultaneous_open_is_reset(p):
    """A RST that fits ends a socket that is in SYN_RECEIVED by itself, without a listener."""
    rules = _both_connect(p, SYN, SYN_ACK)
    with actor.Actor(p.cns) as at_client:
        eye = at_client.call(raw.watch)
        _lift(rules, ("s", SYN))  # the client's second SYN
        p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
        syn = at_client.call(raw.seen, eye, p.cport, p.sport, "S")[0]
        at_client.call(raw.send, p.caddr, p.saddr,
                       raw.segment(p.caddr, p.cport, p.saddr, p.sport, raw.RST, syn.seq + 1))
    # The next SYN of the client finds nobody.
    for end, error in ((p.server, "ECONNRESET"), (p.client, "ECONNREFUSED")):
        try:
            end.wait()
            raise AssertionError("connected")
        except actor.ActorError as e:
            assert e.kind == error, e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "reset_received")]]
    p.want_server = [CROSSED[:2] + [("SYN_RECEIVED", "CLOSED", "reset_received")]]
    p.want_wire = [["c S", "c S", "s SA", "c R", "c S", "s RA"], ["s S", "s SA"]]


@scenario
def simultaneous_open_is_never_answered(p):
    """One SYN of the client's arrives, and the SYN-ACK for it does not."""
    rules = _both_connect(p, SYN, SYN_ACK)
    _lift(rules, ("s", SYN))
    p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
    p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport}")
    for end in (p.server, p.client):
        try:
            end.wait()
            raise AssertionError("connected")
        except actor.ActorError as e:
            assert e.kind == "ETIMEDOUT", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_server = [CROSSED[:2] + [("SYN_RECEIVED", "CLOSED", "syn_ack_timeout")]]
    p.want_wire = [["c S", "c S", "s SA", "c S"], ["s S", "s SA"]]


# ---- Fast Open ----------------------------------------------------------------------------------

def _fast_listen(p):
    p.listen()
    p.server.setsockopt(p.listener, TCP, socket.TCP_FASTOPEN, 5)
    p.cport = 20000 + p.port % 10000


def _fast_connect(side, addr, port, bind, data):
    """connect() by sendto(MSG_FASTOPEN); -> the socket"""
    s = socket.socket(raw.family_of(addr))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 20, 0))
    s.bind(bind)
    s.sendto(data, socket.MSG_FASTOPEN, (addr, port))
    s.settimeout(20)
    return side.add(s)


def _fast_open(p, data=b"early"):
    return p.client.call(_fast_connect, p.saddr, p.sport, (p.caddr, p.cport), data)


def _drop_last_ack(p):
    """Nothing but SYNs gets from the client to the server."""
    return p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} tcp flags & syn == 0")


def _accepts(life):
    return [e for e in life.others if e["event"] == "accept"]


def _its_times(test, play, clients, servers):
    """The accept queue holds the child from its SYN on."""
    life, = servers
    opened = ns(life.lines[0]["mono_ns"])
    accept, = _accepts(life)
    test.assertLess(abs(ns(accept["wait_ns"]) - (ns(accept["mono_ns"]) - opened)), 1000, accept)
    test.assertEqual(accept["half_open"] if accept["conn"] is None else accept["conn"],
                     life.lines[0]["half_open"] if accept["conn"] is None else life.conn, accept)
    told, = [e for e in play.stage.life.lines if e["event"] == "life" and e["conn"] == life.conn]
    test.assertLess(abs(ns(told["accept_wait_ns"]) - ns(accept["wait_ns"])), 1_000_000, told)


def _fast_play(p):
    p.checks.append(_its_times)
    stage.moments(p, lambda clients, servers: servers, {"SYN_RECEIVED": ("c", "S")})


@fast_open
def fast_open_with_data(p):
    """Data in the SYN, taken before the handshake is over."""
    _fast_listen(p)
    c = _fast_open(p)
    s, _ = p.server.accept(p.listener)
    p.server.recv(s, 5)
    p.talk(c, s)
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.close(c)
    p.want_client = [OPEN + CLOSED]
    p.want_server = [FASTOPENED + TO_TIME_WAIT + SWEPT]
    p.want_wire = ["c S+5", "s SA", "c A", "s FA", "c FA"]
    _fast_play(p)


@fast_open
def fast_open_accepted_before_the_last_ack(p):
    """The process has the connection, and the data, while it is still in SYN_RECEIVED."""
    _fast_listen(p)
    rule = _drop_last_ack(p)
    c = _fast_open(p)
    s, _ = p.server.accept(p.listener)
    p.server.recv(s, 5)
    assert p.server.tcp_state(s) == 3  # SYN_RECV
    p.sns.nft_delete(rule)
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [FASTOPENED + CLOSED]
    p.want_wire = ["c S+5", "s SA", "c A", "c data", "c FA"]
    _fast_play(p)

    def check(test, play, clients, servers):
        life, = servers
        test.assertIsNone(_accepts(life)[0]["conn"], life.others)
        test.assertLess(ns(_accepts(life)[0]["mono_ns"]), ns(life.lines[1]["mono_ns"]))

    p.checks.append(check)


@fast_open
def fast_open_closed_before_the_last_ack(p):
    """close() in SYN_RECEIVED: straight to FIN_WAIT_1."""
    _fast_listen(p)
    rule = _drop_last_ack(p)
    c = _fast_open(p)
    s, _ = p.server.accept(p.listener)
    p.server.recv(s, 5)
    p.server.close(s)
    p.client.recv_eof(c)
    p.sns.nft_delete(rule)
    p.wait_socket(p.sns, "FIN-WAIT-2", p.sport, p.cport)
    p.client.close(c)
    p.want_client = [OPEN + CLOSED]
    p.want_server = [FASTOPEN_SYN + [("SYN_RECEIVED", "FIN_WAIT_1", "close")] +
                     TO_TIME_WAIT[1:] + SWEPT]
    p.want_wire = ["c S+5", "s SA", "s FA", "c FA", "s A"]
    _fast_play(p)


@fast_open
def fast_open_aborted_before_the_last_ack(p):
    _fast_listen(p)
    _drop_last_ack(p)
    c = _fast_open(p)
    s, _ = p.server.accept(p.listener)
    p.server.recv(s, 5)
    p.server.abort(s)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [FASTOPEN_SYN + [("SYN_RECEIVED", "CLOSED", "abort")]]
    p.want_wire = ["c S+5", "s SA", "s RA"]
    _fast_play(p)


@fast_open
def fast_open_reset_before_the_last_ack(p):
    """The client resets a child that nobody has accepted yet."""
    _fast_listen(p)
    rule = _drop_last_ack(p)
    c = _fast_open(p)
    p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
    p.sns.nft_delete(rule)
    p.client.abort(c)
    p.wait_socket(p.sns, None, p.sport, p.cport)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_server = [FASTOPEN_SYN + [("SYN_RECEIVED", "CLOSED", "reset_received")]]
    p.want_wire = ["c S+5", "s SA", "c RA"]
    stage.moments(p, lambda clients, servers: servers, {"SYN_RECEIVED": ("c", "S"),
                                                        "CLOSED": ("c", "RA")})


@fast_open
def fast_open_is_never_answered(p):
    _fast_listen(p)
    _drop_last_ack(p)
    c = _fast_open(p)
    s, _ = p.server.accept(p.listener)
    p.server.recv(s, 5)
    error = p.server.recv_error(s)
    assert error == "ETIMEDOUT", error
    p.server.close(s)
    p.client.abort(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_server = [FASTOPEN_SYN + [("SYN_RECEIVED", "CLOSED", "syn_ack_timeout")]]
    p.want_wire = ["c S+5", "s SA", "s SA", "c RA"]
    _fast_play(p)


@fast_open
def fast_open_loses_its_listener(p):
    """Nobody has accepted the child when the listener closes: it is reset."""
    _fast_listen(p)
    _drop_last_ack(p)
    c = _fast_open(p)
    p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
    p.server.close(p.listener)
    p.listener = None
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [FASTOPEN_SYN + [("SYN_RECEIVED", "CLOSED", "listener_closed")]]
    p.want_wire = ["c S+5", "s SA", "s RA"]


@scenarios_of(TestOpening, topologies=("fastopen_cookie",))
def fast_open_cookie(p):
    """
    Three connections from one port: the first asks for a cookie and opens as any other; the second
    brings it, with data; the third brings it with no data, and makes a child all the same.
    """
    _fast_listen(p)
    for data in (b"first", b"early", b""):
        c = _fast_open(p, data)
        s, _ = p.server.accept(p.listener)
        p.server.recv(s, len(data))
        p.client.abort(c)
        p.server.recv_error(s)
        p.server.close(s)
    ended = [("ESTABLISHED", "CLOSED", "abort")]
    p.want_client = [OPEN + ended] * 3
    reset = [("ESTABLISHED", "CLOSED", "reset_received")]
    p.want_server = [OPENED + reset, FASTOPENED + reset, FASTOPENED + reset]
    p.want_wire = ["c S", "s SA", "c A+5", "c RA", "c S+5", "s SA", "c RA", "c S", "s SA", "c RA"]


# ---- Fast Open under a filter by owner ----------------------------------------------------------

class TestFastOpenFiltered(stage.StageCase):
    """The kernel knows a child by its tuple too, when who is asked for decides what passes."""

    SPECIAL = {"fastopen": TestOpening.SPECIAL["fastopen"]}
    TRACE_ARGS = ("--comm", "e2e-server", "--comm", "e2e-client")
    SWEEP = True


for _play in (fast_open_with_data, fast_open_accepted_before_the_last_ack,
              fast_open_closed_before_the_last_ack, fast_open_is_never_answered):
    scenarios_of(TestFastOpenFiltered, topologies=("fastopen",))(_play)
