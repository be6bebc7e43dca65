#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What each BPF program costs, and what being attached costs four loads.

First the time of a run of each of the tracer's programs beside an empty program at the same hook,
both measured by the kernel in the same run. Then the rates of the loads untraced, with empty
programs at all hooks (the least that the tracer can cost), with the tracer where its filter lets
nothing through, and with everything streamed. README.md beside this file says what each figure
means.
"""

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import bench
from bench import BenchError, say

READY_SECONDS = 30
AIMS = {"streamed": 8.0, "filtered": 1.5, "counting": 3.0}
MIN_RUNS = 500  # fewer runs of a program say nothing of its time
FLOOD_BACKLOG = 1 << 20
# A destination port that no load uses: the kernel's filter lets nothing through.
NOTHING = ["--rport", "1", "--lport", "1"]


# ---- who is attached ---------------------------------------------------------------------------


class Attached:
    """A process that has programs attached, on the other CPU, from ready to ended."""

    def __init__(self, command, ready, options):
        self.ready = ready
        self.log = os.path.join(options.directory, "err")
        with open(self.log, "wb") as err:
            self.process = bench.start(command, options.tracer_cpu, subprocess.DEVNULL, err)

    def __enter__(self):
        end = time.monotonic() + READY_SECONDS
        while self.ready not in bench.text_of(self.log):
            if self.process.poll() is not None or time.monotonic() > end:
                bench.stop(self.process, signal.SIGTERM, 5)
                raise BenchError(f"'{self.process.args[0]}' was not attached: "
                                 f"{bench.last_words(self.log)}")
            time.sleep(0.1)
        time.sleep(0.3)
        return self

    def __exit__(self, *unused):
        bench.stop(self.process, signal.SIGINT, 20)


def empty(options, *args):
    return Attached([os.path.join(options.build_dir, "bench", "empty"), *args], "attached", options)


def tracer(options, *args):
    return Attached([os.path.join(options.build_dir, "tcpwitness"), *args], "tracing", options)


VARIANTS = {
    "untraced": lambda o: contextlib.nullcontext(),
    "empty": empty,
    "empty-no-accept": lambda o: empty(o, "--no-accept"),
    "filtered": lambda o: tracer(o, "trace", "-o", "json", *NOTHING),
    "streamed": lambda o: tracer(o, "trace", "-o", "json"),
    "counting": lambda o: Attached([os.path.join(o.build_dir, "tcpwitness"), "timewait", "-o",
                                    "json"], "counting", o),
    "streamed-no-accept": lambda o: tracer(o, "trace", "-o", "json", "--no-accept"),
}


# ---- loads -------------------------------------------------------------------------------------


def loads(options, inside, *args):
    command = [*inside, os.path.join(options.build_dir, "bench", "loads"), *map(str, args),
               "--cpu", str(options.cpu)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=120)
    if done.returncode:
        raise BenchError(done.stderr.strip() or f"'loads {args[0]}' ended with {done.returncode}")
    return json.loads(done.stdout)


def run_churn(options, attached):
    with bench.namespace() as inside, attached(options):
        return bench.churn(options, inside, options.connections)


def run_rr(options, attached):
    with bench.namespace() as inside, attached(options):
        return loads(options, inside, "rr", "-n", options.requests)


def run_syscall(options, attached):
    with attached(options):
        return loads(options, [], "syscall", "-n", options.calls)


def listen_in(name, backlog):
    """A listener in a namespace that nobody accepts from; the descriptor holds it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{name}", "rb") as there:
        if libc.setns(there.fileno(), 0x40000000):
            raise BenchError(f"cannot enter namespace '{name}'")
        try:
            listener = socket.socket()
            listener.bind(("192.0.2.2", 7000))
            listener.listen(backlog)
            return listener
        finally:
            libc.setns(home.fileno(), 0x40000000)


@contextlib.contextmanager
def flooded(cookies):
    """
    The namespace the flood comes from, joined by veth to one with a listener. What the listener
    answers goes back to a machine that does not forward, so nothing ever comes of it.
    """
    source, target = bench.own_name(), bench.own_name() + "t"
    backlog = 128 if cookies else FLOOD_BACKLOG
    listener = None
    try:
        for name in (source, target):
            bench.run_quiet(["ip", "netns", "add", name])
        bench.run_quiet(["ip", "-n", source, "link", "add", "v0", "type", "veth", "peer", "name",
                         "v0", "netns", target])
        for name, addr in ((source, "192.0.2.1/24"), (target, "192.0.2.2/24")):
            bench.run_quiet(["ip", "-n", name, "addr", "add", addr, "dev", "v0"])
            bench.run_quiet(["ip", "-n", name, "link", "set", "v0", "up"])
            bench.run_quiet(["ip", "-n", name, "link", "set", "lo", "up"])
        bench.run_quiet(["ip", "-n", target, "route", "add", "10.0.0.0/8", "via", "192.0.2.1"])
        inside = ["ip", "netns", "exec", target]
        for key, value in (("net/ipv4/tcp_syncookies", 2 if cookies else 0),
                           ("net/ipv4/tcp_max_syn_backlog", backlog),
                           ("net/core/somaxconn", backlog)):
            bench.run_quiet(inside + ["sh", "-c", f"echo {value} >/proc/sys/{key}"])
        listener = listen_in(target, backlog)
        yield ["ip", "netns", "exec", source]
    finally:
        if listener:
            listener.close()
        for name in (source, target):
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)
        time.sleep(0.7)


def run_flood(options, attached, cookies=False):
    with flooded(cookies) as inside, attached(options):
        return loads(options, inside, "flood", "-n", options.syns, "--target", "192.0.2.2")


LOADS = {
    "churn": run_churn,
    "rr": run_rr,
    "flood": run_flood,
    "cookies": lambda o, a: run_flood(o, a, cookies=True),
    "syscall": run_syscall,
}


# ---- the time of a run -------------------------------------------------------------------------


def programs_of(process):
    """Numbers of the programs that a process holds, by its descriptors."""
    held = set()
    for fd in os.listdir(f"/proc/{process.pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError):
            for line in bench.text_of(f"/proc/{process.pid}/fdinfo/{fd}").splitlines():
                if line.startswith("prog_id:"):
                    held.add(int(line.split()[1]))
    return held


def program_times(*attached):
    """{(name, id): (ns, runs)} of the programs of these processes, while the kernel measures."""
    done = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True,
                          check=True, env={**os.environ, "PATH": bench.SEARCH_PATH})
    held = set().union(*(programs_of(one.process) for one in attached))
    return {(p["name"], p["id"]): (p.get("run_time_ns", 0), p.get("run_cnt", 0))
            for p in json.loads(done.stdout)
            if "name" in p and p["id"] in held}


def own_programs(before, after, ours):
    """{hook: {`ours` or "empty": ns a run}} of what ran between the two."""
    found = {}
    for key, (ns, runs) in after.items():
        who, _, hook = key[0].partition("_")
        ns0, runs0 = before.get(key, (0, 0))
        if who in (ours, "empty") and key in before and runs - runs0 >= MIN_RUNS:
            found.setdefault(hook, {})[who] = (ns - ns0) / (runs - runs0)
    return {hook: times for hook, times in found.items() if len(times) == 2}


def time_programs(options, load, kind):
    """One run of a load with ours and the empty programs both attached and measured."""
    ours = "count" if kind == "counting" else "witness"
    times = {}

    @contextlib.contextmanager
    def both(o):
        with VARIANTS[kind](o) as tracing, empty(o, "--stats") as nothing:
            before = program_times(tracing, nothing)
            yield
            times.update(own_programs(before, program_times(tracing, nothing), ours))

    LOADS[load](options, both)
    return times


def table_of_programs(options):
    results = {}
    for load in ("churn", "rr", "flood"):
        for kind in ("streamed", "filtered", "counting"):
            rounds = [time_programs(options, load, kind) for _ in range(options.rounds)]
            for hook in sorted(set.intersection(*(set(r) for r in rounds))):
                mine = [r[hook]["count" if kind == "counting" else "witness"] for r in rounds]
                other = [r[hook]["empty"] for r in rounds]
                share = [a / b for a, b in zip(mine, other)]
                results[load, kind, hook] = {
                    "ns": statistics.median(mine), "empty_ns": statistics.median(other),
                    "ratio": statistics.median(share), "min": min(share), "max": max(share)}
    say("time of a run, beside an empty program at the same hook (the measuring is in both)")
    form = "{:7}{:10}{:19}{:>8}{:>10}{:>8}{:>7}{:>7}"
    say(form.format("load", "tracer", "program", "ns", "empty ns", "ratio", "min", "max"))
    for (load, kind, hook), r in results.items():
        say(form.format(load, kind, hook, f"{r['ns']:.0f}", f"{r['empty_ns']:.0f}",
                        f"{r['ratio']:.2f}", f"{r['min']:.2f}", f"{r['max']:.2f}"))
    for kind, aim in AIMS.items():
        r = results.get(("churn", kind, "state"))
        if r:
            say(f"aim for a transition, {kind}: at most {aim:.1f} times an empty program: "
                f"{'reached' if r['ratio'] <= aim else 'not reached'}")
    return {" ".join(key): value for key, value in results.items()}


# ---- rates -------------------------------------------------------------------------------------


def measure(run, options, name):
    """One run; its rate by the CPU time it used stands beside that by the clock."""
    result = run(options, VARIANTS[name])
    result["per_cpu_second"] = result["count" if "count" in result else "connections"] / \
        result["cpu_seconds"]
    return result


def table_of_rates(options):
    runs = {load: {name: [] for name in VARIANTS} for load in LOADS}
    for number in range(options.rounds):
        names = list(VARIANTS)
        names = names[number % len(names):] + names[:number % len(names)]
        for load, run in LOADS.items():
            for name in names:
                runs[load][name].append(measure(run, options, name))
    say()
    say("ratios to untraced in the same round: median (least to greatest)")
    form = "{:9}{:20}{:>10} {:>24}{:>24}{:>24}"
    say(form.format("load", "tracer", "per s", "rate by CPU time", "rate by the clock", "p99"))
    results = {}
    for load, variants in runs.items():
        for name, series in variants.items():
            row = {"per_second": statistics.median(r["per_second"] for r in series)}
            texts = []
            for key in ("per_cpu_second", "per_second", "p99_ns"):
                if key not in series[0]:
                    continue
                share = [a[key] / b[key] for a, b in zip(series, variants["untraced"])]
                row[key + "_ratio"] = share
                texts.append(f"{statistics.median(share):.3f} "
                             f"({min(share):.3f} to {max(share):.3f})")
            results[f"{load} {name}"] = row
            say(form.format(load, name, f"{row['per_second']:.0f}",
                            *(texts + [""] * 3)[:3]).rstrip())
    return results


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build", help="where the programs are (build)")
    parser.add_argument("--rounds", type=bench.whole(1, 100), default=5, help="rounds (5)")
    parser.add_argument("--only", choices=("programs", "rates"), help="one of the two tables")
    parser.add_argument("-o", "--output", metavar="FILE", help="also write the results as JSON")
    parser.add_argument("--cpu", type=bench.whole(0, 4095), default=0, help="CPU of the loads (0)")
    parser.add_argument("--tracer-cpu", type=bench.whole(0, 4095), default=1,
                        help="CPU of the tracers (1)")
    options = parser.parse_args()
    options.connections, options.requests = 30000, 150000
    options.syns, options.calls = 60000, 3000000
    options.family, options.close, options.bytes, options.tmp_dir = 4, "client", 0, None
    options.port = 10000 + os.getpid() % 200 * 100
    options.ports = 4
    return options


def main():
    options = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, bench.interrupt)
    try:
        status = bench.check_machine(options)
        if status:
            return status
        if not shutil.which("bpftool", path=bench.SEARCH_PATH):
            raise BenchError("no 'bpftool' found: install bpftool")
        bench.sweep(None)
        facts = bench.machine()
        say(f"kernel {facts['kernel']}, {facts['cpus']} CPUs ({facts['cpu']}); {options.rounds} "
            f"rounds; loads on CPU {options.cpu}, tracers on CPU {options.tracer_cpu}")
        results = {"schema": 1, "machine": facts}
        with bench.scratch() as options.directory:
            if options.only != "rates":
                results["programs"] = table_of_programs(options)
            if options.only != "programs":
                results["rates"] = table_of_rates(options)
        if options.output:
            with open(options.output, "w", encoding="utf-8") as file:
                json.dump(results, file, indent=1)
                file.write("\n")
        return 0
    except (BenchError, OSError) as error:
        bench.say_error(str(error))
        return bench.EXIT_RUN
    except KeyboardInterrupt as caught:
        bench.say_error("interrupted, everything removed")
        return 128 + (caught.args[0] if caught.args else signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
