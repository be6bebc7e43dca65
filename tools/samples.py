#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A few sample connections on loopback, one of each kind a newcomer may want to see."""

import socket
import struct
import threading
import time


def listener(family, address):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((address, 0))
    sock.listen(8)
    return sock


def serve(sock, actions):
    for action in actions:
        peer, _ = sock.accept()
        action(peer)
    sock.close()


def answer(peer):
    """The ordinary case: the client closes first and keeps the TIME_WAIT."""
    peer.recv(64)
    peer.sendall(b"hello\n")
    peer.recv(64)
    peer.close()


def close_first(peer):
    """The server closes first: the TIME_WAIT is on its side."""
    peer.sendall(b"bye\n")
    peer.close()


def reset(peer):
    """SO_LINGER of zero: no TIME_WAIT, a RST instead."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.05)
    peer.close()


def client(family, address):
    sock = socket.create_connection(address[:2], timeout=5)
    try:
        sock.sendall(b"hi\n")
        sock.recv(64)
    except ConnectionResetError:
        pass
    sock.close()


def main():
    actions = [answer, close_first, reset]
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            sock = listener(family, address)
        except OSError:
            continue  # no IPv6 here
        where = sock.getsockname()
        thread = threading.Thread(target=serve, args=(sock, actions), daemon=True)
        thread.start()
        for _ in actions:
            client(family, where)
            time.sleep(0.1)
        thread.join(5)
        # Nobody listens any more: refused.
        try:
            client(family, where)
        except ConnectionRefusedError:
            pass


if __name__ == "__main__":
    main()
