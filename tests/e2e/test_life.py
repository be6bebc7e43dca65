# SPDX-License-Identifier: GPL-2.0-or-later
"""`life`: one line a connection, when it is over; and ends that come from around it."""

import fcntl
import os
import pty
import select
import struct
import termios
import time
import unittest

from harness import actor, lives, netns, tracer
from harness.schema import ns as as_ns
from harness.stage import OPEN, TO_TIME_WAIT
from harness.traced import need_binary


class TestLife(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()

    def test_one_line_when_it_is_over(self):
        with netns.Namespace("life") as ns, tracer.Tracer("life", "--netns", ns.inode) as t, \
                actor.Actor(ns, comm="e2e-client") as client, \
                actor.Actor(ns, comm="e2e-server") as server:
            for addr in ("127.0.0.1", "::1"):
                with self.subTest(addr):
                    listener, port = server.listen(addr)
                    c, cport = client.connect(addr, port)
                    time.sleep(0.1)
                    s, _ = server.accept(listener)
                    client.send(c, 5000)
                    server.recv(s, 5000)
                    server.send(s, 70_000)
                    client.recv(c, 70_000)
                    time.sleep(0.1)
                    client.close(c)
                    server.recv_eof(s)
                    server.close(s)

                    def told(lines):
                        return [e for e in lines if e["event"] == "life" and
                                {e["lport"], e["rport"]} == {cport, port}]

                    t.wait_for(lambda lines: len(told(lines)) == 2, 5)
                    found = told(t.lines)
                    self.assertEqual(len(found), 2, t.stderr)
                    mine, its = sorted(found, key=lambda e: e["rport"] != port)
                    self.end(mine, client.pid, "active", "pending",
                             ["SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT"])
                    self.end(its, server.pid, "passive", None,
                             ["SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK"])
                    for e, sent, received in ((mine, 5000, 70_000), (its, 70_000, 5000)):
                        self.assertEqual((int(e["bytes_sent"]), int(e["bytes_received"])),
                                         (sent, received), e)
                    self.assertGreater(as_ns(its["accept_wait_ns"]), 90e6)
                    self.assertLess(as_ns(its["accept_wait_ns"]), 2e9)
                    self.assertIsNone(mine["accept_wait_ns"])
                    for e in (mine, its):
                        self.assertLess(as_ns(e["handshake_ns"]), 1e9)
                        established = next(as_ns(p["ns"]) for p in e["path"]
                                           if p["state"] == "ESTABLISHED")
                        self.assertGreater(established, 190e6)
                        self.assertGreater(int(e["srtt_us"]), 0)
            self.assertEqual(t.stop(), 0, t.stderr)
            self.assertEqual(t.problems, [])

    def end(self, e, pid, role, time_wait, path):
        self.assertEqual([p["state"] for p in e["path"] if p["state"] not in
                          ("CLOSED", "LISTEN")], path, e)
        self.assertEqual((e["pid"], e["role"], e.get("time_wait"), e["complete"], e["began"]),
                         (pid, role, time_wait, True, "seen"), e)

    def test_the_namespace_ends(self):
        """Its TIME_WAITs are purged by the kernel, in silence but for the timer."""
        ns = netns.Namespace("ends")
        with tracer.Tracer("trace", "--netns", ns.inode) as t:
            with actor.Actor(ns) as a:
                for addr in ("127.0.0.1", "::1"):
                    listener, port = a.listen(addr)
                    c, _ = a.connect(addr, port)
                    s, _ = a.accept(listener)
                    a.close(c)
                    a.recv_eof(s)
                    a.close(s)
                    a.close(listener)
            inode = ns.inode
            ns.remove()

            def ends(lines):
                return [e for e in lines if e.get("old") == "TIME_WAIT"]

            self.assertTrue(t.wait_for(lambda lines: len(ends(lines)) == 2, 20))
            paths = [life.path for life in lives.find(lives.join(t.lines), inode)
                     if not life.has("role", "listener")]
            gone = [("TIME_WAIT", "CLOSED", "time_wait_killed")]
            self.assertEqual(paths.count(OPEN + TO_TIME_WAIT + gone), 2, paths)
            self.assertEqual(t.stop(), 0, t.stderr)

    def on_terminal(self, ns, mode, columns, traffic):
        """Runs a command on a terminal of that many columns; -> its lines."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        with os.fdopen(slave, "wb") as s:
            t = tracer.Tracer(mode, "--netns", ns.inode, json=False, stdout=s, env=env,
                              ready=mode != "snapshot")
        with t:
            traffic()
            got = b""
            if mode == "snapshot":
                self.assertEqual(t.wait(10), 0, t.stderr)
            else:
                time.sleep(0.3)
                self.assertEqual(t.stop(), 0, t.stderr)
            while select.select([master], [], [], 0)[0]:
                try:
                    got += os.read(master, 65536)
                except OSError:
                    break
            os.close(master)
        self.assertNotIn(b"\x1b", got)
        return got.decode().replace("\r\n", "\n").splitlines()

    def test_text(self):
        """A head and aligned lines, readable at 100 columns; every state by its RFC name."""
        with netns.Namespace("text") as ns, actor.Actor(ns, comm="e2e-client") as a:
            listener, port = a.listen("127.0.0.1")

            def traffic():
                c, _ = a.connect("127.0.0.1", port)
                s, _ = a.accept(listener)
                a.close(c)
                a.recv_eof(s)
                a.close(s)

            outputs = {m: self.on_terminal(ns, m, 100, traffic)
                       for m in ("trace", "life", "snapshot")}
            for mode, lines in outputs.items():
                text = "\n".join(lines)
                self.assertGreater(len(lines), 2, mode)
                self.assertEqual([x for x in lines if len(x) > 100], [], mode)
                self.assertIn(str(port), text)
                self.assertIn(str(a.pid), text)
            for state in ("SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1", "TIME_WAIT",
                          "CLOSE_WAIT", "LAST_ACK", "CLOSED"):
                self.assertIn(state, "\n".join(outputs["trace"]))
            self.assertIn("TIME_WAIT", "\n".join(outputs["snapshot"]))


if __name__ == "__main__":
    unittest.main()
