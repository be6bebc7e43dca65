# SPDX-License-Identifier: GPL-2.0-or-later
"""
Sockets that change hands without a call that the tracer sees: accepted through io_uring, or passed
over a Unix socket. The owner told is right or it is null; it is never somebody else.
"""

import array
import ctypes
import json
import mmap
import os
import socket
import struct
import unittest

from harness import actor, tracer
from harness.stage import CLOSED, OPEN, OPENED, TO_TIME_WAIT
from harness.traced import TracedCase

ADDRESSES = ("127.0.0.1", "::1")
IO_URING_SETUP, IO_URING_ENTER = 425, 426
IORING_OFF_SQES, IORING_ENTER_GETEVENTS, IORING_OP_ACCEPT = 0x10000000, 1, 13

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def uring_accept(side, listener):
    """Accepts one connection through a ring made for it (io_uring.h); -> its socket."""
    params = ctypes.create_string_buffer(120)  # struct io_uring_params
    fd = _check(_libc.syscall(IO_URING_SETUP, 1, params))
    sq_off = struct.unpack_from("=10I", params, 40)  # head tail mask entries flags dropped array
    cq_off = struct.unpack_from("=10I", params, 80)  # head tail mask entries overflow cqes
    with mmap.mmap(fd, 4096, mmap.MAP_SHARED) as ring, \
            mmap.mmap(fd, 4096, mmap.MAP_SHARED, offset=IORING_OFF_SQES) as entries:
        entries[:64] = struct.pack("=BBHiQQIIQ24x", IORING_OP_ACCEPT, 0, 0,
                                   side.sockets[listener].fileno(), 0, 0, 0, 0, 1)
        struct.pack_into("=I", ring, sq_off[6], 0)
        struct.pack_into("=I", ring, sq_off[1], 1)
        _check(_libc.syscall(IO_URING_ENTER, fd, 1, 1, IORING_ENTER_GETEVENTS, None, 0))
        result = struct.unpack_from("=Qi", ring, cq_off[5])[1]
    os.close(fd)
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    s = socket.socket(fileno=result)
    s.settimeout(20)
    return side.add(s)


def uring_accept_in_child(side, listener, comm):
    """A forked child accepts through a ring, reads to the end and closes; -> its pid."""
    ready_read, ready_write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            actor.die_with_parent(parent)
            actor.set_comm(comm)
            s = uring_accept(side, listener)
            os.write(ready_write, b"a")
            actor.recv_eof(side, s)
            actor.close(side, s)
            status = 0
        finally:
            os._exit(status)
    os.close(ready_write)
    side.kept[pid] = ready_read
    return pid


def unix_server(side, path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    s.listen(1)
    s.settimeout(20)
    return side.add(s)


def pass_on(side, path, number):
    """Sends a socket over a Unix socket, and closes it here."""
    passed = side.sockets.pop(number)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.connect(path)
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", [passed.fileno()]))])
    passed.close()


def take(side, server):
    """Receives one; -> the socket."""
    s, _ = side.sockets[server].accept()
    with s:
        _, ancillary, _, _ = s.recvmsg(1, socket.CMSG_SPACE(4))
    fd, = array.array("i", ancillary[0][2])
    passed = socket.socket(fileno=fd)
    passed.settimeout(20)
    return side.add(passed)


class TestHandedOver(TracedCase):
    def setUp(self):
        self.client = actor.Actor(self.ns, comm="e2e-client")
        self.addCleanup(self.client.stop)
        self.server = actor.Actor(self.ns, comm="e2e-server")
        self.addCleanup(self.server.stop)
        self.other = actor.Actor(self.ns, comm="e2e-other")
        self.addCleanup(self.other.stop)
        self.path = f"\0tcpw-e2e-{self.server.pid}"

    def end(self, addr, port, cport):
        server = self.wait_path(upto="CLOSED", laddr=addr, lport=port, raddr=addr, rport=cport)
        client = self.wait_path(upto="TIME_WAIT", laddr=addr, lport=cport, raddr=addr, rport=port)
        self.assertEqual(server.path, OPENED + CLOSED, server)
        self.assertEqual(client.path, OPEN + TO_TIME_WAIT, client)
        self.assertEqual({(t["pid"], t["comm"]) for t in client.lines},
                         {(self.client.pid, "e2e-client")}, client)
        return server

    def holders(self, port, cport):
        """pids that hold the server's end, by `ss`"""
        out = self.ns.run("ss", "-tanpH", "sport", f"= :{port}", "and", "dport", f"= :{cport}")
        return {int(word.split(",")[0]) for word in out.split("pid=")[1:]}

    def snapshot_pid(self, port, cport):
        p = tracer.run("snapshot", "-o", "json", "--netns", self.ns.inode, "--lport", port,
                       "--rport", cport)
        row, = [r for r in map(json.loads, p.stdout.splitlines()) if r["state"] != "LISTEN"]
        return row["pid"]

    def test_io_uring_accept_by_the_listener(self):
        """The process that listens accepts, and nobody sees it: its own name or none."""
        for addr in ADDRESSES:
            with self.subTest(addr):
                listener, port = self.server.listen(addr)
                c, cport = self.client.connect(addr, port)
                s = self.server.call(uring_accept, listener)
                self.assertEqual(self.holders(port, cport), {self.server.pid})
                self.assertEqual(self.snapshot_pid(port, cport), self.server.pid)
                self.client.close(c)
                self.server.recv_eof(s)
                self.server.close(s)
                life = self.end(addr, port, cport)
                self.assertEqual([t["pid"] for t in life.lines[:2]], [self.server.pid] * 2, life)
                for t in life.lines[2:]:
                    self.assertIn((t["pid"], t["comm"]),
                                  [(self.server.pid, "e2e-server"), (None, None)], life)

    def test_io_uring_accept_by_a_child(self):
        """Another process than the one that listens: its name or none, but not the listener's."""
        for addr in ADDRESSES:
            with self.subTest(addr):
                listener, port = self.server.listen(addr)
                child = self.server.call(uring_accept_in_child, listener, "e2e-child")
                c, cport = self.client.connect(addr, port)
                self.server.wait_child_accepted(child)
                self.assertEqual(self.holders(port, cport), {child})
                self.assertEqual(self.snapshot_pid(port, cport), child)
                self.client.close(c)
                self.assertEqual(self.server.reap_child(child), 0)
                life = self.end(addr, port, cport)
                # Accepted at once, perhaps before the line of its handshake was written.
                for t in life.lines[2:]:
                    self.assertIn((t["pid"], t["comm"]),
                                  [(child, "e2e-child"), (None, None)], life)

    def test_connection_passed_on(self):
        """The owner is who accepted, as long as it lives; the snapshot has who holds it now."""
        for addr in ADDRESSES:
            with self.subTest(addr):
                path = f"{self.path}-c-{addr}"
                unix = self.other.call(unix_server, path)
                listener, port = self.server.listen(addr)
                c, cport = self.client.connect(addr, port)
                s, _ = self.server.accept(listener)
                self.server.call(pass_on, path, s)
                s = self.other.call(take, unix)
                self.assertEqual(self.holders(port, cport), {self.other.pid})
                self.assertEqual(self.snapshot_pid(port, cport), self.other.pid)
                self.client.send(c, 10)
                self.other.recv(s, 10)
                self.client.close(c)
                self.other.recv_eof(s)
                self.other.close(s)
                life = self.end(addr, port, cport)
                self.assertEqual({(t["pid"], t["comm"]) for t in life.lines},
                                 {(self.server.pid, "e2e-server")}, life)

    def test_listener_passed_on(self):
        """Who accepts from it is seen, whoever made it."""
        for addr in ADDRESSES:
            with self.subTest(addr):
                path = f"{self.path}-l-{addr}"
                unix = self.other.call(unix_server, path)
                listener, port = self.server.listen(addr)
                self.server.call(pass_on, path, listener)
                listener = self.other.call(take, unix)
                c, cport = self.client.connect(addr, port)
                self.wait_path(upto="ESTABLISHED", laddr=addr, lport=port, raddr=addr,
                               rport=cport)
                s, _ = self.other.accept(listener)
                self.client.close(c)
                self.other.recv_eof(s)
                self.other.close(s)
                life = self.end(addr, port, cport)
                self.assertEqual([(t["pid"], t["comm"]) for t in life.lines],
                                 [(self.server.pid, "e2e-server")] * 2 +
                                 [(self.other.pid, "e2e-other")] * 3, life)

    def test_zz_every_line_is_right(self):
        self.assertEqual(self.trace.problems[:10], [])
        self.assertEqual([t for t in self.trace.transitions() if t["cause"] == "unknown"], [])


class TestNoAccept(TestHandedOver):
    """`--no-accept`: nobody's accept is seen, so it is as with io_uring."""

    TRACE_ARGS = ("--no-accept",)

    def test_listener_passed_on(self):
        for addr in ADDRESSES:
            with self.subTest(addr):
                path = f"{self.path}-n-{addr}"
                unix = self.other.call(unix_server, path)
                listener, port = self.server.listen(addr)
                self.server.call(pass_on, path, listener)
                listener = self.other.call(take, unix)
                c, cport = self.client.connect(addr, port)
                s, _ = self.other.accept(listener)
                self.client.close(c)
                self.other.recv_eof(s)
                self.other.close(s)
                life = self.end(addr, port, cport)
                self.assertEqual({t["pid"] for t in life.lines[2:]}, {None}, life)

    test_connection_passed_on = None


if __name__ == "__main__":
    unittest.main()
