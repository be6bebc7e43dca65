# SPDX-License-Identifier: GPL-2.0-or-later
"""What users get wrong, and what the machine refuses: one line that names it, the right status."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import actor, netns, tracer
from harness.traced import need_binary

CGROUP = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"

# (arguments, what the message must name)
USAGE = [
    (["nosuch"], "nosuch"),
    (["help", "nosuch"], "nosuch"),
    (["trace", "--bogus"], "--bogus"),
    (["trace", "-Z"], "-Z"),
    (["trace", "stray"], "stray"),
    (["trace", "--port"], "--port"),
    (["trace", "--port", "65536"], "65536"),
    (["trace", "--port", "-1"], "-1"),
    (["trace", "--port", "http"], "http"),
    (["trace", "--port", "80x"], "80x"),
    (["trace", "--port", ""], "--port"),
    (["trace", "--lport", "99999999999999999999"], "99999999999999999999"),
    (["trace", "--rport", "0x50"], "0x50"),
    (["trace", "--addr", "10.0.0.0/33"], "10.0.0.0/33"),
    (["trace", "--addr", "10.0.0/8"], "10.0.0/8"),
    (["trace", "--laddr", "300.1.1.1"], "300.1.1.1"),
    (["trace", "--raddr", "1.2.3.4/"], "1.2.3.4/"),
    (["trace", "--addr", "1.2.3.4/-1"], "1.2.3.4/-1"),
    (["trace", "--addr", "1.2.3.4/8x"], "1.2.3.4/8x"),
    (["trace", "--addr", "2001:db8::/129"], "2001:db8::/129"),
    (["trace", "--addr", "host.example"], "host.example"),
    (["trace", "--state", "NOSUCH"], "NOSUCH"),
    (["trace", "--state", "TIME_WAIT,NOSUCH"], "NOSUCH"),
    (["snapshot", "--state", "ESTABLISHED,"], "--state"),
    (["trace", "--pid", "x"], "x"),
    (["trace", "--pid", "-5"], "-5"),
    (["trace", "--role", "king"], "king"),
    (["trace", "--family", "ipx"], "ipx"),
    (["trace", "--netns", "no-such-namespace"], "no-such-namespace"),
    (["trace", "--netns", "/etc/passwd"], "/etc/passwd"),
    (["trace", "--cgroup", "/no/such/cgroup"], "/no/such/cgroup"),
    (["trace", "-o", "xml"], "xml"),
    (["trace", "--color", "blue"], "blue"),
    (["trace", "--duration", "-1"], "-1"),
    (["trace", "--duration", "soon"], "soon"),
    (["trace", "--count", "many"], "many"),
    (["trace", "--ring-size", "5000"], "5000"),
    (["trace", "--ring-size", "0"], "--ring-size"),
    (["trace", "--max-connections", "0"], "--max-connections"),
    (["life", "--interval", "1"], "--interval"),
    (["snapshot", "--interval", "x"], "x"),
    (["stack"], "stack listen"),
    (["stack", "sit"], "sit"),
    (["stack", "listen"], "port"),
    (["stack", "listen", "0"], "0"),
    (["stack", "listen", "80", "90"], "90"),
    (["stack", "listen", "80", "--service", "http"], "--serve"),
    (["stack", "listen", "80", "--service", "nosuch"], "nosuch"),
    (["stack", "connect", "198.18.0.1"], "198.18.0.1"),
    (["stack", "connect", "host.example:80"], "host.example:80"),
    (["stack", "connect", "http://host.example/"], "host.example"),
    (["stack", "connect", "[2001:2::1]:80", "--own-addr", "10.0.0.1"], "--own-addr"),
    (["stack", "listen", "80", "--mtu", "87"], "87"),
    (["stack", "listen", "80", "--mss", "87"], "87"),
    (["stack", "listen", "80", "--impair", "loss=200%"], "loss=200%"),
    (["stack", "listen", "80", "--device", "a/b"], "a/b"),
    (["stack", "listen", "80", "--device", "name-of-16-bytes"], "name-of-16-bytes"),
    (["stack", "listen", "80", "--host-addr", "10.0.0.1"], "10.0.0.1"),
    (["stack", "listen", "80", "--without", "sack,nosuch"], "nosuch"),
    (["stack", "listen", "80", "--in-netns", "no-such-namespace"], "no-such-namespace"),
    (["stack", "listen", "80", "--port", "80"], "--port"),
    (["trace", *[a for p in range(9) for a in ("--port", str(1000 + p))]], "--port"),
]


class TestBadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_binary()

    def one_line(self, p, names=None):
        lines = p.stderr.splitlines()
        self.assertEqual(len(lines), 1, p.stderr)
        self.assertTrue(lines[0].startswith("tcpwitness: "), p.stderr)
        self.assertFalse(lines[0].endswith("."), p.stderr)
        self.assertNotIn("libbpf", p.stderr)
        if names:
            self.assertIn(names, lines[0])

    def test_usage(self):
        for args, names in USAGE:
            with self.subTest(" ".join(args)):
                p = tracer.run(*args, timeout=20)
                self.assertEqual(p.returncode, 2, p.stderr)
                self.one_line(p, names)
                self.assertEqual(p.stdout, "")

    def test_hostile_arguments_are_quoted_safely(self):
        for args in (["trace", "--port", "\x1b[31m1\n2"], ["\x1b]0;x\x07"],
                     ["trace", "--state", "a\nb"], ["trace", "--\x1b[1m"],
                     ["trace", "--netns", "x\ny\x1b[2J"]):
            with self.subTest(repr(args)):
                p = tracer.run(*args, timeout=20)
                self.assertEqual(p.returncode, 2, p.stderr)
                self.assertNotIn("\x1b", p.stderr)
                self.one_line(p)

    def test_no_command(self):
        p = tracer.run()
        self.assertEqual(p.returncode, 2)
        self.assertIn("trace", p.stderr)
        self.assertEqual(p.stdout, "")

    def test_help_and_version(self):
        for args in (["help"], ["--help"], ["help", "trace"], ["trace", "--help"],
                     ["help", "life"], ["help", "snapshot"], ["help", "features"], ["--version"]):
            with self.subTest(" ".join(args)):
                p = tracer.run(*args)
                self.assertEqual((p.returncode, p.stderr), (0, ""))
                self.assertTrue(p.stdout.endswith("\n"))
                if args[0] != "--version":
                    self.assertLessEqual(max(map(len, p.stdout.splitlines())), 80)

    def test_full_disk(self):
        for args in (["help"], ["--version"], ["features"], ["features", "-o", "json"],
                     ["snapshot"], ["snapshot", "-o", "json"]):
            with self.subTest(" ".join(args)), open("/dev/full", "w") as full:
                p = tracer.run(*args, stdout=full)
                self.assertEqual(p.returncode, 1, p.stderr)
                self.one_line(p, "No space left on device")

    def test_full_disk_while_tracing(self):
        with netns.Namespace("full") as ns, open("/dev/full", "w") as full:
            for mode in ("trace", "life"):
                t = tracer.Tracer(mode, "--netns", ns.inode, stdout=full)
                with t, actor.Actor(ns) as a:
                    _one_connection(a)
                    self.assertEqual(t.wait(10), 1, t.stderr)
                    self.assertIn("No space left on device", t.stderr)

    def test_closed_output(self):
        for args in ("help", "--version", "features", "snapshot", "trace --duration 1"):
            with self.subTest(args):
                p = subprocess.run(f"exec '{tracer.BINARY}' {args} >&-", shell=True,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   timeout=30)
                self.assertEqual(p.returncode, 1, p.stderr)
                self.one_line(p, "standard output")

    def test_closed_pipe(self):
        """`| head -1` ends it quietly, with 0."""
        with netns.Namespace("pipe") as ns, actor.Actor(ns) as a:
            for mode in ("trace", "life"):
                with self.subTest(mode):
                    read, write = os.pipe()
                    with os.fdopen(write, "wb") as w:
                        t = tracer.Tracer(mode, "--netns", ns.inode, stdout=w)
                    with t, os.fdopen(read, "rb") as r:
                        _one_connection(a)
                        self.assertTrue(json.loads(r.readline()))
                        r.close()
                        for _ in range(3):
                            _one_connection(a)
                            time.sleep(0.1)
                        self.assertEqual(t.wait(10), 0, t.stderr)
                        for word in ("roken pipe", "cannot", "rror"):
                            self.assertNotIn(word, t.stderr)
            listener, port = a.listen("127.0.0.1", backlog=1024)
            a.connect_many("127.0.0.1", port, 300)
            for args in ("snapshot -o json", "snapshot", "help"):
                with self.subTest(args):
                    p = subprocess.run(
                        ["bash", "-c", f"'{tracer.BINARY}' {args} | head -1 >/dev/null; "
                         "echo ${PIPESTATUS[0]}"], stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
                    self.assertEqual((p.stdout.strip(), p.stderr), ("0", ""))

    def test_not_root(self):
        with tempfile.TemporaryDirectory(prefix="e2e-") as d:
            os.chmod(d, 0o755)
            binary = shutil.copy(tracer.BINARY, d)
            for args, status in ((["trace"], 4), (["life"], 4), (["snapshot"], 4),
                                 (["features"], 0), (["help"], 0), (["--version"], 0)):
                with self.subTest(" ".join(args)):
                    p = subprocess.run(
                        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                         binary, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True, timeout=30)
                    self.assertEqual(p.returncode, status, p.stderr)
                    if status:
                        self.one_line(p)
                        self.assertIn("root", p.stderr)
                        self.assertEqual(p.stdout, "")

    def test_without_the_addresses_of_symbols(self):
        """CAP_SYSLOG missing: half of the story would be; that is said, not hidden."""
        p = subprocess.run(["setpriv", "--bounding-set=-syslog", "--inh-caps=-syslog",
                            tracer.BINARY, "trace", "--duration", "0.5"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=30)
        said = p.stderr.lower()
        self.assertTrue("syslog" in said or "kallsyms" in said, (p.returncode, p.stderr))

    def test_no_btf(self):
        p = subprocess.run(["unshare", "-m", "sh", "-c",
                            "mount -t tmpfs none /sys/kernel/btf && exec \"$0\" trace",
                            tracer.BINARY], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(p.returncode, 3, p.stderr)
        self.one_line(p, "BTF")

    def test_few_descriptors(self):
        p = subprocess.run(["prlimit", "--nofile=8", tracer.BINARY, "trace"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.one_line(p, "open files")

    def test_duration_and_count(self):
        with netns.Namespace("count") as ns, actor.Actor(ns) as a:
            start = time.monotonic()
            p = tracer.run("trace", "-o", "json", "--netns", ns.inode, "--duration", "0.5")
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
            self.assertGreater(time.monotonic() - start, 0.5)
            with tracer.Tracer("trace", "--netns", ns.inode, "--count", 3) as t:
                _one_connection(a)
                self.assertEqual(t.wait(10), 0, t.stderr)
                self.assertEqual(len(t.lines), 3)


class TestHostileNames(unittest.TestCase):
    """Names that processes and cgroups give themselves, as they come out."""

    @classmethod
    def setUpClass(cls):
        need_binary()

    def trace_of(self, comm, cgroup=None):
        """JSON lines and text of one connection of such a process."""
        with netns.Namespace("hostile") as ns:
            outputs = []
            for json_ in (True, False):
                args = ["--netns", ns.inode] + ([] if json_ else ["--color", "never"])
                with tracer.Tracer("trace", *args, json=json_) as t, \
                        actor.Actor(ns, comm=comm) as a:
                    if cgroup:
                        with open(cgroup + b"/cgroup.procs", "w") as f:
                            f.write(str(a.pid))
                    before = len(t.raw)
                    _one_connection(a)
                    time.sleep(0.3)
                    self.assertEqual(t.stop(), 0, t.stderr)
                    if json_:
                        self.assertEqual(t.problems, [])
                        outputs.append([e for e in t.lines if e["netns"] == ns.inode])
                    else:
                        self.assertGreater(len(t.raw), before)
                    outputs.append(t.raw)
            return outputs

    def check(self, lines, raw, text):
        self.assertGreater(len(lines), 5)
        for line in (*raw, *text):
            line.decode("utf-8")
            self.assertFalse([b for b in line[:-1] if b < 0x20 or b == 0x7f], line)

    def test_comm(self):
        for comm in (b'q"uo\'te\\', b"new\nline\ttab", b"\x1b[31mred\x07", b"\xff\xfe\xc3(",
                     b"\xe2\x82", b"\x80\x9b[1m", "\u202egnitaehc"[:5].encode(), b"</script>&",
                     b" ", b"%s%n%d"):
            with self.subTest(comm):
                lines, raw, text = self.trace_of(comm)
                self.check(lines, raw, text)
                told = {e["comm"] for e in lines}
                self.assertEqual(len(told), 1, told)
                comm_told = told.pop()
                try:
                    self.assertEqual(comm_told, comm.decode("utf-8"))
                except UnicodeDecodeError:
                    # Bytes that are no text: escaped in some way, the text around them kept.
                    for part in (b"[1m", b"("):
                        if part in comm:
                            self.assertIn(part.decode(), comm_told)

    def test_cgroup(self):
        base = os.fsencode(CGROUP)
        for i, name in enumerate((b'q"uo\\te', b"esc\x1b[31m", b"bad\xff\xc3(", b"sp ace\ttab")):
            with self.subTest(name):
                path = base + b"/e2e-%d-%d-" % (os.getpid(), i) + name
                os.mkdir(path)
                try:
                    lines, raw, text = self.trace_of(b"e2e-boxed", path)
                finally:
                    for _ in range(100):
                        try:
                            os.rmdir(path)
                            break
                        except OSError:
                            time.sleep(0.02)
                self.check(lines, raw, text)
                told = {e["cgroup"] for e in lines}
                self.assertEqual(len(told), 1, told)
                cgroup = told.pop()
                self.assertIsNotNone(cgroup)
                try:
                    self.assertEqual(cgroup, path[len(base):].decode("utf-8"))
                except UnicodeDecodeError:
                    self.assertIn(f"/e2e-{os.getpid()}-{i}-bad", cgroup)


def _one_connection(a):
    listener, port = a.listen("127.0.0.1")
    c, _ = a.connect("127.0.0.1", port)
    s, _ = a.accept(listener)
    a.abort(c)
    a.close(s)
    a.close(listener)


if __name__ == "__main__":
    unittest.main()
