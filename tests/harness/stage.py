# SPDX-License-Identifier: GPL-2.0-or-later
"""
A stage: namespaces, captures and tracers, on which many small scenarios ("plays") are performed.

Most paths end in a TIME_WAIT of 60 s. So all plays of a stage are performed first, side by side,
then the last TIME_WAIT is awaited once, and then each play is judged in a test of its own.
"""

import calendar
import os
import time
import traceback
import unittest
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from . import actor, hidden, lives, netns, running, tracer, wire, witness
from .schema import ns as as_ns

ADDRESSES = {
    ("veth", "ipv4"): ("192.0.2.1", "192.0.2.2"),
    ("veth", "ipv6"): ("2001:db8::1", "2001:db8::2"),
    ("lo", "ipv4"): ("127.0.0.1", "127.0.0.1"),
    ("lo", "ipv6"): ("::1", "::1"),
}

OPEN = [("CLOSED", "SYN_SENT", "connect"), ("SYN_SENT", "ESTABLISHED", "syn_ack_received")]
OPENED = [("LISTEN", "SYN_RECEIVED", "syn_received"),
          ("SYN_RECEIVED", "ESTABLISHED", "handshake_done")]
TO_FIN_WAIT_2 = [("ESTABLISHED", "FIN_WAIT_1", "close"), ("FIN_WAIT_1", "FIN_WAIT_2", "fin_acked")]
TO_TIME_WAIT = TO_FIN_WAIT_2 + [("FIN_WAIT_2", "TIME_WAIT", "fin_received")]
EXPIRED = [("TIME_WAIT", "CLOSED", "time_wait_expired")]
SWEPT = [("TIME_WAIT", "CLOSED", "time_wait_killed")]
CLOSE = TO_TIME_WAIT + EXPIRED
TO_CLOSE_WAIT = [("ESTABLISHED", "CLOSE_WAIT", "fin_received")]
CLOSED = TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"), ("LAST_ACK", "CLOSED", "fin_acked")]
LISTENER = [("CLOSED", "LISTEN", "listen"), ("LISTEN", "CLOSED", "close")]

# For an emulated machine (tests/vm), where computing is dear and waiting is free.
ONE_VARIANT = bool(os.environ.get("TCPWITNESS_ONE_VARIANT"))

TIME_WAIT_S = (59.9, 64.5)


class Play:
    """
    One scenario with its two ends. A scenario sets what it expects:
    .want_client, .want_server: one path for each life of the tuple, oldest first
    .want_wire: a subsequence of the segments, as wire.brief() writes them, or several of these
    """

    def __init__(self, stage, name, function, family, topology):
        self.stage = stage
        self.name, self.function, self.family, self.topology = name, function, family, topology
        if topology in stage.special:
            self.cns = self.sns = stage.special[topology]
            self.caddr, self.saddr = ADDRESSES["lo", family]
        else:
            self.cns = stage.client_ns if topology == "veth" else stage.server_ns
            self.sns = stage.server_ns
            self.caddr, self.saddr = ADDRESSES[topology, family]
        self.cport = self.sport = None
        self.port = None  # to listen on: no other play of the stage has it
        self.listener = None
        self.want_client = []
        self.want_server = []
        self.want_wire = []
        self.client_pid = self.server_pid = None
        self.roles = ("active", "passive")
        self.server_roles = None  # of each life of the server's end, where they differ
        self.checks = []  # functions of (test, play, client lives, server lives)
        self.cookies = {}
        self.error = None
        self.ended_at = None

    def perform(self):
        try:
            with actor.Actor(self.cns, comm="e2e-client") as self.client, \
                    actor.Actor(self.sns, comm="e2e-server") as self.server:
                self.client_pid, self.server_pid = self.client.pid, self.server.pid
                self.function(self)
                if self.listener is not None:
                    self.server.close(self.listener)
                time.sleep(0.05)
        except unittest.SkipTest as e:
            self.error = e
        except Exception:  # noqa: told by the play's own test
            self.error = traceback.format_exc()
        self.ended_at = time.monotonic()

    def listen(self, addr=None, **kwargs):
        self.listener_addr = addr or self.saddr
        kwargs.setdefault("port", self.port)
        self.listener, self.sport = self.server.listen(self.listener_addr, **kwargs)

    def open(self, bind=None, options=(), **kwargs):
        """Listener, connection, accepted: -> the two sockets."""
        if self.listener is None:
            self.listen(**kwargs)
        c, self.cport = self.client.connect(self.saddr, self.sport, bind=bind, options=options)
        s, _ = self.server.accept(self.listener)
        return c, s

    def talk(self, c, s, n=100):
        self.client.send(c, n)
        self.server.recv(s, n)
        self.server.send(s, n)
        self.client.recv(c, n)

    def wait_socket(self, ns, state, lport, rport=None, timeout=10):
        """Until `ss` shows (state None: shows no more) a socket of these ports."""
        want = ["ss", "-tanH", "sport", f"= :{lport}", *(["dport", f"= :{rport}"] if rport else [])]
        end = time.monotonic() + timeout
        while True:
            have = [line.split()[0] for line in ns.run(*want).splitlines()]
            if (state in have) if state else not have:
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{lport} {rport}: {have}, not {state}")
            time.sleep(0.005)

    def end_namespace(self):
        """Lets a special namespace of this play alone go, with all that lives there."""
        self.client.stop()
        self.server.stop()
        self.stage.captures[self.sns].stop()
        self.sns.remove()

    def drop(self, ns, match, chain="input"):
        return ns.nft(chain, f"tcp {match} drop")

    def segments(self):
        return wire.connection(self.stage.captures[self.cns if self.topology == "veth"
                                                   else self.sns].stop(),
                               (self.caddr, self.cport), (self.saddr, self.sport))

    def client_lives(self, all_lives):
        found = lives.find(all_lives, self.cns.inode, self.caddr, self.cport, self.saddr,
                           self.sport)
        return [life for life in found if not life.has("role", "listener")]

    def server_lives(self, all_lives):
        found = lives.find(all_lives, self.sns.inode, self.saddr, self.sport, self.caddr,
                           self.cport)
        return [life for life in found if not life.has("role", "listener")]


class Stage:
    """Two namespaces joined by veth, special ones, captures; tracers if there is a binary."""

    def __init__(self, special=None, trace_args=(), life=True):
        self.client_ns = netns.Namespace("client")
        self.server_ns = netns.Namespace("server")
        self.device = netns.veth(self.client_ns, self.server_ns)
        for ns in (self.client_ns, self.server_ns):
            ns.sysctl(tcp_syn_retries=1, tcp_synack_retries=1, tcp_tw_reuse=1, tcp_retries2=3,
                      tcp_orphan_retries=2)
            ns.nft("input", "tcp dport 1 tcp dport 2 drop")  # makes the table
            ns.keeper  # noqa: forked now, while there are no threads
        self.special = {}
        for name, sysctls in (special or {}).items():
            self.special[name] = netns.Namespace(name.replace("_", "-"))
            self.special[name].sysctl(**sysctls)
        self.all_ns = [self.client_ns, self.server_ns, *self.special.values()]
        self.captures = {ns: wire.Capture(ns, self.device if ns is self.client_ns else "lo")
                         for ns in self.all_ns}
        self.hidden_watch = hidden.Watch()
        self.hidden = []
        self.before = {ns: ns.counters() for ns in self.all_ns}
        self.after = {}
        self.trace = self.life = self.counter = None
        if tracer.available():
            where = [a for ns in self.all_ns for a in ("--netns", ns.inode)]
            self.trace = tracer.Tracer("trace", *where, *trace_args, ready=False)
            if life:
                self.life = tracer.Tracer("life", "--complete", *where, ready=False)
                self.life.wait_ready()
            self.counter = tracer.Counter("-v", "--interval", 5, *where)
            self.trace.wait_ready()
        self.plays = {}
        self.lives = []

    def perform(self, plays, workers=6):
        self.plays = {(p.name, p.family, p.topology): p for p in plays}
        for i, p in enumerate(plays):
            p.port = 10000 + i
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(Play.perform, plays))

    def finish(self, sweep=False):
        """
        Waits for the end of all TIME_WAITs, or ends them by `ss -K` (SWEPT); stops everything,
        joins the lines.
        """
        last = max(p.ended_at for p in self.plays.values())
        if sweep:
            time.sleep(0.3)
        if self.trace is not None:
            while time.monotonic() < last + 66 and self._waiting():
                # Seldom while the end is far: every look is a process for each namespace.
                far = 0 if sweep else (last + 60 - time.monotonic()) / 2
                time.sleep(min(max(far, 0.2), 5))
                for ns in self.living_ns() if sweep else ():
                    ns.run("ss", "-K", "-tan", "state", "time-wait")
        time.sleep(0.3)
        for ns in self.living_ns():
            self.after[ns] = ns.counters()
        for t in (self.trace, self.life):
            if t is not None:
                t.misses = witness.recursion_misses(t.pid)
                t.status = t.stop()
        if self.counter is not None:
            self.counter.status = self.counter.stop()
        if self.trace is not None:
            self.lives = lives.join(self.trace.lines)
        self.hidden = self.hidden_watch.events()
        for c in self.captures.values():
            c.stop()

    def _waiting(self):
        return any(ns.run("ss", "-tanH", "state", "time-wait").strip() for ns in self.living_ns())

    def living_ns(self):
        return [ns for ns in self.all_ns if ns.exists]

    def close(self):
        self.hidden_watch.close()
        for t in (self.trace, self.life, self.counter):
            if t is not None:
                t.kill()
        for c in self.captures.values():
            try:
                c.stop()
            except Exception:  # noqa: the namespaces must go in any case
                traceback.print_exc()
        for ns in self.all_ns:
            ns.remove()

    def delta(self, ns, key):
        return self.after[ns][key] - self.before[ns][key]

    def resets_fit(self, told, sent):
        """Whether as many RSTs were told as sent, or as this kernel shows of them."""
        return told == sent or (told < sent and not running.ALL_RESETS)

    def counted(self, ns, told):
        """The kernel's counters of what `told` has; less the RSTs that the kernel does not show."""
        kernel = {key: self.delta(ns, key) for key in told}
        if self.resets_fit(told["Tcp.OutRsts"], kernel["Tcp.OutRsts"]):
            kernel["Tcp.OutRsts"] = told["Tcp.OutRsts"]
        return kernel

    def hidden_count(self, name, matching=""):
        """
        How many events of this tracepoint that the kernel hid from every program may be of this
        stage: of its ports; another stage beside it has the same. See hidden.py.
        """
        ports = {p.port for p in self.plays.values()} | {p.cport for p in self.plays.values()}
        return hidden.count([e for e in self.hidden if matching in e.text], name, ports)


def judge(test, play):
    """Asserts everything about one play: first that it happened, then that it was told right."""
    if isinstance(play.error, unittest.SkipTest):
        raise play.error
    if play.error:
        test.fail(f"the scenario itself failed, not the tracer:\n{play.error}")
    if play.want_wire:
        have = wire.brief(play.segments())
        several = play.want_wire if isinstance(play.want_wire[0], list) else [play.want_wire]
        for want in several:
            test.assertTrue(wire.follows(have, want),
                            f"on the wire: {have}, expected in it {want}")
    if play.stage.trace is None:
        test.skipTest("no tracer; the scenario holds on the wire")
    all_lives = play.stage.lives
    clients = play.client_lives(all_lives)
    servers = play.server_lives(all_lives)
    if play.topology != "veth" and play.caddr == play.saddr and play.cport == play.sport:
        servers = []
    _paths(test, "client", clients, play.want_client)
    _paths(test, "server", servers, play.want_server)
    for life in clients:
        _common(test, life, play.family, play.roles[0], play.client_pid, "e2e-client")
        _lengths(test, play, life)
    for i, life in enumerate(servers):
        role = play.server_roles[i] if play.server_roles else play.roles[1]
        _common(test, life, play.family, role, play.server_pid, "e2e-server")
        _lengths(test, play, life)
        _half_open(test, life)
    for check in play.checks:
        check(test, play, clients, servers)


def _paths(test, end, found, want):
    text = "\n".join(map(repr, found))
    if isinstance(want, list):
        want = [running.shown(path) for path in want]
    test.assertEqual([life.path for life in found], want,
                     f"{end}:\n{text}\n{test.stage.trace.stderr}")


def _common(test, life, family, role, pid, comm):
    test.assertEqual(lives.faults(life), [], life)
    for t in life.lines:
        test.assertEqual((t["family"], t["role"], t["complete"], t["began"], t["kernel"]),
                         (family, role, True, "seen", False), life)
        test.assertEqual((t["pid"], t["comm"], t["uid"]), (pid, comm, 0), life)
        if t["dwell_ns"] is not None:
            test.assertEqual(t["dwell_exact"], t not in life.inexact(), life)
    test.assertFalse(running.SEGMENTS and life.inexact(), life)


def _lengths(test, play, life):
    t = life.left("TIME_WAIT")
    if t is not None and t["cause"] == "time_wait_expired":
        seconds = as_ns(t["dwell_ns"]) / 1e9
        test.assertTrue(TIME_WAIT_S[0] < seconds < TIME_WAIT_S[1], f"{seconds} s\n{life}")
    if play.stage.life is None or life.conn is None:
        return
    told = [e for e in play.stage.life.lines if e["event"] == "life" and e["conn"] == life.conn]
    same = [one for one in play.stage.lives if one.conn == life.conn]
    test.assertEqual(len(told), len(same), f"life lines of\n{life}")
    told = [told[same.index(life)]]
    ends = ("CLOSED", "LISTEN")
    path = [(e["state"], as_ns(e["ns"])) for e in told[0]["path"] if e["state"] not in ends]
    want = [(t["old"], as_ns(t["dwell_ns"])) for t in life.lines if t["old"] not in ends]
    # Two tracers look at the same moments with a clock each; or at a timer, which counts jiffies.
    apart = 15_000_000 if life.has("source", "snapshot") else 1_000_000
    test.assertEqual([s for s, _ in path], [s for s, _ in want], f"{told[0]}\n{life}")
    for (_, a), (_, b) in zip(path, want):
        if a is None and b is None:
            continue
        test.assertLess(abs(a - b), apart, f"{told[0]}\n{life}")
    test.assertEqual(told[0]["end_cause"], life.last["cause"], life)


def _half_open(test, life):
    first = life.lines[0]
    if first["new"] != "SYN_RECEIVED":
        return
    test.assertIsNone(first["conn"], life)
    test.assertIsNotNone(first["half_open"], life)
    if len(life.lines) > 1 and life.lines[1]["new"] == "ESTABLISHED":
        test.assertIsNotNone(life.lines[1]["conn"], life)
        test.assertEqual(life.lines[1]["half_open"], first["half_open"], life)



def realtime_ns(line):
    """`ts` of a line, in ns since the epoch."""
    whole, fraction = line["ts"].rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(fraction)


def moments(p, lives_of, moments):
    """
    Asks of a play that states were entered when their segment passed: {new state: (who, flags)}
    """
    def check(test, play, clients, servers):
        seen = play.segments()
        for life in lives_of(clients, servers):
            for new, (who, flags) in moments.items():
                line = next(t for t in life.lines if t["new"] == new)
                near = min((abs(realtime_ns(line) - s.ts) for w, s in seen
                            if w == who and s.flags == flags), default=None)
                test.assertIsNotNone(near, (new, who, flags, seen))
                test.assertLess(near, 20_000_000, f"{new} is {near} ns from {who} {flags}\n{life}")

    p.checks.append(check)


class StageCase(unittest.TestCase):
    """
    A class of tests made from scenarios: test_<scenario>_<family>_<topology>. Subclasses decorate
    plain functions of a play with their `scenario`.
    """

    SPECIAL = {}
    TRACE_ARGS = ()
    WORKERS = 6
    SWEEP = False  # for stages whose matter is not how long a TIME_WAIT lasts

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(cls.SPECIAL, cls.TRACE_ARGS)
        try:
            plays = [Play(cls.stage, *key) for key in cls.scenarios]
            cls.stage.perform(plays, 1 if ONE_VARIANT else cls.WORKERS)
            cls.stage.finish(cls.SWEEP)
        except BaseException:
            cls.stage.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.stage.close()

    def test_nothing_is_lost(self):
        """"missed" is an upper bound (an event that one of two programs took): not judged here."""
        self.need_tracer()
        for t in (self.stage.trace, self.stage.life):
            self.assertEqual([e for e in t.lines if e["event"] == "lost" and
                              e["stage"] != "missed"], [],
                             f"{t.stderr}\nmissed by programs: {t.misses}")
            self.assertEqual(t.problems[:10], [])
            self.assertEqual(t.status, 0, t.stderr)

    def counters_fit(self):
        """
        Every segment sent again and every RST is an event, by the kernel's own counters: to the
        unit, less what ftrace says that the kernel hid from every program (hidden.py).
        """
        self.need_tracer()
        hidden = (self.stage.hidden_count("tcp_retransmit_skb") +
                  self.stage.hidden_count("tcp_retransmit_synack"))
        for where in self.stage.all_ns:
            lines = [e for e in self.stage.trace.lines if e.get("netns") == where.inode]
            again = sum(1 for e in lines if e["event"] == "retransmit")
            resets = sum(1 for e in lines if e["event"] == "reset" and e["direction"] == "sent")
            unseen = self.stage.delta(where, "Tcp.RetransSegs") - again
            self.assertIn(unseen, range(hidden + 1), where.name)
            sent = self.stage.delta(where, "Tcp.OutRsts")
            self.assertTrue(self.stage.resets_fit(resets, sent), (where.name, resets, sent))

    def test_moves_are_counted_as_they_are_traced(self):
        """The kernel's own counts of every move between two states, against the lines."""
        self.need_tracer()
        traced = Counter((t["old"], t["new"]) for t in self.stage.trace.transitions())
        moves = Counter(self.stage.counter.moves())
        self.assertEqual((dict(moves - traced), dict(traced - moves)), ({}, {}),
                         "more counted, more traced")
        self.assertEqual(self.stage.counter.status, 0)

    def need_tracer(self):
        if self.stage.trace is None:
            self.skipTest("no tracer")


def scenarios_of(case, families=("ipv4", "ipv6"), topologies=("veth", "lo")):
    """A decorator that makes a scenario a set of tests of `case`."""
    def decorate(function):
        name = function.__name__
        if "scenarios" not in case.__dict__:
            case.scenarios = []
        variants = [(f, t) for f in families for t in topologies]
        if ONE_VARIANT:
            # One for each scenario, all of them among the scenarios together.
            variants = [variants[zlib.crc32(name.encode()) % len(variants)]]
        for family, topology in variants:
            case.scenarios.append((name, function, family, topology))

            def test(self, key=(name, family, topology)):
                judge(self, self.stage.plays[key])

            test.__doc__ = None
            setattr(case, f"test_{name}_{family}_{topology}", test)
        return function
    return decorate
