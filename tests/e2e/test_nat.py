# SPDX-License-Identifier: GPL-2.0-or-later
"""
Connections whose addresses are changed on their way: each end tells what its own socket has, once;
what lies between tells nothing, for it has no socket.
"""

import json
import unittest

from harness import actor, lives, netns, tracer
from harness.stage import CLOSED, OPEN, OPENED, TO_TIME_WAIT
from harness.traced import TracedCase

SERVICE = 80
# The client's network is 192.0.2.0/24 and 2001:db8::/64, the server's 198.51.100.0/24 and
# 2001:db8:1::/64; the service has an address that no machine has.
FAMILIES = {
    "ipv4": {"client": "192.0.2.1", "router": ("192.0.2.2", "198.51.100.1"),
             "server": "198.51.100.2", "service": "203.0.113.80", "bits": 24, "nft": "ip"},
    "ipv6": {"client": "2001:db8::1", "router": ("2001:db8::2", "2001:db8:1::1"),
             "server": "2001:db8:1::2", "service": "2001:db8:80::80", "bits": 64, "nft": "ip6"},
}


def _join(a, b, name):
    netns.sh("ip", "link", "add", name, "netns", a.name, "type", "veth",
             "peer", "name", name, "netns", b.name)
    for ns in (a, b):
        netns.sh("ip", "-n", ns.name, "link", "set", name, "addrgenmode", "none")


def _address(ns, device, addr, bits):
    netns.sh("ip", "-n", ns.name, "addr", "add", f"{addr}/{bits}", "dev", device,
             *(["nodad"] if ":" in addr else []))


class TestNat(TracedCase):
    @classmethod
    def prepare(cls):
        """self.ns is the server's namespace."""
        cls.client_ns, cls.router = netns.Namespace("client"), netns.Namespace("router")
        cls.all_ns += [cls.client_ns, cls.router]
        _join(cls.client_ns, cls.router, "e2eo")
        _join(cls.router, cls.ns, "e2ei")
        for f in FAMILIES.values():
            _address(cls.client_ns, "e2eo", f["client"], f["bits"])
            _address(cls.router, "e2eo", f["router"][0], f["bits"])
            _address(cls.router, "e2ei", f["router"][1], f["bits"])
            _address(cls.ns, "e2ei", f["server"], f["bits"])
        for ns, device in ((cls.client_ns, "e2eo"), (cls.router, "e2eo"), (cls.router, "e2ei"),
                           (cls.ns, "e2ei")):
            # A router asks for its neighbours by its link-local address, and has to have one.
            _address(ns, device, "fe80::1" if ns is cls.router else "fe80::2", 64)
            netns.sh("ip", "-n", ns.name, "link", "set", device, "up")
        for f in FAMILIES.values():
            for ns, via in ((cls.client_ns, f["router"][0]), (cls.ns, f["router"][1])):
                netns.sh("ip", "-n", ns.name, "route", "add", "default", "via", via)
        cls.router.keeper.write_file("/proc/sys/net/ipv4/ip_forward", "1\n")
        cls.router.keeper.write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1\n")
        for device in ("e2eo", "e2ei"):
            cls.router.keeper.write_file(f"/proc/sys/net/ipv4/conf/{device}/rp_filter", "0\n")
        for f in FAMILIES.values():  # IPv6 takes a device as ready a moment after its carrier
            cls.client_ns.keeper.call(netns._wait_reachable, f["server"], timeout=30)

    def setUp(self):
        self.client = actor.Actor(self.client_ns, comm="e2e-client")
        self.addCleanup(self.client.stop)
        self.server = actor.Actor(self.ns, comm="e2e-server")
        self.addCleanup(self.server.stop)
        self.before = {ns: ns.counters() for ns in self.all_ns}

    def nat(self, ns, *rules):
        ns.run("nft", "add table inet nat;"
               "add chain inet nat prerouting { type nat hook prerouting priority dstnat; };"
               "add chain inet nat output { type nat hook output priority -100; };"
               "add chain inet nat postrouting { type nat hook postrouting priority srcnat; };" +
               "".join(f"add rule inet nat {rule};" for rule in rules))
        self.addCleanup(ns.run, "nft", "delete table inet nat")

    def talk(self, c, s):
        self.client.send(c, 100)
        self.server.recv(s, 100)
        self.server.send(s, 100)
        self.client.recv(c, 100)

    def snapshot(self, ns):
        p = tracer.run("snapshot", "-o", "json", "--netns", ns.inode, "--state", "ESTABLISHED")
        self.assertEqual(p.returncode, 0, p.stderr)
        return [(r["laddr"], r["lport"], r["raddr"], r["rport"])
                for r in map(json.loads, p.stdout.splitlines())]

    def one_connection(self, client_end, server_end, cns=None):
        """
        From (local, remote) as the client has it to the same as the server has it: two ends, each
        told once, of the whole path, with its own process; by the kernel's counters one connection.
        """
        cns = cns or self.client_ns
        ends = []
        for ns, (local, remote), upto in ((cns, client_end, "TIME_WAIT"),
                                          (self.ns, server_end, "CLOSED")):
            ends.append(self.wait_path(upto=upto, netns=ns.inode, laddr=local[0], lport=local[1],
                                       raddr=remote[0], rport=remote[1]))
        client, server = ends
        self.assertEqual(client.path, OPEN + TO_TIME_WAIT, client)
        self.assertEqual(server.path, OPENED + CLOSED, server)
        self.assertEqual(lives.faults(client) + lives.faults(server), [])
        self.assertEqual({t["pid"] for t in client.lines}, {self.client.pid}, client)
        self.assertEqual({t["pid"] for t in server.lines}, {self.server.pid}, server)
        opened = {ns: [t for t in self.trace.transitions() if t["netns"] == ns.inode and
                       t["new"] == "ESTABLISHED" and int(t["mono_ns"]) >= int(
                           client.lines[0]["mono_ns"])] for ns in self.all_ns}
        for ns in self.all_ns:
            after = ns.counters()
            made = sum(after[k] - self.before[ns][k]
                       for k in ("Tcp.ActiveOpens", "Tcp.PassiveOpens"))
            self.assertEqual(len(opened[ns]), made, (ns.name, opened[ns]))
        return client, server

    def test_dnat_and_snat_by_a_router(self):
        """
        The client talks to the service's address, the server with the router's: neither end has the
        other's own. The router's table of connections is not one of sockets.
        """
        for family, f in FAMILIES.items():
            with self.subTest(family):
                listener, port = self.server.listen(f["server"])
                self.before = {ns: ns.counters() for ns in self.all_ns}
                self.nat(self.router,
                         f"prerouting {f['nft']} daddr {f['service']} tcp dport {SERVICE} "
                         f"dnat {f['nft']} to {self.at(f['server'], port)}",
                         f"postrouting {f['nft']} saddr {f['client']} meta l4proto tcp oifname e2ei "
                         f"snat {f['nft']} to {self.at(f['router'][1], '40000-40999')}")
                c, cport = self.client.connect(f["service"], SERVICE)
                s, sport = self.server.accept(listener)
                self.assertIn(sport, range(40000, 41000))
                self.talk(c, s)
                client_end = ((f["client"], cport), (f["service"], SERVICE))
                server_end = ((f["server"], port), (f["router"][1], sport))
                self.assertEqual(self.snapshot(self.client_ns), [(*client_end[0], *client_end[1])])
                self.assertEqual(self.snapshot(self.ns), [(*server_end[0], *server_end[1])])
                self.assertEqual(self.snapshot(self.router), [])
                self.client.close(c)
                self.server.recv_eof(s)
                self.server.close(s)
                self.one_connection(client_end, server_end)
                self.assertEqual([e for e in self.trace.lines
                                  if e.get("netns") == self.router.inode], [])
                self.server.close(listener)
                self.doCleanups()
                self.setUp()

    @staticmethod
    def at(addr, port):
        return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"

    def test_redirect_within_one_namespace(self):
        """Both ends are of one namespace, and their addresses do not match each other's."""
        for family, f in FAMILIES.items():
            with self.subTest(family):
                local = "127.0.0.1" if family == "ipv4" else f["server"]
                listener, port = self.server.listen(local)
                with actor.Actor(self.ns, comm="e2e-client") as self.client:
                    self.before = {ns: ns.counters() for ns in self.all_ns}
                    self.nat(self.ns, f"output {f['nft']} daddr {f['service']} tcp dport "
                             f"{SERVICE} dnat {f['nft']} to {self.at(local, port)}")
                    c, cport = self.client.connect(f["service"], SERVICE)
                    s, sport = self.server.accept(listener)
                    self.assertEqual(sport, cport)
                    self.talk(c, s)
                    self.client.close(c)
                    self.server.recv_eof(s)
                    self.server.close(s)
                    self.one_connection(((f["server"], cport), (f["service"], SERVICE)),
                                        ((local, port), (f["server"], cport)), self.ns)
                self.server.close(listener)
                self.doCleanups()
                self.setUp()


if __name__ == "__main__":
    unittest.main()
