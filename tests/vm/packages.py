# SPDX-License-Identifier: GPL-2.0-or-later
"""
Debian's own kernels, by apt, from where the machine itself gets its packages.

Each suite has an apt directory of its own (sources, lists, cache, status), so that the machine's
sources, lists and installed packages stay as they are. Where to ask, and how (proxies, passwords),
is taken from the machine's configuration at run time.
"""

import lzma
import os
import pathlib
import re
import shutil
import subprocess

# Series -> suite. The kernel of a suite is what its linux-image-cloud-amd64 depends on.
SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie", "newest": "sid"}
META = "linux-image-cloud-amd64"
PARTS = re.compile(r"linux-(image|binary|modules)-\d")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# What the end-to-end tests ask of a kernel beyond what is built in.
MODULES = ("kernel/net/", "kernel/drivers/net/veth.ko", "kernel/drivers/net/tun.ko",
           "kernel/drivers/net/dummy.ko", "kernel/drivers/net/vrf.ko")
# Of no use here, and most of the bulk.
NOT_MODULES = ("kernel/net/sunrpc/", "kernel/net/ceph/", "kernel/net/9p/", "kernel/net/vmw_vsock/",
               "kernel/net/openvswitch/", "kernel/net/dccp/", "kernel/net/sctp/",
               "kernel/net/tipc/", "kernel/net/rxrpc/", "kernel/net/batman-adv/")


class PackageError(Exception):
    """Something that apt or dpkg could not do, in words."""


def run(*argv, cwd=None, env=None):
    done = subprocess.run(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise PackageError(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def archive_of(targets):
    """
    The archive's address from `apt-get indextargets` lines "ORIGIN|REPO_URI|RELEASE": the main one
    (those of security and updates have a suite of the main one's name and a suffix).
    """
    for line in targets.splitlines():
        origin, _, rest = line.partition("|")
        uri, _, release = rest.partition("|")
        if origin == "Debian" and re.fullmatch(r"[a-z]+", release):
            return uri
    raise PackageError("no suite of Debian among the machine's package sources: apt-get update?")


def acquire_of(dump):
    """The lines of `apt-config dump` that say how to fetch: proxies and the like."""
    return "".join(line + "\n" for line in dump.splitlines() if line.startswith("Acquire::"))


def kernel_packages(depends):
    """The packages of a kernel among the lines of `apt-cache depends`, alternatives included."""
    found = re.findall(r"^\s*\|?Depends: (\S+)", depends, re.M)
    return [p for p in found if PARTS.match(p)]


class Suite:
    """A private apt directory for one suite, below `where`."""

    def __init__(self, name, where):
        self.name = name
        self.where = pathlib.Path(where) / name
        etc = self.where / "etc"
        for sub in ("apt.conf.d", "preferences.d", "sources.list.d"):
            (etc / sub).mkdir(parents=True, exist_ok=True)
        for sub in ("state/lists/partial", "cache/archives/partial"):
            (self.where / sub).mkdir(parents=True, exist_ok=True)
        (self.where / "state/status").touch()
        (etc / "apt.conf").write_text(acquire_of(run("apt-config", "dump")))
        uri = archive_of(run("apt-get", "indextargets", "--format",
                             "$(ORIGIN)|$(REPO_URI)|$(RELEASE)", "Created-By: Packages"))
        (etc / "sources.list").write_text(f"deb [signed-by={KEYRING}] {uri} {name} main\n")
        for private in ("auth.conf", "auth.conf.d"):
            theirs, mine = pathlib.Path("/etc/apt") / private, etc / private
            if theirs.exists() and not mine.exists():
                mine.symlink_to(theirs)

    def apt(self, tool, *args, cwd=None):
        # As root in a directory that only root sees: apt then says so, once a package.
        return run(tool, "-q", "-o", f"Dir::Etc={self.where}/etc",
                   "-o", f"Dir::State={self.where}/state", "-o", f"Dir::Cache={self.where}/cache",
                   "-o", f"Dir::State::status={self.where}/state/status",
                   "-o", "APT::Sandbox::User=root", "-o", "APT::Architecture=amd64", *args, cwd=cwd)

    def update(self):
        self.apt("apt-get", "update")

    def parts(self):
        """Names of the packages that hold the kernel and its modules."""
        found, todo = [], [META]
        while todo:
            for p in kernel_packages(self.apt("apt-cache", "depends", todo.pop())):
                if p not in found:
                    found.append(p)
                    todo.append(p)
        if not found:
            raise PackageError(f"no kernel behind {META} in {self.name}")
        return found


class Kernel:
    """An extracted kernel: .image (file), .modules (directory of its release), .release"""

    def __init__(self, series, root):
        self.series = series
        root = pathlib.Path(root)
        images = [*root.glob("boot/vmlinuz-*"), *root.glob("usr/lib/modules/*/vmlinuz")]
        modules = [*root.glob("lib/modules/*/kernel"), *root.glob("usr/lib/modules/*/kernel")]
        if len(images) != 1 or len(modules) != 1:
            raise PackageError(f"{root}: {len(images)} kernels and {len(modules)} module trees")
        self.image = images[0]
        self.modules = modules[0].parent
        self.release = self.modules.name

    def chosen_modules(self):
        """Paths below .modules, sorted."""
        every = (str(p.relative_to(self.modules)) for p in self.modules.rglob("*.ko*"))
        return sorted(p for p in every if p.startswith(MODULES) and not p.startswith(NOT_MODULES))


def fetch(series, cache, offline=False):
    """
    The kernel of a series, below `cache`: fetched and extracted unless it is there already.
    offline: take what is there, without asking for a newer one.
    """
    cache = pathlib.Path(cache).resolve()
    suite = Suite(SUITES[series], cache / "apt")
    root = cache / "kernels" / series
    stamp = root / "packages"
    if offline and stamp.exists():
        return Kernel(series, root)
    suite.update()
    parts = suite.parts()
    if not (stamp.exists() and stamp.read_text().split() == parts):
        shutil.rmtree(root, ignore_errors=True)
        debs = root / "debs"
        debs.mkdir(parents=True)
        suite.apt("apt-get", "download", *parts, cwd=debs)
        for deb in sorted(debs.glob("*.deb")):
            run("dpkg-deb", "-x", str(deb), str(root))
        shutil.rmtree(debs)
        unpack_modules(Kernel(series, root))
        stamp.write_text("\n".join(parts) + "\n")
    return Kernel(series, root)


def unpack_modules(kernel):
    """Keeps the modules of use with what they depend on, uncompressed, and makes their index."""
    for path in kernel.modules.rglob("*.ko.xz"):
        path.with_suffix("").write_bytes(lzma.decompress(path.read_bytes()))
        path.unlink()
    base = kernel.modules
    while base.name != "modules":
        base = base.parent
    # depmod looks below lib/modules of a root.
    root = base.parent.parent
    run("depmod", "-b", str(root), kernel.release)
    depends = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        depends[path] = rest.split()
    kept = set()
    for path in kernel.chosen_modules():
        kept.update([path, *depends.get(path, ())])
    for path in kernel.modules.rglob("*.ko"):
        if str(path.relative_to(kernel.modules)) not in kept:
            path.unlink()
    run("depmod", "-b", str(root), kernel.release)


def installed(tool):
    path = shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise PackageError(f"'{tool}' is not installed: make vmtest installs what it needs")
    return path
