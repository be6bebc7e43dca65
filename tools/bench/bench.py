#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What tracing costs: connection churn on one CPU, with and without a tracer.

Each contestant gets its run in each round, in a network namespace of its own, with the same number
of connections; the order is rotated from round to round. What counts is the ratio to the untraced
run of the same round: on a shared machine the rates drift, the ratios stay. README.md beside this
file says what each figure means.
"""

import argparse
import contextlib
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from contestants import CONTESTANTS, SEARCH_PATH, Untraced

EXIT_RUN, EXIT_USAGE, EXIT_PERMISSION = 1, 2, 4
READY_SECONDS = 30
DRAIN_SECONDS = 20
STOP_SECONDS = 120  # bpftrace prints what it has in store before it ends
PREFIX = "tcpwitness-bench-"
AIM = 0.85


class BenchError(Exception):
    """Ends the whole benchmark; the text says why."""


class ContestantError(Exception):
    """Ends one contestant's part; the others go on."""


# ---- processes -------------------------------------------------------------------------------


def die_with_parent():
    """A tracer must not outlive a benchmark that was killed."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def start(command, cpu, stdout, stderr):
    def prepare():
        os.sched_setaffinity(0, {cpu})
        die_with_parent()

    # A session of its own: an interrupt from the terminal is for the benchmark, which then ends
    # the tracer itself.
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                            preexec_fn=prepare, start_new_session=True)


def cpu_seconds_now(pid):
    """User and system time of a live process and of the children it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def stop(process, first_signal=signal.SIGINT, patience=STOP_SECONDS):
    """Ends a process; returns its total CPU seconds, or None if it was gone already."""
    if process.returncode is not None:
        return None
    for number, seconds in ((first_signal, patience), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            # It leads a session of its own: by force, its helpers go with it.
            (os.killpg if number == signal.SIGKILL else os.kill)(process.pid, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_utime + usage.ru_stime
            time.sleep(0.02)
    return None


def run_quiet(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise BenchError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")


# ---- network namespaces ----------------------------------------------------------------------


def own_name():
    return f"{PREFIX}{os.getpid()}"


def is_orphan(name):
    match = re.match(re.escape(PREFIX) + r"(\d+)\b", name)
    return bool(match) and not os.path.exists(f"/proc/{match[1]}")


def sweep(tmp_dir):
    """Removes what a benchmark that was killed could not remove itself."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        if is_orphan(line):
            subprocess.run(["ip", "netns", "delete", line.split()[0]], check=False)
    folder = tmp_dir or tempfile.gettempdir()
    for entry in os.listdir(folder):
        if is_orphan(entry):
            shutil.rmtree(os.path.join(folder, entry), ignore_errors=True)


@contextlib.contextmanager
def namespace():
    """A fresh one for each run: no TIME_WAIT of the run before is met or paid for."""
    name = own_name()
    inside = ["ip", "netns", "exec", name]
    try:
        run_quiet(["ip", "netns", "add", name])
        run_quiet(inside + ["ip", "link", "set", "lo", "up"])
        # Each connection shall end in a TIME_WAIT of its own, none taken over, none refused.
        for key, value in (("tcp_max_tw_buckets", "1048576"), ("tcp_tw_reuse", "0")):
            run_quiet(inside + ["sh", "-c", f"echo {value} >/proc/sys/net/ipv4/{key}"])
        yield inside
    finally:
        subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)
        # The kernel dismantles it, with its TIME_WAIT sockets, in the background.
        time.sleep(0.7)


def scratch():
    """A folder of this process's own, which sweep() of a later one finds if this one is killed."""
    return tempfile.TemporaryDirectory(prefix=own_name() + "-")


# ---- one run ---------------------------------------------------------------------------------


def size_of(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def last_words(path):
    lines = [line.strip() for line in text_of(path).splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


class Tracer:
    """A started contestant: from its start to the account of what it saw."""

    def __init__(self, contestant, options, inside, directory):
        self.contestant, self.options, self.inside = contestant, options, inside
        self.directory = directory
        self.errors = os.path.join(directory, "err")
        self.output = contestant.output(directory)
        command = contestant.command(directory)
        if contestant.in_namespace:
            command = inside + command  # it becomes the command: the process id stays
        with open(os.path.join(directory, "out"), "wb") as out, open(self.errors, "wb") as err:
            self.process = start(command, options.tracer_cpu, out, err)
        self.cpu_at_ready = 0.0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        stop(self.process, signal.SIGTERM, 5)

    def probe(self):
        """Connections on a port of their own, enough to fill the buffer of a tool's stdout."""
        churn(self.options, self.inside, connections=64, port=self.options.port - 1, ports=1)

    def is_ready(self):
        text = self.contestant.ready_text()
        if text is not None:
            return text in text_of(self.errors)
        self.probe()
        time.sleep(0.2)
        # The banner alone is shorter than what the probes make.
        return size_of(self.output) > 2000

    def wait_ready(self):
        end = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None:
                raise ContestantError(f"ended before it was attached: {last_words(self.errors)}")
            if time.monotonic() > end:
                raise ContestantError(f"not attached after {READY_SECONDS} s: "
                                      f"{last_words(self.errors)}")
            time.sleep(0.1)
        time.sleep(0.3)
        self.cpu_at_ready = cpu_seconds_now(self.process.pid)

    def drain(self):
        """Lets the tool write what is still in its buffers; that is part of its work."""
        end = time.monotonic() + DRAIN_SECONDS
        before = -1
        while time.monotonic() < end and before != size_of(self.output):
            before = size_of(self.output)
            time.sleep(0.5)

    def finish(self):
        if self.process.poll() is not None:
            raise ContestantError(f"ended during the run: {last_words(self.errors)}")
        self.drain()
        total = stop(self.process)
        if total is None or self.process.returncode == -signal.SIGKILL:
            raise ContestantError(f"did not end within {STOP_SECONDS} s after an interrupt")
        with open(self.output, encoding="utf-8", errors="replace") as file:
            events = self.contestant.events(file)
        said = text_of(self.errors)
        if self.output != os.path.join(self.directory, "out"):
            said += text_of(os.path.join(self.directory, "out"))
        return {"tracer_cpu_seconds": max(0.0, total - self.cpu_at_ready),
                "output_bytes": size_of(self.output), "events": events,
                "lost": self.contestant.lost(said, events), "said": said[-2000:]}


def churn(options, inside, connections, port=None, ports=None):
    command = inside + [os.path.join(options.build_dir, "bench", "churn"),
                        "-n", str(connections), f"-{options.family}", "--close", options.close,
                        "--request", str(options.bytes), "--reply", str(options.bytes),
                        "--port", str(port or options.port), "--ports", str(ports or options.ports),
                        "--cpu", str(options.cpu)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
                               start_new_session=True)
    try:
        out, err = process.communicate()
    except BaseException:
        stop(process)
        raise
    if process.returncode:
        raise BenchError(err.strip() or f"churn ended with {process.returncode}")
    return json.loads(out)


def run_once(contestant, options, connections):
    """One contestant, one churn; returns the churn's figures and the tracer's."""
    with namespace() as inside:
        if isinstance(contestant, Untraced):
            return churn(options, inside, connections)
        with tempfile.TemporaryDirectory(prefix=own_name() + "-", dir=options.tmp_dir) as directory:
            with Tracer(contestant, options, inside, directory) as tracer:
                tracer.wait_ready()
                result = churn(options, inside, connections)
                result.update(tracer.finish())
        return result


# ---- rounds and what they say ----------------------------------------------------------------


def say(text=""):
    print(text, flush=True)


def play_rounds(contestants, options):
    """Round 0 warms up caches and is not counted. Returns {name: [run or None]}, {name: error}."""
    runs = {contestant.name: [] for contestant in contestants}
    failed = {}
    for number in range(options.rounds + 1):
        turn = number % len(contestants)
        for contestant in contestants[turn:] + contestants[:turn]:
            if contestant.name in failed:
                continue
            connections = options.connections if number else max(1000, options.connections // 5)
            try:
                result = run_once(contestant, options, connections)
            except ContestantError as error:
                failed[contestant.name] = str(error)
                say(f"{contestant.name}: failed: {error}")
                continue
            if number:
                runs[contestant.name].append(result)
            say(f"{'round ' + str(number) if number else 'warm-up':8} {contestant.name:11}"
                f"{result['per_second']:9.0f} conn/s")
    return runs, failed


def ratios(runs, base, key):
    return [run[key] / reference[key] for run, reference in zip(runs, base) if reference[key]]


def deviations(runs):
    """Edges that are not there exactly once for each connection, over all rounds."""
    found = {}
    for run in runs:
        for edge, count in run["events"].items():
            if isinstance(edge, tuple) and count != run["connections"]:
                found.setdefault(edge, []).append(count / run["connections"])
    return {" -> ".join(map(str, edge)): statistics.median(values)
            for edge, values in found.items()}


def summarize(contestant, runs, base):
    for run in runs:
        run["cpu_rate"] = run["connections"] / (run["cpu_seconds"] or run["seconds"])
    wall, cpu = ratios(runs, base, "per_second"), ratios(runs, base, "cpu_rate")
    summary = {
        "name": contestant.name, "what": contestant.what, "runs": len(runs),
        "per_second": statistics.median(run["per_second"] for run in runs),
        "us_per_connection": statistics.median(run["us_per_connection"] for run in runs),
        "ratio": statistics.median(wall), "ratio_min": min(wall), "ratio_max": max(wall),
        "ratio_cpu": statistics.median(cpu),
        "disturbed": sum(run["cpu_seconds"] < 0.95 * run["seconds"] for run in runs),
        "time_wait_recycled": sum(run["time_wait_recycled"] for run in runs),
        "time_wait_overflow": sum(run["time_wait_overflow"] for run in runs),
    }
    if isinstance(contestant, Untraced):
        return summary
    lost = [run["lost"] for run in runs]
    seen = [sum(n for edge, n in run["events"].items() if edge not in ("lost", "unreadable"))
            / run["connections"] for run in runs]
    summary.update({
        "tracer_cpu_us_per_connection": statistics.median(
            run["tracer_cpu_seconds"] / run["connections"] * 1e6 for run in runs),
        "tracer_cpu_seconds": statistics.median(run["tracer_cpu_seconds"] for run in runs),
        "output_bytes_per_connection": statistics.median(
            run["output_bytes"] / run["connections"] for run in runs),
        "lost": None if None in lost else sum(lost),
        "seen_per_connection": statistics.median(seen),
        "seen_wanted": contestant.events_per_connection,
        "unreadable": sum(run["events"]["unreadable"] for run in runs),
        "edges_off": deviations(runs) if contestant.events_per_connection else {},
    })
    return summary


def print_table(summaries, absent):
    form = "{:11}{:>8}{:>9}   {:>7}{:>6}{:>6}{:>9}{:>12}{:>14}{:>12}"
    say()
    say(f"{'':28}   {'ratio to untraced':>19}{'by CPU':>9}{'tracer CPU':>12}{'events seen':>14}"
        f"{'events':>12}")
    say(form.format("", "conn/s", "us/conn", "median", "min", "max", "time", "us/conn", "per conn",
                    "lost"))
    for s in summaries:
        tracer = ("", "", "")
        if "lost" in s:
            wanted = s["seen_wanted"]
            tracer = (f"{s['tracer_cpu_us_per_connection']:.1f}",
                      f"{s['seen_per_connection']:.3f} of {wanted}" if wanted else "-",
                      "cannot say" if s["lost"] is None else s["lost"])
        say(form.format(s["name"], f"{s['per_second']:.0f}", f"{s['us_per_connection']:.1f}",
                        f"{s['ratio']:.2f}", f"{s['ratio_min']:.2f}", f"{s['ratio_max']:.2f}",
                        f"{s['ratio_cpu']:.2f}", *tracer).rstrip())
    for name, why in absent.items():
        say(f"{name:11} {why}")


def print_notes(summaries):
    say()
    for s in summaries:
        if s["disturbed"]:
            say(f"note: {s['name']}: the churn had less than 95 % of its CPU in {s['disturbed']} "
                f"of {s['runs']} runs: something else ran there")
        if s["time_wait_recycled"] or s["time_wait_overflow"]:
            say(f"note: {s['name']}: TIME_WAIT taken over {s['time_wait_recycled']} times, "
                f"refused {s['time_wait_overflow']} times: runs differ in what they did")
        if s.get("unreadable"):
            say(f"note: {s['name']}: {s['unreadable']} lines are not valid JSON")
        for edge, share in sorted(s.get("edges_off", {}).items()):
            say(f"note: {s['name']}: {edge}: {share:.4f} for each connection, not 1")
    for s in summaries:
        if s["name"] == "tcpwitness":
            complete = s["lost"] == 0 and s["seen_per_connection"] >= s["seen_wanted"]
            reached = s["ratio"] >= AIM and complete and not s["edges_off"]
            say(f"aim for tcpwitness trace: {AIM:.2f} of untraced, each transition in the file: "
                f"{'reached' if reached else 'not reached'}")


# ---- the machine, the command line -----------------------------------------------------------


def cpu_model():
    for line in text_of("/proc/cpuinfo").splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def machine():
    return {"kernel": platform.release(), "version": platform.version(), "cpu": cpu_model(),
            "cpus": len(os.sched_getaffinity(0)), "loadavg": os.getloadavg()[0],
            "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20}


def whole(low, high):
    def parse(text):
        value = int(text) if text.isdigit() else -1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"'{text}': a whole number from {low} to {high} is wanted")
        return value
    return parse


def parse_arguments():
    names = [contestant.name for contestant in CONTESTANTS]
    parser = argparse.ArgumentParser(description="What tracing costs in connection churn.")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 15000 connections")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME",
                        help="only this one besides untraced, repeatable: " + ", ".join(names))
    parser.add_argument("--build-dir", default="build", help="where the programs are (build)")
    parser.add_argument("-o", "--output", metavar="FILE", help="also write the results as JSON")
    parser.add_argument("--rounds", type=whole(1, 1000), help="counted rounds (5)")
    parser.add_argument("-n", "--connections", type=whole(100, 500000),
                        help="connections in a run (60000)")
    parser.add_argument("--close", choices=("client", "server"), default="client",
                        help="who closes first (client)")
    parser.add_argument("--bytes", type=whole(0, 1 << 20), default=0,
                        help="bytes sent each way in a connection (0)")
    parser.add_argument("-6", dest="family", action="store_const", const=6, default=4,
                        help="IPv6 in place of IPv4")
    parser.add_argument("--cpu", type=whole(0, 4095), default=0, help="CPU of the churn (0)")
    parser.add_argument("--tracer-cpu", type=whole(0, 4095), default=1,
                        help="CPU of the tracers (1)")
    parser.add_argument("--tmp-dir", help="folder for the tracers' output (the system's)")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.connections = options.connections or (15000 if options.quick else 60000)
    # Other ports in each benchmark, so that two of them on a machine do not count each other's.
    options.port = 10000 + os.getpid() % 200 * 100
    options.ports = 64 if options.family == 6 else 4
    return options


def check_machine(options):
    if os.geteuid() != 0:
        say_error("tracing and network namespaces need root: run it with sudo")
        return EXIT_PERMISSION
    program = os.path.join(options.build_dir, "bench", "churn")
    if not os.access(program, os.X_OK):
        raise BenchError(f"no '{program}': build it first")
    if options.tmp_dir and not os.path.isdir(options.tmp_dir):
        raise BenchError(f"cannot use '{options.tmp_dir}': no such folder")
    if not shutil.which("ip", path=SEARCH_PATH):
        raise BenchError("no 'ip' found: install iproute2")
    present = os.sched_getaffinity(0)
    if options.cpu not in present:
        raise BenchError(f"no CPU {options.cpu} to run on: there is {sorted(present)}")
    if options.tracer_cpu not in present:
        say_error(f"warning: no CPU {options.tracer_cpu}: tracers share CPU {options.cpu} with the "
                  "churn, the ratios then hold their user space too")
        options.tracer_cpu = options.cpu
    return 0


def say_error(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def write_results(options, facts, summaries, runs, absent):
    for series in runs.values():
        for run in series:
            run["events"] = {" -> ".join(map(str, key)) if isinstance(key, tuple) else key: count
                             for key, count in run.get("events", {}).items()}
    results = {"schema": 1, "machine": facts, "options": vars(options), "summary": summaries,
               "absent": absent, "runs": runs}
    try:
        with open(options.output, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    except OSError as error:
        raise BenchError(f"cannot write '{options.output}': {error.strerror}") from error


def select(options):
    """Those who can run, and the others with the reason."""
    wanted = [cls(options) for cls in CONTESTANTS
              if cls is Untraced or not options.only or cls.name in options.only]
    absent = {one.name: one.missing() for one in wanted if not one.path}
    return [one for one in wanted if one.path], absent


def bench(options):
    facts = machine()
    contestants, absent = select(options)
    say(f"kernel {facts['kernel']}, {facts['cpus']} CPUs ({facts['cpu']}), "
        f"{facts['memory_mib']} MiB, load {facts['loadavg']:.2f}")
    say(f"{options.rounds} rounds of {options.connections} connections, IPv{options.family}, "
        f"{options.close} closes first, {options.bytes} bytes each way; churn on CPU "
        f"{options.cpu}, tracers on CPU {options.tracer_cpu}")
    for name, why in absent.items():
        say(f"{name}: {why}")
    say()
    sweep(options.tmp_dir)
    runs, failed = play_rounds(contestants, options)
    base = runs["untraced"]
    summaries = [summarize(one, runs[one.name], base) for one in contestants
                 if runs[one.name] and one.name not in failed]
    absent.update({name: f"failed: {why}" for name, why in failed.items()})
    print_table(summaries, absent)
    print_notes(summaries)
    if options.output:
        write_results(options, facts, summaries, runs, absent)
    return EXIT_RUN if failed else 0


def interrupt(number, frame):
    del frame
    # A second signal must not break off the cleaning up.
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main():
    options = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    # An early failure is cheaper than one after minutes.
    if options.output:
        folder = os.path.dirname(options.output) or "."
        if os.path.isdir(options.output) or not os.access(folder, os.W_OK):
            say_error(f"cannot write '{options.output}': give a file in a writable folder")
            return EXIT_USAGE
    try:
        return check_machine(options) or bench(options)
    except BenchError as error:
        say_error(str(error))
        return EXIT_RUN
    except KeyboardInterrupt as caught:
        say_error("interrupted, everything removed")
        return 128 + (caught.args[0] if caught.args else signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
