# SPDX-License-Identifier: GPL-2.0-or-later
"""
MPTCP with two subflows: each is a connection of its own, with the owner of the MPTCP socket; that
socket itself is none. And the one kind of TCP socket that this kernel opens for itself: the listener
of MPTCP's path manager.
"""

import json
import re
import socket
import time
import unittest

from harness import actor, lives, tracer
from harness.stage import CLOSED, LISTENER, OPEN, OPENED, TO_TIME_WAIT
from harness.traced import TracedCase

IPPROTO_MPTCP = 262
SECOND = {"ipv4": "192.0.2.3", "ipv6": "2001:db8::3"}  # of the client
ADDRESSES = {"ipv4": ("192.0.2.1", "192.0.2.2"), "ipv6": ("2001:db8::1", "2001:db8::2")}
PORT_OF_THE_PATH_MANAGER = 5055


def _listen(side, addr, port=0):
    s = socket.socket(actor._family(addr), socket.SOCK_STREAM, IPPROTO_MPTCP)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    s.listen(8)
    s.settimeout(20)
    return side.add(s), s.getsockname()[1]


def _connect(side, addr, port, source):
    s = socket.socket(actor._family(addr), socket.SOCK_STREAM, IPPROTO_MPTCP)
    s.bind((source, 0))
    s.connect((addr, port))
    s.settimeout(20)
    return side.add(s), s.getsockname()[1]


class TestMptcp(TracedCase):
    VETH = True  # self.peer is the client's namespace, self.ns the server's

    @classmethod
    def prepare(cls):
        for ns in (cls.peer, cls.ns):
            ns.keeper.write_file("/proc/sys/net/mptcp/enabled", "1\n")
            # With them an IPv6 address and its port do not fit into one header's options.
            ns.sysctl(tcp_timestamps=0)
            ns.run("ip", "mptcp", "limits", "set", "subflow", "4", "add_addr_accepted", "4")
        cls.peer.run("ip", "addr", "add", f"{SECOND['ipv4']}/24", "dev", "e2e1")
        cls.peer.run("ip", "addr", "add", f"{SECOND['ipv6']}/64", "dev", "e2e1", "nodad")

    def setUp(self):
        self.client = actor.Actor(self.peer, comm="e2e-client")
        self.addCleanup(self.client.stop)
        self.server = actor.Actor(self.ns, comm="e2e-server")
        self.addCleanup(self.server.stop)

    def endpoint(self, ns, *args):
        ns.run("ip", "mptcp", "endpoint", "add", *args)
        self.addCleanup(ns.run, "ip", "mptcp", "endpoint", "flush")

    def subflows(self, ns, port):
        """Of TCP with this port at an end, by `ss`: [(local address, remote address)]"""
        lines = ns.run("ss", "-tanH", "state", "established", "( sport = :{0} or dport = :{0} )"
                       .format(port)).splitlines()
        return sorted(tuple(re.sub(r"%\w+|[][]", "", word.rpartition(":")[0])
                            for word in line.split()[2:4]) for line in lines)

    def talk(self, c, s, client=None, server=None):
        """Further subflows are opened once there was data both ways."""
        client, server = client or self.client, server or self.server
        client.send(c, 1000)
        server.recv(s, 1000)
        server.send(s, 1000)
        client.recv(c, 1000)

    def whole(self, client_ns, **server_end):
        """The two ends' lives of the connection to this server address and port."""
        laddr, lport = server_end["laddr"], server_end["lport"]
        raddr, rport = server_end["raddr"], server_end["rport"]
        return (self.wait_path(upto="TIME_WAIT", netns=client_ns.inode, laddr=raddr, lport=rport,
                               raddr=laddr, rport=lport),
                self.wait_path(upto="CLOSED", **server_end))

    def belongs(self, life, a):
        self.assertEqual({(t["pid"], t["comm"], t["kernel"], t["complete"], t["began"])
                          for t in life.lines}, {(a.pid, a.comm, False, True, "seen")}, life)

    def until_subflows(self, port, count):
        end = time.monotonic() + 10
        while len(self.subflows(self.peer, port)) < count:
            self.assertLess(time.monotonic(), end, self.peer.run("ss", "-tan"))
            time.sleep(0.02)
        time.sleep(0.1)  # MP_JOIN's last ACK

    def ports_to(self, port):
        """The client's ports of connections to this port, by `ss`."""
        return sorted(int(w[3].rpartition(":")[2]) for w in map(str.split, self.ns.run(
            "ss", "-tanH", "state", "established", "sport", f"= :{port}").splitlines()))

    def test_two_subflows(self):
        """The second one is opened by a worker of the kernel, on both sides without a call."""
        for family, (caddr, saddr) in ADDRESSES.items():
            with self.subTest(family):
                self.endpoint(self.peer, SECOND[family], "dev", "e2e1", "subflow")
                listener, port = self.server.call(_listen, saddr)
                c, cport = self.client.call(_connect, saddr, port, caddr)
                s, _ = self.server.accept(listener)
                self.talk(c, s)
                self.until_subflows(port, 2)
                self.assertEqual({a for a, _ in self.subflows(self.peer, port)},
                                 {caddr, SECOND[family]})
                other, = (p for p in self.ports_to(port) if p != cport)
                rows = self.snapshot(port)
                self.talk(c, s)
                self.client.close(c)
                self.server.recv_eof(s)
                self.server.close(s)
                for addr, p in ((caddr, cport), (SECOND[family], other)):
                    client, server = self.whole(self.peer, laddr=saddr, lport=port, raddr=addr,
                                                rport=p)
                    self.assertEqual(client.path, OPEN + TO_TIME_WAIT, client)
                    self.assertEqual(server.path, OPENED + CLOSED, server)
                    self.belongs(client, self.client)
                    self.belongs(server, self.server)
                self.server.close(listener)
                life = self.wait_path(upto="CLOSED", laddr=saddr, lport=port, role="listener")
                self.assertEqual(life.path, LISTENER, life)
                self.belongs(life, self.server)
                # Two connections of two ends, and no third for the MPTCP socket above them.
                lines = [t for t in self.trace.transitions()
                         if port in (t["lport"], t["rport"]) and t["new"] == "ESTABLISHED"]
                self.assertEqual(len(lines), 4, lines)
                self.assertEqual(len(rows), 5, rows)  # and the listener
                for r in rows:
                    a = self.server if r["lport"] == port else self.client
                    self.assertEqual((r["pid"], r["kernel"]), (a.pid, False), r)

    def snapshot(self, port):
        rows = []
        for ns in (self.ns, self.peer):
            p = tracer.run("snapshot", "-o", "json", "--netns", ns.inode)
            self.assertEqual(p.returncode, 0, p.stderr)
            rows += [r for r in map(json.loads, p.stdout.splitlines())
                     if port in (r["lport"], r["rport"]) and
                     r["state"] in ("LISTEN", "ESTABLISHED")]
        return rows

    def test_kernel_socket(self):
        """
        An endpoint with a port makes the kernel listen there by itself. Whoever ran `ip` does not
        own that; what joins by it belongs to the process whose MPTCP connection it joins.
        """
        for family, (caddr, saddr) in ADDRESSES.items():
            with self.subTest(family):
                port = PORT_OF_THE_PATH_MANAGER
                self.endpoint(self.ns, saddr, "port", str(port), "dev", "e2e1", "signal")
                self.assertIn(f":{port}", self.ns.run("ss", "-tlnH"))
                self.assertNotIn("pid=", self.ns.run("ss", "-tlnpH", "sport", f"= :{port}"))
                listener, first = self.server.call(_listen, saddr)
                c, cport = self.client.call(_connect, saddr, first, caddr)
                s, _ = self.server.accept(listener)
                self.talk(c, s)
                self.until_subflows(port, 1)
                other, = self.ports_to(port)
                (_, source), = self.subflows(self.ns, port)  # either of its addresses
                kernels = [r for r in self.snapshot(port) if r["state"] == "LISTEN"]
                self.assertEqual([(r["pid"], r["kernel"]) for r in kernels], [(None, True)])
                self.client.close(c)
                self.server.recv_eof(s)
                self.server.close(s)
                client, server = self.whole(self.peer, laddr=saddr, lport=port, raddr=source,
                                            rport=other)
                self.assertEqual(client.path, OPEN + TO_TIME_WAIT, client)
                self.assertEqual(server.path, OPENED + CLOSED, server)
                self.belongs(client, self.client)
                # Nobody's while it is half open: whose it will be is in its last ACK.
                self.assertEqual([t["pid"] for t in server.lines],
                                 [None] + [self.server.pid] * 4, server)
                self.assertEqual({t["kernel"] for t in server.lines}, {False}, server)
                self.ns.run("ip", "mptcp", "endpoint", "flush")
                life = self.wait_path(upto="CLOSED", laddr=saddr, lport=port, role="listener")
                self.assertEqual([t["old"] for t in life.lines], ["CLOSED", "LISTEN"], life)
                self.assertEqual({(t["pid"], t["comm"], t["kernel"]) for t in life.lines},
                                 {(None, None, True)}, life)
                self.server.close(listener)

    def test_zz_every_line_is_right(self):
        self.assertEqual(self.trace.problems[:10], [])
        wrong = [(f, life) for life in lives.join(list(self.trace.lines))
                 for f in lives.faults(life)]
        self.assertEqual(wrong[:5], [])
        self.assertEqual([t for t in self.trace.transitions() if t["cause"] == "unknown"], [])


class TestMptcpFilter(TracedCase):
    """Asked for by its process: the subflow that the kernel opened is let through, no other."""

    VETH = True
    prepare = classmethod(lambda cls: TestMptcp.prepare.__func__(cls))
    TRACE_ARGS = ("--comm", "e2e-client")

    def test_joined_subflow(self):
        with actor.Actor(self.peer, comm="e2e-client") as client, \
                actor.Actor(self.ns, comm="e2e-server") as server:
            self.peer.run("ip", "mptcp", "endpoint", "add", SECOND["ipv4"], "dev", "e2e1",
                          "subflow")
            listener, port = server.call(_listen, "192.0.2.2")
            c, cport = client.call(_connect, "192.0.2.2", port, "192.0.2.1")
            s, _ = server.accept(listener)
            TestMptcp.talk(self, c, s, client, server)
            time.sleep(0.5)
            client.close(c)
            server.recv_eof(s)
            server.close(s)
            for addr in ("192.0.2.1", SECOND["ipv4"]):
                life = self.wait_path(upto="TIME_WAIT", netns=self.peer.inode, laddr=addr,
                                      rport=port)
                self.assertEqual(life.path, OPEN + TO_TIME_WAIT, life)
                self.assertEqual({t["pid"] for t in life.lines}, {client.pid}, life)
            self.assertEqual(self.lives(), [])


if __name__ == "__main__":
    unittest.main()
