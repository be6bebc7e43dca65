# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the kernel's end of a connection does against the reference stack. Functions for Actor.call:
they run inside the actor and get its Side first.
"""

import errno
import hashlib
import os
import socket
import struct
import threading
import time

TCP_INFO_LENGTH = 256


def sha(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(f.read()).hexdigest()


def exchange(side, number, path, timeout=300, shut=True):
    """
    Sends the file, then says so (shut), while reading to the end; -> (sha256, length) of what came.
    """
    s = side.sockets[number]
    s.settimeout(timeout)
    failed = []

    def send():
        try:
            if path is not None:
                with open(path, "rb") as f:
                    while piece := f.read(1 << 18):
                        s.sendall(piece)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except OSError as e:
            failed.append(e)

    sender = threading.Thread(target=send)
    sender.start()
    digest, length = hashlib.sha256(), 0
    while piece := s.recv(1 << 18):
        digest.update(piece)
        length += len(piece)
    sender.join(timeout)
    if failed:
        raise failed[0]
    return digest.hexdigest(), length


def tcp_info(side, number):
    """The beginning of struct tcp_info as a dictionary."""
    raw = side.sockets[number].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_LENGTH)
    names = ("state ca_state retransmits probes backoff options wscale flags").split()
    info = dict(zip(names, raw[:8]))
    words = struct.unpack_from("=24I", raw, 8)
    for i, name in enumerate("rto ato snd_mss rcv_mss unacked sacked lost retrans fackets "
                             "last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu "
                             "rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering "
                             "rcv_rtt rcv_space total_retrans".split()):
        info[name] = words[i]
    info["snd_wscale"], info["rcv_wscale"] = info["wscale"] & 15, info["wscale"] >> 4
    return info
