# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the kernel's end of a connection does against the reference stack. Functions for Actor.call:
they run inside the actor and get its Side first.
"""

import array
import errno
import fcntl
import hashlib
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


def recv_urgent(side, number):
    """Reads to the end with the urgent octet out of band; -> (octets before it, it, after it)."""
    s = side.sockets[number]
    before, urgent, after = 0, b"", 0
    end = time.monotonic() + 10
    while not urgent:
        try:
            urgent = s.recv(1, socket.MSG_OOB)
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.EAGAIN) or time.monotonic() > end:
                raise
            time.sleep(0.005)
    while True:
        at_mark = s.fileno() >= 0 and _at_mark(s)
        part = s.recv(1000)
        if not part:
            return before, urgent, after
        if at_mark or after:
            after += len(part)
        else:
            before += len(part)


def _at_mark(s):
    flag = array.array("i", [0])
    fcntl.ioctl(s.fileno(), 0x8905, flag)  # SIOCATMARK
    return bool(flag[0])


def send_urgent(side, number, octet=b"!"):
    side.sockets[number].send(octet, socket.MSG_OOB)


def fast_open_listen(side, addr, port):
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    s.listen(16)
    s.settimeout(20)
    return side.add(s)


def fast_open_send(side, addr, port, data):
    """A connection whose data goes with the SYN where there is a cookie; reads it back."""
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 20, 0))
    s.sendto(data, socket.MSG_FASTOPEN, (addr, port))
    s.settimeout(20)
    got = b""
    while len(got) < len(data):
        part = s.recv(65536)
        if not part:
            break
        got += part
    s.close()
    return got == data


def queued(side, number):
    """Octets the peer has not acknowledged (SIOCOUTQ)."""
    n = array.array("i", [0])
    fcntl.ioctl(side.sockets[number].fileno(), 0x5411, n)
    return n[0]


def send_some(side, number, path):
    """As much of the file as goes without waiting; -> how much."""
    s = side.sockets[number]
    with open(path, "rb") as f:
        data = f.read()
    s.setblocking(False)
    sent = 0
    try:
        while sent < len(data):
            sent += s.send(data[sent:])
    except BlockingIOError:
        pass
    s.settimeout(20)
    return sent


def connect_at_once(side, addr, port, count):
    """Non-blocking connects, awaited together; -> the sockets' numbers."""
    made = []
    for _ in range(count):
        s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        s.connect_ex((addr, port))
        made.append(s)
    end = time.monotonic() + 20
    for s in made:
        while s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 2:
            if time.monotonic() > end:
                raise TimeoutError("still in SYN_SENT")
            time.sleep(0.005)
        number = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, "connect")
        s.settimeout(20)
    return [side.add(s) for s in made]
