# SPDX-License-Identifier: GPL-2.0-or-later
"""
Network namespaces of the tests' own.

Names carry the pid of the process that made them, so that two runs never meet and leftovers of a
killed run can be told (remove_stale). Everything that is per namespace (sysctls, nft rules,
addresses) goes away with it: there is nothing to restore.
"""

import atexit
import itertools
import os
import re
import socket
import subprocess
import threading
import time

from . import actor

PREFIX = "tcpw-e2e"
_numbers = itertools.count(1)
_alive = {}


def sh(*argv, check=True, timeout=30, stdin=None):
    """Runs a command; -> its standard output. A failure names the command and what it said."""
    p = subprocess.run(argv, stdin=subprocess.DEVNULL if stdin is None else None, input=stdin,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
    if check and p.returncode:
        raise RuntimeError(f"{' '.join(argv)}: status {p.returncode}: {p.stderr.strip()}")
    return p.stdout


class Namespace:
    """A namespace with its loopback up. remove() ends it; so do leaving a with block and exit."""

    def __init__(self, tag="ns"):
        self.name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}-{tag}"
        self.path = f"/run/netns/{self.name}"
        sh("ip", "netns", "add", self.name)
        _alive[self.name] = self
        self.inode = os.stat(self.path).st_ino
        self._keeper = None
        self._table = False
        self._lock = threading.Lock()
        sh("ip", "-n", self.name, "link", "set", "lo", "up")
        # A late ACK to a TIME_WAIT makes both ends exchange an ACK and a RST, which ends it: that
        # happens by itself on a busy machine, and no test but one is about it.
        self.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/tcp_rfc1337")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()

    @property
    def keeper(self):
        """A process that lives here and does nothing else: for /proc/net and sysctls."""
        if self._keeper is None:
            self._keeper = actor.Actor(self, comm="e2e-keeper")
        return self._keeper

    def remove(self):
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        if _alive.pop(self.name, None) is not None:
            sh("ip", "netns", "del", self.name, check=False)

    @property
    def exists(self):
        return self.name in _alive

    def argv(self, *argv):
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv, **kwargs):
        return sh(*self.argv(*argv), **kwargs)

    def sysctl(self, **values):
        """sysctl(tcp_syn_retries=1): under net.ipv4 of this namespace."""
        for key, value in values.items():
            self.keeper.write_file(f"/proc/sys/net/ipv4/{key}", f"{value}\n")

    def nft(self, chain, rule):
        """Adds a rule to chain `input` or `output`; -> its handle, for nft_delete."""
        with self._lock:
            if not self._table:
                self.run("nft", "add table inet e2e;"
                         "add chain inet e2e input { type filter hook input priority 0; };"
                         "add chain inet e2e output { type filter hook output priority 0; };")
                self._table = True
            out = self.run("nft", "-a", "-e", f"add rule inet e2e {chain} {rule}")
        return chain, int(re.search(r"# handle (\d+)", out).group(1))

    def nft_delete(self, handle):
        chain, number = handle
        self.run("nft", f"delete rule inet e2e {chain} handle {number}")

    def counters(self):
        """/proc/net/snmp and netstat as {"Tcp.ActiveOpens": n, "TcpExt.TW": n, ...}"""
        result = {}
        for name in ("snmp", "netstat"):
            lines = self.keeper.read_file(f"/proc/{self.keeper.pid}/net/{name}").splitlines()
            for names, values in zip(lines[::2], lines[1::2]):
                section = names.split(":")[0]
                for key, value in zip(names.split()[1:], values.split()[1:]):
                    result[f"{section}.{key}"] = int(value)
        return result


def veth(a, b, number=1):
    """Joins two namespaces: 192.0.2.1 and 2001:db8::1 in a, .2 and ::2 in b."""
    names = [f"e2e{number}" for _ in (a, b)]
    sh("ip", "link", "add", names[0], "netns", a.name, "type", "veth",
       "peer", "name", names[1], "netns", b.name)
    for host, (ns, name) in enumerate(zip((a, b), names), 1):
        # No link-local address: its duplicate detection would hold up the first packets.
        sh("ip", "-n", ns.name, "link", "set", name, "addrgenmode", "none")
        sh("ip", "-n", ns.name, "addr", "add", f"192.0.2.{host}/24", "dev", name)
        sh("ip", "-n", ns.name, "addr", "add", f"2001:db8::{host}/64", "dev", name, "nodad")
        sh("ip", "-n", ns.name, "link", "set", name, "up")
    # IPv6 takes a device as ready up to a second after its carrier.
    for addr in ("192.0.2.2", "2001:db8::2"):
        a.keeper.call(_wait_reachable, addr)
    return names[0]


def _wait_reachable(side, addr):
    """Until a datagram to a closed port is refused by the other side."""
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.05)
    end = time.monotonic() + 10
    while True:
        try:
            s.connect((addr, 9))
            s.send(b"?")
            s.recv(1)
        except ConnectionRefusedError:
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def remove_stale():
    """Removes namespaces and cgroups of test processes that no longer run; -> their names."""
    removed = []
    for top in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        for path, _, _ in os.walk(os.fsencode(top), topdown=False) if os.path.isdir(top) else []:
            m = re.search(rb"/e2e-(?:filter-)?(\d+)[.-]?[^/]*(/[^/]*)?$", path)
            if m and not os.path.exists(b"/proc/" + m.group(1)):
                os.rmdir(path)
                removed.append(os.fsdecode(path))
    for name in sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []:
        m = re.match(rf"{PREFIX}-(\d+)-", name)
        if m and not os.path.exists(f"/proc/{m.group(1)}"):
            sh("ip", "netns", "del", name, check=False)
            removed.append(name)
    return removed


@atexit.register
def _remove_all():
    for ns in list(_alive.values()):
        ns.remove()
