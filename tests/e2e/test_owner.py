# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose connection it is: the process that connects, listens, accepts; and one that dies."""

import os
import socket
import time
import unittest

from harness import actor, lives, running
from harness.schema import ns as as_ns
from harness.stage import CLOSED, OPEN, OPENED, TO_TIME_WAIT
from harness.traced import TracedCase

CGROUP = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"

IPPROTO_MPTCP = 262


class TestOwner(TracedCase):
    def setUp(self):
        self.client = actor.Actor(self.ns, comm="e2e-client")
        self.addCleanup(self.client.stop)
        self.server = actor.Actor(self.ns, comm="e2e-server")
        self.addCleanup(self.server.stop)

    def end_of_server(self, addr, port, cport, upto="CLOSED"):
        return self.wait_path(upto=upto, laddr=addr, lport=port, raddr=addr, rport=cport)

    def accept_events(self, life):
        return [e for e in life.others if e["event"] == "accept"]

    def test_accept_by_another_thread(self):
        for addr in ("127.0.0.1", "::1"):
            with self.subTest(addr):
                listener, port = self.server.listen(addr)
                c, cport = self.client.connect(addr, port)
                time.sleep(0.15)
                s, _, tid = self.server.accept_in_thread(listener)
                self.assertNotEqual(tid, self.server.pid)
                self.client.close(c)
                self.server.recv_eof(s)
                self.server.close(s)
                life = self.end_of_server(addr, port, cport)
                self.assertEqual(life.path, OPENED + CLOSED, life)
                # The process, not the thread: pid is the thread group, comm its leader's.
                self.assertEqual({(p, n) for _, p, n in self.owners(life)},
                                 {(self.server.pid, "e2e-server")}, life)
                accepts = self.accept_events(life)
                self.assertEqual([(e["pid"], e["comm"]) for e in accepts],
                                 [(self.server.pid, "e2e-server")])
                self.assertGreater(as_ns(accepts[0]["wait_ns"]), 140e6)
                self.assertLess(as_ns(accepts[0]["wait_ns"]), 3e9)

    def test_accept_by_a_forked_child(self):
        for addr in ("127.0.0.1", "::1"):
            with self.subTest(addr):
                listener, port = self.server.listen(addr)
                c, cport = self.client.connect(addr, port)
                self.end_of_server(addr, port, cport, upto="ESTABLISHED")
                child = self.server.accept_in_child(listener, "e2e-child")
                self.server.wait_child_accepted(child)
                self.client.close(c)
                self.assertEqual(self.server.reap_child(child), 0)
                life = self.end_of_server(addr, port, cport)
                self.assertEqual(life.path, OPENED + CLOSED, life)
                self.assertEqual(self.owners(life), [
                    ("SYN_RECEIVED", self.server.pid, "e2e-server"),
                    ("ESTABLISHED", self.server.pid, "e2e-server"),
                    ("CLOSE_WAIT", child, "e2e-child"),
                    ("LAST_ACK", child, "e2e-child"),
                    ("CLOSED", child, "e2e-child")], life)
                self.assertEqual([(e["pid"], e["comm"]) for e in self.accept_events(life)],
                                 [(child, "e2e-child")])

    def test_a_process_is_killed(self):
        """The kernel closes its sockets for it, each in its own way."""
        for addr in ("127.0.0.1", "::1"):
            with self.subTest(addr), actor.Actor(self.ns, comm="e2e-victim") as victim:
                listener, port = victim.listen(addr)
                idle, idle_port = self.client.connect(addr, port)
                victim.accept(listener)
                unread, unread_port = self.client.connect(addr, port)
                victim.accept(listener)
                self.client.send(unread, 10)
                waiting, waiting_port = self.client.connect(addr, port)
                own, own_port = self.server.listen(addr)
                _, out_port = victim.connect(addr, own_port)
                peer, _ = self.server.accept(own)
                time.sleep(0.1)
                victim.kill()
                for c, want in ((idle, "EOF"), (unread, "ECONNRESET"), (waiting, "ECONNRESET")):
                    self.assertEqual(self.client.recv_error(c), want)
                    self.client.close(c)
                self.server.recv_eof(peer)
                self.server.close(peer)
                want = {
                    idle_port: OPENED + TO_TIME_WAIT,
                    unread_port: OPENED + [("ESTABLISHED", "CLOSED", "abort")],
                    waiting_port: OPENED + [("ESTABLISHED", "CLOSED", "listener_closed")],
                }
                for cport, path in want.items():
                    life = self.wait_path(upto=path[-1][1], laddr=addr, lport=port, raddr=addr,
                                          rport=cport)
                    self.assertEqual(life.path, path, life)
                    self.assertEqual({(p, n) for _, p, n in self.owners(life)},
                                     {(victim.pid, "e2e-victim")}, life)
                life = self.wait_path(upto="TIME_WAIT", laddr=addr, lport=out_port, rport=own_port)
                self.assertEqual(life.path, OPEN + TO_TIME_WAIT, life)
                self.assertEqual({(p, n) for _, p, n in self.owners(life)},
                                 {(victim.pid, "e2e-victim")}, life)
                life = self.wait_path(upto="CLOSED", laddr=addr, lport=port, role="listener")
                self.assertEqual(life.path, [("CLOSED", "LISTEN", "listen"),
                                             ("LISTEN", "CLOSED", "close")], life)

    def test_cgroup_container_and_unit(self):
        container = "0123456789abcdef" * 4
        top = f"{CGROUP}/e2e-{os.getpid()}.slice"
        scope = f"{top}/docker-{container}.scope"
        os.makedirs(scope)
        self.addCleanup(lambda: [_rmdir(d) for d in (scope, top)])
        with actor.Actor(self.ns, comm="e2e-boxed") as boxed:
            with open(f"{scope}/cgroup.procs", "w") as f:
                f.write(str(boxed.pid))
            listener, port = self.server.listen("127.0.0.1")
            c, cport = boxed.connect("127.0.0.1", port)
            boxed.close(c)
            life = self.wait_path(upto="FIN_WAIT_2", laddr="127.0.0.1", lport=cport, rport=port)
        for t in life.lines:
            self.assertEqual((t["cgroup"], t["container"], t["unit"]),
                             (scope[len(CGROUP):], container, f"docker-{container}.scope"), life)

    def test_mptcp(self):
        """A subflow is its owner's; the MPTCP socket above it makes no lines of its own."""
        for addr in ("127.0.0.1", "::1"):
            with self.subTest(addr):
                listener, port = self.server.call(_mptcp_listen, addr)
                c, cport = self.client.call(_mptcp_connect, addr, port)
                s, _ = self.server.accept(listener)
                self.client.send(c, 10)
                self.server.recv(s, 10)
                self.client.close(c)
                self.server.recv_eof(s)
                self.server.close(s)
                self.server.close(listener)
                server = self.end_of_server(addr, port, cport)
                client = self.wait_path(upto="TIME_WAIT", laddr=addr, lport=cport, rport=port)
                self.assertEqual(client.path, OPEN + TO_TIME_WAIT, client)
                self.assertEqual(server.path, OPENED + CLOSED, server)
                for life, a in ((client, self.client), (server, self.server)):
                    self.assertEqual({t["pid"] for t in life.lines}, {a.pid}, life)
                life = self.wait_path(upto="CLOSED", laddr=addr, lport=port, role="listener")
                self.assertEqual([t["pid"] for t in life.lines], [self.server.pid] * 2, life)

    def test_every_line_is_right(self):
        self.assertEqual(self.trace.problems[:10], [])
        wrong = [(f, life) for life in lives.join(list(self.trace.lines))
                 for f in lives.faults(life)]
        self.assertEqual(wrong[:5], [])

    def test_zz_unknown_causes(self):
        unknown = [t for t in self.trace.transitions() if t["cause"] == "unknown" and
                   (running.SEGMENTS or t["old"] != "FIN_WAIT_2")]
        self.assertEqual(unknown, [])


def _mptcp_listen(side, addr):
    s = socket.socket(actor._family(addr), socket.SOCK_STREAM, IPPROTO_MPTCP)
    s.bind((addr, 0))
    s.listen(8)
    s.settimeout(20)
    return side.add(s), s.getsockname()[1]


def _mptcp_connect(side, addr, port):
    s = socket.socket(actor._family(addr), socket.SOCK_STREAM, IPPROTO_MPTCP)
    s.connect((addr, port))
    s.settimeout(20)
    return side.add(s), s.getsockname()[1]


def _rmdir(path):
    for _ in range(100):
        try:
            os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
