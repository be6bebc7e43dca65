# SPDX-License-Identifier: GPL-2.0-or-later
"""
What a process can do to its own connection beside the protocol: undo it by connect(AF_UNSPEC), and
set its state by TCP_REPAIR, as checkpoint and restore do.
"""

import socket
import struct
import time
import unittest

from harness import actor, lives, stage
from harness.stage import (CLOSED, LISTENER, OPEN, OPENED, SWEPT, TO_CLOSE_WAIT, TO_FIN_WAIT_2,
                           TO_TIME_WAIT, scenarios_of)

TCP = socket.IPPROTO_TCP
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECV_QUEUE, SEND_QUEUE = 1, 2
FIN_WAIT_1, FIN_WAIT_2, CLOSED_STATE, LAST_ACK, CLOSING = 4, 5, 7, 9, 11
FIN = "tcp flags & fin == fin"


class TestUndone(stage.StageCase):
    SWEEP = True
    # One for each family: what the kernel counts there is of one scenario alone.
    SPECIAL = {"one_port": {"ip_local_port_range": "40000 40000"},
               "one_port_6": {"ip_local_port_range": "40000 40000"}}

    def test_counters_of_the_kernel(self):
        self.counters_fit()


scenario = scenarios_of(TestUndone)


@scenario
def disconnect_in_syn_sent(p):
    """A non-blocking connect that is taken back: no segment says so."""
    p.listen()
    p.cport = 20000 + p.sport % 10000
    p.drop(p.sns, f"dport {p.sport}")
    c = p.client.call(_begin_connect, p.saddr, p.sport, (p.caddr, p.cport))
    p.client.wait_state(c, 2)
    p.client.disconnect(c)
    p.client.wait_state(c, CLOSED_STATE)
    p.client.close(c)
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "disconnect")]]
    p.want_wire = ["c S"]


def _begin_connect(side, addr, port, bind):
    s = socket.socket(actor._family(addr), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(bind)
    s.setblocking(False)
    try:
        s.connect((addr, port))
    except BlockingIOError:
        pass
    return side.add(s)


@scenario
def disconnect_in_fin_wait_1(p):
    """The FIN is lost, so the RST lies beyond it: the peer asks back, and that is answered."""
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport} {FIN}")
    p.client.shutdown(c)
    p.client.wait_state(c, FIN_WAIT_1)
    p.client.disconnect(c)
    error = p.server.recv_error(s)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2[:1] + [("FIN_WAIT_1", "CLOSED", "disconnect")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "c RA", "s A", "c R"]


@scenario
def disconnect_in_fin_wait_2(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.client.disconnect(c)
    p.server.wait_state(s, CLOSED_STATE)
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "disconnect")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "c RA"]


@scenario
def disconnect_in_close_wait(p):
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.server.disconnect(s)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "disconnect")]]
    p.want_wire = ["c FA", "s A", "s RA"]


@scenario
def disconnect_in_closing(p):
    """No RST (tcp_need_reset), and no error at the time: only the FIN that nobody acknowledged."""
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport} {FIN}")
    p.client.shutdown(c)
    p.client.wait_state(c, FIN_WAIT_1)
    p.server.shutdown(s)
    p.client.wait_state(c, CLOSING)
    p.client.disconnect(c)
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2[:1] + [("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                                                 ("CLOSING", "CLOSED", "disconnect")]]
    p.want_server = [OPENED + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s FA", "c A", "s RA"]


@scenario
def disconnect_in_last_ack(p):
    """As above."""
    c, s = p.open()
    p.talk(c, s)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.drop(p.cns, f"sport {p.sport} {FIN}")
    p.server.shutdown(s)
    p.server.wait_state(s, LAST_ACK)
    p.server.disconnect(s)
    p.server.close(s)
    p.client.abort(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "abort")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "disconnect")]]
    p.want_wire = ["c FA", "s A", "s FA", "c RA"]


@scenario
def disconnect_and_connect_again(p):
    """One socket, one cookie, two connections."""
    c, s = p.open()
    p.talk(c, s)
    cookie = p.client.cookie(c)
    p.client.disconnect(c)
    error = p.server.recv_error(s)
    assert error == "ECONNRESET", error
    p.server.close(s)
    p.client.call(_connect_again, c, (p.caddr, p.cport), (p.saddr, p.sport))
    s, _ = p.server.accept(p.listener)
    p.talk(c, s)
    assert p.client.cookie(c) == cookie
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "disconnect")],
                     OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")], OPENED + CLOSED]
    p.want_wire = ["c S", "c RA", "c S", "s SA", "c A", "c FA", "s FA", "c A"]
    p.checks.append(lambda test, play, clients, servers: test.assertEqual(
        [life.conn for life in clients], [cookie, cookie]))


def _connect_again(side, number, local, remote):
    s = side.sockets[number]
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(local)
    s.connect(remote)


@scenario
def shutdown_of_a_listener(p):
    """How a server ends a thread in accept(); close() comes later."""
    p.listen()
    waiting, p.cport = p.client.connect(p.saddr, p.sport)
    end = time.monotonic() + 5
    while not p.sns.run("ss", "-tanH", "state", "established", "sport", f"= :{p.sport}").strip():
        assert time.monotonic() < end
        time.sleep(0.01)
    p.server.shutdown(p.listener, socket.SHUT_RDWR)
    error = p.client.recv_error(waiting)
    assert error == "ECONNRESET", error
    p.client.close(waiting)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "listener_closed")]]

    def check(test, play, clients, servers):
        found = [life for life in lives.find(play.stage.lives, play.sns.inode,
                                             play.listener_addr, play.sport)
                 if life.has("role", "listener")]
        test.assertEqual([life.path for life in found], [LISTENER], found)

    p.checks.append(check)


@scenarios_of(TestUndone, families=("ipv4",), topologies=("one_port",))
@scenarios_of(TestUndone, families=("ipv6",), topologies=("one_port_6",))
def no_local_port(p):
    """The one port there is has been taken by another connection to the same peer."""
    c, s = p.open(port=5004)
    assert p.cport == 40000, p.cport
    before = p.cns.counters()["Tcp.ActiveOpens"]
    for _ in range(3):
        try:
            p.client.connect(p.saddr, p.sport)
            raise AssertionError("connected")
        except actor.ActorError as e:
            assert e.kind == "EADDRNOTAVAIL", e
    assert p.cns.counters()["Tcp.ActiveOpens"] == before
    p.client.abort(c)
    p.server.recv_error(s)
    p.server.close(s)
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "abort")]]

    def check(test, play, clients, servers):
        failed = [life for life in play.stage.lives
                  if life.has("netns", play.cns.inode) and life.has("cause", "no_local_port") and
                  life.has("family", play.family)]
        test.assertEqual([life.path for life in failed],
                         [OPEN[:1] + [("SYN_SENT", "CLOSED", "no_local_port")]] * 3)
        test.assertEqual({(t["pid"], t["raddr"], t["rport"]) for life in failed
                          for t in life.lines}, {(play.client_pid, play.saddr, play.sport)})

    p.checks.append(check)


def _freeze(side, number):
    """Takes a connection's state and ends it without a segment; -> what _thaw needs."""
    s = side.sockets.pop(number)
    s.setsockopt(TCP, TCP_REPAIR, 1)
    state = {}
    for name, queue in (("send", SEND_QUEUE), ("recv", RECV_QUEUE)):
        s.setsockopt(TCP, TCP_REPAIR_QUEUE, queue)
        state[name] = struct.unpack("=I", s.getsockopt(TCP, TCP_QUEUE_SEQ, 4))[0]
    state["local"], state["remote"] = s.getsockname(), s.getpeername()
    s.close()
    return state


def _thaw(side, state):
    """Makes it again: connect() in repair mode sends nothing."""
    s = socket.socket(actor._family(state["local"][0]), socket.SOCK_STREAM)
    s.setsockopt(TCP, TCP_REPAIR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(state["local"])
    for name, queue in (("send", SEND_QUEUE), ("recv", RECV_QUEUE)):
        s.setsockopt(TCP, TCP_REPAIR_QUEUE, queue)
        s.setsockopt(TCP, TCP_QUEUE_SEQ, struct.pack("=I", state[name]))
    s.connect(state["remote"])
    s.setsockopt(TCP, TCP_REPAIR, 0)
    s.settimeout(20)
    return side.add(s)


FROZEN = [("ESTABLISHED", "CLOSED", "repair")]
THAWED = [("CLOSED", "SYN_SENT", "connect"), ("SYN_SENT", "ESTABLISHED", "repair")]


@scenario
def repair_of_a_client(p):
    """The peer notices nothing; timestamps would have to be restored as well, so none are used."""
    c, s = p.open()
    p.talk(c, s)
    state = p.client.call(_freeze, c)
    left = p.cns.run("ss", "-tanH", "sport", f"= :{p.cport}").strip()
    assert not left, left
    c = p.client.call(_thaw, state)
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + FROZEN, THAWED + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "c data", "s data", "c data", "s data", "c FA", "s FA"]
    p.checks.append(_one_handshake)


def _one_handshake(test, p, clients, servers):
    seen = p.segments()
    test.assertEqual([f"{who} {g.flags}" for who, g in seen if "S" in g.flags or "R" in g.flags],
                     ["c S", "s SA"])


@scenario
def repair_of_a_server(p):
    """What was accepted comes back as an active socket: its process has called connect."""
    c, s = p.open()
    p.talk(c, s)
    state = p.server.call(_freeze, s)
    p.server.close(p.listener)  # it has the port, and would answer
    p.listener = None
    s = p.server.call(_thaw, state)
    p.talk(c, s)
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.close(c)
    p.want_client = [OPEN + CLOSED]
    p.want_server = [OPENED + FROZEN, THAWED + TO_TIME_WAIT + SWEPT]
    p.want_wire = ["c S", "s SA", "c A", "s FA", "c FA"]
    p.server_roles = ["passive", "active"]
    p.checks.append(_one_handshake)


@scenario
def repair_left_on(p):
    """A half-closed connection that is put away: FIN_WAIT_2 and CLOSE_WAIT end in silence."""
    c, s = p.open()
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    p.client.call(_put_away, c)
    p.server.call(_put_away, s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "repair")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "repair")]]
    p.want_wire = ["c FA", "s A"]
    p.checks.append(_one_handshake)


def _put_away(side, number):
    s = side.sockets.pop(number)
    s.setsockopt(TCP, TCP_REPAIR, 1)
    s.close()


if __name__ == "__main__":
    unittest.main()
