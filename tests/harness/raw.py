# SPDX-License-Identifier: GPL-2.0-or-later
"""
Segments by hand: sent through raw sockets, and seen as they pass a namespace.

Functions for Actor.call(): the actor must be root in its namespace.
"""

import socket
import struct
import time
from collections import namedtuple

from .wire import flag_names

ETH_P_ALL = 3
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

Seen = namedtuple("Seen", "src sport dst dport flags seq ack tcp")  # tcp: the whole segment


def family_of(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def _sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def checksummed(src, dst, tcp):
    """The segment with its checksum made anew: one that is seen as it leaves has none yet."""
    pseudo = (socket.inet_pton(family_of(src), src) + socket.inet_pton(family_of(src), dst) +
              struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)))
    check = ~_sum(pseudo + tcp[:16] + b"\0\0" + tcp[18:]) & 0xffff
    return tcp[:16] + struct.pack("!H", check) + tcp[18:]


def segment(src, sport, dst, dport, flags, seq, ack=0, *, window=1024, options=b"", data=b""):
    """A TCP segment with its checksum; options are padded with no-operations."""
    options += b"\1" * (-len(options) % 4)
    header = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                         (20 + len(options)) // 4 << 4, flags, window, 0, 0) + options
    return checksummed(src, dst, header + data)


def send(side, src, dst, *segments):
    """Puts segments on the wire as they are, from `src`, an address of the namespace."""
    raw = socket.socket(family_of(src), socket.SOCK_RAW, socket.IPPROTO_TCP)
    try:
        raw.bind((src, 0))
        for tcp in segments:
            raw.sendto(tcp, (dst, 0))
    finally:
        raw.close()


def watch(side):
    """Begins to look at what passes the namespace; -> a number for seen()."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.settimeout(0)
    side.kept["seen", s.fileno()] = []
    return side.add(s)


def _parse(kind, packet):
    if kind == 0x0800:
        at = (packet[0] & 15) * 4
        protocol, end = packet[9], struct.unpack_from("!H", packet, 2)[0]
        src, dst = (socket.inet_ntop(socket.AF_INET, packet[i:i + 4]) for i in (12, 16))
    elif kind == 0x86dd:
        at = 40
        protocol, end = packet[6], 40 + struct.unpack_from("!H", packet, 4)[0]
        src, dst = (socket.inet_ntop(socket.AF_INET6, packet[i:i + 16]) for i in (8, 24))
    else:
        return None
    if protocol != socket.IPPROTO_TCP:
        return None
    sport, dport, seq, ack, _, flags = struct.unpack_from("!HHIIBB", packet, at)
    return Seen(src, sport, dst, dport, flag_names(flags), seq, ack, packet[at:end])


def _take(s, kept):
    """Everything that has passed by now."""
    while True:
        try:
            packet, (device, kind, direction, *_) = s.recvfrom(65536)
        except BlockingIOError:
            return
        if device == "lo" and direction != socket.PACKET_OUTGOING:
            continue
        one = _parse(kind, packet)
        if one:
            kept.append(one)


def seen(side, number, sport, dport, flags=None, count=1, timeout=10):
    """
    The first `count` segments from `sport` to `dport` that passed since watch(), with these flags
    if given; waits for them. On loopback a segment is taken as it leaves, not twice.
    """
    s = side.sockets[number]
    kept = side.kept["seen", s.fileno()]
    end = time.monotonic() + timeout
    while True:
        found = [k for k in kept if (k.sport, k.dport) == (sport, dport) and
                 flags in (None, k.flags)]
        if len(found) >= count:
            return found[:count]
        if time.monotonic() > end:
            raise TimeoutError(f"{len(found)} of {count} {flags} {sport}>{dport} in {kept}")
        before = len(kept)
        _take(s, kept)
        if len(kept) == before:
            time.sleep(0.002)


def _ends_at(seen_one):
    """The sequence number after a segment."""
    length = len(seen_one.tcp) - (seen_one.tcp[12] >> 4) * 4
    return seen_one.seq + length + ("S" in seen_one.flags) + ("F" in seen_one.flags)


def next_seq(side, number, sport, dport):
    """What follows all that passed from `sport` to `dport` since watch(); resets do not count."""
    s = side.sockets[number]
    kept = side.kept["seen", s.fileno()]
    _take(s, kept)
    ends = [_ends_at(k) for k in kept
            if (k.sport, k.dport) == (sport, dport) and "R" not in k.flags]
    top = ends[0]
    for end in ends:
        if 0 < (end - top) & 0xffffffff < 1 << 31:
            top = end
    return top & 0xffffffff
