# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tracer has given up once it traces, and that it still sees namespaces made later."""

import time
import unittest

from harness import actor, netns, tracer, witness
from harness.traced import need_binary

DAC_READ_SEARCH, SYS_PTRACE, SYS_ADMIN = 2, 19, 21


class TestSandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()

    def assert_dropped(self, pid):
        status = witness.process_status(pid)
        for key in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            self.assertEqual(int(status[key], 16), 0, f"{key} of {pid}: {status[key]}")
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")

    def test_the_main_process(self):
        for mode in ("trace", "life"):
            for option in ((), ("--sandbox-strict",)):
                with self.subTest(mode=mode, option=option), \
                        netns.Namespace("sandbox") as ns, \
                        tracer.Tracer(mode, "--netns", ns.inode, *option) as t:
                    self.assert_dropped(t.pid)
                    for task in witness.children(t.pid):
                        self.assertNotEqual(task, t.pid)
                    self.assertEqual(t.stop(), 0, t.stderr)

    def test_the_helper_keeps_what_it_needs_only(self):
        with netns.Namespace("sandbox") as ns, tracer.Tracer("trace", "--netns", ns.inode) as t:
            helpers = witness.children(t.pid)
            self.assertEqual(len(helpers), 1, helpers)
            status = witness.process_status(helpers[0])
            allowed = 1 << DAC_READ_SEARCH | 1 << SYS_PTRACE | 1 << SYS_ADMIN
            for key in ("CapEff", "CapPrm"):
                self.assertEqual(int(status[key], 16) & ~allowed, 0, f"{key} {status[key]}")
            self.assertEqual(int(status["CapInh"], 16), 0)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "2")

    def test_no_sandbox(self):
        with netns.Namespace("sandbox") as ns, \
                tracer.Tracer("trace", "--netns", ns.inode, "--no-sandbox") as t:
            status = witness.process_status(t.pid)
            self.assertNotEqual(int(status["CapEff"], 16), 0)
            self.assertEqual(status["Seccomp"], "0")

    def test_a_namespace_made_after_the_drop_is_walked(self):
        """By a snapshot that repeats: the first round is before the namespace exists."""
        with tracer.Tracer("snapshot", "--interval", "0.3", "--state", "LISTEN,ESTABLISHED",
                           ready=False) as t:
            # stderr says nothing in a snapshot: the drop is what is waited for.
            end = time.monotonic() + 20
            while witness.process_status(t.pid).get("Seccomp") != "2":
                self.assertLess(time.monotonic(), end, "never dropped")
                time.sleep(0.02)
            self.assert_dropped(t.pid)
            with netns.Namespace("later") as ns, actor.Actor(ns, comm="e2e-later") as a:
                for addr in ("127.0.0.1", "::1"):
                    listener, port = a.listen(addr)
                    a.connect(addr, port)
                    a.accept(listener)

                def seen(lines):
                    mine = [r for r in lines if r["netns"] == ns.inode]
                    return len({(r["state"], r["laddr"], r["lport"], r["rport"])
                                for r in mine}) == 6

                self.assertTrue(t.wait_for(seen, 10), "the new namespace is not in the snapshot")
                mine = [r for r in t.lines if r["netns"] == ns.inode]
                self.assertEqual({(r["pid"], r["comm"]) for r in mine}, {(a.pid, "e2e-later")})
            self.assertEqual(t.stop(), 0, t.stderr)
            self.assertEqual(t.problems, [])

    def test_a_namespace_made_after_the_drop_is_traced(self):
        with tracer.Tracer("trace", "--comm", "e2e-later") as t:
            self.assert_dropped(t.pid)
            with netns.Namespace("later") as ns, actor.Actor(ns, comm="e2e-later") as a:
                listener, port = a.listen("127.0.0.1")
                c, _ = a.connect("127.0.0.1", port)
                s, _ = a.accept(listener)
                a.close(c)
                time.sleep(0.2)
                a.close(s)

                def seen(lines):
                    return any(e["event"] == "transition" and e["netns"] == ns.inode and
                               (e["old"], e["new"]) == ("FIN_WAIT_2", "TIME_WAIT") and
                               e["pid"] == a.pid for e in lines)

                self.assertTrue(t.wait_for(seen, 10))


if __name__ == "__main__":
    unittest.main()
