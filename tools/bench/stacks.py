#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast the reference stack is beside lwIP: interleaved runs of one program, medians, ratios.

Usage: stacks.py [--build-dir DIR] [--rounds N] [-o FILE]

Each round holds one run of each row, in rotated order, on one CPU. The figure to quote is the ratio
within a round: median, least, greatest. README.md beside this file says what is measured.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

BULK = [
    # name, arguments of reftcp, arguments of lwip (None: the stack cannot)
    ("64 KiB window", ["window=65535"], []),
    ("64 KiB, no SACK, no timestamps", ["window=65535", "plain=1"], []),
    ("64 KiB, 8 segments a turn", ["window=65535", "batch=8"], []),
    ("1 MiB window", ["window=1048576"], None),
]
CHURN = [  # connections in a lap, laps of reftcp, laps of lwip
    (1000, 200, 200),
    (10000, 20, 4),
    (40000, 5, 1),
]


def rows():
    for name, ours, theirs in BULK:
        yield ("bulk", name, ["bulk", "mib=1024", *ours],
               None if theirs is None else ["bulk", "mib=1024", *theirs])
    for connections, ours, theirs in CHURN:
        yield ("churn", f"{connections:,}", ["churn", f"connections={connections}", f"laps={ours}"],
               ["churn", f"connections={connections}", f"laps={theirs}"])


def run(program, stack, arguments, cpu):
    done = subprocess.run([program, stack, *arguments], capture_output=True, text=True, check=True,
                          timeout=300, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    got = json.loads(done.stdout)
    got["segments_s"] = got["segments"] / got["seconds"]
    if got["load"] == "bulk":
        got["rate"] = got["octets"] * 8 / got["seconds"] / 1e9
    else:
        got["rate"] = got["connections"] / got["seconds"]
        got["rate_with_end"] = got["connections"] / (got["seconds"] + got["idle_seconds"])
    return got


def measure(program, rounds, cpu):
    jobs = [(kind, name, stack, arguments)
            for kind, name, ours, theirs in rows()
            for stack, arguments in (("reftcp", ours), ("lwip", theirs)) if arguments is not None]
    results = {}
    for number in range(rounds + 1):  # round 0 warms up
        turn = number % len(jobs)
        for kind, name, stack, arguments in jobs[turn:] + jobs[:turn]:
            got = run(program, stack, arguments, cpu)
            if number:
                results.setdefault((kind, name), {}).setdefault(stack, []).append(got)
    return results


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def spread(runs, key, form):
    values = sorted(r[key] for r in runs)
    return f"{form(statistics.median(values))} ({form(values[0])} to {form(values[-1])})"


def ratio(ours, theirs, key):
    values = sorted(a[key] / b[key] for a, b in zip(ours, theirs))
    return f"{statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def table(heads, lines):
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def bulk_lines(results):
    for (kind, name), by in results.items():
        if kind != "bulk":
            continue
        ours, theirs = by["reftcp"], by.get("lwip")
        yield (name, spread(ours, "rate", "{:.1f}".format),
               spread(theirs, "rate", "{:.1f}".format) if theirs else "-",
               ratio(ours, theirs, "rate") if theirs else "-",
               f"{median(ours, 'segments_s') / 1e6:.2f}",
               f"{median(theirs, 'segments_s') / 1e6:.2f}" if theirs else "-")


def churn_lines(results):
    for (kind, name), by in results.items():
        if kind != "churn":
            continue
        ours, theirs = by["reftcp"], by["lwip"]
        yield (name, spread(ours, "rate", "{:,.0f}".format),
               spread(theirs, "rate", "{:,.0f}".format), ratio(ours, theirs, "rate"),
               ratio(ours, theirs, "rate_with_end"),
               f"{median(ours, 'segments') / median(ours, 'connections'):.0f} / "
               f"{median(theirs, 'segments') / median(theirs, 'connections'):.0f}",
               f"{median(ours, 'per_connection'):.0f} / {median(theirs, 'per_connection'):.0f}")


def report(results, rounds):
    yield f"reference stack beside lwIP, {rounds} rounds: medians (least to greatest)"
    yield ""
    yield from table(("octets one way", "reftcp Gbit/s", "lwIP Gbit/s", "ratio",
                      "reftcp M segments/s", "lwIP M segments/s"), bulk_lines(results))
    yield ""
    yield from table(("connections, all left in TIME-WAIT", "reftcp/s", "lwIP/s", "ratio",
                      "ratio with the end of TIME-WAIT", "segments a connection",
                      "octets a connection"), churn_lines(results))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build-dir", default="build")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("-o", "--output", type=pathlib.Path)
    options = parser.parse_args()
    program = pathlib.Path(options.build_dir) / "bench" / "stacks"
    if not program.exists():
        print(f"cannot find '{program}': make bench builds it", file=sys.stderr)
        return 1
    try:
        results = measure(program, options.rounds, options.cpu)
    except subprocess.CalledProcessError as error:
        print(f"'{' '.join(map(str, error.cmd))}' failed: {error.stderr.strip()}", file=sys.stderr)
        return 1
    print("\n".join(report(results, options.rounds)))
    if options.output:
        options.output.write_text(json.dumps(
            [{"load": kind, "row": name, "runs": by} for (kind, name), by in results.items()],
            indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
