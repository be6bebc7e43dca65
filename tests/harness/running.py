# SPDX-License-Identifier: GPL-2.0-or-later
"""What the running kernel lets be seen, by its version (ARCHITECTURE.md says what moved when)."""

import os
import re

VERSION = tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())

# tcp_send_reset is told of every RST; before, only of those that a full socket sends.
ALL_RESETS = VERSION >= (6, 10)
# kfree_skb says who received a segment; before, nothing shows what comes to a timewait socket: how
# an orphan's FIN_WAIT_2 went on is found in the socket table, and why it ended is not known.
SEGMENTS = VERSION >= (6, 11)


def end_of_orphan(cause):
    """The cause of FIN_WAIT_2 -> CLOSED of a mini-socket that something ended."""
    return cause if SEGMENTS else "unknown"
