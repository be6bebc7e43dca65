# SPDX-License-Identifier: GPL-2.0-or-later
"""`tcpwitness stack` under test: the reference stack facing the kernel of a namespace."""

import time

from . import lives, tracer

HOST = {"ipv4": "198.18.0.1", "ipv6": "2001:2::1"}
OWN = {"ipv4": "198.18.0.2", "ipv6": "2001:2::2"}
FAMILIES = ("ipv4", "ipv6")


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
