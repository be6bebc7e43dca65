# SPDX-License-Identifier: GPL-2.0-or-later
"""
Inside the virtual machine: looks at one thing after another and says each result as a JSON line.

    {"result": GROUP, "name": NAME, "ok": BOOL, "text": WHY NOT}     one test
    {"fact": NAME, "value": ...}                                     for the driver to judge or show

    guest.py PART...     the functions of PARTS below
"""

import calendar
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))

import run_e2e  # noqa: E402
from harness import actor, lives, netns, stage, tracer, witness  # noqa: E402
from harness.schema import ns as as_ns  # noqa: E402

# Filters of every kind: the programs with nothing pruned.
EVERY_FILTER = ("--port", "1", "--addr", "10.0.0.0/8", "--pid", "1", "--comm", "x", "--role",
                "active", "--family", "ipv4", "--netns", "/proc/1/ns/net")
# End-to-end tests that are about the kernel, beside all that are made of scenarios.
E2E = ("TestNginx", "TestOlder", "TestOwner")
EXIT_KERNEL = 3
HOUR = 3600
CHURN = 100


def say(**line):
    print(json.dumps(line), flush=True)


def fact(name, value):
    say(fact=name, value=value)


class Checks:
    """A group of tests; a failed one does not keep the others from being tried."""

    def __init__(self, group):
        self.group = group

    def __call__(self, name, test, *args):
        try:
            test(*args)
            say(result=self.group, name=name, ok=True, text="")
        except Exception:  # noqa: said, and the next one is tried
            say(result=self.group, name=name, ok=False, text=traceback.format_exc())


def equal(have, want, what=""):
    if have != want:
        raise AssertionError(f"{what}: {have!r}, expected {want!r}")


def true(value, what):
    if not value:
        raise AssertionError(what)


# ---- what is there -----------------------------------------------------------------------------
def features():
    """As `features -o json` has them: {name: None, or (why not, what is lost)}"""
    done = tracer.run("features", "-o", "json")
    table = {}
    for line in done.stdout.splitlines():
        f = json.loads(line)
        table[f["name"]] = None if f["present"] else (f["why"], f["lost"])
    return done.returncode, table


def verified(pid):
    """{program: instructions the verifier went through} of a process; None: not told (5.16)."""
    names = {number: o.get("name", "?") for (kind, number), o in witness.bpf_objects().items()
             if kind == "prog"}
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}") as f:
            text = f.read()
        number = re.search(r"^prog_id:\s*(\d+)", text, re.M)
        count = re.search(r"^verified_insns:\s*(\d+)", text, re.M)
        if number and "prog_jited" in text:  # a link has a prog_id as well
            found[names[int(number.group(1))]] = int(count.group(1)) if count else None
    return found


# ---- what every kernel is asked ----------------------------------------------------------------
def boot():
    """The kernel, what it has, and that the programs load, with and without filters."""
    check = Checks("load")
    fact("release", os.uname().release)
    status, table = features()
    fact("features", table)
    if table["helper bpf_get_socket_cookie"]:
        check("features says that trace cannot be", equal, status, EXIT_KERNEL)
        for mode in ("trace", "life"):
            check(f"{mode} says what is missing", refused, mode)
    else:
        check("features", equal, status, 0)
        for config, args in (("plain", ()), ("filters", EVERY_FILTER)):
            check(f"trace, {config}", loads, config, args, table)
        check("life", ends_well, "life")
        check("timewait", counts_end_well)
    check("snapshot", snapshot_as_ss, table)
    check("nothing is left", left_nothing, {})


def refused(mode):
    done = tracer.run(mode, "--duration", "5")
    equal(done.returncode, EXIT_KERNEL, done.stderr)
    equal(len(done.stderr.splitlines()), 1, done.stderr)
    true("bpf_get_socket_cookie" in done.stderr and "5.12" in done.stderr, done.stderr)
    equal(done.stdout, "", "standard output")


# The programs by the feature that each needs; all others are always there.
PROGRAM_NEEDS = {"segment": "tracepoint kfree_skb with its receiver",
                 "accept": "tracepoint sys_exit_accept4", "accept4": "tracepoint sys_exit_accept4",
                 "destroy": "tracepoint tcp_destroy_sock"}
PROGRAMS = {"state", "state_nested", "timer_start", "timer_cancel", "timer_expire", "segment",
            "retransmit", "retransmit_synack", "reset_sent", "reset_received", "destroy", "accept",
            "accept4"}
ITERATORS = {"list_sockets", "list_files"}


def loads(config, args, table):
    with tracer.Tracer("trace", "-v", *args) as t:
        counts = verified(t.pid)
        equal(t.stop(), 0, t.stderr[-2000:])
    fact(f"verifier {config}", counts)
    want = {p for p in PROGRAMS if not table.get(PROGRAM_NEEDS.get(p))}
    equal(set(re.findall(r"^tcpwitness: program (\w+): seen", t.stderr, re.M)), want, "attached")
    equal({p.removeprefix("witness_") for p in counts}, want | ITERATORS, "loaded")
    # What is lost is said before, in the words of `features`.
    for name, lost in table.items():
        if lost and name not in ("Landlock", "seccomp filter", "field mptcp_sock.first"):
            true(f"without {name} ({lost[0]}): {lost[1]}" in t.stderr, (name, t.stderr[-2000:]))


def ends_well(mode):
    with tracer.Tracer(mode) as t:
        equal(t.stop(), 0, t.stderr[-2000:])


def counts_end_well():
    with tracer.Counter("-v", "--interval", 0.5) as t:
        true(t.wait_for(lambda lines: len(lines) > 1, 60), t.stderr[-2000:])
        counts = verified(t.pid)
        equal((t.stop(), t.problems), (0, []), t.stderr[-2000:])
    fact("verifier counting", {p: n for p, n in counts.items() if p not in ITERATORS})


def snapshot_as_ss(table):
    """Every socket, as ss has them; owners where the kernel lets them be found."""
    with netns.Namespace("snapshot") as ns, actor.Actor(ns, comm="e2e-server") as a:
        for addr in ("127.0.0.1", "::1"):
            listener, port = a.listen(addr)
            pairs = []
            for _ in range(4):
                c, _ = a.connect(addr, port)
                pairs.append((c, a.accept(listener)[0]))
            for c, s in pairs[:2]:  # one whole, one half closed
                a.close(c)
                a.recv_eof(s)
            a.close(pairs[0][1])
        want = sorted(witness.sockets(ns))
        done = tracer.run("snapshot", "-o", "json", "--netns", ns.inode)
        equal(done.returncode, 0, done.stderr)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        # A listener has no peer: null, where ss writes an address of zeros.
        have = sorted(witness.Socket(e["state"], e["laddr"], e["lport"], e["raddr"] or (
            "::" if e["family"] == "ipv6" else "0.0.0.0"), e["rport"] or 0) for e in told)
        equal([s for s in have if s not in want], [s for s in want if s not in have],
              "sockets told and not there, or there and not told")
        equal(len(have), len(want), "sockets")
        true({s.state for s in want} >= {"LISTEN", "ESTABLISHED", "TIME_WAIT", "CLOSE_WAIT"}, want)
        for e in told:
            if e["state"] == "TIME_WAIT":
                true(0 <= as_ns(e["age_ns"]) < 5e9, e)
                true(50e9 < as_ns(e["timer_ns"]) <= 60e9, e)
        owners = {e["comm"] for e in told if e["state"] in ("LISTEN", "ESTABLISHED", "CLOSE_WAIT")}
        if table["iterator task_file"]:
            equal(owners, {None}, "owners")
            true("owners are not known" in done.stderr, done.stderr)
        else:
            equal((owners, done.stderr), ({"e2e-server"}, ""), "owners")


def left_nothing(before):
    equal(witness.orphaned_bpf(before, patience=5.0), {}, "left behind")


# ---- scenarios ---------------------------------------------------------------------------------
def scenarios():
    """One variant of every scenario of the end-to-end tests, and E2E."""
    os.environ["TCPWITNESS_ONE_VARIANT"] = "1"
    made_of_scenarios = []
    for name in run_e2e.discover([]):
        module, _, case = name.rpartition(".")
        if issubclass(getattr(importlib.import_module(module), case), stage.StageCase):
            made_of_scenarios.append(case)
    end_to_end(*made_of_scenarios, *E2E)


def end_to_end(*classes):
    """Runs classes of end-to-end tests; each test a result of its own, in its class's group."""
    process = subprocess.Popen(
        [sys.executable, os.path.join(ROOT, "tests", "run_e2e.py"), "-j", "1",
         *(f".{name}." for name in classes)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace")
    last, rest, told = None, [], 0
    for line in process.stdout:
        done = re.match(r"(passed|failed|skipped) +[\d.]+ s  \w+\.(\w+)\.(\w+)(.*)", line)
        if done or not line.startswith(" "):
            tell(last)
            last = None
        if done:
            told += 1
            last = [done.group(2), done.group(3), done.group(1) == "passed", [done.group(4)]]
        elif last:
            last[3].append(line.strip())
        else:
            rest.append(line)
    tell(last)
    # A runner that gave up before its first test ends with 1 as well.
    if process.wait() not in (0, 1) or not told:
        say(result="e2e", name="runner", ok=False, text="".join(rest[-30:]))


def tell(last):
    if last:
        say(result=last[0].removeprefix("Test").lower(), name=last[1], ok=last[2],
            text="\n".join(last[3]))


# ---- the clock ---------------------------------------------------------------------------------
def clock():
    """The wall clock stepped by an hour, both ways, while connections are open."""
    check = Checks("clock")
    for name, step in (("forwards", HOUR), ("backwards", -2 * HOUR)):
        with netns.Namespace("clock") as ns:
            check(f"stepped {name}", stepped, ns, step)
    with netns.Namespace("clock") as ns:
        check("--duration is of the monotonic clock", lasts, ns)


def set_wall(by):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + by)


def wall_of(e):
    """`ts` less `mono_ns`: what the tracer takes the wall clock's lead to be, in s."""
    whole, fraction = e["ts"].rstrip("Z").split(".")
    seconds = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(seconds) + int(fraction) / 1e9 - as_ns(e["mono_ns"]) / 1e9


def stepped(ns, step):
    with tracer.Tracer("trace", "--netns", ns.inode) as t, \
            tracer.Tracer("life", "--netns", ns.inode) as life, \
            actor.Actor(ns, comm="e2e-client") as client, \
            actor.Actor(ns, comm="e2e-server") as server:
        listener, port = server.listen("127.0.0.1")
        lead = time.time() - time.monotonic()
        c, cport = client.connect("127.0.0.1", port)
        s, _ = server.accept(listener)
        time.sleep(1.5)
        set_wall(step)
        time.sleep(1.5)
        client.close(c)
        server.recv_eof(s)
        server.close(s)
        true(t.wait_for(lambda lines: any(e.get("new") == "TIME_WAIT" for e in lines), 10),
             t.stderr)
        done = tracer.run("snapshot", "-o", "json", "--netns", ns.inode, "--state", "TIME_WAIT")
        true(life.wait_for(lambda lines: len([e for e in lines if e["event"] == "life"]) >= 2, 10),
             life.stderr)
        equal((t.stop(), life.stop(), t.problems), (0, 0, []), t.stderr)
    for who in lives.find(lives.join(t.lines), ns.inode):
        equal(lives.faults(who), [], who)
        for e in who.lines:
            if e["dwell_ns"] is not None:
                true(as_ns(e["dwell_ns"]) < 5e9, who)
            opening = e["old"] in ("CLOSED", "LISTEN", "SYN_SENT", "SYN_RECEIVED")
            ahead = wall_of(e) - lead - (0 if opening else step)
            true(abs(ahead) < 0.5, (ahead, e))
        established = who.dwell("ESTABLISHED")
        if established is not None:
            true(2.9e9 < established < 4.5e9, who)
    for e in life.lines:
        if e["event"] == "life":
            true(all(step["ns"] is None or as_ns(step["ns"]) < 5e9 for step in e["path"]), e)
    age = [as_ns(json.loads(line)["age_ns"]) for line in done.stdout.splitlines()]
    true(len(age) == 1 and age[0] < 5e9, done.stdout)


def lasts(ns):
    with tracer.Tracer("trace", "--netns", ns.inode, "--duration", "3") as t:
        start = time.monotonic()
        set_wall(HOUR)
        equal(t.wait(20), 0, t.stderr)
        took = time.monotonic() - start
        set_wall(-HOUR)
    true(2 < took < 8, f"it took {took} s")


# ---- processors --------------------------------------------------------------------------------
def cpus():
    """A CPU goes and comes back, again and again, under traffic."""
    check = Checks("cpu")
    with netns.Namespace("cpus") as ns:
        check("taken offline and back while tracing", on_and_off, ns)
    check("nothing is left", left_nothing, {})


def online(value):
    with open("/sys/devices/system/cpu/cpu1/online", "w") as f:
        f.write(value)


def on_and_off(ns):
    before = ns.counters()
    with tracer.Tracer("trace", "--netns", ns.inode) as t, actor.Actor(ns) as client, \
            actor.Actor(ns) as server:
        listener, port = server.listen("127.0.0.1", backlog=256)
        for _ in range(4):
            server.post(actor.serve_churn, listener, CHURN)
            client.post(actor.churn, "127.0.0.1", port, CHURN)
            for value in ("0", "1"):
                time.sleep(0.3)
                online(value)
            equal(client.wait(), 0, "connections that failed")
            server.wait()
        server.close(listener)
        time.sleep(0.5)
        after = ns.counters()
        missed = witness.recursion_misses(t.pid)
        equal((t.stop(), t.problems), (0, []), t.stderr)
    account = re.search(r"events: seen (\d+) = submitted (\d+) \+ filtered (\d+) \+ "
                        r"ring_full (\d+) \+ map_full (\d+); missed (\d+)", t.stderr)
    seen, *parts, _ = map(int, account.groups())
    equal(seen, sum(parts), "seen")
    equal(parts[2:], [0, 0], t.stderr)
    # Missed by one of two programs is seen by the other; anything else is a line of its own.
    equal([e for e in t.lines if e["event"] == "lost" and e["stage"] != "missed"], [], missed)
    found = lives.find(lives.join(t.lines), ns.inode)
    wrong = [(f, life) for life in found for f in lives.faults(life)]
    equal(wrong[:3], [], f"{len(wrong)} faults; missed {missed}")
    told = t.transitions()
    for counter, count in (
            ("Tcp.ActiveOpens", sum(e["new"] == "SYN_SENT" for e in told)),
            ("Tcp.PassiveOpens", sum(e["old"] == "SYN_RECEIVED" and e["new"] == "ESTABLISHED"
                                     for e in told)),
            ("TcpExt.TW", sum(e["new"] == "TIME_WAIT" or (
                e["old"] == "FIN_WAIT_2" and e["source"] == "timer") for e in told))):
        equal(count, after[counter] - before[counter], counter)
    equal(sum(life.over for life in found if not life.has("role", "listener")), 4 * CHURN,
          "connections that ended, the passive ones")


def killed():
    """SIGKILL at random moments, on two CPUs, under traffic."""
    end_to_end("TestLeftBehind")


PARTS = {f.__name__: f for f in (boot, scenarios, clock, cpus, killed)}


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in sys.argv[1:]:
        began = time.monotonic()
        try:
            PARTS[name]()
        except Exception:  # noqa: the other parts are still tried
            say(result=name, name="the part itself", ok=False, text=traceback.format_exc())
        fact(f"seconds {name}", round(time.monotonic() - began, 1))
    say(fact="end", value=True)


if __name__ == "__main__":
    main()
