# SPDX-License-Identifier: GPL-2.0-or-later
"""
The kernel's books and ours: what /proc/net/snmp, netstat and sockstat of a namespace count,
computed from the lines of `trace -o json` that watched the namespace from its beginning.

    books = Books(netns_inode)
    for line in file: books.add(json.loads(line))
    print(table(compare(books, namespace.counters())))

What each counter counts is read in the kernel's sources (6.18, functions named below), not in its
documentation. A row without a witness says why there can be none.
"""

from collections import Counter, namedtuple

from .schema import ns as as_ns

# A timewait socket of at most this is counted as TWKilled and not as TW (inet_timewait_sock.c,
# __inet_twsk_schedule: 4 * HZ); its timer may be late by a step of the timer wheel, 256 ms.
SHORT_NS = 4_500_000_000
IN_PLACE = ("ESTABLISHED", "CLOSE_WAIT")  # what CurrEstab counts
# How a connect ends through tcp_done, which counts AttemptFails, and not in close(), disconnect()
# or for want of a port.
FAILED = ("reset_received", "reset_sent", "timeout", "user_timeout", "keepalive_timeout",
          "icmp_error", "killed")
GAVE_UP = ("timeout", "user_timeout", "keepalive_timeout")
DISCONNECTED = ("TCP_STATE", "TCP_DISCONNECT_WITH_DATA")

Row = namedtuple("Row", "name how note")

ROWS = [
    # tcp_connect
    Row("Tcp.ActiveOpens", lambda b: b["connects"] - b["no_local_port"], None),
    # tcp_create_openreq_child
    Row("Tcp.PassiveOpens", lambda b: b["children"], None),
    # tcp_done in SYN_SENT or SYN_RECV; tcp_check_req for a RST or SYN in the window
    Row("Tcp.AttemptFails", lambda b: b["attempt_fails"],
        "tcp_abort_on_overflow = 1 must be off: its RST looks like that for a bad SYN"),
    # tcp_set_state
    Row("Tcp.EstabResets", lambda b: b["estab_resets"], None),
    Row("Tcp.CurrEstab", lambda b: b["in_place"], None),
    # __tcp_retransmit_skb, tcp_rtx_synack
    Row("Tcp.RetransSegs", lambda b: b["retransmitted"],
        "less TCPRetransFail: attempts that sent nothing are no lines"),
    Row("TcpExt.TCPSynRetrans", lambda b: b["syn_retransmitted"], None),
    # tcp_v4_send_reset, tcp_v6_send_response, tcp_send_active_reset
    Row("Tcp.OutRsts", lambda b: b["resets"], None),
    # __inet_twsk_schedule
    Row("TcpExt.TW", lambda b: b["time_waits"],
        "an orphan still in FIN_WAIT_2 has no line yet; and see TWKilled"),
    Row("TcpExt.TWKilled", lambda b: b["short_time_waits"],
        "if the FIN comes to an orphan of at most 4 s, the lines do not tell it from others"),
    # __inet_check_established
    Row("TcpExt.TWRecycled", lambda b: b["recycled"], None),
    # tcp_time_wait
    Row("TcpExt.TCPTimeWaitOverflow", lambda b: b["overflow"], None),
    Row("sockstat.tw", lambda b: b["time_wait_now"], "as for TW"),
    # __tcp_close; tcp_rcv_state_process; tcp_write_err; __tcp_close and tcp_rcv_state_process
    Row("TcpExt.TCPAbortOnClose", lambda b: b["reason", "TCP_ABORT_ON_CLOSE"], None),
    Row("TcpExt.TCPAbortOnData", lambda b: b["reason", "TCP_ABORT_ON_DATA"] + b["lingered"],
        "a close with SO_LINGER 0 that sends no RST (in SYN_SENT) is not told from others"),
    Row("TcpExt.TCPAbortOnTimeout", lambda b: b["gave_up"],
        "a connect that gave up after an ICMP error is told as icmp_error"),
    Row("TcpExt.TCPAbortOnLinger", lambda b: b["reason", "TCP_ABORT_ON_LINGER"], None),
    Row("TcpExt.TCPAbortOnMemory", lambda b: b["orphan_limit"], None),
    # tcp_check_req
    Row("TcpExt.EmbryonicRsts", lambda b: b["embryonic_resets"], None),
    # cookie_v4_check
    Row("TcpExt.SyncookiesRecv", lambda b: b["cookies"], None),
    # tcp_conn_request, tcp_v4_syn_recv_sock: a SYN or ACK that is dropped leaves no record
    Row("TcpExt.ListenOverflows", None, "not independent: such a drop is seen in no event"),
    Row("TcpExt.ListenDrops", None, "not independent: beside it, the sk_drops of listeners, which "
        "count what else a listener drops too"),
    Row("TcpExt.TCPAbortFailed", None, "not independent: what was not sent is no line"),
]


class Books(Counter):
    """The witness's column, line by line. Holds what lives, not what was."""

    def __init__(self, netns):
        super().__init__()
        self.netns = netns
        self.doubts = []    # lines that leave the books in doubt: cause unknown, incomplete, lost
        self.reused = {}    # tuple of a TIME_WAIT taken over -> until its successor shows itself
        self.aborted = set()  # connections closed by a process with a RST that is to come

    def add(self, e):
        kind = e["event"]
        if kind == "lost":
            self.doubts.append(e)
        elif e.get("netns") != self.netns:
            return
        elif kind == "transition":
            self._transition(e)
        elif kind == "reset" and e["direction"] == "sent":
            self["resets"] += 1
            self["reason", e["reason"]] += 1
            if e["conn"] in self.aborted:
                # close with SO_LINGER 0 is a tcp_disconnect, whose reasons these are.
                self.aborted.discard(e["conn"])
                self["lingered"] += e["reason"] in DISCONNECTED
        elif kind == "retransmit":
            self["retransmitted"] += e["segments"]
            self["syn_retransmitted"] += e["kind"] in ("syn", "syn_ack")

    def _transition(self, e):
        old, new, cause = e["old"], e["new"], e["cause"]
        if cause == "unknown" or not e["complete"]:
            self.doubts.append(e)
        self["in_place"] += (new in IN_PLACE) - (old in IN_PLACE)
        self["connects"] += new == "SYN_SENT"
        if old in ("SYN_SENT", "SYN_RECEIVED", "LISTEN"):
            self._opening(e, old, new, cause)
        if new == "CLOSED":
            self._closed(e, old, cause)
        if "TIME_WAIT" in (old, new):
            self._time_wait(e, old, cause)

    def _opening(self, e, old, new, cause):
        if old == "SYN_SENT":
            self._successor(e, counts=True)
        # A child leaves SYN_RECEIVED as a socket; by a cookie it comes out of nothing.
        if e["role"] == "passive" and e["conn"] is not None and (
                old == "SYN_RECEIVED" or new == "ESTABLISHED"):
            self["children"] += 1
        self["cookies"] += cause == "syn_cookie"
        if new == "SYN_RECEIVED" and old == "LISTEN" or cause == "syn_cookie":
            self._successor(e, counts=False)
        if new != "CLOSED" or old == "LISTEN":
            return
        if old == "SYN_RECEIVED" and e["conn"] is None:
            embryonic = cause in ("reset_received", "reset_sent")
            self["embryonic_resets"] += embryonic
            self["attempt_fails"] += embryonic
        else:
            self["attempt_fails"] += cause in FAILED
            self["no_local_port"] += cause == "no_local_port"

    def _closed(self, e, old, cause):
        self["estab_resets"] += old in IN_PLACE
        self["gave_up"] += cause in GAVE_UP
        self["orphan_limit"] += cause == "orphan_limit"
        self["overflow"] += cause == "time_wait_overflow"
        # An orphan's FIN_WAIT_2 is a timewait socket: its end is told by its timer.
        if old == "FIN_WAIT_2" and e["source"] == "timer":
            short = cause == "fin_wait_2_timeout" and as_ns(e["dwell_ns"]) < SHORT_NS
            self["short_time_waits" if short else "time_waits"] += 1
        if cause == "abort":
            self.aborted.add(e["conn"])

    def _time_wait(self, e, old, cause):
        if old != "TIME_WAIT":
            self["time_waits"] += 1
            self["time_wait_now"] += 1
            return
        self["time_wait_now"] -= 1
        if cause == "time_wait_reused":
            self.reused[self._tuple(e)] = True

    def _successor(self, e, counts):
        """Whoever took a TIME_WAIT over: a connect, which TWRecycled counts, or a SYN."""
        if self.reused.pop(self._tuple(e), False):
            self["recycled"] += counts

    @staticmethod
    def _tuple(e):
        return e["laddr"], e["lport"], e["raddr"], e["rport"]


Line = namedtuple("Line", "name kernel witness equal note")


def compare(books, counters, drops=None, skip=()):
    """
    -> [Line]. `counters` as of Namespace.counters(); `drops`: sk_drops of the listeners. Rows of
    `skip` cannot be compared at this moment.
    """
    lines = []
    for row in ROWS:
        if row.name not in counters or row.name in skip:
            continue
        kernel = counters[row.name]
        if row.name == "Tcp.RetransSegs":
            kernel -= counters["TcpExt.TCPRetransFail"]
        witness = row.how(books) if row.how else None
        equal = None if witness is None else kernel == witness
        if row.name == "TcpExt.ListenDrops" and drops is not None:
            witness, equal = drops, None if drops >= kernel else False
        lines.append(Line(row.name, kernel, witness, equal, row.note))
    return lines


def table(lines):
    """As text: name, kernel, witness, equal?"""
    text = [f"{'counter':28} {'kernel':>9} {'witness':>9}  equal"]
    for x in lines:
        equal = {True: "yes", False: "NO", None: "-"}[x.equal]
        witness = "-" if x.witness is None else x.witness
        text.append(f"{x.name:28} {x.kernel:9} {witness:>9}  {equal:5} {x.note or ''}".rstrip())
    return "\n".join(text)
