# SPDX-License-Identifier: GPL-2.0-or-later
"""
The file of the verifier's instruction counts: a row for each program, loaded plain and with every
filter, a column for each kernel; the kernels' releases in comments.
"""

import re

HEAD = """\
# Instructions the verifier went through (bpf_prog_info.verified_insns, since 5.16), by program and
# kernel, loaded without filters ("plain") and with all of them. `make vmtest` compares;
# `make vmtest VMTEST="--update --only boot"` writes this file.
"""


class Counts:
    """.releases {series: release}; counts by series, configuration and program."""

    def __init__(self):
        self.releases = {}
        self.counts = {}  # (config, program) -> {series: count or None}

    def set(self, series, config, program, count):
        self.counts.setdefault((config, program), {})[series] = count

    def get(self, series):
        return {key: row[series] for key, row in self.counts.items() if series in row}

    def replace(self, fresh):
        """Takes over the kernels that `fresh` has; the others stay."""
        for row in self.counts.values():
            for series in fresh.releases:
                row.pop(series, None)
        for (config, program), row in fresh.counts.items():
            for series, count in row.items():
                self.set(series, config, program, count)
        self.counts = {key: row for key, row in self.counts.items() if row}
        self.releases.update(fresh.releases)


def parse(text):
    result = Counts()
    columns = []
    for line in text.splitlines():
        release = re.match(r"# (\S+): (\S+)$", line)
        if release:
            result.releases[release.group(1)] = release.group(2)
        elif line.startswith("loaded"):
            columns = line.split()[2:]
        elif line and not line.startswith("#"):
            config, program, *counts = line.split()
            if len(counts) != len(columns):
                raise ValueError(f"verifier counts: {line!r} has {len(counts)} columns")
            for series, count in zip(columns, counts):
                if count != "-":
                    result.set(series, config, program, int(count))
    return result


def _version(release):
    return [int(n) for n in re.findall(r"\d+", release)[:3]]


def text(counts):
    columns = [s for s in sorted(counts.releases, key=lambda s: _version(counts.releases[s]))
               if any(value is not None for value in counts.get(s).values())]
    lines = [f"# {series}: {counts.releases[series]}" for series in columns]
    row = "{:8} {:28}" + " {:>7}" * len(columns)
    lines.append(row.format("loaded", "program", *columns).rstrip())
    for config in ("plain", "filters"):
        for (its, program), values in sorted(counts.counts.items()):
            if its == config:
                cells = (values.get(series) for series in columns)
                lines.append(row.format(config, program, *("-" if c is None else c
                                                           for c in cells)))
    return HEAD + "\n".join(lines) + "\n"


def differences(kept, fresh, series):
    """Lines that say which counts of a kernel are not as they were."""
    old, new = ({k: v for k, v in c.get(series).items() if v is not None} for c in (kept, fresh))
    return [f"{config} {program}: {old.get((config, program), '-')} -> "
            f"{new.get((config, program), '-')}"
            for config, program in sorted({*old, *new}) if
            old.get((config, program)) != new.get((config, program))]
