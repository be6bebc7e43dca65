# SPDX-License-Identifier: GPL-2.0-or-later
"""
TIME_WAIT: armed anew, refused, left alone, and ended with its namespace. (Taken over by connect and
by a SYN: test_paths. Ended by a RST: test_resets. Ended by ss -K: test_paths.)
"""

import time

from harness import actor, raw, stage
from harness.schema import ns
from harness.stage import (CLOSE, CLOSED, OPEN, OPENED, TO_CLOSE_WAIT, TO_FIN_WAIT_2,
                           TO_TIME_WAIT, scenarios_of)

FIN = "tcp flags & fin == fin"
OVERFLOW = ("CLOSED", "time_wait_overflow")


class TestTimeWait(stage.StageCase):
    SPECIAL = {
        "no_buckets": {"tcp_max_tw_buckets": 0},
        "one_bucket_ipv4": {"tcp_max_tw_buckets": 1},
        "one_bucket_ipv6": {"tcp_max_tw_buckets": 1},
        "doomed_ipv4": {},
        "doomed_ipv6": {},
    }

    def test_counters_of_the_kernel(self):
        """Each mini-socket and each that was refused, to the unit."""
        self.need_tracer()
        for where in self.stage.living_ns():
            moves = [e for e in self.stage.trace.transitions() if e["netns"] == where.inode]
            told = {
                "TcpExt.TCPTimeWaitOverflow": sum(t["cause"] == "time_wait_overflow"
                                                  for t in moves),
                "TcpExt.TW": sum(t["new"] == "TIME_WAIT" for t in moves),
                "Tcp.OutRsts": sum(e["event"] == "reset" and e["direction"] == "sent" and
                                   e["netns"] == where.inode for e in self.stage.trace.lines),
            }
            self.assertEqual(told, {k: self.stage.delta(where, k) for k in told}, where.name)


scenario = scenarios_of(TestTimeWait)
no_buckets = scenarios_of(TestTimeWait, topologies=("no_buckets",))


def _by_family(name):
    """A scenario that needs a namespace to itself, for each family."""
    def decorate(function):
        for family in ("ipv4", "ipv6"):
            scenarios_of(TestTimeWait, (family,), (f"{name}_{family}",))(function)
        return function
    return decorate


def _to_time_wait(p, c, s):
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.server.close(s)


def _expires_after_last(p, who, flags):
    """60 s after the last such segment, by the wire; the wheel of timers may add its grain."""
    def check(test, play, clients, servers):
        last = [s for w, s in play.segments() if w == who and s.flags == flags][-1]
        after = (stage.realtime_ns(clients[0].last) - last.ts) / 1e9
        test.assertTrue(stage.TIME_WAIT_S[0] < after < stage.TIME_WAIT_S[1],
                        f"{after} s after {last}\n{clients[0]}")

    p.checks.append(check)


@scenario
def time_wait_begins_anew_with_a_fin(p):
    """The ACK of the peer's FIN is lost: each FIN that comes again makes the 60 s begin anew."""
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    rule = p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport}")
    p.server.shutdown(s)
    p.wait_socket(p.cns, "TIME-WAIT", p.cport, p.sport)
    time.sleep(1.0)
    p.sns.nft_delete(rule)
    p.server.wait_state(s, 7)
    p.server.close(s)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s FA", "c A", "s FA", "s FA", "c A"]
    _expires_after_last(p, "s", "FA")

    def check(test, play, clients, servers):
        fins = [s for w, s in play.segments() if w == "s" and s.flags == "FA"]
        test.assertGreater(fins[-1].ts - fins[0].ts, 0.9e9, fins)
        test.assertGreater(clients[0].dwell("TIME_WAIT"), 60.8e9, clients)
        again = [e for e in servers[0].others
                 if (e["event"], e.get("kind")) == ("retransmit", "fin")]
        hidden = play.stage.hidden_count("tcp_retransmit_skb")
        test.assertIn(len(fins) - 1 - len(again), range(hidden + 1), servers[0].others)

    p.checks.append(check)


@scenario
def time_wait_is_not_taken_by_an_old_syn(p):
    """A SYN whose sequence number lies behind is answered by an ACK, and nothing else happens."""
    with actor.Actor(p.cns) as eye, actor.Actor(p.sns) as hand:
        watch = eye.call(raw.watch)
        c, s = p.open()
        _to_time_wait(p, c, s)
        p.wait_socket(p.cns, "TIME-WAIT", p.cport, p.sport)
        p.wait_socket(p.sns, None, p.sport, p.cport)
        end = eye.call(raw.next_seq, watch, p.sport, p.cport)
        hand.call(raw.send, p.saddr, p.caddr,
                  raw.segment(p.saddr, p.sport, p.caddr, p.cport, raw.SYN, end - 1000))
        time.sleep(0.2)
        p.wait_socket(p.cns, "TIME-WAIT", p.cport, p.sport)
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s FA", "c A", "s S", "c A", "s R"]
    _expires_after_last(p, "s", "FA")


@no_buckets
def no_room_for_time_wait(p):
    """The client reads until the end: it comes to TIME_WAIT's door in a full socket."""
    c, s = p.open()
    p.talk(c, s)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, 5)
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.wait_state(c, 7)
    p.client.close(c)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", *OVERFLOW)]]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s A", "s FA", "c A"]
    stage.moments(p, lambda clients, servers: clients, {"CLOSED": ("s", "FA")})


@no_buckets
def no_room_for_an_orphan(p):
    """The mini-socket of an orphan's FIN_WAIT_2 is refused: the FIN then finds nobody."""
    c, s = p.open()
    p.talk(c, s)
    p.client.close(c)
    p.server.recv_eof(s)
    p.wait_socket(p.cns, None, p.cport, p.sport)
    p.server.close(s)
    p.want_client = [OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", *OVERFLOW)]]
    p.want_server = [OPENED + TO_CLOSE_WAIT + [("CLOSE_WAIT", "LAST_ACK", "close"),
                                               ("LAST_ACK", "CLOSED", "reset_received")]]
    p.want_wire = ["c FA", "s A", "s FA", "c R"]
    stage.moments(p, lambda clients, servers: clients, {"CLOSED": ("s", "A")})


@no_buckets
def no_room_after_closing(p):
    c, s = p.open()
    p.talk(c, s)
    rule = p.drop(p.sns, f"sport {p.cport} tcp dport {p.sport} {FIN}")
    p.client.shutdown(c)
    p.client.wait_state(c, 4)
    p.server.shutdown(s)
    p.client.wait_state(c, 11)
    p.server.wait_state(s, 5)
    p.sns.nft_delete(rule)
    p.server.recv_eof(s)
    p.client.wait_state(c, 7)
    p.client.close(c)
    p.server.close(s)
    p.want_client = [OPEN + [("ESTABLISHED", "FIN_WAIT_1", "close"),
                             ("FIN_WAIT_1", "CLOSING", "simultaneous_close"),
                             ("CLOSING", *OVERFLOW)]]
    p.want_server = [OPENED + TO_FIN_WAIT_2 + [("FIN_WAIT_2", *OVERFLOW)]]
    p.want_wire = ["c FA", "s FA", "c A", "c FA", "s A"]


@_by_family("one_bucket")
def room_for_one(p):
    """The first has its TIME_WAIT; the second finds the bucket taken."""
    c, s = p.open()
    _to_time_wait(p, c, s)
    first = p.cport
    p.wait_socket(p.cns, "TIME-WAIT", first, p.sport)
    c, s = p.open()
    p.talk(c, s)
    p.client.shutdown(c)
    p.server.recv_eof(s)
    p.client.wait_state(c, 5)
    p.server.close(s)
    p.client.recv_eof(c)
    p.client.wait_state(c, 7)
    p.client.close(c)
    second, p.cport = p.cport, first
    assert first != second
    p.want_client = [OPEN + CLOSE]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s FA", "c A"]

    def check(test, play, clients, servers):
        play.cport = second
        refused, = play.client_lives(play.stage.lives)
        play.cport = first
        test.assertEqual(refused.path, OPEN + TO_FIN_WAIT_2 + [("FIN_WAIT_2", *OVERFLOW)], refused)

    p.checks.append(check)


@_by_family("doomed")
def time_wait_ends_with_its_namespace(p):
    """Nothing but the tracer could keep the namespace: it goes, and TIME_WAIT with it."""
    c, s = p.open()
    _to_time_wait(p, c, s)
    p.wait_socket(p.cns, "TIME-WAIT", p.cport, p.sport)
    p.server.close(p.listener)
    p.listener = None
    time.sleep(0.3)
    p.gone_at = time.monotonic_ns()
    p.end_namespace()
    p.want_client = [OPEN + TO_TIME_WAIT + [("TIME_WAIT", "CLOSED", "time_wait_killed")]]
    p.want_server = [OPENED + CLOSED]
    p.want_wire = ["c FA", "s FA", "c A"]

    def check(test, play, clients, servers):
        after = ns(clients[0].last["mono_ns"]) - play.gone_at
        test.assertTrue(0 < after < 10e9, f"{after} ns after the namespace was let go\n{clients}")

    p.checks.append(check)
