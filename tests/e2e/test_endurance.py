# SPDX-License-Identifier: GPL-2.0-or-later
"""
Endurance: connections by the ten thousand (TCPWITNESS_FULL=1: a million) in namespaces that come and
go, under `trace` and `life` at once. Every transition is counted, and nothing grows: neither memory,
nor descriptors, nor the maps of the BPF programs.
"""

import atexit
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
from collections import Counter

from harness import lives, netns, tracer, witness
from harness.stage import CLOSED, OPEN, OPENED, TO_TIME_WAIT
from harness.tables import ROOT
from harness.traced import need_binary

FULL = os.environ.get("TCPWITNESS_FULL") == "1"
ROUNDS, EACH = (40, 25_000) if FULL else (6, 5_000)
CHURN = os.path.join(os.environ.get("OUT", "build"), "bench", "churn")
CHURN = CHURN if os.path.isabs(CHURN) else os.path.join(ROOT, CHURN)
PORT, PORTS, ADDRESSES = 23450, 4, 16
LISTENERS = PORTS * ADDRESSES
# The client's six moves, from CLOSED through TIME_WAIT to CLOSED, and the server's five.
MOVES = 11
SAMPLE_S = 0.5 if FULL else 0.1
# What may grow over the last three quarters. Heap and address space, where a leak would show: one
# step of brk. Resident memory: only first touches of what was allocated at the start, which are as
# many as the fullest moment of its queues asks for; how full they get a busy machine decides.
GROWTH = {"heap": 132 << 10, "address space": 132 << 10, "resident": 16 << 20}
COUNT = """{
    match($0, /"event":"[a-z]*"/); event = substr($0, RSTART + 9, RLENGTH - 10)
    match($0, /"netns":[0-9]*/); count[event, substr($0, RSTART + 8, RLENGTH - 8)]++
}
END { for (key in count) { split(key, k, SUBSEP); print k[1], k[2], count[key] } }"""
# What the start has freed goes back at once, so that a leak has no room to hide in.
MALLOC = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "4096", "MALLOC_TOP_PAD_": "0",
          "MALLOC_MMAP_THRESHOLD_": "65536"}
MAPS = ("lost", "chosen", "chosen_half_ope")


def memory(pid):
    """Bytes of each kind that GROWTH names."""
    with open(f"/proc/{pid}/statm") as f:
        space, resident = (int(n) * os.sysconf("SC_PAGE_SIZE") for n in f.read().split()[:2])
    with open(f"/proc/{pid}/maps") as f:
        heap = re.search(r"^(\w+)-(\w+) .*\[heap\]$", f.read(), re.M)
    return {"resident": resident, "address space": space,
            "heap": int(heap.group(2), 16) - int(heap.group(1), 16) if heap else 0}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def map_entries(pid):
    """Entries of the hash maps that a tracer holds: {name: how many}"""
    objects = witness.bpf_objects()
    result = {}
    for kind, number in witness.bpf_held([pid]):
        name = objects.get((kind, number), {}).get("name")
        if kind == "map" and name in MAPS:
            out = netns.sh("bpftool", "-j", "map", "dump", "id", str(number), timeout=60)
            result[name] = len(json.loads(out))
    return result


class Sampler:
    """.samples of processes: (s, {pid: (memory, descriptors)})"""

    def __init__(self, pids):
        self.pids, self.samples, self.stop = pids, [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        start = time.monotonic()
        while not self.stop.wait(SAMPLE_S):
            self.samples.append((time.monotonic() - start,
                                 {p: (memory(p), descriptors(p)) for p in self.pids}))

    def end(self):
        self.stop.set()
        self.thread.join()


def slope(points):
    """Bytes a second, least squares."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    below = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / below if below else 0


class TestEndurance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()
        if not os.access(CHURN, os.X_OK):
            raise RuntimeError(f"{CHURN} is not there: make {os.path.relpath(CHURN, ROOT)}")
        cls.tracers, cls.counters, cls.inodes = {}, {}, set()
        cls.ns = cls.dir = None
        try:
            where = ("--port", ",".join(str(PORT + i) for i in range(PORTS)),
                     "--laddr", "127.0.0.0/8", "--ring-size", "64M")
            # A name of its own, for the owner filter: others may have a churn too.
            cls.dir = tempfile.mkdtemp(prefix="e2e-endurance-")
            cls.churn = f"{cls.dir}/churn-{os.getpid()}"
            os.symlink(CHURN, cls.churn)
            # The lines are gigabytes: counted as they come, by event and namespace.
            for mode, args in (("trace", ()),
                               ("life", ("--comm", os.path.basename(cls.churn)))):
                counter = subprocess.Popen(["awk", COUNT], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE,
                                           env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
                cls.counters[mode] = counter
                cls.tracers[mode] = tracer.Tracer(mode, *where, *args, ready=False,
                                                  stdout=counter.stdin, env=MALLOC)
                counter.stdin.close()
            for t in cls.tracers.values():
                t.wait_ready()
            cls._perform()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for t in cls.tracers.values():
            t.kill()
        for c in cls.counters.values():
            c.wait(30)
            c.stdout.close()
        if cls.dir is not None:
            shutil.rmtree(cls.dir)
        if cls.ns is not None:
            cls.ns.remove()

    @classmethod
    def _perform(cls):
        cls.pids = {mode: [t.pid, *witness.children(t.pid)] for mode, t in cls.tracers.items()}
        cls.before = {m: map_entries(t.pid) for m, t in cls.tracers.items()}
        sampler = Sampler([p for pids in cls.pids.values() for p in pids])
        start = time.monotonic()
        for _ in range(ROUNDS):
            cls.ns = netns.Namespace("endurance")
            cls.inodes.add(str(cls.ns.inode))
            out = subprocess.run(cls.ns.argv(cls.churn, "-n", str(EACH), "-p", str(PORT)),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, timeout=120)
            if out.returncode:
                raise RuntimeError(f"churn: {out.stderr}")
            cls.ns.remove()
            cls._wait_gone()
        cls.took = time.monotonic() - start
        sampler.end()
        cls.samples = sampler.samples
        cls.statuses = {m: t.stop() for m, t in cls.tracers.items()}
        cls.told = {m: [line.split() for line in c.stdout.read().decode().splitlines()]
                    for m, c in cls.counters.items()}

    @classmethod
    def _wait_gone(cls):
        """A namespace goes in the background, and its TIME_WAITs with it."""
        end = time.monotonic() + 30
        while True:
            cls.after = {m: map_entries(t.pid) for m, t in cls.tracers.items()}
            if cls.after == cls.before or time.monotonic() > end:
                return
            time.sleep(0.2)

    def figure(self, mode, pattern):
        found = re.search(pattern, self.tracers[mode].stderr)
        self.assertTrue(found, self.tracers[mode].stderr)
        return [int(x) for x in found.groups()]

    def test_every_transition_is_told(self):
        """None less and none more, or the loss is counted to the record."""
        n = ROUNDS * EACH
        print(f"{n} connections in {self.took:.0f} s", flush=True)
        for mode, event, want in (("trace", "transition", MOVES * n + 2 * LISTENERS * ROUNDS),
                                  ("life", "life", 2 * n)):
            if self.figure(mode, r" lines; .* (\d+) lost") == [0]:
                told = sum(int(c) for e, ns, c in self.told[mode]
                           if e == event and ns in self.inodes)
                self.assertEqual(told, want, f"{self.told[mode]}\n{self.tracers[mode].stderr}")
        for mode, t in self.tracers.items():
            seen, *parts = self.figure(mode, r"seen (\d+) = submitted (\d+) \+ filtered (\d+) \+ "
                                             r"ring_full (\d+) \+ map_full (\d+)")
            self.assertEqual(seen, sum(parts), t.stderr)
            holes = re.search(r"holes found (\d+)", t.stderr)
            self.assertEqual(int(holes.group(1)) if holes else 0, parts[2] + parts[3], t.stderr)
            self.assertEqual(self.statuses[mode], 0, t.stderr)

    def test_memory_is_flat(self):
        """From the second quarter on."""
        wrong = []
        last = self.samples[-1][0]
        for mode, pids in self.pids.items():
            for pid in pids:
                for what, limit in GROWTH.items():
                    points = [(s, of[pid][0][what]) for s, of in self.samples if s >= last / 4]
                    rise = slope(points) * (last * 3 / 4)
                    print(f"{mode} {pid} {what}: {points[0][1] >> 10} to {points[-1][1] >> 10} "
                          f"KiB, slope {rise / 1024:.1f} KiB, {len(points)} samples", flush=True)
                    if rise > limit or points[-1][1] - points[0][1] > limit:
                        wrong.append((mode, pid, what, [p for _, p in points]))
        self.assertEqual(wrong, [])

    def test_descriptors_are_flat(self):
        """But for the one or two of a walk through a namespace."""
        for mode, pids in self.pids.items():
            for pid in pids:
                counts = [of[pid][1] for _, of in self.samples]
                part = len(counts) // 4
                usual = [Counter(c).most_common(1)[0][0] for c in (counts[part:-part],
                                                                   counts[-part:])]
                self.assertEqual(usual[0], usual[1], (mode, counts))
                self.assertLessEqual(max(counts) - min(counts), 3, (mode, counts))

    def test_maps_are_as_before(self):
        self.assertEqual(self.after, self.before)
        self.assertIn("chosen", self.before["life"])


ONLINE = "/sys/devices/system/cpu/cpu1/online"
PART = 2_000


def switch(on):
    with open(ONLINE, "w") as f:
        f.write("1" if on else "0")


@contextlib.contextmanager
def cpu_offline():
    """CPU 1 taken away, and put back whatever happens."""
    atexit.register(switch, True)
    try:
        switch(False)
        yield
    finally:
        switch(True)
        atexit.unregister(switch)


class TestCpuOffline(unittest.TestCase):
    """
    A CPU goes and comes back while connections are traced. What waited on it (timers of TIME_WAITs,
    records in its accounts) goes on elsewhere: no line is missing, none is doubled.
    """

    def churn(self, *args):
        return subprocess.Popen(self.ns.argv(CHURN, *map(str, args)), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def done(self, process):
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        return json.loads(out)["connections"]

    @staticmethod
    def count(file, what):
        with open(file.name, "rb") as f:
            return f.read().count(what)

    def test_a_cpu_comes_and_goes(self):
        need_binary()
        if not os.access(ONLINE, os.W_OK):
            self.skipTest("CPU 1 cannot be taken offline here")
        with netns.Namespace("offline") as self.ns, \
                tempfile.NamedTemporaryFile(prefix="e2e-offline-", suffix=".jsonl") as file, \
                tracer.Tracer("trace", "--netns", self.ns.inode, stdout=file) as t:
            made = self.done(self.churn("-n", PART, "--cpu", 1, "-p", PORT))
            running = self.churn("-t", 1.2, "--cpu", 0, "-p", PORT + 100, "--request", 1000)
            time.sleep(0.3)
            with cpu_offline():
                with open("/sys/devices/system/cpu/online") as f:
                    self.assertNotIn("1", f.read())
                time.sleep(0.5)
            made += self.done(self.churn("-n", PART, "--cpu", 1, "-p", PORT + 200))
            made += self.done(running)
            timers = witness.time_wait_timers(self.ns)
            self.assertEqual(len(timers), made)
            self.ns.remove()
            end = time.monotonic() + 30
            while self.count(file, b"time_wait_killed") < made and time.monotonic() < end:
                time.sleep(0.2)
            self.assertEqual(t.stop(timeout=60), 0, t.stderr)
            self.assertRegex(t.stderr, r", 0 lost\n")
            with open(file.name) as f:
                found = [life for life in lives.join(map(json.loads, f))
                         if not life.has("role", "listener")]
            wrong = [(f, life) for life in found for f in lives.faults(life)]
            self.assertEqual(wrong[:3], [])
            self.assertEqual(Counter(tuple(life.path) for life in found), {
                tuple(OPEN + TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_killed")]): made,
                tuple(OPENED + CLOSED): made})
            self.assertTrue(all(e["complete"] for life in found for e in life.lines))


if __name__ == "__main__":
    unittest.main()
