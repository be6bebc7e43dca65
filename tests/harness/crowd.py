# SPDX-License-Identifier: GPL-2.0-or-later
"""
Many connections of many kinds at once, by python's asyncio, for an actor to run: a server that does
what the first byte asks for, and clients that ask for a mixture.
"""

import asyncio
import os
import socket
import struct
import threading

TCP = socket.IPPROTO_TCP
LINGER2 = 8
LARGE = 400_000
LINGER_0 = struct.pack("ii", 1, 0)
# What a client asks for: how often in a hundred, and what becomes of the connection.
MIXTURE = {
    b"E": 30,  # echo, closed by the client
    b"B": 20,  # closed by the server
    b"H": 10,  # half closed by the client, answered after its FIN
    b"S": 10,  # half closed by the server, which goes on reading
    b"R": 10,  # reset by the server, SO_LINGER 0
    b"C": 5,   # reset by the client, SO_LINGER 0
    b"U": 10,  # the server closes with data unread
    b"D": 5,   # the server goes on sending after the client has closed
}
assert sum(MIXTURE.values()) == 100


async def _read_to_end(loop, sock):
    while await loop.sock_recv(sock, 65536):
        pass


async def _serve_one(loop, sock):
    try:
        what = await loop.sock_recv(sock, 1)
        if what == b"E":
            while data := await loop.sock_recv(sock, 65536):
                await loop.sock_sendall(sock, data)
        elif what == b"B":
            await loop.sock_sendall(sock, b"bye")
        elif what == b"H":
            await _read_to_end(loop, sock)
            await loop.sock_sendall(sock, b"late")
        elif what == b"S":
            await loop.sock_sendall(sock, b"half")
            sock.shutdown(socket.SHUT_WR)
            await _read_to_end(loop, sock)
        elif what == b"R":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        elif what == b"U":
            await loop.sock_sendall(sock, b"x")
            await loop.sock_recv(sock, 1)
        elif what == b"D":
            await _read_to_end(loop, sock)
            await loop.sock_sendall(sock, b"too late")
            await asyncio.sleep(0.02)
        elif what == b"L":
            await loop.sock_sendall(sock, b"l" * LARGE)
        elif what == b"C":
            await _read_to_end(loop, sock)
    except OSError:
        pass
    sock.close()


async def _serve(listeners, ready):
    loop = asyncio.get_running_loop()
    tasks = set()

    async def accept(listener):
        while True:
            sock, _ = await loop.sock_accept(listener)
            task = asyncio.create_task(_serve_one(loop, sock))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    ready.set()
    await asyncio.gather(*map(accept, listeners))


def serve(side, port, addresses=("127.0.0.1", "::1")):
    """Starts the server in a thread of this actor."""
    listeners = []
    for addr in addresses:
        s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, port))
        s.listen(512)
        s.setblocking(False)
        listeners.append(s)
    ready = threading.Event()
    threading.Thread(target=lambda: asyncio.run(_serve(listeners, ready)), daemon=True).start()
    ready.wait(10)


async def _ask(loop, addr, port, what):
    sock = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
    sock.setblocking(False)
    try:
        await loop.sock_connect(sock, (addr, port))
        await loop.sock_sendall(sock, what)
        if what in b"ER":
            try:
                await loop.sock_sendall(sock, b"ping")
                await loop.sock_recv(sock, 64)
            except OSError:
                pass
        elif what in b"BLS":
            await _read_to_end(loop, sock)
        elif what == b"H":
            sock.shutdown(socket.SHUT_WR)
            await _read_to_end(loop, sock)
        elif what == b"C":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        elif what == b"U":
            await loop.sock_recv(sock, 1)
            await loop.sock_sendall(sock, b"never read" * 100)
            try:
                await _read_to_end(loop, sock)
            except OSError:
                pass
        elif what == b"D":
            # Half of them keep a full socket in FIN_WAIT_2, half become a timewait socket.
            if sock.fileno() % 2:
                sock.setsockopt(TCP, LINGER2, 120)
    finally:
        sock.close()


async def _crowd(addr, port, count, at_once, only):
    loop = asyncio.get_running_loop()
    wishes = [w for what, share in MIXTURE.items() for w in [bytes(what)] * share]
    failed = []
    limit = asyncio.Semaphore(at_once)

    async def one(i):
        async with limit:
            try:
                # Strides through the mixture, so that any count has about its shares.
                await _ask(loop, addr, port, only or wishes[i * 37 % 100])
            except OSError as e:
                failed.append(repr(e))

    await asyncio.gather(*(one(i) for i in range(count)))
    return failed


def crowd(side, addr, port, count, at_once=32, only=None):
    """`count` connections; -> what failed that should not have."""
    return asyncio.run(_crowd(addr, port, count, at_once, only))


def refused(side, addr, port, count):
    """Connects to a port where nobody listens; -> how many were refused."""
    got = 0
    for _ in range(count):
        s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
        got += s.connect_ex((addr, port)) == 111
        s.close()
    return got


def start_connects(side, addr, port, count, options=(), first_port=None):
    """Connects that do not wait for an answer; -> the sockets' numbers."""
    numbers = []
    for i in range(count):
        s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
        s.setblocking(False)
        for level, name, value in options:
            s.setsockopt(level, name, value)
        if first_port:
            s.bind((addr, first_port + i))
        s.connect_ex((addr, port))
        numbers.append(side.add(s))
    return numbers


def drop_all(side, numbers):
    """Closes sockets in whatever state."""
    for n in numbers:
        side.sockets.pop(n).close()


def same_ports(side, addr, port, first_port, count):
    """
    Connects from `count` given local ports; each is closed by the client after a byte, so that its
    TIME_WAIT keeps the tuple. Called again, the connects take those over.
    """
    for i in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, first_port + i))
        s.connect((addr, port))
        s.sendall(b"E!")
        s.recv(1)
        s.close()


def server_closes(side, addr, port, first_port, count):
    """As same_ports, but the server keeps the TIME_WAIT: called again, SYNs take those over."""
    for i in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, first_port + i))
        s.connect((addr, port))
        s.sendall(b"B")
        while s.recv(64):
            pass
        s.close()


def pairs(side, addr, port, count, options=()):
    """`count` connections to a listener of this same process; -> [(client, server)]."""
    listener = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((addr, port))
    listener.listen(512)
    result = []
    for _ in range(count):
        c = socket.socket(listener.family)
        for level, name, value in options:
            c.setsockopt(level, name, value)
        c.connect((addr, port))
        s, _ = listener.accept()
        result.append((side.add(c), side.add(s)))
    listener.close()
    return result


def send_all(side, numbers, data=b"unheard"):
    for n in numbers:
        side.sockets[n].send(data)


def states(side, numbers):
    return [side.sockets[n].getsockopt(TCP, socket.TCP_INFO, 1)[0] for n in numbers]


def reset_all(side, numbers):
    """Closes with SO_LINGER 0."""
    for n in numbers:
        s = side.sockets.pop(n)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        s.close()


def shutdown_all(side, numbers):
    for n in numbers:
        side.sockets[n].shutdown(socket.SHUT_WR)


def many_files(side):
    """Room for this actor's sockets."""
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    return os.getpid()


def close_everything(side):
    for number in list(side.sockets):
        side.sockets.pop(number).close()
