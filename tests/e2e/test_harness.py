# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness itself: what must be caught is caught."""

import json
import os
import subprocess
import sys
import unittest

from harness import actor, hidden, lives, netns, schema, wire, witness
from harness.stage import CLOSE, CLOSED, OPEN, OPENED
from harness.tables import CAUSES, EDGES, STATES

LINE = {
    "schema": 1, "host": "h", "boot_id": "01234567-89ab-cdef-0123-456789abcdef",
    "ts": "2026-01-02T03:04:05.000000006Z", "mono_ns": "1000", "event": "transition",
    "conn": "17", "began": "seen", "complete": True, "netns": 4026531840, "family": "ipv4",
    "laddr": "127.0.0.1", "lport": 1, "raddr": "127.0.0.1", "rport": 2, "role": "active",
    "pid": 3, "comm": "x", "uid": 0, "cgroup": None, "container": None, "unit": None,
    "kernel": False, "old": "CLOSED", "new": "SYN_SENT", "dwell_ns": None, "dwell_exact": None,
    "cause": "connect", "source": "state",
}


def lines_of(path, step=1_000_000, **more):
    at = 1_000_000
    result = []
    for old, new, cause in path:
        first = not result
        half = old == "LISTEN" and new == "SYN_RECEIVED"
        result.append({**LINE, "old": old, "new": new, "cause": cause, "mono_ns": str(at),
                       "dwell_ns": None if first else str(step), "dwell_exact": not first,
                       "conn": None if half else "17",
                       "half_open": "5" if old in ("LISTEN", "SYN_RECEIVED") else None, **more})
        at += step
    return result


class TestJudgement(unittest.TestCase):
    def test_schema_takes_a_right_line(self):
        self.assertEqual(schema.problems(json.dumps(LINE))[1], [])

    def test_schema_catches_each_wrong_key(self):
        for key in LINE:
            for bad in ([], -1, "\x00"):
                with self.subTest(key=key, bad=bad):
                    if bad == "\x00" and key in ("host", "comm", "cgroup", "container", "unit"):
                        continue
                    self.assertTrue(schema.problems(json.dumps({**LINE, key: bad}))[1])
            without = {k: v for k, v in LINE.items() if k != key}
            self.assertTrue(schema.problems(json.dumps(without))[1], key)
        for text in ("", "{", "[]", "nonsense"):
            self.assertTrue(schema.problems(text)[1])
        self.assertTrue(schema.problems(json.dumps({**LINE, "family": "ipv6"}))[1])
        self.assertTrue(schema.problems(json.dumps({**LINE, "mono_ns": 5}))[1])
        self.assertEqual(schema.problems(json.dumps({**LINE, "unheard_of": {}}))[1], [])

    def test_right_paths_have_no_fault(self):
        for path in (OPEN + CLOSE, OPENED + CLOSED):
            found = lives.join(lines_of(path))
            self.assertEqual([life.path for life in found], [path])
            self.assertEqual(lives.faults(found[0]), [])

    def test_every_line_left_out_is_a_fault(self):
        for path in (OPEN + CLOSE, OPENED + CLOSED):
            for i in range(len(path) - 1):
                lines = lines_of(path)
                del lines[i]
                self.assertTrue(any(lives.faults(life) for life in lives.join(lines)), i)

    def test_every_swap_is_a_fault(self):
        for path in (OPEN + CLOSE, OPENED + CLOSED):
            for i in range(len(path) - 1):
                lines = lines_of(path)
                lines[i], lines[i + 1] = lines[i + 1], lines[i]
                self.assertTrue(any(lives.faults(life) for life in lives.join(lines)), i)

    def test_a_wrong_dwell_is_a_fault(self):
        lines = lines_of(OPEN + CLOSE)
        lines[4]["dwell_ns"] = "2000000"
        self.assertTrue(lives.faults(lives.join(lines)[0]))

    def test_an_invented_edge_is_a_fault(self):
        for old in STATES:
            for new in STATES:
                life = lives.join(lines_of([(old, new, "unknown")], began="snapshot"))[0]
                self.assertEqual(bool(lives.faults(life)), (old, new) not in EDGES, (old, new))

    def test_tables(self):
        self.assertEqual(len(STATES), 11)
        self.assertIn("syn_cookie", CAUSES)

    def test_wire_subsequence(self):
        have = ["c S", "s SA", "c A", "c A+5", "s A", "c RA"]
        self.assertTrue(wire.follows(have, ["c S", "s SA", "c data", "c RA"]))
        self.assertFalse(wire.follows(have, ["c S", "s RA"]))
        self.assertFalse(wire.follows(have, ["c RA", "c S"]))
        self.assertFalse(wire.follows(have, ["s data"]))


class TestWitnesses(unittest.TestCase):
    def test_namespaces_are_removed(self):
        """Also when the process that made them is killed: by the next run."""
        code = ("import os, signal; from harness import netns; n = netns.Namespace('x'); "
                "print(n.name, flush=True); {}")
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        for end, stale in (("", False), ("os.kill(os.getpid(), signal.SIGKILL)", True)):
            name = subprocess.run([sys.executable, "-c", code.format(end)], cwd=here,
                                  stdout=subprocess.PIPE, text=True).stdout.strip()
            self.assertEqual(name in netns.remove_stale(), stale)
            self.assertFalse(os.path.exists(f"/run/netns/{name}"))

    def test_ss_and_actors_agree(self):
        with netns.Namespace("ss") as ns, actor.Actor(ns, comm="e2e-x") as a:
            for addr in ("127.0.0.1", "::1"):
                listener, port = a.listen(addr)
                c, cport = a.connect(addr, port)
                s, _ = a.accept(listener)
                self.assertIn(witness.Socket("ESTABLISHED", addr, cport, addr, port),
                              witness.sockets(ns))
                a.close(c)
                a.recv_eof(s)
                a.close(s)
                self.assertIn(witness.Socket("TIME_WAIT", addr, cport, addr, port),
                              witness.sockets(ns))
                self.assertIn(round(witness.time_wait_timers(ns)[addr, cport, addr, port]),
                              (58, 59, 60, 61))

    def test_what_happens_in_a_tasks_time_is_seen(self):
        """As hidden.py looks at process 1: each event while that task is on the CPU, no other."""
        with netns.Namespace("hidden") as ns, actor.Actor(ns) as a, actor.Actor(ns) as other, \
                hidden.Watch(a.pid) as watch, hidden.Watch(other.pid) as beside:
            listener, port = a.listen("127.0.0.1")
            c, cport = a.connect("127.0.0.1", port)
            s, _ = a.accept(listener)
            a.close(c)
            a.recv_eof(s)
            a.close(s)
            ours = [e for e in watch.events() if cport in (e.lport, e.rport)]
            names = [e.name for e in ours]
            # On loopback the softirqs of both ends run in the time of who sends, mostly.
            self.assertGreater(names.count("inet_sock_set_state"), 5, ours)
            self.assertEqual(hidden.count(ours, "inet_sock_set_state", {port}),
                             names.count("inet_sock_set_state"))
            self.assertTrue(any(e.name == "timer_start" for e in watch.events()))
            self.assertLess(len([e for e in beside.events() if cport in (e.lport, e.rport)]), 3)
            self.assertEqual(sorted(ours), ours)
            left = watch.dir
        self.assertFalse(os.path.exists(left))

    def test_actors_die_with_their_maker(self):
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        code = ("import os, signal; from harness import actor; a = actor.Actor(); "
                "print(a.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)")
        pid = int(subprocess.run([sys.executable, "-c", code], cwd=here, stdout=subprocess.PIPE,
                                 text=True).stdout)
        self.assertTrue(witness.gone(pid))


if __name__ == "__main__":
    unittest.main()
