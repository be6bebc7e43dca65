# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that time runs out for: orphans in FIN_WAIT_2, and peers that answer no more."""

import socket
import time
import unittest

from harness import actor, stage
from harness.schema import ns as as_ns
from harness.stage import (CLOSED, OPEN, OPENED, SWEPT, TO_CLOSE_WAIT, TO_FIN_WAIT_2,
                           TO_TIME_WAIT, scenarios_of)

TCP = socket.IPPROTO_TCP
TCP_LINGER2, TCP_USER_TIMEOUT, TCP_REPAIR = 8, 18, 19
TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT = 4, 5, 6
FIN_WAIT_1, FIN_WAIT_2, CLOSED_STATE, CLOSING = 4, 5, 7, 11
FIN = "tcp flags & fin == fin"
TIMED_OUT = [("FIN_WAIT_2", "CLOSED", "fin_wait_2_timeout")]


class TestTimeouts(stage.StageCase):
    SWEEP = True
    SPECIAL = {
        "short_fin": {"tcp_fin_timeout": 1},
        "long_fin": {"tcp_fin_timeout": 61},
        "long_fin6": {"tcp_fin_timeout": 61},
    }

    def test_counters_of_the_kernel(self):
        self.counters_fit()


scenario = scenarios_of(TestTimeouts)


def until_gone(ns, state, lport, timeout=15):
    end = time.monotonic() + timeout
    while ns.run("ss", "-tanH", "state", state, "sport", f"= :{lport}").strip():
        assert time.monotonic() < end, ns.run("ss", "-tan")
        time.sleep(0.02)


def lasts(p, state, low, high, end="client"):
    """The time in `state` is between low and high seconds."""
    def check(test, play, clients, servers):
        life = (clients if end == "client" else servers)[-1]
        seconds = as_ns(life.left(state)["dwell_ns"]) / 1e9
        test.assertTrue(low < seconds < high, f"{seconds} s\n{life}")

    p.checks.append(check)


def peer_meets_nobody(p, s):
    """The server's FIN is answered with a RST."""
    p.server.shutdown(s)
    p.server.wait_state(s, CLOSED_STATE)
    p.server.close(s)
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "reset_received")]]


@scenarios_of(TestTimeouts, topologies=("short_fin",))
def fin_wait_2_by_sysctl(p):
    """tcp_fin_timeout of one second."""
    c, s = p.open()
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.2)
    until_gone(p.cns, "fin-wait-2", p.cport)
    peer_meets_nobody(p, s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + TIMED_OUT]
    p.want_wire = ["c FA", "s A", "s FA", "c R"]
    lasts(p, "FIN_WAIT_2", 0.99, 2.5)


@scenario
def fin_wait_2_by_linger2(p):
    """TCP_LINGER2 of one second; the orphan's end sends nothing."""
    c, s = p.open()
    p.client.setsockopt(c, TCP, TCP_LINGER2, 1)
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.2)
    until_gone(p.cns, "fin-wait-2", p.cport)
    peer_meets_nobody(p, s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + TIMED_OUT]
    p.want_wire = ["c FA", "s A", "s FA", "c R"]
    lasts(p, "FIN_WAIT_2", 0.99, 2.5)


@scenario
def linger2_of_a_full_socket_first(p):
    """
    More than 60 s: for what is over them the orphan stays a full socket. The peer's FIN comes while
    it is one.
    """
    c, s = p.open()
    p.client.setsockopt(c, TCP, TCP_LINGER2, 90)
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.2)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s A", "s FA", "c A"]


@scenario
def linger2_of_a_mini_socket_then(p):
    """As above, but the FIN comes when the keepalive timer has made it a mini-socket."""
    c, s = p.open()
    p.client.setsockopt(c, TCP, TCP_LINGER2, 61)
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(1.6)
    assert "timewait" in p.cns.run("ss", "-tanoH", "state", "fin-wait-2",
                                   "sport", f"= :{p.cport}")
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s A", "s FA", "c A"]
    lasts(p, "FIN_WAIT_2", 1.5, 4)


def _full_socket_times_out(p):
    """
    The limit is lowered below 60 s while a full socket waits: no mini-socket is made any more, and
    this end is the one that sends a RST (tcp_keepalive_timer).
    """
    c, s = p.open()
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.2)
    p.cns.sysctl(tcp_fin_timeout=30)
    p.server.wait_state(s, CLOSED_STATE)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + TIMED_OUT]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "c RA"]
    lasts(p, "FIN_WAIT_2", 0.9, 2.5)


@scenarios_of(TestTimeouts, families=("ipv4",), topologies=("long_fin",))
def fin_wait_2_of_a_full_socket(p):
    _full_socket_times_out(p)


@scenarios_of(TestTimeouts, families=("ipv6",), topologies=("long_fin6",))
def fin_wait_2_of_a_full_socket_6(p):
    _full_socket_times_out(p)


@scenario
def negative_linger2(p):
    """FIN_WAIT_2 of an orphan lasts for no time: the ACK of its FIN is answered with a RST."""
    c, s = p.open()
    before = p.cns.counters()["TcpExt.TCPAbortOnData"]
    p.client.setsockopt(c, TCP, TCP_LINGER2, -1)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.wait_state(s, CLOSED_STATE)
    assert p.cns.counters()["TcpExt.TCPAbortOnData"] > before
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_sent")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "c R"]


@scenario
def negative_linger2_after_shutdown(p):
    """It is in FIN_WAIT_2 already when it is closed."""
    c, s = p.open()
    before = p.cns.counters()["TcpExt.TCPAbortOnLinger"]
    p.client.setsockopt(c, TCP, TCP_LINGER2, -1)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.client.close(c)
    p.server.wait_state(s, CLOSED_STATE)
    assert p.cns.counters()["TcpExt.TCPAbortOnLinger"] > before
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "c RA"]


@scenario
def last_ack_is_never_acknowledged(p):
    c, s = p.open()
    p.talk(c, s)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.drop(p.cns, f"sport {p.sport} {FIN}")
    p.server.close(s)
    until_gone(p.sns, "last-ack", p.sport)
    p.client.abort(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "timeout")]]
    p.want_wire = ["c FA", "s A", "s FA", "s FA", "s FA", "c RA"]


@scenario
def closing_is_never_acknowledged(p):
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport} {FIN}")
    p.client.shutdown(c)
    p.client.wait_state(c, FIN_WAIT_1)
    p.server.shutdown(s)
    p.client.wait_state(c, CLOSING)
    p.client.close(c)
    until_gone(p.cns, "closing", p.cport)
    p.server.abort(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2[:1] + [("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                                                 ("CLOSING", "CLOSED", "timeout")]]
    p.want_server = [OPENED + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s FA", "c FA", "s RA"]


@scenario
def data_is_never_acknowledged_in_close_wait(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.drop(p.cns, f"sport {p.sport}")
    p.server.send(s, 10)
    p.server.wait_state(s, CLOSED_STATE)
    p.server.close(s)
    p.client.abort(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "timeout")]]
    p.want_wire = ["c FA", "s A", "s data", "s data", "s data"]


@scenario
def user_timeout_of_a_connect(p):
    """Before the number of SYNs is spent."""
    p.listen()
    p.cport = 20000 + p.sport % 10000
    p.drop(p.sns, f"dport {p.sport}")
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport),
                         options=[(TCP, TCP_USER_TIMEOUT, 1500), (TCP, socket.TCP_SYNCNT, 6)])
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "user_timeout")]]
    p.want_wire = ["c S", "c S"]
    lasts(p, "SYN_SENT", 1.4, 4)


@scenario
def user_timeout_of_a_peer_that_does_not_read(p):
    """It acknowledges every probe of its window, and still time runs out (tcp_probe_timer)."""
    p.listen()
    p.server.setsockopt(p.listener, socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    c, s = p.open(options=[(TCP, TCP_USER_TIMEOUT, 1200)])
    p.client.call(_fill, c)
    error = p.client.recv_error(c)
    assert error == "ETIMEDOUT", error
    p.client.close(c)
    error = p.server.recv_error(s)  # reading opens the window, which is told to nobody
    assert error == "ECONNRESET", error
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "user_timeout")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_wire = ["c data", "s A", "s A", "c R"]


def _fill(side, number):
    s = side.sockets[number]
    s.setblocking(False)
    try:
        while True:
            s.send(b"x" * 4096)
    except BlockingIOError:
        s.settimeout(20)


KEEPALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (TCP, TCP_KEEPIDLE, 1),
             (TCP, TCP_KEEPINTVL, 1), (TCP, TCP_KEEPCNT, 2)]


@scenario
def keepalive_in_close_wait(p):
    """Of the server, in CLOSE_WAIT: the client is there no more, and says nothing."""
    p.listen()
    for option in KEEPALIVE:
        p.server.setsockopt(p.listener, *option)
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.drop(p.cns, f"sport {p.sport}")
    p.server.wait_state(s, CLOSED_STATE)
    p.server.close(s)
    p.client.abort(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "keepalive_timeout")]]
    p.want_wire = ["c FA", "s A", "s A", "s A", "s RA"]
    lasts(p, "CLOSE_WAIT", 2.5, 5, "server")


@scenario
def keepalive_that_meets_nobody(p):
    """The peer has lost its memory: the first probe is answered with a RST."""
    c, s = p.open(options=KEEPALIVE)
    p.talk(c, s)
    p.server.call(_forget, s)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "repair")]]
    p.want_wire = ["c data", "s data", "c A", "s R"]
    lasts(p, "ESTABLISHED", 0.9, 3)


def _forget(side, number):
    s = side.sockets.pop(number)
    s.setsockopt(TCP, TCP_REPAIR, 1)
    s.close()


if __name__ == "__main__":
    unittest.main()
