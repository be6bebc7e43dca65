# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGKILL at any moment leaves no program, map, link or process."""

import os
import random
import signal
import subprocess
import time
import unittest

from harness import actor, netns, tracer, witness
from harness.traced import need_binary

ROUNDS = 50 if os.environ.get("TCPWITNESS_FULL") else 10


class TestLeftBehind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.ns = netns.Namespace("killed")

    @classmethod
    def tearDownClass(cls):
        cls.ns.remove()

    def watch(self, mode, delay, kill):
        """Starts, ends with `kill` after `delay`; -> (what it held, helpers)"""
        t = tracer.Tracer(mode, "--netns", self.ns.inode, ready=False, stdout=subprocess.DEVNULL)
        try:
            time.sleep(delay)
            # Stopped, so that what it holds at the moment of its death is known.
            os.kill(t.pid, signal.SIGSTOP)
            helpers = witness.children(t.pid)
            held = witness.bpf_held([t.pid, *helpers])
            os.kill(t.pid, kill)
            if kill != signal.SIGKILL:
                os.kill(t.pid, signal.SIGCONT)
            t.wait(20)
        finally:
            t.kill()
        return held, helpers

    def assert_gone(self, before, held, helpers, what):
        for pid in helpers:
            self.assertTrue(witness.gone(pid), f"{what}: helper {pid} lives on")
        end = time.monotonic() + 2
        left = held
        while left and time.monotonic() < end:
            left = held & set(witness.bpf_objects())
            time.sleep(0.05)
        self.assertEqual(left, set(), f"{what}: left behind")

    def test_killed_at_random_moments(self):
        before = witness.bpf_objects()
        seed = int.from_bytes(os.urandom(4), "big")
        chance = random.Random(seed)
        most = 0
        with actor.Actor(self.ns) as client, actor.Actor(self.ns) as server:
            listener, port = server.listen("127.0.0.1")
            server.post(actor.serve_churn, listener, 10**6)
            client.post(actor.churn, "127.0.0.1", port, 10**6)
            start = time.monotonic()
            with tracer.Tracer("trace", "--netns", self.ns.inode, stdout=subprocess.DEVNULL):
                whole = time.monotonic() - start
            for i in range(ROUNDS):
                mode = chance.choice(("trace", "trace", "life"))
                # From before it holds anything, over loading and attaching, to when it runs.
                delay = whole * chance.uniform(0.2, 3.0 if i % 3 == 0 else 1.2)
                held, helpers = self.watch(mode, delay, signal.SIGKILL)
                most = max(most, len(held))
                self.assert_gone(before, held, helpers,
                                 f"seed {seed}, round {i}, {mode} after {delay:.3f} s")
        self.assertGreater(most, 5, "never killed when it held anything")
        self.assertEqual(witness.orphaned_bpf(before), {}, "left behind, held by nobody")

    def test_killed_when_it_runs(self):
        before = witness.bpf_objects()
        with tracer.Tracer("trace", "--netns", self.ns.inode) as t:
            helpers = witness.children(t.pid)
            self.assertTrue(helpers, "no helper process")
            held = witness.bpf_held([t.pid, *helpers])
            self.assertGreater(len([h for h in held if h[0] == "link"]), 5, held)
            os.kill(t.pid, signal.SIGKILL)
            t.wait()
        self.assert_gone(before, held, helpers, "killed")
        self.assertEqual(witness.orphaned_bpf(before), {})

    def test_helper_killed(self):
        """Without its helper the tracer ends or goes on; it does not hang and leaves nothing."""
        before = witness.bpf_objects()
        with tracer.Tracer("trace", "--netns", self.ns.inode) as t:
            helpers = witness.children(t.pid)
            held = witness.bpf_held([t.pid, *helpers])
            for pid in helpers:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)
            status = t.stop(timeout=10)
            self.assertIn(status, (0, 1), t.stderr)
        self.assert_gone(before, held, helpers, "helper killed")

    def test_interrupt_and_terminate(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            before = witness.bpf_objects()
            with tracer.Tracer("trace", "--netns", self.ns.inode) as t:
                helpers = witness.children(t.pid)
                held = witness.bpf_held([t.pid, *helpers])
                self.assertEqual(t.stop(sig), 0, t.stderr)
                self.assertIn("seen", t.stderr)
            self.assert_gone(before, held, helpers, sig.name)


if __name__ == "__main__":
    unittest.main()
