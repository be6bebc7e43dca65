# SPDX-License-Identifier: GPL-2.0-or-later
"""The rarer causes, and the states that few connections see."""

import socket
import time
import unittest

from harness import actor, raw, running, stage
from harness.stage import (CLOSE, CLOSED, EXPIRED, OPEN, OPENED, TO_CLOSE_WAIT, TO_FIN_WAIT_2,
                           scenarios_of)

TCP_LINGER2, TCP_USER_TIMEOUT = 8, 18
TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT = 4, 5, 6
IP_LOCAL_PORT_RANGE = 51
FIN_WAIT_1, FIN_WAIT_2 = 4, 5
TCP = socket.IPPROTO_TCP


class TestCauses(stage.StageCase):
    SPECIAL = {
        "cookies": {"tcp_syncookies": 2},
        "one_port": {"ip_local_port_range": "40000 40000"},
        "mortal_time_wait": {"tcp_rfc1337": 0},
    }

    def test_counters_of_the_kernel(self):
        """
        Every segment sent again and every RST is an event, to the unit; less what ftrace says that
        the kernel hid from every program (hidden.py), which is nothing on most kernels.
        """
        self.need_tracer()
        for where in self.stage.all_ns:
            lines = [e for e in self.stage.trace.lines if e.get("netns") == where.inode]
            retransmits = [e for e in lines if e["event"] == "retransmit"]
            told = {
                "Tcp.RetransSegs": len(retransmits),
                "TcpExt.TCPSynRetrans": sum(1 for e in retransmits
                                            if e["kind"].startswith("syn")),
                "Tcp.OutRsts": sum(1 for e in lines if e["event"] == "reset" and
                                   e["direction"] == "sent"),
            }
            kernel = self.stage.counted(where, told)
            self.assertEqual(told["Tcp.OutRsts"], kernel["Tcp.OutRsts"], where.name)
            hidden = (self.stage.hidden_count("tcp_retransmit_skb") +
                      self.stage.hidden_count("tcp_retransmit_synack"))
            for key in ("Tcp.RetransSegs", "TcpExt.TCPSynRetrans"):
                self.assertIn(kernel[key] - told[key], range(hidden + 1),
                              (where.name, told, kernel))


scenario = scenarios_of(TestCauses)


@scenario
def simultaneous_close(p):
    """The client's FIN is lost at first, so that the server's crosses it."""
    c, s = p.open()
    p.talk(c, s)
    rule = p.drop(p.sns, f"dport {p.sport} tcp flags & fin == fin")
    p.client.shutdown(c)
    p.client.wait_state(c, FIN_WAIT_1)
    p.server.shutdown(s)
    p.server.wait_state(s, FIN_WAIT_2)
    p.sns.nft_delete(rule)
    p.client.recv_eof(c)
    p.server.recv_eof(s)
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "FIN_WAIT_1", "close"),
                             ("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                             ("CLOSING", "TIME_WAIT", "fin_acked")] + EXPIRED]
    p.want_server = [OPENED + CLOSE]
    p.want_wire = ["c FA", "s FA", "c A", "c FA", "s A"]


@scenarios_of(TestCauses, topologies=("lo",))
def connected_to_itself(p):
    """A simultaneous open and close, in one socket."""
    p.cport = p.sport = 30001
    c = p.client.connect_to_self(p.caddr, p.cport)
    p.client.send(c, 10)
    p.client.recv(c, 10)
    p.client.close(c)
    p.want_client = [[("CLOSED", "SYN_SENT", "connect"),
                      ("SYN_SENT", "SYN_RECEIVED", "simultaneous_open"),
                      ("SYN_RECEIVED", "ESTABLISHED", "handshake_done"),
                      ("ESTABLISHED", "FIN_WAIT_1", "close"),
                      ("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                      ("CLOSING", "TIME_WAIT", "fin_acked")] + EXPIRED]


@scenario
def fin_wait_2_times_out(p):
    c, s = p.open()
    p.client.setsockopt(c, TCP, TCP_LINGER2, 2)
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.2)  # the delayed ACK of the FIN
    end = time.monotonic() + 15
    while p.cns.run("ss", "-tanH", "state", "fin-wait-2", "sport", f"= :{p.cport}").strip():
        assert time.monotonic() < end
        time.sleep(0.1)
    p.server.abort(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "fin_wait_2_timeout")]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "s A", "s RA"]


@scenario
def data_is_never_acknowledged(p):
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport}")
    p.client.send(c, 10)
    error = p.client.recv_error(c)
    assert error == "ETIMEDOUT", error
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "timeout")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_wire = ["c data", "s data", "c data", "c data", "c data", "s RA"]


@scenario
def fin_is_never_acknowledged(p):
    c, s = p.open()
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport}")
    p.client.close(c)
    end = time.monotonic() + 15
    while p.cns.run("ss", "-tanH", "state", "fin-wait-1", "sport", f"= :{p.cport}").strip():
        assert time.monotonic() < end
        time.sleep(0.05)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "FIN_WAIT_1", "close"),
                             ("FIN_WAIT_1", "CLOSED", "timeout")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_wire = ["c FA", "c FA", "s RA"]


@scenario
def user_timeout(p):
    c, s = p.open(options=[(TCP, TCP_USER_TIMEOUT, 600)])
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport}")
    p.client.send(c, 10)
    error = p.client.recv_error(c)
    assert error == "ETIMEDOUT", error
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "user_timeout")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_wire = ["c data", "s data", "c data", "c data", "s RA"]


@scenario
def keepalive_timeout(p):
    c, s = p.open(options=[(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (TCP, TCP_KEEPIDLE, 1),
                           (TCP, TCP_KEEPINTVL, 1), (TCP, TCP_KEEPCNT, 1)])
    p.talk(c, s)
    p.drop(p.sns, f"dport {p.sport}")
    error = p.client.recv_error(c)
    assert error == "ETIMEDOUT", error
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "keepalive_timeout")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_wire = ["c data", "s data", "c A", "c RA"]


@scenario
def icmp_error_ends_a_connect(p):
    p.listen()
    p.cport = 20000 + p.sport % 10000
    kind = "icmp type host-unreachable" if p.family == "ipv4" else "icmpv6 type addr-unreachable"
    p.sns.nft("input", f"tcp dport {p.sport} reject with {kind}")
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "EHOSTUNREACH", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "icmp_error")]]
    p.want_wire = ["c S"]


@scenario
def disconnect(p):
    """connect with AF_UNSPEC on an established connection sends a RST."""
    c, s = p.open()
    p.talk(c, s)
    p.client.disconnect(c)
    error = p.server.recv_error(s)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "disconnect")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_wire = ["c data", "s data", "c RA"]


@scenario
def killed_from_outside(p):
    c, s = p.open()
    p.talk(c, s)
    p.cns.run("ss", "-K", "-tan", "state", "established", "sport", f"= :{p.cport}")
    error = p.server.recv_error(s)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "killed")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_wire = ["c data", "s data", "c RA"]


@scenario
def listener_closes_before_accept(p):
    p.listen()
    c, p.cport = p.client.connect(p.saddr, p.sport)
    end = time.monotonic() + 5
    while not p.sns.run("ss", "-tanH", "state", "established", "sport", f"= :{p.sport}").strip():
        assert time.monotonic() < end
        time.sleep(0.01)
    p.server.close(p.listener)
    p.listener = None
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "listener_closed")]]
    p.want_wire = ["c S", "s SA", "c A", "s RA"]


@scenario
def listener_closes_before_the_handshake(p):
    """The SYN-ACK is lost, then the listener goes: the half-open connection with it."""
    p.listen()
    p.cport = 20000 + p.sport % 10000
    p.drop(p.cns, f"sport {p.sport}")
    p.client.post(actor.connect, p.saddr, p.sport, bind=(p.caddr, p.cport))
    end = time.monotonic() + 5
    while "SYN-RECV" not in p.sns.run("ss", "-tanH", "sport", f"= :{p.sport}"):
        assert time.monotonic() < end
        time.sleep(0.01)
    p.server.close(p.listener)
    p.listener = None
    try:
        p.client.wait()
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "listener_closed")]]
    p.want_wire = ["c S", "s SA", "c S"]


@scenario
def data_after_close(p):
    """The server goes on sending to a client that has closed: the answer is a RST."""
    c, s = p.open()
    p.client.close(c)
    p.server.recv_eof(s)
    time.sleep(0.1)
    p.server.send(s, 10)
    p.server.wait_state(s, 7)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED",
                                              running.end_of_orphan("reset_sent"))]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "s data", "c R"]


@scenario
def reset_in_the_handshake(p):
    """The client went away before the SYN-ACK came; its kernel answers with a RST."""
    p.listen()
    p.cport = 20000 + p.sport % 10000
    rule = p.drop(p.cns, f"sport {p.sport}")
    p.client.call(_connect_and_close, p.saddr, p.sport, (p.caddr, p.cport))
    p.cns.nft_delete(rule)
    end = time.monotonic() + 5
    while "SYN-RECV" in p.sns.run("ss", "-tanH", "sport", f"= :{p.sport}"):
        assert time.monotonic() < end
        time.sleep(0.02)
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "close")]]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "reset_received")]]
    p.want_wire = ["c S", "s SA", "s SA", "c R"]


@scenario
def deferred_accept(p):
    """TCP_DEFER_ACCEPT: the client is ESTABLISHED, the server is not before data comes."""
    p.listen()
    p.server.setsockopt(p.listener, TCP, socket.TCP_DEFER_ACCEPT, 5)
    c, p.cport = p.client.connect(p.saddr, p.sport)
    time.sleep(0.2)
    p.client.send(c, 10)
    s, _ = p.server.accept(p.listener)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c S", "s SA", "c A", "c data", "c FA"]

    def check(test, play, clients, servers):
        test.assertTrue(190e6 < servers[0].dwell("SYN_RECEIVED") < 900e6, servers)
        test.assertLess(clients[0].dwell("SYN_SENT"), 100e6, clients)

    p.checks.append(check)


@scenario
def accept_queue_full(p):
    """The handshake's last ACK is not taken: the client is ESTABLISHED with nobody behind it."""
    p.listen(backlog=0)
    p.cport = 20000 + p.sport % 10000
    rule = p.drop(p.sns, f"dport {p.sport} tcp sport {p.cport} tcp flags & (syn|ack) == ack")
    c, _ = p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
    p.client.connect(p.saddr, p.sport)  # fills the queue
    p.sns.nft_delete(rule)
    end = time.monotonic() + 15
    while "SYN-RECV" in p.sns.run("ss", "-tanH", "sport", f"= :{p.sport}"):
        assert time.monotonic() < end
        time.sleep(0.05)
    p.client.send(c, 10)
    error = p.client.recv_error(c)
    assert error == "ECONNRESET", error
    p.client.close(c)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "reset_received")]]
    p.want_server = [OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "syn_ack_timeout")]]
    p.want_wire = ["c S", "s SA", "c A", "s SA", "c A", "c data", "s R"]


@scenario
def client_gives_up_in_the_handshake(p):
    """close() in SYN_SENT."""
    p.listen()
    p.cport = 20000 + p.sport % 10000
    p.drop(p.sns, f"dport {p.sport}")
    p.client.call(_connect_and_close, p.saddr, p.sport, (p.caddr, p.cport))
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "close")]]
    p.want_wire = ["c S"]


def _connect_and_close(side, addr, port, bind):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(bind)
    s.setblocking(False)
    try:
        s.connect((addr, port))
    except BlockingIOError:
        pass
    time.sleep(0.05)
    s.close()


@scenarios_of(TestCauses, topologies=("mortal_time_wait",))
def time_wait_assassinated(p):
    """An old segment comes to a TIME_WAIT; its ACK meets nobody, and the RST for that ends it."""
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    time.sleep(0.1)
    p.server.call(raw.send, p.saddr, p.caddr,
                  raw.segment(p.saddr, p.sport, p.caddr, p.cport, raw.ACK, 1, 1))
    time.sleep(0.1)
    p.want_client = [OPEN + CLOSE[:-1] + [("TIME_WAIT", "CLOSED", "time_wait_killed")]]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s FA", "c A", "s A", "c A", "s R"]


@scenarios_of(TestCauses, topologies=("cookies",))
def syn_cookie(p):
    """tcp_syncookies=2: no request socket exists, so no SYN_RECEIVED may be invented."""
    before = p.sns.counters()["TcpExt.SyncookiesRecv"]
    c, s = p.open()
    assert p.sns.counters()["TcpExt.SyncookiesRecv"] > before
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [[("LISTEN", "ESTABLISHED", "syn_cookie")] + CLOSED]


@scenarios_of(TestCauses, topologies=("one_port",))
def no_local_port(p):
    c, s = p.open(port={"ipv4": 5004, "ipv6": 5006}[p.family])
    assert p.cport == 40000, p.cport
    try:
        p.client.connect(p.saddr, p.sport)
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "EADDRNOTAVAIL", e
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
                         [OPEN[:1] + [("SYN_SENT", "CLOSED", "no_local_port")]])
        test.assertEqual(failed[0].lines[0]["rport"], play.sport)

    p.checks.append(check)


if __name__ == "__main__":
    unittest.main()
