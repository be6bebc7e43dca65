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


def shown(path):
    """
    A path as this kernel shows it: how a request socket ended that neither its timer nor its
    listener took away is not known without segments.
    """
    if not SEGMENTS and len(path) == 2 and path[0] == ("LISTEN", "SYN_RECEIVED", "syn_received") \
            and path[1] in {("SYN_RECEIVED", "CLOSED", cause)
                            for cause in ("reset_received", "icmp_error", "killed")}:
        return [path[0], ("SYN_RECEIVED", "CLOSED", "unknown")]
    return path
