#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make vmtest` makes of the words of apt, ldd, the guest and its own file; boots nothing."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from vm import image, packages, verifier, vmtest  # noqa: E402


class TestPackages(unittest.TestCase):
    def test_archive_is_the_main_suite_of_debian(self):
        targets = ("|https://other.example/apt/|stable\n"
                   "Debian|http://mirror.example/debian-security/|bookworm-security\n"
                   "Debian|http://mirror.example/debian/|bookworm-updates\n"
                   "Debian|http://mirror.example/debian/|bookworm\n")
        self.assertEqual(packages.archive_of(targets), "http://mirror.example/debian/")

    def test_no_debian_is_said(self):
        with self.assertRaisesRegex(packages.PackageError, "apt-get update"):
            packages.archive_of("Other|http://mirror.example/|stable\n")

    def test_only_how_to_fetch_is_taken_over(self):
        dump = ('APT::Architecture "amd64";\nAcquire "";\nAcquire::http "";\n'
                'Acquire::http::Proxy "http://proxy.example:3128";\nDir::Etc "etc/apt";\n')
        self.assertEqual(packages.acquire_of(dump),
                         'Acquire::http "";\nAcquire::http::Proxy "http://proxy.example:3128";\n')

    def test_kernel_packages(self):
        depends = ("linux-image-7.2.13-cloud-amd64\n |Depends: dracut\n"
                   "  Depends: initramfs-tools\n"
                   "  Depends: linux-base-7.2.13-cloud-amd64\n"
                   "  Depends: linux-binary-7.2.13-cloud-amd64\n"
                   " |Depends: linux-modules-7.2.13-cloud-amd64\n"
                   "  Recommends: linux-image-9.9-cloud-amd64\n  Depends: <linux-image-virtual>\n")
        self.assertEqual(packages.kernel_packages(depends),
                         ["linux-binary-7.2.13-cloud-amd64", "linux-modules-7.2.13-cloud-amd64"])

    def test_two_kernels_in_one_place_are_refused(self):
        with tempfile.TemporaryDirectory() as root:
            for release in ("6.1.0-1", "6.1.0-2"):
                (pathlib.Path(root) / "lib/modules" / release / "kernel").mkdir(parents=True)
            with self.assertRaisesRegex(packages.PackageError, "0 kernels and 2 module trees"):
                packages.Kernel("6.1", root)


def members(archive):
    """[(name, mode, content)] of a cpio archive, read as the kernel does (init/initramfs.c)."""
    found, at = [], 0
    while True:
        assert archive[at:at + 6] == b"070701", at
        fields = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = archive[at + 110:at + 110 + length]
        assert name.endswith(b"\0")
        at = (at + 110 + length + 3) & ~3
        if name == b"TRAILER!!!\0":
            return found
        found.append((name[:-1].decode(), mode, archive[at:at + size]))
        at = (at + size + 3) & ~3


class TestImage(unittest.TestCase):
    def test_libraries(self):
        listing = ("\tlinux-vdso.so.1 (0x00007ffc)\n"
                   "\tlibelf.so.1 => /lib/x86_64-linux-gnu/libelf.so.1 (0x00007f)\n"
                   "\tlibgone.so.2 => not found\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n")
        self.assertEqual(image.libraries(listing), ["/lib/x86_64-linux-gnu/libelf.so.1",
                                                    "/lib64/ld-linux-x86-64.so.2"])
        self.assertEqual(image.libraries("\tnot a dynamic executable\n"), [])

    def test_archive(self):
        picture = image.Image()
        picture.text("/lib/modules/x/empty", "")
        picture.text("/sbin/odd", "12345", 0o755)
        picture.directory("/lib/y/z")
        with tempfile.NamedTemporaryFile() as out:
            picture.write(out.name)
            found = {name: (mode, content) for name, mode, content in
                     members(pathlib.Path(out.name).read_bytes())}
        self.assertEqual(found["lib"], (0o120777, b"usr/lib"))
        self.assertEqual(found["usr/sbin/odd"], (0o100755, b"12345"))
        self.assertEqual(found["usr/lib/y/z"], (0o040755, b""))
        self.assertEqual(found["usr/lib/modules/x/empty"], (0o100644, b""))
        for name in found:
            parent = name.rpartition("/")[0]
            if parent:
                self.assertEqual(found[parent][0] & 0o170000, 0o040000, name)
                # The kernel makes them in the order they come.
                self.assertLess(list(found).index(parent), list(found).index(name))


class TestResults(unittest.TestCase):
    def test_lines(self):
        results = vmtest.Results("6.1")
        said = ['{"fact": "release", "value": "6.1.0-50-cloud-amd64"}',
                '{"result": "load", "name": "a", "ok": true, "text": ""}',
                '{"result": "load", "name": "b", "ok": false, "text": "why"}']
        self.assertEqual([results.line(s) for s in said], [True] * 3)
        for other in ("Traceback (most recent call last):", "7", "", "{", '{"event": "reset"}'):
            self.assertFalse(results.line(other))
        self.assertEqual((results.release, results.groups, results.failures),
                         ("6.1.0-50-cloud-amd64", {"load": [1, 1]}, [("load", "b", "why")]))

    def test_table(self):
        old, new = vmtest.Results("5.10"), vmtest.Results("newest")
        old.facts["release"], new.facts["release"] = "5.10.0-32-cloud-amd64", "7.2.13+deb14-cloud"
        old.tell("load", "a", True, "")
        new.tell("load", "a", True, "")
        new.tell("load", "b", False, "")
        new.tell("paths", "c", True, "")
        self.assertEqual(vmtest.table([old, new]),
                         ["       5.10.0  7.2.13", "load   1       1 of 2", "paths  -       1"])


class TestVerifier(unittest.TestCase):
    def counts(self, **releases):
        result = verifier.Counts()
        result.releases = {"6.1": "6.1.0-50", "newest": "7.2.13", **releases}
        for series, n in (("6.1", 900), ("newest", 700)):
            result.set(series, "plain", "witness_state", n)
        result.set("newest", "filters", "witness_segment", 5)
        return result

    def test_file_and_back(self):
        text = verifier.text(self.counts())
        again = verifier.parse(text)
        self.assertEqual((again.releases, again.counts),
                         ({"6.1": "6.1.0-50", "newest": "7.2.13"}, self.counts().counts))
        self.assertEqual(verifier.text(again), text)

    def test_kernel_without_counts_has_no_column(self):
        with_old = self.counts(**{"5.10": "5.10.0-32"})
        with_old.set("5.10", "plain", "list_sockets", None)
        self.assertNotIn("5.10", verifier.text(with_old).replace("5.16", ""))

    def test_differences(self):
        fresh = self.counts()
        fresh.set("newest", "plain", "witness_state", 701)
        fresh.set("newest", "plain", "witness_new", 3)
        del fresh.counts["filters", "witness_segment"]
        self.assertEqual(verifier.differences(self.counts(), fresh, "newest"),
                         ["filters witness_segment: 5 -> -", "plain witness_new: - -> 3",
                          "plain witness_state: 700 -> 701"])
        self.assertEqual(verifier.differences(self.counts(), fresh, "6.1"), [])

    def test_only_what_was_looked_at_is_replaced(self):
        kept, fresh = self.counts(), verifier.Counts()
        fresh.releases["newest"] = "7.3.1"
        fresh.set("newest", "plain", "witness_state", 650)
        kept.replace(fresh)
        self.assertEqual(kept.releases, {"6.1": "6.1.0-50", "newest": "7.3.1"})
        self.assertEqual(kept.counts, {("plain", "witness_state"): {"6.1": 900, "newest": 650}})

    def test_damaged_row(self):
        text = verifier.text(self.counts())
        with self.assertRaisesRegex(ValueError, "1 columns"):
            verifier.parse(text + "plain witness_x 1\n")


def main():
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        result = unittest.TextTestRunner(said).run(
            unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    bad = len(result.failures) + len(result.errors)
    print(said.getvalue() if bad else "ok   vm driver")
    print(f"{result.testsRun - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
