#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Boots Debian's kernels under QEMU and asks on each what the product owes there; a table of kernel by
group of tests at the end, then "N passed, N failed".

    tests/vm/vmtest.py [--update] [--offline] [--only PART] [-v] [KERNEL...]

KERNEL: 5.10 6.1 6.12 newest. --update writes tests/vm/verifier.txt anew (for which --only boot is
enough); --offline boots the kernels fetched before. Changes
nothing of the machine: kernels, apt's lists and the guest's root lie under build/vm.
"""

import argparse
import json
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from vm import image, machine, packages, verifier  # noqa: E402

# What is done in one boot: (CPUs, parts of guest.py, limit in s). Kernels that cannot trace are
# asked the first alone.
BOOTS = ((1, ("boot", "scenarios", "clock"), 3600), (2, ("cpus", "killed"), 1800))
CANNOT_TRACE = ("5.10",)


class Results:
    """What one kernel said: .groups {group: [passed, failed]}, .facts, .failures"""

    def __init__(self, series):
        self.series = series
        self.groups = {}
        self.facts = {}
        self.failures = []

    def tell(self, group, name, ok, text):
        """One test's result; what failed is printed at once, with why."""
        counts = self.groups.setdefault(group, [0, 0])
        counts[not ok] += 1
        if not ok:
            self.failures.append((group, name, text))
            print(f"failed  {self.series} {group} {name}")
            for line in text.strip().splitlines():
                print(f"        | {line[:1000]}", flush=True)

    def line(self, text):
        """One line from the guest: -> whether it was one of guest.py's."""
        try:
            said = json.loads(text)
        except ValueError:
            return False
        if not isinstance(said, dict):
            return False
        if "result" in said:
            self.tell(said["result"], said["name"], said["ok"], said["text"])
        elif "fact" in said:
            self.facts[said["fact"]] = said["value"]
        else:
            return False
        return True

    @property
    def release(self):
        return self.facts.get("release", "?")


def boot(results, kernel, root, cpus, parts, limit_s, verbose):
    """One boot, to its end; what goes wrong around the tests is a failure of the group "boot"."""
    console = root.with_suffix(".console")
    other = []
    results.facts.pop("end", None)
    with machine.Machine(kernel.image, root, console, cpus, limit_s,
                         f"tcpw_parts={','.join(parts)}") as guest:
        for text in guest:
            if verbose:
                print(f"    {text[:300]}", flush=True)
            if not results.line(text):
                other.append(text)
    words = "\n".join(other[-20:] + console.read_text(errors="replace").splitlines()[-20:])
    name = f"{cpus} CPU: {', '.join(parts)}"
    if guest.ended == "time":
        results.tell("boot", name, False, f"not done after {limit_s} s\n{words}")
    else:
        results.tell("boot", name, results.facts.get("end") is True, words)


def ask(series, args, binary):
    results = Results(series)
    began = time.monotonic()
    try:
        kernel = packages.fetch(series, args.cache, args.offline)
    except packages.PackageError as e:
        results.tell("boot", "package", False, str(e))
        return results
    root = args.cache / f"root-{series}.cpio"
    image.build(root, kernel, binary)
    for cpus, parts, limit_s in BOOTS:
        wanted = [p for p in parts if p in (args.only or parts) and
                  (p == "boot" or series not in CANNOT_TRACE)]
        if wanted:
            boot(results, kernel, root, cpus, wanted, limit_s, args.verbose)
    root.unlink()
    print(f"{series:7} {results.release}: {sum(c[0] for c in results.groups.values())} passed, "
          f"{sum(c[1] for c in results.groups.values())} failed, "
          f"{time.monotonic() - began:.0f} s", flush=True)
    return results


def table(all_results):
    """Lines of the matrix: groups down, kernels across; "80" all passed, "78 of 80"."""
    groups = []
    for r in all_results:
        groups += [g for g in r.groups if g not in groups]
    rows = [["", *(r.release.split("-")[0].split("+")[0] for r in all_results)]]
    for g in groups:
        row = [g]
        for r in all_results:
            passed, failed = r.groups.get(g, (0, 0))
            row.append("-" if not passed + failed else str(passed) if not failed else
                       f"{passed} of {passed + failed}")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def missing_features(all_results):
    """What each kernel lacks, as `features` has it."""
    for r in all_results:
        for name, lost in r.facts.get("features", {}).items():
            if lost:
                yield f"{r.release}: without {name} ({lost[0]}): {lost[1]}"


def compare(all_results, path, update):
    """Holds the verifier's counts against the file, or writes them; a result for each kernel."""
    kept = verifier.parse(path.read_text()) if path.exists() else verifier.Counts()
    fresh = verifier.Counts()
    for r in all_results:
        fresh.releases[r.series] = r.release
        for fact, counts in r.facts.items():
            if fact.startswith("verifier "):
                for program, count in counts.items():
                    fresh.set(r.series, fact.split()[1], program, count)
    if update:
        kept.replace(fresh)
        if not fresh.counts:
            print("nothing counted: nothing written")
            return
        path.write_text(verifier.text(kept))
        print(f"written: {path.relative_to(image.ROOT)}")
        return
    for r in all_results:
        if not any(fresh.get(r.series).values()):
            continue  # not asked, or a kernel that does not count
        lines = verifier.differences(kept, fresh, r.series)
        known = kept.releases.get(r.series, "none")
        if lines and known != r.release:
            print(f"{r.series}: {r.release} is not the kernel that verifier.txt is of ({known}), "
                  "and may well count otherwise")
            for line in lines:
                print(f"        | {line}")
            continue
        r.tell("verifier", "counts", not lines, "\n".join([
            *lines, "not as in tests/vm/verifier.txt; if that is meant: "
            "make vmtest VMTEST='--update --only boot'"]))


def main():
    parser = argparse.ArgumentParser(description="the kernel matrix")
    parser.add_argument("--update", action="store_true", help="write verifier.txt anew")
    parser.add_argument("--offline", action="store_true", help="boot what was fetched before")
    parser.add_argument("--only", action="append", metavar="PART",
                        choices=[p for _, parts, _ in BOOTS for p in parts],
                        help="only this part of guest.py: %(choices)s")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the guests say")
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", default=[],
                        help=f"any of: {' '.join(packages.SUITES)}")
    args = parser.parse_args()
    unknown = [k for k in args.kernels if k not in packages.SUITES]
    if unknown:
        parser.error(f"unknown kernel {' '.join(unknown)}: try {' '.join(packages.SUITES)}")
    build = pathlib.Path(os.environ.get("BUILD", image.ROOT / "build")).resolve()
    args.cache = build / "vm"
    binary = pathlib.Path(os.environ.get("TCPWITNESS", build / "tcpwitness")).resolve()
    if os.uname().machine != "x86_64":
        raise SystemExit("vmtest: the guest runs this machine's own programs, on x86_64 only")
    if not binary.exists():
        raise SystemExit(f"vmtest: no binary at {binary}: make all")
    all_results = [ask(series, args, binary) for series in args.kernels or packages.SUITES]
    compare(all_results, HERE / "verifier.txt", args.update)
    print("\n".join(["", *missing_features(all_results), "", *table(all_results)]))
    passed, failed = (sum(c[i] for r in all_results for c in r.groups.values()) for i in (0, 1))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
