# SPDX-License-Identifier: GPL-2.0-or-later
"""
Actors: processes that live in a network namespace and do to sockets what a test tells them.

An actor is a forked child that entered the namespace by setns(2) (os.setns is only in Python 3.12)
and then serves requests over a socketpair: a function by reference and its arguments, the answer
back. Sockets stay in the actor and are named by small numbers. It dies with the process that made
it, so nothing is left behind when a test runner is killed.
"""

import ctypes
import errno
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time
import traceback

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SO_COOKIE = 57
TCP_LINGER2 = 8

_libc = ctypes.CDLL(None, use_errno=True)


class ActorError(Exception):
    """What a function raised inside an actor."""

    def __init__(self, text, number=None, kind=None):
        super().__init__(text)
        self.errno = number
        self.kind = kind


def setns(path, kind=CLONE_NEWNET):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, kind):
            number = ctypes.get_errno()
            raise OSError(number, f"setns {path}: {os.strerror(number)}")
    finally:
        os.close(fd)


def set_comm(comm):
    """comm of the calling thread; bytes go in as they are (at most 15)."""
    if isinstance(comm, str):
        comm = comm.encode()
    with open("/proc/self/comm", "wb") as f:
        f.write(comm)


def die_with_parent(parent):
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _send(sock, obj):
    data = pickle.dumps(obj)
    sock.sendall(struct.pack("!I", len(data)) + data)


def _recv(sock):
    head = _read(sock, 4)
    if head is None:
        return None
    data = _read(sock, struct.unpack("!I", head)[0])
    return None if data is None else pickle.loads(data)


def _read(sock, n):
    parts = []
    while n:
        part = sock.recv(n)
        if not part:
            return None
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


class Side:
    """The inside of an actor: its sockets by number. Functions given to Actor.call get it first."""

    def __init__(self):
        self.sockets = {}
        self.next = 1
        self.kept = {}

    def add(self, sock):
        number = self.next
        self.next += 1
        self.sockets[number] = sock
        return number


class Actor:
    """A process in a namespace. Use as a context manager, or call stop()."""

    def __init__(self, netns=None, comm=None, uid=None):
        mine, its = socket.socketpair()
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                die_with_parent(parent)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                keep = its.fileno()
                os.closerange(3, keep)
                os.closerange(keep + 1, 4096)
                if netns is not None:
                    setns(netns if isinstance(netns, str) else netns.path)
                if comm is not None:
                    set_comm(comm)
                if uid is not None:
                    os.setgroups([])
                    os.setgid(uid)
                    os.setuid(uid)
                _serve(its)
                status = 0
            except BaseException:  # noqa: the child must not return into the test runner
                traceback.print_exc()
            finally:
                os._exit(status)
        its.close()
        self.channel = mine
        self.comm = comm
        self.alive = True
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    # The request goes out at once; wait() takes the answer. One request at a time.
    def post(self, function, *args, **kwargs):
        _send(self.channel, (function, args, kwargs))

    def wait(self, timeout=30):
        self.channel.settimeout(timeout)
        try:
            answer = _recv(self.channel)
        except socket.timeout:
            raise ActorError(f"actor {self.pid} gave no answer within {timeout} s") from None
        if answer is None:
            raise ActorError(f"actor {self.pid} has ended")
        ok, value = answer
        if ok:
            return value
        raise ActorError(*value)

    def call(self, function, *args, timeout=30, **kwargs):
        with self.lock:
            self.post(function, *args, **kwargs)
            return self.wait(timeout)

    def kill(self, sig=signal.SIGKILL):
        """Sends the signal to this one process; on SIGKILL waits for its end."""
        os.kill(self.pid, sig)
        if sig == signal.SIGKILL:
            self._reap()

    def stop(self):
        if not self.alive:
            return
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._reap()

    def _reap(self):
        if self.alive:
            self.alive = False
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass
            self.channel.close()

    def __getattr__(self, name):
        """actor.connect(...) is actor.call(connect, ...) for the functions of this module."""
        function = OPERATIONS.get(name)
        if function is None:
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(function, *args, **kwargs)


def _serve(channel):
    side = Side()
    while True:
        request = _recv(channel)
        if request is None:
            return
        function, args, kwargs = request
        try:
            answer = (True, function(side, *args, **kwargs))
        except OSError as e:
            name = errno.errorcode.get(e.errno, "?") if e.errno else type(e).__name__
            answer = (False, (f"{function.__name__}: {name}: {e}", e.errno, name))
        except Exception as e:  # noqa: the caller judges
            answer = (False, (f"{function.__name__}: {traceback.format_exc()}", None,
                              type(e).__name__))
        _send(channel, answer)


def _family(addr):
    return socket.AF_INET6 if ":" in addr else socket.AF_INET


def listen(side, addr, port=0, backlog=64, v6only=None, family=None):
    """-> (socket, port)"""
    s = socket.socket(family or _family(addr), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if v6only is not None:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    s.bind((addr, port))
    s.listen(backlog)
    s.settimeout(20)
    return side.add(s), s.getsockname()[1]


def connect(side, addr, port, bind=None, timeout=20, options=()):
    """-> (socket, local port). bind: a local (address, port), with SO_REUSEADDR."""
    s = socket.socket(_family(addr), socket.SOCK_STREAM)
    try:
        if bind:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(bind)
        for level, name, value in options:
            s.setsockopt(level, name, value)
        # A timeout would make the connect non-blocking; SO_SNDTIMEO bounds a blocking one.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", timeout, 0))
        s.connect((addr, port))
        s.settimeout(20)
    except OSError:
        s.close()
        raise
    return side.add(s), s.getsockname()[1]


def accept(side, listener):
    """-> (socket, peer's port)"""
    s, peer = side.sockets[listener].accept()
    s.settimeout(20)
    return side.add(s), peer[1]


def send(side, number, length):
    side.sockets[number].sendall(b"x" * length)


def recv(side, number, length):
    """Exactly `length` bytes."""
    got = 0
    while got < length:
        part = side.sockets[number].recv(length - got)
        if not part:
            raise EOFError(f"{got} of {length} bytes")
        got += len(part)


def recv_eof(side, number):
    """Reads to the end; -> how many bytes came before it."""
    got = 0
    while True:
        part = side.sockets[number].recv(65536)
        if not part:
            return got
        got += len(part)


def recv_error(side, number):
    """Reads until an error; -> its name."""
    try:
        while True:
            if not side.sockets[number].recv(65536):
                return "EOF"
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))


def shutdown(side, number, how=socket.SHUT_WR):
    side.sockets[number].shutdown(how)


def close(side, number):
    side.sockets.pop(number).close()


def abort(side, number):
    """close with SO_LINGER 0"""
    s = side.sockets.pop(number)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def setsockopt(side, number, level, name, value):
    side.sockets[number].setsockopt(level, name, value)


def cookie(side, number):
    raw = side.sockets[number].getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8)
    return str(struct.unpack("=Q", raw)[0])


def tcp_state(side, number):
    """The kernel's number of the state (include/net/tcp_states.h), from TCP_INFO."""
    return side.sockets[number].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def wait_state(side, number, state, timeout=10):
    end = time.monotonic() + timeout
    while tcp_state(side, number) != state:
        if time.monotonic() > end:
            raise TimeoutError(f"state {tcp_state(side, number)} and not {state}")
        time.sleep(0.001)


def disconnect(side, number):
    """connect() with AF_UNSPEC: back to CLOSED"""
    fd = side.sockets[number].fileno()
    address = ctypes.create_string_buffer(16)
    if _libc.connect(fd, address, 16):
        raise OSError(ctypes.get_errno(), "connect AF_UNSPEC")


def connect_to_self(side, addr, port):
    """A socket connected to itself: a simultaneous open with one socket."""
    s = socket.socket(_family(addr), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((addr, port))
    s.connect((addr, port))
    s.settimeout(20)
    return side.add(s)


def abort_and_reconnect(side, number, addr, port, bind):
    """Resets a connection and opens the next on the same port; -> (socket, ns between)."""
    old = side.sockets.pop(number)
    old.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s = socket.socket(_family(addr), socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    fd = old.detach()
    start = time.monotonic_ns()
    os.close(fd)
    s.bind(bind)
    s.connect((addr, port))
    took = time.monotonic_ns() - start
    s.settimeout(20)
    return side.add(s), took


def accept_in_thread(side, listener):
    """Another thread, with a comm of its own, accepts; -> (socket, peer's port, its tid)"""
    result = []

    def body():
        set_thread_comm(b"e2e-thread")
        s, peer = side.sockets[listener].accept()
        s.settimeout(20)
        result.append((side.add(s), peer[1], threading.get_native_id()))

    t = threading.Thread(target=body)
    t.start()
    t.join(20)
    if not result:
        raise TimeoutError("the thread accepted nothing")
    return result[0]


def set_thread_comm(comm):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "wb") as f:
        f.write(comm)


def accept_in_child(side, listener, comm=None):
    """A forked child accepts, reads to the end and closes; -> its pid. Reap with reap_child."""
    ready_read, ready_write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            die_with_parent(parent)
            if comm:
                set_comm(comm)
            s, _ = side.sockets[listener].accept()
            os.write(ready_write, b"a")
            s.settimeout(20)
            while s.recv(65536):
                pass
            s.close()
            status = 0
        finally:
            os._exit(status)
    os.close(ready_write)
    side.kept[pid] = ready_read
    return pid


def wait_child_accepted(side, pid):
    fd = side.kept.pop(pid)
    got = os.read(fd, 1)
    os.close(fd)
    if got != b"a":
        raise TimeoutError("the child accepted nothing")


def reap_child(side, pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def connect_many(side, addr, port, count, bind_from=None):
    """-> the sockets' numbers and local ports"""
    return [connect(side, addr, port,
                    bind=(bind_from[0], bind_from[1] + i) if bind_from else None)
            for i in range(count)]


def accept_many(side, listener, count):
    return [accept(side, listener) for _ in range(count)]


def close_many(side, numbers):
    for n in numbers:
        close(side, n)


def churn(side, addr, port, count):
    """`count` whole connections one after another, each closed by this side after one byte back."""
    failed = 0
    for _ in range(count):
        try:
            s = socket.create_connection((addr, port), timeout=10)
            s.recv(1)
            s.close()
        except OSError:
            failed += 1
    return failed


def serve_churn(side, listener, count):
    """The other end: accepts, sends a byte, waits for the end, closes."""
    for _ in range(count):
        s, _ = side.sockets[listener].accept()
        s.settimeout(10)
        try:
            s.send(b"x")
            while s.recv(64):
                pass
        except OSError:
            pass
        s.close()


def read_file(side, path):
    with open(path) as f:
        return f.read()


def write_file(side, path, text):
    with open(path, "w") as f:
        f.write(text)


def nothing(side):
    return os.getpid()


OPERATIONS = {f.__name__: f for f in (
    listen, connect, accept, send, recv, recv_eof, recv_error, shutdown, close, abort, setsockopt,
    cookie, tcp_state, wait_state, disconnect, connect_to_self, abort_and_reconnect,
    accept_in_thread, accept_in_child, wait_child_accepted, reap_child, connect_many, accept_many,
    close_many, churn, serve_churn, read_file, write_file, nothing)}
