# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections ended from outside by `ss -K`, in each state; and undone by their own process."""

import time
import unittest

from harness import actor, lives, running, stage
from harness.stage import (CLOSED, LISTENER, OPEN, OPENED, SWEPT, TO_CLOSE_WAIT, TO_FIN_WAIT_2,
                           TO_TIME_WAIT, scenarios_of)

FIN_WAIT_1, FIN_WAIT_2, LAST_ACK, CLOSING = 4, 5, 9, 11
SYN = "tcp flags & (syn|ack) == syn"
SYN_ACK = "tcp flags & (syn|ack) == syn|ack"
FIN = "tcp flags & fin == fin"
CLIENT_GIVES_UP = [("SYN_SENT", "CLOSED", "killed")]


class TestKilled(stage.StageCase):
    SWEEP = True

    def test_counters_of_the_kernel(self):
        self.counters_fit()


scenario = scenarios_of(TestKilled)


def in_state(ns, state, lport, rport=None):
    """What `ss` shows of sockets in this state (its own word), one a line."""
    match = ["sport", "=", f":{lport}"]
    if rport is not None:
        match += ["and", "dport", "=", f":{rport}"]
    return ns.run("ss", "-tanH", "state", state, *match).strip()


def until_in_state(ns, state, lport, rport=None):
    end = time.monotonic() + 10
    while not in_state(ns, state, lport, rport):
        assert time.monotonic() < end, f"none in {state}: {ns.run('ss', '-tan')}"
        time.sleep(0.01)


def kill(ns, state, lport, rport=None):
    """`ss -K` on sockets in this state, which are there before and not after."""
    until_in_state(ns, state, lport, rport)
    match = ["sport", "=", f":{lport}"]
    if rport is not None:
        match += ["and", "dport", "=", f":{rport}"]
    ns.run("ss", "-K", "-tan", "state", state, *match)
    left = in_state(ns, state, lport, rport)
    assert not left, left


def knock(p, **kwargs):
    """Posts a connect that will not succeed at once; wait for it with `fails`."""
    p.cport = 20000 + p.sport % 10000
    p.client.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, p.cport), **kwargs)


def fails(p, *names):
    try:
        p.client.wait()
    except actor.ActorError as e:
        assert e.kind in names, e
        return
    raise AssertionError("connected")


def lives_of_listener(p):
    return [life for life in lives.find(p.stage.lives, p.sns.inode, p.listener_addr, p.sport)
            if life.has("role", "listener")]


def kill_the_listener(p):
    kill(p.sns, "listening", p.sport)

    def check(test, play, clients, servers):
        found = lives_of_listener(play)
        test.assertEqual([life.path for life in found],
                         [LISTENER[:1] + [("LISTEN", "CLOSED", "killed")]], found)
        test.assertEqual({t["pid"] for t in found[0].lines}, {play.server_pid}, found)

    p.checks.append(check)


@scenario
def listen(p):
    """A listener with a connection that nobody has accepted and one that is half open."""
    p.listen()
    waiting, p.cport = p.client.connect(p.saddr, p.sport)
    until_in_state(p.sns, "established", p.sport, p.cport)
    p.drop(p.cns, f"sport {p.sport} {SYN_ACK}")
    p.client.post(actor.connect, p.saddr, p.sport)
    until_in_state(p.sns, "syn-recv", p.sport)
    p.drop(p.sns, f"dport {p.sport} {SYN}")
    kill_the_listener(p)
    p.cns.run("ss", "-K", "-tan", "state", "syn-sent", "dport", "=", f":{p.sport}")
    fails(p, "ECONNABORTED")
    error = p.client.recv_error(waiting)
    assert error == "ECONNRESET", error
    p.client.close(waiting)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "listener_closed")]]
    p.want_wire = ["c S", "s SA", "c A", "s RA"]

    def check(test, play, clients, servers):
        half = [life for life in lives.find(play.stage.lives, play.sns.inode, play.saddr,
                                            play.sport, play.caddr)
                if life.has("old", "SYN_RECEIVED") and life.conn is None]
        test.assertEqual([life.path for life in half], [
            OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "listener_closed")]], half)

    p.checks.append(check)


@scenario
def syn_sent(p):
    p.listen()
    p.drop(p.sns, f"dport {p.sport}")
    knock(p)
    kill(p.cns, "syn-sent", p.cport, p.sport)
    fails(p, "ECONNABORTED")
    p.want_client = [OPEN[:1] + CLIENT_GIVES_UP]
    p.want_wire = ["c S"]


def _half_open(p):
    """A connection in SYN_RECEIVED, its client in SYN_SENT, and no segment between them."""
    p.listen()
    p.drop(p.cns, f"sport {p.sport} {SYN_ACK}")
    knock(p)
    until_in_state(p.sns, "syn-recv", p.sport, p.cport)
    p.drop(p.sns, f"dport {p.sport} {SYN}")


def _client_gives_up(p):
    kill(p.cns, "syn-sent", p.cport, p.sport)
    fails(p, "ECONNABORTED")
    p.want_client = [OPEN[:1] + CLIENT_GIVES_UP]


@scenario
def syn_received(p):
    """No full socket yet: the request socket goes in silence."""
    _half_open(p)
    kill(p.sns, "syn-recv", p.sport, p.cport)
    _client_gives_up(p)
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "killed")]]
    p.want_wire = ["c S", "s SA"]


@scenario
def syn_received_of_a_simultaneous_open(p):
    """Both ends connect, and only one hears the other: SYN_RECEIVED in a full socket."""
    p.cport, p.sport = 20000 + p.port, p.port
    p.drop(p.sns, f"dport {p.sport}" + " tcp flags & syn == syn")
    p.client.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, p.cport))
    until_in_state(p.cns, "syn-sent", p.cport, p.sport)
    p.server.post(actor.connect, p.caddr, p.cport, bind=(p.saddr, p.sport))
    kill(p.cns, "syn-recv", p.cport, p.sport)
    fails(p, "ECONNABORTED")
    try:
        p.server.wait()
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ECONNREFUSED", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "SYN_RECEIVED", "simultaneous_open"),
                                 ("SYN_RECEIVED", "CLOSED", "killed")]]
    p.want_server = [OPEN[:1] + [("SYN_SENT", "CLOSED", "reset_received")]]
    p.roles = ("active", "active")
    p.want_wire = ["c S", "s S", "c SA", "c RA"]


@scenario
def established(p):
    """At the server this time; test_causes kills the client."""
    c, s = p.open()
    p.talk(c, s)
    kill(p.sns, "established", p.sport, p.cport)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "killed")]]
    p.want_wire = ["c data", "s data", "s RA"]


def _kill_in_fin_wait_1(p, leave):
    """The FIN is lost, so the RST lies beyond it: the peer asks back, and that is answered."""
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport} {FIN}")
    leave(c)
    kill(p.cns, "fin-wait-1", p.cport, p.sport)
    error = p.server.recv_error(s)
    assert error == "ECONNRESET", error
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2[:1] + [("FIN_WAIT_1", "CLOSED", "killed")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "c RA", "s A", "c R"]


@scenario
def fin_wait_1(p):
    _kill_in_fin_wait_1(p, p.client.shutdown)


@scenario
def fin_wait_1_of_an_orphan(p):
    _kill_in_fin_wait_1(p, p.client.close)


@scenario
def fin_wait_2(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    kill(p.cns, "fin-wait-2", p.cport, p.sport)
    p.server.wait_state(s, 7)
    p.server.close(s)
    p.client.close(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "killed")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "c RA"]


@scenario
def fin_wait_2_of_an_orphan(p):
    """A mini-socket: it goes in silence, and the peer's FIN meets nobody."""
    c, s = p.open()
    p.client.close(c)
    p.server.recv_eof(s)
    kill(p.cns, "fin-wait-2", p.cport, p.sport)
    p.server.shutdown(s)
    p.server.wait_state(s, 7)
    p.server.close(s)
    cause = running.end_of_orphan("killed")
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", cause)]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "s FA", "c R"]


@scenario
def close_wait(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    kill(p.sns, "close-wait", p.sport, p.cport)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "killed")]]
    p.want_wire = ["c FA", "s A", "s RA"]


@scenario
def closing(p):
    """No RST is sent for it (tcp_need_reset)."""
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport} {FIN}")
    p.client.shutdown(c)
    p.client.wait_state(c, FIN_WAIT_1)
    p.server.shutdown(s)
    p.client.wait_state(c, CLOSING)
    p.server.wait_state(s, FIN_WAIT_2)
    kill(p.cns, "closing", p.cport, p.sport)
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2[:1] + [("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                                                 ("CLOSING", "CLOSED", "killed")]]
    p.want_server = [OPENED + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s FA", "c A", "s RA"]


def _kill_in_last_ack(p, leave):
    c, s = p.open()
    p.talk(c, s)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.drop(p.cns, f"sport {p.sport} {FIN}")
    leave(s)
    kill(p.sns, "last-ack", p.sport, p.cport)
    p.client.abort(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "killed")]]
    p.want_wire = ["c FA", "s A", "s FA", "c RA"]


@scenario
def last_ack(p):
    _kill_in_last_ack(p, p.server.shutdown)


@scenario
def last_ack_of_an_orphan(p):
    _kill_in_last_ack(p, p.server.close)


@scenario
def time_wait(p):
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    kill(p.cns, "time-wait", p.cport, p.sport)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s FA", "c A"]


if __name__ == "__main__":
    unittest.main()
