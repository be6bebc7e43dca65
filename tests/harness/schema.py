# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON contract as a checker: required keys by type; unknown keys are allowed."""

import ipaddress
import json
import re

from .tables import CAUSES, STATES

_TS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def number(v):
    return isinstance(v, int) and not isinstance(v, bool) and v >= 0


def big(v):
    """An unsigned 64-bit number, as a string."""
    return isinstance(v, str) and v.isascii() and v.isdigit() and int(v) < 2**64


def string(v):
    return isinstance(v, str)


def boolean(v):
    return isinstance(v, bool)


def null(check):
    return lambda v: v is None or check(v)


def one_of(*values):
    return lambda v: v in values


def port(v):
    return number(v) and v < 65536


def address(v):
    try:
        ipaddress.ip_address(v)
        return True
    except ValueError:
        return False


def state(v):
    return string(v) and v in STATES


def cause(v):
    return string(v) and v in CAUSES


def path(v):
    return isinstance(v, list) and v and all(
        isinstance(e, dict) and state(e.get("state")) and null(big)(e.get("ns")) and "ns" in e
        for e in v)


def real(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def ended(v):
    return isinstance(v, dict) and set(v) == {"expired", "reused", "killed", "unknown"} and \
        all(isinstance(n, int) for n in v.values())


GROUP = {"netns": number, "role": one_of("active", "passive"), "laddr": address,
         "raddr": null(address), "lport": null(port), "rport": null(port), "pid": null(number),
         "comm": null(string), "time_wait": number, "ports_used": null(number),
         "ports_total": null(number), "seconds_to_exhaustion": null(real)}


def groups(v):
    return isinstance(v, list) and all(
        isinstance(g, dict) and set(g) == set(GROUP) and all(c(g[k]) for k, c in GROUP.items())
        for g in v)


EVERY = {
    "schema": number,
    "host": string,
    "boot_id": lambda v: string(v) and _UUID.match(v),
    "ts": lambda v: string(v) and _TS.match(v),
    "mono_ns": big,
    "event": string,
}

CONNECTION = {
    "conn": null(big),
    "began": one_of("seen", "snapshot"),
    "complete": boolean,
    "netns": null(number),
    "family": one_of("ipv4", "ipv6"),
    "laddr": null(address),
    "lport": null(port),
    "raddr": null(address),
    "rport": null(port),
    "role": one_of("active", "passive", "listener", "unknown"),
    "pid": null(number),
    "comm": null(string),
    "uid": null(number),
    "cgroup": null(string),
    "container": null(string),
    "unit": null(string),
    "kernel": boolean,
}

# Keys that need not be there; when they are, so they must be.
OPTIONAL = {
    "half_open": null(big),
    "state": null(state),
    "wait_ns": null(big),
    "count": null(number),
    "stage": null(string),
    "reason": null(string),
    "direction": null(one_of("sent", "received")),
    "timer_ns": null(big),
    "rfc": null(string),
}

EVENTS = {
    "transition": {**CONNECTION, "old": state, "new": state, "dwell_ns": null(big),
                   "dwell_exact": null(boolean), "cause": cause,
                   "source": one_of("state", "timer", "snapshot", "wire", "stack")},
    "retransmit": {**CONNECTION, "kind": string, "segments": number, "state": null(state)},
    "reset": {"direction": one_of("sent", "received")},
    "accept": {**CONNECTION, "wait_ns": null(big)},
    "lost": {"stage": string, "count": number},
    "timewait": {"time_wait": number, "fin_wait_2_orphans": number, "max_buckets": null(number),
                 "in_per_s": null(real), "out_per_s": null(real), "entered": number,
                 "refused": number, "ended": ended, "other": number, "groups": groups},
    "life": {**CONNECTION, "start": null(string), "end": null(string), "path": path,
             "handshake_ns": null(big), "accept_wait_ns": null(big), "bytes_sent": null(big),
             "bytes_received": null(big), "retransmits": null(lambda v: number(v) or big(v)),
             "srtt_us": null(lambda v: number(v) or big(v)), "end_cause": null(cause)},
    "socket": {**CONNECTION, "state": state, "age_ns": null(big), "timer_ns": null(big),
               "rx_queue": null(lambda v: number(v) or big(v)),
               "tx_queue": null(lambda v: number(v) or big(v)),
               "accept_queue": null(number), "accept_queue_max": null(number)},
}


def problems(line):
    """One line of output -> (object or None, [what is wrong with it])."""
    try:
        obj = json.loads(line)
    except ValueError as e:
        return None, [f"not JSON: {e}: {line[:200]!r}"]
    if not isinstance(obj, dict):
        return None, [f"not an object: {line[:200]!r}"]
    wrong = []
    want = dict(EVERY)
    event = obj.get("event")
    if string(event) and event in EVENTS:
        want.update(EVENTS[event])
    else:
        wrong.append(f"unknown event {event!r}")
    for key, check in want.items():
        if key not in obj:
            wrong.append(f"{event}: no key {key!r}")
        elif not check(obj[key]):
            wrong.append(f"{event}: {key} is {obj[key]!r}")
    for key, check in OPTIONAL.items():
        if key not in want and key in obj and not check(obj[key]):
            wrong.append(f"{event}: {key} is {obj[key]!r}")
    if "family" in obj and "laddr" in obj and not wrong:
        for key in ("laddr", "raddr"):
            if obj[key] is not None and (":" in obj[key]) != (obj["family"] == "ipv6"):
                wrong.append(f"{event}: {key} {obj[key]} under family {obj['family']}")
    return obj, wrong


def ns(value):
    """A count that the contract has as a string, as a number; None stays None."""
    return None if value is None else int(value)
