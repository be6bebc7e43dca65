# SPDX-License-Identifier: GPL-2.0-or-later
"""Each filter lets through exactly what it says, judged against an unfiltered tracer beside it."""

import ipaddress
import os
import time
import unittest
from collections import Counter

from harness import actor, lives, netns, tracer
from harness.traced import TracedCase

CGROUP = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
PORTS = {"red": 4001, "green": 4002, "lone": 4003}
LOCAL = {"red": 5001, "green": 5002, "lone": 5003, "refused": 5004}
NOBODY = 4004


def key(e):
    return (e["event"], e["netns"], e["conn"], e["laddr"], e["lport"], e["raddr"], e["rport"],
            e.get("old"), e.get("new"), e.get("cause"))


def within(addr, cidr):
    if addr is None:
        return False
    net = ipaddress.ip_network(cidr)
    a = ipaddress.ip_address(addr)
    return a.version == net.version and a in net


class TestFilters(TracedCase):
    VETH = True
    maxDiff = None

    @classmethod
    def prepare(cls):
        cls.filtered = {}
        cls.actors = {}
        cls.cgroup = f"{CGROUP}/e2e-filter-{os.getpid()}"
        os.makedirs(cls.cgroup)
        for name, where, comm in (("red", cls.peer, "e2e-red"),
                                  ("green", cls.peer, "e2e-fifteen-byt"),
                                  ("blue", cls.ns, "e2e-blue"), ("grey", cls.ns, "e2e-grey"),
                                  ("lone", cls.ns, "e2e-lone")):
            cls.actors[name] = actor.Actor(where, comm=comm)
        with open(f"{cls.cgroup}/cgroup.procs", "w") as f:
            f.write(str(cls.actors["red"].pid))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls._perform()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for t in getattr(cls, "filtered", {}).values():
            t.kill()
        for a in getattr(cls, "actors", {}).values():
            a.stop()
        super().tearDownClass()
        if hasattr(cls, "cgroup"):
            for _ in range(100):
                try:
                    os.rmdir(cls.cgroup)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)

    # name: (options, what a line of the unfiltered tracer must be like; None: of its life)
    @classmethod
    def filters(cls):
        a = cls.actors
        return {
            "port": (["--port", 4001], lambda e: 4001 in (e["lport"], e["rport"])),
            "ports": (["--port", 4001, "--port", 4003],
                      lambda e: {4001, 4003} & {e["lport"], e["rport"]}),
            "lport": (["--lport", 4002], lambda e: e["lport"] == 4002),
            "lport_of_client": (["--lport", 5001], lambda e: e["lport"] == 5001),
            "rport": (["--rport", 4001], lambda e: e["rport"] == 4001),
            "addr": (["--addr", "192.0.2.0/30"], lambda e: within(e["laddr"], "192.0.2.0/30") or
                     within(e["raddr"], "192.0.2.0/30")),
            "laddr": (["--laddr", "2001:db8::2/128"],
                      lambda e: within(e["laddr"], "2001:db8::2/128")),
            "raddr": (["--raddr", "127.0.0.0/8"], lambda e: within(e["raddr"], "127.0.0.0/8")),
            "raddr_one": (["--raddr", "192.0.2.1"], lambda e: within(e["raddr"], "192.0.2.1/32")),
            "pid": (["--pid", a["red"].pid], lambda e: e["pid"] == a["red"].pid),
            "pid_of_server": (["--pid", a["grey"].pid], lambda e: e["pid"] == a["grey"].pid),
            "comm": (["--comm", "e2e-fifteen-bytes-and-more"],
                     lambda e: e["comm"] == "e2e-fifteen-byt"),
            "comm_of_server": (["--comm", "e2e-blue"], lambda e: e["comm"] == "e2e-blue"),
            "cgroup": (["--cgroup", cls.cgroup], lambda e: e["pid"] == a["red"].pid),
            "netns_by_name": (["--netns", cls.peer.name],
                              lambda e: e["netns"] == cls.peer.inode),
            "netns_by_path": (["--netns", cls.ns.path], lambda e: e["netns"] == cls.ns.inode),
            "role_active": (["--role", "active"], lambda e: e["role"] == "active"),
            "role_passive": (["--role", "passive"], lambda e: e["role"] == "passive"),
            "role_listener": (["--role", "listener"], lambda e: e["role"] == "listener"),
            "family_ipv4": (["--family", "ipv4"], lambda e: e["family"] == "ipv4"),
            "family_ipv6": (["--family", "ipv6"], lambda e: e["family"] == "ipv6"),
            "state": (["--state", "TIME_WAIT"], lambda e: "TIME_WAIT" in (e["old"], e["new"])),
            "states": (["--state", "syn-recv,close_wait"],
                       lambda e: {"SYN_RECEIVED", "CLOSE_WAIT"} & {e["old"], e["new"]}),
            "both": (["--family", "ipv4", "--role", "passive", "--port", 4001],
                     lambda e: e["role"] == "passive" and e["lport"] == 4001),
        }

    @classmethod
    def _perform(cls):
        names = list(cls.filters().items())
        for name, (options, _) in names:
            where = [] if "--netns" in options else [
                x for ns in cls.all_ns for x in ("--netns", ns.inode)]
            cls.filtered[name] = tracer.Tracer("trace", *where, *options, ready=False)
        for t in cls.filtered.values():
            t.wait_ready()
        cls._traffic()
        time.sleep(0.5)
        for t in (cls.trace, *cls.filtered.values()):
            t.status = t.stop()

    @classmethod
    def _traffic(cls):
        red, green, blue, grey, lone = (cls.actors[n] for n in (
            "red", "green", "blue", "grey", "lone"))
        for client, server, saddr, caddr, name in (
                (red, blue, "192.0.2.2", "192.0.2.1", "red"),
                (green, grey, "2001:db8::2", "2001:db8::1", "green"),
                (lone, lone, "127.0.0.1", "127.0.0.1", "lone")):
            listener, _ = server.listen(saddr, PORTS[name])
            c, _ = client.connect(saddr, PORTS[name], bind=(caddr, LOCAL[name]))
            s, _ = server.accept(listener)
            client.send(c, 10)
            server.recv(s, 10)
            if name == "lone":
                client.abort(c)
                server.recv_error(s)
            else:
                client.close(c)
                server.recv_eof(s)
            server.close(s)
            server.close(listener)
        try:
            red.connect("192.0.2.2", NOBODY, bind=("192.0.2.1", LOCAL["refused"]))
        except actor.ActorError:
            pass

    def judge(self, name):
        _, want = self.filters()[name]
        t = self.filtered[name]
        self.assertEqual(t.status, 0, t.stderr)
        self.assertEqual(t.problems[:3], [])
        kinds = ("transition",) if name.startswith("state") else ("transition", "accept")
        whole = Counter(key(e) for e in self.trace.lines if e["event"] in kinds and want(e))
        have = Counter(key(e) for e in t.lines if e["event"] in kinds)
        self.assertGreater(sum(whole.values()), 0, "nothing to let through: the test is wrong")
        self.assertEqual((sorted((have - whole).items(), key=str),
                          sorted((whole - have).items(), key=str)), ([], []),
                         "(too much, missing)")
        pids = {key(e): e["pid"] for e in self.trace.lines if e["event"] in kinds}
        for e in t.lines:
            if e["event"] in kinds:
                self.assertEqual(e["pid"], pids[key(e)], f"another owner under the filter: {e}")

    def test_the_unfiltered_one_has_it_all(self):
        self.assertEqual(self.trace.status, 0, self.trace.stderr)
        joined = lives.join(self.trace.lines)
        self.assertEqual([f for life in joined for f in lives.faults(life)], [])
        ends = {(life.lines[-1]["laddr"], life.lines[-1]["lport"], life.lines[0]["role"])
                for life in joined}
        self.assertLessEqual({
            ("192.0.2.1", 5001, "active"), ("192.0.2.2", 4001, "passive"),
            ("192.0.2.2", 4001, "listener"), ("2001:db8::1", 5002, "active"),
            ("2001:db8::2", 4002, "passive"), ("2001:db8::2", 4002, "listener"),
            ("127.0.0.1", 5003, "active"), ("127.0.0.1", 4003, "passive"),
            ("127.0.0.1", 4003, "listener"), ("192.0.2.1", 5004, "active")}, ends)


for _name in ("port", "ports", "lport", "lport_of_client", "rport", "addr", "laddr", "raddr",
              "raddr_one", "pid", "pid_of_server", "comm", "comm_of_server", "cgroup",
              "netns_by_name", "netns_by_path", "role_active", "role_passive", "role_listener",
              "family_ipv4", "family_ipv6", "state", "states", "both"):
    setattr(TestFilters, f"test_{_name}", lambda self, name=_name: self.judge(name))


class TestOlderListener(TracedCase):
    """A listener that is older than the tracer, of a process that was not asked for."""

    TRACE_ARGS = ("--comm", "e2e-client")

    @classmethod
    def prepare(cls):
        cls.server = actor.Actor(cls.ns, comm="e2e-server")
        cls.listeners = [cls.server.listen(addr) for addr in ("127.0.0.1", "::1")]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        super().tearDownClass()

    def test_its_end_is_not_told(self):
        for listener, _ in self.listeners:
            self.server.close(listener)
        with actor.Actor(self.ns, comm="e2e-client") as client:
            for addr, (_, port) in zip(("127.0.0.1", "::1"), self.listeners):
                with self.assertRaises(actor.ActorError):
                    client.connect(addr, port)
                self.wait_path(upto="CLOSED", raddr=addr, rport=port)
            self.assertEqual({t["pid"] for t in self.trace.transitions()}, {client.pid},
                             self.trace.lines)


if __name__ == "__main__":
    unittest.main()
