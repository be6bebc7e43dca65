# SPDX-License-Identifier: GPL-2.0-or-later
"""States, causes and legal moves, from the project's headers and from RFC 9293 figure 5."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _header(name):
    with open(os.path.join(ROOT, "include", "tcpwitness", name)) as f:
        return f.read()


# RFC name -> the word of ss
STATES = {m[1]: m[2] for m in re.findall(
    r'X\((\w+), \d+, "(\w+)", "\w+", "([\w-]+)"', _header("state.h"))}
CAUSES = re.findall(r'X\(\w+, "(\w+)",', _header("cause.h"))
FROM_SS = {ss: rfc for rfc, ss in STATES.items()}

assert len(STATES) == 11 and "time_wait_expired" in CAUSES

# What the tracer may print. RFC 9293 figure 5 and section 3.10, and of linux-deviations: tfo-child
# (SYN_RECEIVED to CLOSE_WAIT), cookies (no SYN_RECEIVED), repair (a state out of nothing).
EDGES = {
    ("CLOSED", "LISTEN"), ("CLOSED", "SYN_SENT"), ("LISTEN", "SYN_RECEIVED"), ("LISTEN", "CLOSED"),
    ("SYN_SENT", "SYN_RECEIVED"), ("SYN_SENT", "ESTABLISHED"), ("SYN_SENT", "CLOSED"),
    ("SYN_RECEIVED", "ESTABLISHED"), ("SYN_RECEIVED", "FIN_WAIT_1"), ("SYN_RECEIVED", "CLOSED"),
    ("SYN_RECEIVED", "CLOSE_WAIT"),
    ("ESTABLISHED", "FIN_WAIT_1"), ("ESTABLISHED", "CLOSE_WAIT"), ("ESTABLISHED", "CLOSED"),
    ("FIN_WAIT_1", "FIN_WAIT_2"), ("FIN_WAIT_1", "CLOSING"), ("FIN_WAIT_1", "TIME_WAIT"),
    ("FIN_WAIT_1", "CLOSED"), ("FIN_WAIT_2", "TIME_WAIT"), ("FIN_WAIT_2", "CLOSED"),
    ("CLOSE_WAIT", "LAST_ACK"), ("CLOSE_WAIT", "CLOSED"), ("CLOSING", "TIME_WAIT"),
    ("CLOSING", "CLOSED"), ("LAST_ACK", "CLOSED"), ("TIME_WAIT", "CLOSED"),
}
EDGES_BY_CAUSE = {("LISTEN", "ESTABLISHED"): {"syn_cookie"}}


def legal(old, new, cause=None):
    return (old, new) in EDGES or cause in EDGES_BY_CAUSE.get((old, new), ())
