# SPDX-License-Identifier: GPL-2.0-or-later
"""ICMP errors: they end what is not open yet, and hardly disturb what is."""

import socket
import time
import unittest

from harness import actor, running, stage
from harness.schema import ns as as_ns
from harness.stage import CLOSED, OPEN, OPENED, SWEPT, TO_CLOSE_WAIT, TO_TIME_WAIT, scenarios_of

IP_RECVERR, IPV6_RECVERR = 11, 25
FIN_WAIT_2 = 5
SYN_ACK = "tcp flags & (syn|ack) == syn|ack"
ICMP_ENDS = [("SYN_SENT", "CLOSED", "icmp_error")]


class TestIcmp(stage.StageCase):
    SWEEP = True

    def test_counters_of_the_kernel(self):
        self.counters_fit()


scenario = scenarios_of(TestIcmp)

KINDS = {  # name: (what nft calls it in IPv4, in IPv6, errno in IPv4, in IPv6)
    "port": ("icmp port-unreachable", "icmpv6 port-unreachable", "ECONNREFUSED", "ECONNREFUSED"),
    "host": ("icmp host-unreachable", "icmpv6 addr-unreachable", "EHOSTUNREACH", "EHOSTUNREACH"),
    "net": ("icmp net-unreachable", "icmpv6 no-route", "ENETUNREACH", "ENETUNREACH"),
    "admin": ("icmp admin-prohibited", "icmpv6 admin-prohibited", "EHOSTUNREACH", "EACCES"),
}


def icmp_received(ns):
    """Destination unreachable messages of both families that the namespace has taken in."""
    files = [ns.keeper.read_file(f"/proc/{ns.keeper.pid}/net/{name}")
             for name in ("snmp", "snmp6")]
    names, values = [line.split() for line in files[0].splitlines() if line.startswith("Icmp:")]
    six = dict(line.split() for line in files[1].splitlines())
    return (int(dict(zip(names, values))["InDestUnreachs"]) +
            int(six["Icmp6InDestUnreachs"]))


def reject(p, ns, match, kind):
    return ns.nft("input", f"tcp {match} reject with {KINDS[kind][p.family == 'ipv6']}")


def error_of(p, kind):
    return KINDS[kind][2 + (p.family == "ipv6")]


def _connect_meets(p, kind):
    """
    The message comes while connect() holds the socket's lock, on loopback, or just after. The first
    time it is only noted, and acted upon when the SYN is sent again.
    """
    p.listen()
    p.cport = 20000 + p.sport % 10000
    before = icmp_received(p.cns)
    reject(p, p.sns, f"dport {p.sport}", kind)
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == error_of(p, kind), e
    assert icmp_received(p.cns) > before
    p.want_client = [OPEN[:1] + ICMP_ENDS]
    p.want_wire = ["c S"]


@scenario
def port_unreachable_in_syn_sent(p):
    """ECONNREFUSED, as a RST gives."""
    _connect_meets(p, "port")


@scenario
def net_unreachable_in_syn_sent(p):
    _connect_meets(p, "net")


@scenario
def prohibited_in_syn_sent(p):
    _connect_meets(p, "admin")


@scenario
def unreachable_in_syn_received(p):
    """
    The answer to a SYN-ACK; each SYN that comes again begins anew. Which messages are heeded
    differs (tcp_req_err): in IPv4 those of a network or host, in IPv6 those of a port too.
    """
    p.listen()
    p.cport = 20000 + p.sport % 10000
    before = icmp_received(p.sns)
    reject(p, p.cns, f"sport {p.sport} {SYN_ACK}", "host" if p.family == "ipv4" else "port")
    try:
        p.client.connect(p.saddr, p.sport, bind=(p.caddr, p.cport))
        raise AssertionError("connected")
    except actor.ActorError as e:
        assert e.kind == "ETIMEDOUT", e
    assert icmp_received(p.sns) > before
    assert not p.sns.run("ss", "-tanH", "state", "syn-recv", "sport", f"= :{p.sport}").strip()
    p.want_client = [OPEN[:1] + [("SYN_SENT", "CLOSED", "timeout")]]
    p.want_wire = ["c S", "s SA", "c S", "s SA"]
    one = OPENED[:1] + [("SYN_RECEIVED", "CLOSED", "icmp_error")]
    # tcp_syn_linear_timeouts, since 6.5: one more than tcp_syn_retries.
    p.want_server = [one] * (3 if running.VERSION >= (6, 5) else 2)
    p.checks.append(lambda test, play, clients, servers: test.assertEqual(
        len(servers), sum(1 for who, g in play.segments() if g.flags == "SA")))


@scenario
def host_unreachable_while_established(p):
    """A soft error: it is noted, the data is sent again, and everything goes on."""
    c, s = p.open()
    p.talk(c, s)
    before = icmp_received(p.cns)
    rule = reject(p, p.sns, f"dport {p.sport}", "host")
    p.client.send(c, 10)
    end = time.monotonic() + 10
    while icmp_received(p.cns) == before:
        assert time.monotonic() < end
        time.sleep(0.01)
    p.sns.nft_delete(rule)
    p.server.recv(s, 10)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c data", "s data", "c data", "c data", "c FA", "s FA", "c A"]


@scenario
def host_unreachable_for_good(p):
    """Given up in the end: the process is told of the message, but what ended it is time."""
    c, s = p.open()
    p.talk(c, s)
    before = icmp_received(p.cns)
    reject(p, p.sns, f"dport {p.sport}", "host")
    p.client.send(c, 10)
    error = p.client.recv_error(c)
    assert error == "EHOSTUNREACH", error
    assert icmp_received(p.cns) > before
    p.client.close(c)
    p.server.abort(s)
    p.want_client = [OPEN + [("ESTABLISHED", "CLOSED", "timeout")]]
    p.want_server = [OPENED + [("ESTABLISHED", "CLOSED", "abort")]]
    p.want_wire = ["c data", "s data", "c data", "c data", "s RA"]

    def check(test, play, clients, servers):
        test.assertGreater(as_ns(clients[0].left("ESTABLISHED")["dwell_ns"]), 1e9, clients)

    p.checks.append(check)


@scenario
def host_unreachable_with_recverr(p):
    """
    A process that asks for ICMP errors (IP_RECVERR) has one in its socket when the connection ends,
    which is not what ends it: the peer acknowledges the last FIN.
    """
    c, s = p.open()
    p.talk(c, s)
    level, name = ((socket.IPPROTO_IP, IP_RECVERR) if p.family == "ipv4" else
                   (socket.IPPROTO_IPV6, IPV6_RECVERR))
    p.server.setsockopt(s, level, name, 1)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, FIN_WAIT_2)
    before = icmp_received(p.sns)
    rule = reject(p, p.cns, f"sport {p.sport}", "host")
    p.server.send(s, 10)
    end = time.monotonic() + 10
    while icmp_received(p.sns) == before:
        assert time.monotonic() < end
        time.sleep(0.01)
    p.cns.nft_delete(rule)
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.close(c)
    p.want_client = [OPEN + TO_TIME_WAIT + SWEPT]
    p.want_server = [OPENED + TO_CLOSE_WAIT + CLOSED[1:]]
    p.want_wire = ["c FA", "s data", "s data", "c A"]


if __name__ == "__main__":
    unittest.main()
