# SPDX-License-Identifier: GPL-2.0-or-later
"""A class of tests that share a pair of namespaces and one `trace -o json` of them."""

import time
import unittest

from . import lives, netns, tracer


def need_binary():
    if not tracer.available():
        raise unittest.SkipTest(f"no tracer at {tracer.BINARY}")


class TracedCase(unittest.TestCase):
    TRACE_ARGS = ()
    VETH = False

    @classmethod
    def setUpClass(cls):
        need_binary()
        cls.trace = None
        cls.ns = netns.Namespace("traced")
        cls.all_ns = [cls.ns]
        try:
            if cls.VETH:
                cls.peer = netns.Namespace("peer")
                cls.all_ns.append(cls.peer)
                netns.veth(cls.peer, cls.ns)
            cls.prepare()
            where = [a for ns in cls.all_ns for a in ("--netns", ns.inode)]
            cls.trace = tracer.Tracer("trace", *where, *cls.TRACE_ARGS)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def prepare(cls):
        """What must be there before the tracer is."""

    @classmethod
    def tearDownClass(cls):
        if cls.trace is not None:
            cls.trace.kill()
        for ns in cls.all_ns:
            ns.remove()

    def lives(self, **want):
        with self.trace.changed:
            lines = list(self.trace.lines)
        netns_ = want.pop("netns", self.ns.inode)
        return lives.find(lives.join(lines), netns_, **want)

    def wait_path(self, *, upto, timeout=10, role=None, **want):
        """The one life of this endpoint once it has come to state `upto`."""
        end = time.monotonic() + timeout
        while True:
            found = [life for life in self.lives(**want)
                     if role is None or life.has("role", role)]
            if found and found[-1].last["new"] == upto:
                self.assertEqual(len(found), 1, found)
                return found[0]
            if time.monotonic() > end:
                self.fail(f"no life {want} came to {upto} in {timeout} s: {found}\n"
                          f"{self.trace.stderr}")
            time.sleep(0.02)

    def owners(self, life):
        """[(new state, pid, comm)]"""
        return [(t["new"], t["pid"], t["comm"]) for t in life.lines]
