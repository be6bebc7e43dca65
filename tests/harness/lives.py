# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of `trace -o json` joined to connections, and what must hold of any of them."""

from .schema import ns
from .tables import legal

# Two lines of one connection come from the same two records, so that times agree to the ns. The
# allowance is for a TIME_WAIT whose timer starts just before the socket's last transition.
DWELL_ALLOWANCE_NS = 100_000


class Life:
    """One connection: its transitions in the order they were printed."""

    def __init__(self, key):
        self.key = key
        self.lines = []   # transitions
        self.others = []  # retransmits, resets, accepts

    @property
    def path(self):
        return [(t["old"], t["new"], t["cause"]) for t in self.lines]

    @property
    def last(self):
        return self.lines[-1]

    @property
    def conn(self):
        return next((t["conn"] for t in self.lines if t["conn"]), None)

    @property
    def over(self):
        return bool(self.lines) and self.last["new"] == "CLOSED"

    def has(self, key, value):
        return any(t.get(key) == value for t in self.lines)

    def dwell(self, state):
        """ns spent in a state, as told by the line that leaves it."""
        return next((ns(t["dwell_ns"]) for t in self.lines if t["old"] == state), None)

    def inexact(self):
        """Lines whose dwell is not exact: the socket table told when their state began or ended."""
        return [t for before, t in zip([None, *self.lines], self.lines)
                if t["source"] == "snapshot" or before and before["source"] == "snapshot"]

    def left(self, state):
        """The line that leaves a state."""
        return next((t for t in self.lines if t["old"] == state), None)

    def __repr__(self):
        text = "\n".join(
            "    {mono_ns} {old} -> {new} {cause} dwell={dwell_ns} exact={dwell_exact} "
            "conn={conn} {laddr}:{lport} {raddr}:{rport} role={role} pid={pid} comm={comm!r} "
            "began={began} complete={complete} half_open={half}".format(
                **t, half=t.get("half_open")) for t in self.lines)
        return f"life {self.key}:\n{text}"


def join(lines):
    """
    Events -> [Life], listeners among them. A socket that connects again
    after its end keeps its `conn`, and begins another life.
    """
    lives = {}
    halves = {}
    earlier = []
    for e in lines:
        if "conn" not in e or e["event"] in ("life", "socket", "lost"):
            continue
        half = e.get("half_open")
        if e["conn"] is not None:
            key = ("conn", e["conn"])
            life = lives.get(key)
            if life is not None and life.over and e["event"] == "transition":
                earlier.append(life)
                life = lives[key] = Life(key)
            elif life is None:
                life = halves.pop(half, None) if half is not None else None
                if life is None:
                    life = Life(key)
                else:
                    lives.pop(life.key)
                    life.key = key
                lives[key] = life
        elif half is not None:
            life = halves.get(half)
            if life is None:
                life = halves[half] = lives[("half", half)] = Life(("half", half))
        else:
            continue
        (life.lines if e["event"] == "transition" else life.others).append(e)
    return earlier + [life for life in lives.values() if life.lines]


def find(lives, netns, laddr=None, lport=None, raddr=None, rport=None):
    """Lives of this endpoint, oldest first; one line that matches is enough (ports come late)."""
    want = {k: v for k, v in (("laddr", laddr), ("lport", lport), ("raddr", raddr),
                              ("rport", rport)) if v is not None}
    found = [life for life in lives if any(
        t["netns"] == netns and all(t[k] == v for k, v in want.items()) for t in life.lines)]
    return sorted(found, key=lambda life: ns(life.lines[0]["mono_ns"]))


def faults(life):
    """What can be wrong with any connection, whatever it did; an empty list is right."""
    wrong = []
    for t in life.lines:
        if not legal(t["old"], t["new"], t["cause"]):
            wrong.append(f"impossible edge {t['old']} -> {t['new']} ({t['cause']})")
    for a, b in zip(life.lines, life.lines[1:]):
        step = f"{a['new']} -> {b['new']}"
        if ns(b["mono_ns"]) < ns(a["mono_ns"]):
            wrong.append(f"{step}: printed later, happened earlier")
        if not (a["complete"] and b["complete"]):
            continue
        if a["new"] != b["old"]:
            wrong.append(f"{a['old']} -> {a['new']} is followed by {b['old']} -> {b['new']}")
        if b["dwell_ns"] is None:
            wrong.append(f"{step}: no dwell_ns")
        elif b["dwell_exact"]:
            apart = ns(b["mono_ns"]) - ns(a["mono_ns"])
            if abs(apart - ns(b["dwell_ns"])) > DWELL_ALLOWANCE_NS:
                wrong.append(f"{step}: dwell_ns {b['dwell_ns']}, lines {apart} ns apart")
    if life.lines:
        first = life.lines[0]
        if first["began"] == "seen" and first["complete"] and first["old"] not in (
                "CLOSED", "LISTEN"):
            wrong.append(f"seen from the beginning, but begins with {first['old']}")
    return wrong
