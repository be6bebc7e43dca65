# SPDX-License-Identifier: GPL-2.0-or-later
"""
A RST in every state, sent by hand with the sequence number that RFC 5961 asks for, so that nothing
but the RST ends the connection; and RSTs that must not end it.
"""

import contextlib
import time

from harness import actor, raw, stage
from harness.stage import (OPEN, OPENED, SWEPT, TO_CLOSE_WAIT, TO_FIN_WAIT_2, TO_TIME_WAIT,
                           scenarios_of)

FIN = "tcp flags & fin == fin"
ABORTED = [("ESTABLISHED", "CLOSED", "abort")]


class TestResets(stage.StageCase):
    SPECIAL = {"mortal": {"tcp_rfc1337": 0}}
    SWEEP = True

    def test_counters_of_the_kernel(self):
        """EstabResets and AttemptFails are these ends, to the unit; OutRsts those sent."""
        self.need_tracer()
        for where in self.stage.all_ns:
            lines = [e for e in self.stage.trace.lines if e.get("netns") == where.inode]
            ends = [e for e in lines if e["event"] == "transition" and e["new"] == "CLOSED"]
            told = {
                "Tcp.EstabResets": sum(t["old"] in ("ESTABLISHED", "CLOSE_WAIT") for t in ends),
                "Tcp.OutRsts": sum(e["event"] == "reset" and e["direction"] == "sent"
                                   for e in lines),
                "Tcp.AttemptFails": sum(t["old"] in ("SYN_SENT", "SYN_RECEIVED") for t in ends),
            }
            self.assertEqual(told, self.stage.counted(where, told), where.name)


scenario = scenarios_of(TestResets)


class Rival:
    """Sends in the server's name; sees at the client's what it must say."""

    def __init__(self, p):
        self.p = p
        self.exit = contextlib.ExitStack()
        self.eye = self.exit.enter_context(actor.Actor(p.cns))
        self.hand = self.exit.enter_context(actor.Actor(p.sns))
        self.watch = self.eye.call(raw.watch)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.exit.close()

    def next_seq(self):
        """The client's RCV.NXT."""
        return self.eye.call(raw.next_seq, self.watch, self.p.sport, self.p.cport)

    def reset(self, offset=0, flags=raw.RST, ack=0):
        p = self.p
        seq = self.next_seq() + offset if flags == raw.RST else 0
        self.hand.call(raw.send, p.saddr, p.caddr,
                       raw.segment(p.saddr, p.sport, p.caddr, p.cport, flags, seq, ack))

    def await_challenge(self, count=1):
        """`count` bare ACKs of the client, in answer to what was not exact."""
        return self.eye.call(raw.seen, self.watch, self.p.cport, self.p.sport, "A", count)


def _ended(p, *states):
    """The client's last move came with the RST, and the RST is told once, with its state."""
    stage.moments(p, lambda clients, servers: clients, {"CLOSED": ("s", "R")})

    def check(test, play, clients, servers):
        resets = [(e["direction"], e["state"]) for e in clients[0].others if e["event"] == "reset"]
        test.assertEqual(resets, [("received", state) for state in states], clients[0].others)

    p.checks.append(check)


@scenario
def reset_in_established(p):
    """One off the mark is answered and ends nothing (RFC 5961 3.2); the exact one does."""
    with Rival(p) as rival:
        c, s = p.open()
        p.talk(c, s)
        before = len(rival.await_challenge(0))
        rival.reset(offset=1)
        rival.await_challenge(before + 1)
        assert p.client.tcp_state(c) == 1
        p.talk(c, s)
        rival.reset()
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + ABORTED]
    p.want_wire = ["c data", "s data", "s R", "c A", "c data", "s data", "s R", "s RA"]
    _ended(p, "ESTABLISHED")


@scenario
def reset_in_fin_wait_1(p):
    with Rival(p) as rival:
        c, s = p.open()
        p.talk(c, s)
        p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} {FIN}")
        p.client.shutdown(c)
        p.client.wait_state(c, 4)
        rival.reset()
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "FIN_WAIT_1", "close"),
                             ("FIN_WAIT_1", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + ABORTED]
    p.want_wire = ["c FA", "s R", "s RA"]
    _ended(p, "FIN_WAIT_1")


@scenario
def reset_in_fin_wait_1_of_an_orphan(p):
    with Rival(p) as rival:
        c, s = p.open()
        p.talk(c, s)
        p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} {FIN}")
        p.client.close(c)
        p.wait_socket(p.cns, "FIN-WAIT-1", p.cport, p.sport)
        rival.reset()
        p.wait_socket(p.cns, None, p.cport, p.sport)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "FIN_WAIT_1", "close"),
                             ("FIN_WAIT_1", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + ABORTED]
    p.want_wire = ["c FA", "s R", "s RA"]
    _ended(p, "FIN_WAIT_1")


@scenario
def reset_in_fin_wait_2(p):
    with Rival(p) as rival:
        c, s = p.open()
        p.client.shutdown(c)
        p.server.recv_eof(s)
        p.client.wait_state(c, 5)
        rival.reset()
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s A", "s R", "s RA"]
    _ended(p, "FIN_WAIT_2")


@scenario
def reset_in_fin_wait_2_of_an_orphan(p):
    """The kernel holds a mini-socket only, which tells of no RST but by its end."""
    with Rival(p) as rival:
        c, s = p.open()
        p.client.close(c)
        p.server.recv_eof(s)
        p.wait_socket(p.cns, "FIN-WAIT-2", p.cport, p.sport)
        rival.reset()
        p.wait_socket(p.cns, None, p.cport, p.sport)
    p.server.abort(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s A", "s R", "s RA"]
    _ended(p)


def _end_of_server(p, s):
    """The server has closed its side and is in FIN_WAIT_2: it resets what is no longer there."""
    p.server.abort(s)
    p.want_server = [OPENED + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]


@scenario
def reset_in_close_wait(p):
    with Rival(p) as rival:
        c, s = p.open()
        p.server.shutdown(s)
        p.client.recv_eof(c)
        p.server.wait_state(s, 5)
        rival.reset()
        p.client.wait_state(c, 7)
    p.client.close(c)
    _end_of_server(p, s)
    p.want_client = [OPEN + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["s FA", "c A", "s R", "s RA"]
    _ended(p, "CLOSE_WAIT")


@scenario
def reset_before_the_fin_in_close_wait(p):
    """Linux takes a RST also at RCV.NXT - 1, where a peer that lost our ACK sends it from."""
    with Rival(p) as rival:
        c, s = p.open()
        p.server.shutdown(s)
        p.client.recv_eof(c)
        p.server.wait_state(s, 5)
        rival.reset(offset=-1)
        p.client.wait_state(c, 7)
    p.client.close(c)
    _end_of_server(p, s)
    p.want_client = [OPEN + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["s FA", "c A", "s R", "s RA"]
    _ended(p, "CLOSE_WAIT")


@scenario
def reset_in_last_ack(p):
    with Rival(p) as rival:
        c, s = p.open()
        p.server.shutdown(s)
        p.client.recv_eof(c)
        p.server.wait_state(s, 5)
        p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} {FIN}")
        p.client.close(c)
        p.wait_socket(p.cns, "LAST-ACK", p.cport, p.sport)
        rival.reset()
        p.wait_socket(p.cns, None, p.cport, p.sport)
    _end_of_server(p, s)
    p.want_client = [OPEN + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                             ("LAST_ACK", "CLOSED", "reset_received")]]
    p.want_wire = ["s FA", "c FA", "s R", "s RA"]
    _ended(p, "LAST_ACK")


@scenario
def reset_in_closing(p):
    with Rival(p) as rival:
        c, s = p.open()
        p.talk(c, s)
        p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} {FIN}")
        p.client.shutdown(c)
        p.client.wait_state(c, 4)
        p.server.shutdown(s)
        p.client.wait_state(c, 11)
        p.server.wait_state(s, 5)
        rival.reset()
    error = p.client.recv_error(c)
    assert error in ("ECONNRESET", "EOF"), error
    p.wait_socket(p.cns, None, p.cport, p.sport)
    p.client.close(c)
    _end_of_server(p, s)
    p.want_client = [OPEN + [("ESTABLISHED", "FIN_WAIT_1", "close"),
                             ("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                             ("CLOSING", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s FA", "c A", "s R", "s RA"]
    _ended(p, "CLOSING")


def _to_time_wait(p):
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.wait_socket(p.cns, "TIME-WAIT", p.cport, p.sport)
    p.wait_socket(p.sns, None, p.sport, p.cport)
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "fin_acked")]]


@scenarios_of(TestResets, topologies=("mortal",))
def reset_in_time_wait(p):
    """TIME-WAIT assassination (RFC 1337), which Linux permits by default."""
    with Rival(p) as rival:
        _to_time_wait(p)
        time.sleep(0.1)
        rival.reset()
        gone = [line for line in p.cns.run("ss", "-tanH", "sport", f"= :{p.cport}").splitlines()
                if "TIME-WAIT" in line]
        assert not gone, gone
    p.want_client = [OPEN + TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_killed")]]
    p.want_wire = ["c FA", "s FA", "c A", "s R"]
    _ended(p)

    def check(test, play, clients, servers):
        test.assertGreater(clients[0].dwell("TIME_WAIT"), 90e6, clients)

    p.checks.append(check)


@scenario
def reset_in_time_wait_is_refused(p):
    """tcp_rfc1337=1: the RST is ignored."""
    with Rival(p) as rival:
        _to_time_wait(p)
        rival.reset()
        time.sleep(0.1)
        p.wait_socket(p.cns, "TIME-WAIT", p.cport, p.sport)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_wire = ["c FA", "s FA", "c A", "s R"]

    def check(test, play, clients, servers):
        rst = next(s for who, s in play.segments() if s.flags == "R")
        test.assertGreater(stage.realtime_ns(clients[0].last) - rst.ts, 100e6)

    p.checks.append(check)


@scenario
def reset_in_syn_sent(p):
    """One without an ACK of our SYN is no answer to it (RFC 9293 3.10.7.3); the other refuses."""
    p.cport, p.sport = 20000 + p.port % 10000, p.port
    p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport}")
    with Rival(p) as rival:
        p.client.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, p.cport))
        syn, = rival.eye.call(raw.seen, rival.watch, p.cport, p.sport, "S")
        for flags, ack in ((raw.RST | raw.ACK, syn.seq), (raw.RST | raw.ACK, syn.seq + 1)):
            p.wait_socket(p.cns, "SYN-SENT", p.cport, p.sport)
            rival.reset(flags=flags, ack=ack)
        try:
            p.client.wait()
            raise AssertionError("connected")
        except actor.ActorError as e:
            assert e.kind == "ECONNREFUSED", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "reset_received")]]
    p.want_wire = ["c S", "s RA", "s RA"]

    def check(test, play, clients, servers):
        resets = [(e["direction"], e["state"]) for e in clients[0].others if e["event"] == "reset"]
        test.assertEqual(resets, [("received", "SYN_SENT")])
        last = [s for who, s in play.segments() if s.flags == "RA"][-1]
        test.assertLess(abs(stage.realtime_ns(clients[0].last) - last.ts), 20e6)

    p.checks.append(check)


@scenario
def reset_in_syn_received(p):
    """The server's request socket: a RST off the mark is answered by an ACK, the exact one ends."""
    p.listen()
    p.cport = 20000 + p.port % 10000
    p.drop(p.cns, f"sport {p.sport} tcp dport {p.cport}")
    with actor.Actor(p.cns) as hand:
        watch = hand.call(raw.watch)
        p.client.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, p.cport))
        p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
        syn, = hand.call(raw.seen, watch, p.cport, p.sport, "S")
        hand.call(raw.send, p.caddr, p.saddr,
                  raw.segment(p.caddr, p.cport, p.saddr, p.sport, raw.RST, syn.seq + 100))
        hand.call(raw.seen, watch, p.sport, p.cport, "A")
        p.wait_socket(p.sns, "SYN-RECV", p.sport, p.cport)
        p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} tcp flags & syn == syn")
        hand.call(raw.send, p.caddr, p.saddr,
                  raw.segment(p.caddr, p.cport, p.saddr, p.sport, raw.RST, syn.seq + 1))
        p.wait_socket(p.sns, None, p.sport, p.cport)
    try:
        p.client.wait()
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "reset_received")]]
    p.want_wire = ["c S", "s SA", "c R", "s A", "c R"]
    stage.moments(p, lambda clients, servers: servers, {"SYN_RECEIVED": ("c", "S"),
                                                        "CLOSED": ("c", "R")})

    def check(test, play, clients, servers):
        rsts = [s for who, s in play.segments() if s.flags == "R"]
        test.assertGreater(stage.realtime_ns(servers[0].last), rsts[1].ts - 1_000_000)

    p.checks.append(check)
