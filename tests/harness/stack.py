# SPDX-License-Identifier: GPL-2.0-or-later
"""`tcpwitness stack` under test: the reference stack facing the kernel of a namespace."""

import os
import re
import shutil
import tempfile
import time

from . import actor, lives, tracer
from .traced import TracedCase

HOST = {"ipv4": "198.18.0.1", "ipv6": "2001:2::1"}
OWN = {"ipv4": "198.18.0.2", "ipv6": "2001:2::2"}
FAMILIES = ("ipv4", "ipv6")
FULL = os.environ.get("TCPWITNESS_FULL") == "1"


def url(addr, port, path):
    return f"http://[{addr}]:{port}/{path}" if ":" in addr else f"http://{addr}:{port}/{path}"


def target(addr, port):
    return f"[{addr}]:{port}" if ":" in addr else f"{addr}:{port}"


class Stack(tracer.Tracer):
    """`tcpwitness stack ROLE OPERAND -o json ARGS` on a device in the namespace."""

    READY = ", mtu "

    def __init__(self, ns, role, operand, *args, **kwargs):
        self.ns = ns
        super().__init__("stack", role, operand, "--in-netns", ns.path, *args, **kwargs)

    def lives(self, role=None):
        """Its connections, oldest first; without listeners unless they are asked for."""
        with self.changed:
            lines = list(self.lines)
        found = lives.join(lines)
        return [life for life in found if life.has("role", role)
                or role is None and not life.has("role", "listener")]

    def path(self):
        """The moves of its one connection."""
        found = self.lives()
        if len(found) != 1:
            raise AssertionError(f"{len(found)} connections: {found}\n{self.stderr}")
        return found[0].path

    def states(self):
        """The states its one connection came to, in order."""
        return [new for _, new, _ in self.path()]

    def wait_state(self, state, timeout=20, count=1):
        """Until `count` of its connections have come to a state."""
        if not self.wait_for(lambda lines: sum(e.get("new") == state for e in lines) >= count,
                             timeout):
            raise AssertionError(f"did not come to {state} in {timeout} s: "
                                 f"{[e.get('new') for e in self.lines]}\n{self.stderr}")

    def counter(self, name):
        """Of the stack, as told at its end under -v; 0 when it is not."""
        m = re.search(rf"counter {name}: (\d+)", self.stderr)
        return int(m.group(1)) if m else 0

    def said(self, text, timeout=5):
        """Whether it says this on stderr within `timeout`."""
        end = time.monotonic() + timeout
        with self.changed:
            while text not in self.stderr:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(min(left, 0.2))
        return True


class StackCase(TracedCase):
    """
    The stack against the kernel of one namespace, whose transitions are traced: so both ends of
    each connection are told, each by its own witness.
    """

    TRACE_ARGS = ("--no-accept",)
    ARGS = ()  # for every stack of the class

    @classmethod
    def prepare(cls):
        cls.dir = tempfile.mkdtemp(prefix="e2e-stack-")
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cls.next_port = 5000

    def setUp(self):
        self.__class__.next_port += 1
        self.port = self.next_port
        self.kernel = actor.Actor(self.ns, comm="e2e-kernel")
        self.addCleanup(self.kernel.stop)

    def data(self, size):
        """A file of random octets, the same for all tests of the class."""
        path = f"{self.dir}/{size}"
        if not os.path.exists(path):
            with open(path, "wb") as f:
                f.write(os.urandom(size))
        return path

    @property
    def got(self):
        return f"{self.dir}/got"

    def start(self, *args, **kwargs):
        s = Stack(self.ns, *args, *self.ARGS, "-v", **kwargs)
        self.addCleanup(s.kill)
        return s

    def open(self, role, family, *args, options=(), timeout=20):
        """
        One connection, the stack in this role: -> (stack, the kernel's socket, its local port).
        """
        if "--service" not in args:
            args = ("--service", "file", *args)
        args = ("--time-wait", "0.1", *map(str, args))
        if role == "passive":
            s = self.start("listen", self.port, "--connections", 1, *args)
            n, port = self.kernel.connect(OWN[family], self.port, options=options,
                                          timeout=timeout)
            return s, n, port
        listener, _ = self.kernel.listen("::" if family == "ipv6" else "0.0.0.0", self.port)
        for option in options:
            self.kernel.setsockopt(listener, *option)
        s = self.start("connect", target(HOST[family], self.port), *args)
        n, _ = self.kernel.accept(listener)
        self.kernel.close(listener)
        return s, n, self.port

    def kernel_life(self, family, lport, upto, timeout=10):
        """The kernel's account of the connection from this port of its to the test's stack."""
        want = {} if lport == self.port else {"rport": self.port}
        return self.wait_path(upto=upto, timeout=timeout, laddr=HOST[family], lport=lport, **want)

    def ended(self, s, status=0, timeout=30):
        """It ended by itself, with that status, and its lines keep the contract."""
        self.assertEqual(s.wait(timeout), status, s.stderr)
        self.assertEqual(s.problems, [])
        for life in s.lives():
            self.assertEqual(lives.faults(life), [], life)


CASES = [("passive", "ipv4"), ("active", "ipv6"), ("passive", "ipv6"), ("active", "ipv4")]


def _over(cases, test):
    def run(self):
        for role, family in cases:
            with self.subTest(role=role, family=family):
                self.setUp()
                try:
                    test(self, role, family)
                finally:
                    self.doCleanups()
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def each(test):
    """The test once for each role of the stack and each family; it takes (role, family)."""
    return _over(CASES, test)


def crosswise(test):
    """The same for tests that wait long: each role and each family once; all in the full form."""
    return _over(CASES if FULL else CASES[:2], test)


def one(test):
    """The same for those that wait very long."""
    return _over(CASES if FULL else CASES[:1], test)
