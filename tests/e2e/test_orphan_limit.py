# SPDX-License-Identifier: GPL-2.0-or-later
"""
More orphans than tcp_max_orphans: the kernel resets what a process closes instead of closing it in
good order. The limit is one of the whole machine, so this is run when nothing else is, and the limit
is low for some milliseconds only.
"""

import atexit
import time
import unittest

from harness import actor
from harness.stage import OPEN, OPENED, TO_CLOSE_WAIT, TO_FIN_WAIT_2
from harness.traced import TracedCase

LIMIT = "/proc/sys/net/ipv4/tcp_max_orphans"
HELD = 40
FIN_WAIT_2 = 5


def _read():
    with open(LIMIT) as f:
        return int(f.read())


def _write(value):
    with open(LIMIT, "w") as f:
        f.write(f"{value}\n")


class TestOrphanLimit(TracedCase):
    VETH = True  # self.peer is the client's namespace

    def test_orphan_limit(self):
        for caddr, saddr in (("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")):
            with self.subTest(saddr), actor.Actor(self.peer, comm="e2e-client") as self.client, \
                    actor.Actor(self.ns, comm="e2e-server") as self.server:
                self.judge(caddr, saddr)

    def judge(self, caddr, saddr):
        listener, port = self.server.listen(saddr, backlog=HELD + 8)
        made = self.client.connect_many(saddr, port, HELD + 2)
        held = {cport: s for s, cport in self.server.accept_many(listener, HELD + 2)}
        # Orphans that stay: their FINs are lost.
        rule = self.ns.nft("input", f"tcp dport {port} tcp flags & fin == fin drop")
        self.client.close_many([s for s, _ in made[:HELD]])
        (closed, cport), (half, hport) = made[HELD:]
        self.server.shutdown(held[hport])
        self.client.recv_eof(half)
        self.server.wait_state(held[hport], FIN_WAIT_2)
        before = self.peer.counters()["TcpExt.TCPAbortOnMemory"]
        limit = _read()
        restore = atexit.register(_write, limit)
        time.sleep(0.25)  # the kernel looks at the number of orphans every 100 ms
        try:
            _write(0)
            self.client.close_many([closed, half])
        finally:
            _write(limit)
            atexit.unregister(restore)
        after = self.peer.counters()["TcpExt.TCPAbortOnMemory"]
        self.assertGreaterEqual(after - before, 2)
        for number in (held[cport], held[hport]):
            self.assertEqual(self.server.recv_error(number), "ECONNRESET")
        for p, path, other in (
                (cport, TO_FIN_WAIT_2[:1] + [("FIN_WAIT_1", "CLOSED", "orphan_limit")],
                 [("ESTABLISHED", "CLOSED", "reset_received")]),
                (hport, TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                         ("LAST_ACK", "CLOSED", "orphan_limit")],
                 TO_FIN_WAIT_2 + [("FIN_WAIT_2", "CLOSED", "reset_received")])):
            client = self.wait_path(upto="CLOSED", netns=self.peer.inode, laddr=caddr, lport=p,
                                    rport=port)
            server = self.wait_path(upto="CLOSED", laddr=saddr, lport=port, rport=p)
            self.assertEqual(client.path, OPEN + path, client)
            self.assertEqual(server.path, OPENED + other, server)
            self.assertEqual({t["pid"] for t in client.lines}, {self.client.pid}, client)
        told = [t for t in self.trace.transitions()
                if t["cause"] == "orphan_limit" and t["rport"] == port]
        # Of those whose FIN is sent again meanwhile some go as well, and all are counted.
        self.assertGreaterEqual(len(told), 2)
        self.assertLessEqual(len(told), after - before)
        self.ns.nft_delete(rule)


if __name__ == "__main__":
    unittest.main()
