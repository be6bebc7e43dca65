# SPDX-License-Identifier: GPL-2.0-or-later
"""
The root of the virtual machine: an initramfs (cpio, format "newc") made of this machine's own
programs with the libraries they load, the tests, the binary under test and a kernel's modules.
"""

import os
import pathlib
import re
import stat
import subprocess

from . import packages

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3"

# Beside what the end-to-end tests ask for (tests/run_e2e.py, NEEDED).
PROGRAMS = ("sh", "bash", "cat", "sleep", "true", "ls", "echo", "id", "kill", "timeout", "env",
            "date", "df", "head", "tail", "grep", "sed", "tee", "stty", "mount", "modprobe", "ip",
            "ss", "nft", "tcpdump", "nsenter", "setpriv", "prlimit", "unshare", "bpftool", "nginx",
            "curl", "pgrep", "ps", "sysctl", "busybox")
# Of Python's library; the rest is small.
NOT_PYTHON = re.compile(r"/(test|tests|idlelib|tkinter|ensurepip|lib2to3|pydoc_data|turtledemo|"
                        r"distutils|config-3[^/]*|venv)(/|$)")
TREES = ("/etc/nginx", "/etc/iproute2", "/usr/share/nginx")
FILES = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/protocols", "/etc/services",
         "/etc/mime.types", "/etc/ld.so.cache", "/etc/ld.so.conf")
TESTS = ("tests", "include/tcpwitness")
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


def libraries(listing):
    """Paths in the output of ldd."""
    return re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listing, re.M)


def newc(name, mode, data=b"", inode=0, links=1):
    """One member of a cpio archive, padded."""
    raw = os.fsencode(name) + b"\0"
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


class Image:
    """Collects files by their path in the machine; write() makes the archive."""

    def __init__(self):
        self.members = {}  # path without leading slash -> (mode, bytes or path of the content)
        for name, target in LINKS.items():
            self.members[name] = (stat.S_IFLNK | 0o777, target.encode())

    @staticmethod
    def place(path):
        """Where a path lies: /lib and the like are links into /usr."""
        path = str(path).lstrip("/")
        first, slash, rest = path.partition("/")
        return LINKS[first] + slash + rest if first in LINKS else path

    def directory(self, path):
        path = self.place(path)
        while path and path not in self.members:
            self.members[path] = (stat.S_IFDIR | 0o755, b"")
            path = path.rpartition("/")[0]

    def add(self, path, source=None, mode=None):
        """A file with the content of `source` (default: the file of that path here)."""
        source = pathlib.Path(source or path)
        place = self.place(path)
        self.directory(place.rpartition("/")[0])
        bits = mode or source.stat().st_mode & 0o777
        self.members[place] = (stat.S_IFREG | bits, source)

    def text(self, path, text, mode=0o644):
        place = self.place(path)
        self.directory(place.rpartition("/")[0])
        self.members[place] = (stat.S_IFREG | mode, text.encode())

    def program(self, path, at=None):
        """An executable or library, placed at `at`, with everything it is linked to."""
        self.add(at or path, path)
        done = subprocess.run(["ldd", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=False)
        for library in libraries(done.stdout):
            if self.place(library) not in self.members:
                self.add(library)

    def tree(self, top, below=None, skip=None):
        """Everything below a directory of this machine, at `below` (default: the same path)."""
        top = pathlib.Path(top)
        for path in sorted(top.rglob("*")):
            if skip and skip.search(str(path)) or not path.is_file():
                continue
            place = pathlib.Path(below or top) / path.relative_to(top)
            if ".so" in path.name:
                self.program(str(path))
            else:
                self.add(place, path)

    def write(self, out):
        with open(out, "wb") as f:
            ordered = sorted(self.members.items())
            for inode, (name, (mode, content)) in enumerate(ordered, 1):
                data = content if isinstance(content, bytes) else content.read_bytes()
                f.write(newc(name, mode, data, inode))
            f.write(newc("TRAILER!!!", 0))


def python_tree():
    """Directory of the library of Debian's Python (not of one that PATH prefers)."""
    return packages.run(PYTHON, "-c", "import os; print(os.path.dirname(os.__file__))").strip()


def build(out, kernel, binary):
    """Writes the root for one kernel."""
    image = Image()
    for name in PROGRAMS:
        image.program(packages.installed(name))
    image.program(os.path.realpath(PYTHON))
    image.members["usr/bin/python3"] = (stat.S_IFLNK | 0o777,
                                        os.path.basename(os.path.realpath(PYTHON)).encode())
    image.tree(python_tree(), skip=NOT_PYTHON)
    for top in TREES:
        image.tree(top)
    for path in FILES:
        if os.path.exists(path):
            image.add(path)
    for top in TESTS:
        image.tree(ROOT / top, f"/t/{top}", re.compile(r"__pycache__|/(fuzz|unit)/"))
    image.program(binary, "/t/build/tcpwitness")
    image.tree(kernel.modules, f"/lib/modules/{kernel.release}")
    for path in ("dev", "proc", "sys", "run/netns", "tmp", "var/log/nginx", "var/lib/nginx",
                 "root", "mnt"):
        image.directory(path)
    image.members["tmp"] = (stat.S_IFDIR | 0o1777, b"")
    image.text("/init", (ROOT / "tests/vm/init.sh").read_text(), 0o755)
    image.write(out)
