# SPDX-License-Identifier: GPL-2.0-or-later
"""Real clients and servers against the reference stack: curl, nginx, python's http.server."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from harness import netns, witness
from harness.stack import FAMILIES, HOST, OWN, Stack, url
from harness.stage import OPENED, OPEN
from harness.traced import need_binary

SIZE = 3_000_000
NGINX = """
daemon off; worker_processes 1; user root; pid {dir}/pid; error_log {dir}/error;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {dir}/1; proxy_temp_path {dir}/2;
    fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4; scgi_temp_path {dir}/5;
    server {{ listen 8080; listen [::]:8080; location / {{ root {dir}/www; }} }}
}}
"""


class HttpCase(unittest.TestCase):
    def setUp(self):
        need_binary()
        self.dir = tempfile.mkdtemp(prefix="e2e-stack-")
        self.addCleanup(shutil.rmtree, self.dir)
        os.mkdir(f"{self.dir}/www")
        self.data = os.urandom(SIZE)
        with open(f"{self.dir}/www/file", "wb") as f:
            f.write(self.data)
        with open(f"{self.dir}/secret", "w") as f:
            f.write("secret")
        os.symlink("../secret", f"{self.dir}/www/link")
        self.ns = netns.Namespace("stack")
        self.addCleanup(self.ns.remove)

    def curl(self, *args):
        """-> (status, body)"""
        p = subprocess.run(self.ns.argv("curl", "-sg", "--max-time", "20", "--path-as-is",
                                        "-w", "%{stderr}%{http_code}", *args),
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=30)
        return int(p.stderr.decode().split("\n")[-1] or 0), p.stdout

    def got(self):
        with open(f"{self.dir}/got", "rb") as f:
            return f.read()


class TestStackServes(HttpCase):
    def test_curl_fetches_a_file(self):
        with Stack(self.ns, "listen", 80, "--serve", f"{self.dir}/www", "--sandbox-strict") as s:
            for family in FAMILIES:
                status, body = self.curl(url(OWN[family], 80, "file"))
                self.assertEqual(status, 200, s.stderr)
                self.assertTrue(body == self.data, f"{len(body)} octets")
            s.wait_state("CLOSED", count=2)
            self.assertEqual(s.stop(), 0, s.stderr)
        self.assertEqual(s.problems, [])
        # curl closes first: its request was answered, and the connection could have gone on.
        self.assertEqual([life.path for life in s.lives()], [OPENED + [
            ("ESTABLISHED", "CLOSE_WAIT", "fin_received"), ("CLOSE_WAIT", "LAST_ACK", "close"),
            ("LAST_ACK", "CLOSED", "fin_acked")]] * 2)
        self.assertEqual({t["rfc"] for t in s.lives()[0].lines if t["old"] == "LISTEN"},
                         {"RFC 9293 3.10.7.2, third"})

    def test_head_errors_and_hostile_names(self):
        with Stack(self.ns, "listen", 80, "--serve", f"{self.dir}/www") as s:
            base = url(OWN["ipv4"], 80, "")
            status, head = self.curl("-I", base + "file")
            self.assertEqual(status, 200)
            self.assertIn(f"content-length: {SIZE}\r\n", head.decode().lower())
            for path in ("nosuch", "link", "../secret", "%2e%2e/secret", "a/../../secret", ".",
                         "", "file/x"):
                self.assertEqual(self.curl(base + path)[0], 404, path)
            self.assertEqual(self.curl(base + "a%2fb")[0], 400)
            self.assertEqual(self.curl(base + "a%00b")[0], 400)
            self.assertEqual(self.curl("-d", "x=1", base + "file")[0], 405)
            self.assertEqual(self.curl("-H", "Host:", base + "file")[0], 400)
            self.assertEqual(self.curl("-H", "X: " + "y" * 9000, base + "file")[0], 431)
            self.assertEqual(s.stop(), 0, s.stderr)

    def test_many_requests_on_one_connection(self):
        with Stack(self.ns, "listen", 80, "--serve", f"{self.dir}/www/file") as s:
            base = url(OWN["ipv6"], 80, "")
            status, body = self.curl(base + "a", base + "b", base + "c")
            self.assertTrue(body == self.data * 3, f"{len(body)} octets")
            s.wait_state("CLOSED")
            self.assertEqual(len(s.lives()), 1, s.stderr)

    def test_pipelined_in_pieces(self):
        """Two requests, the octets one by one."""
        with Stack(self.ns, "listen", 80, "--serve", f"{self.dir}/www"):
            text = (b"GET /nosuch HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"HEAD /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = self.ns.keeper.call(one_by_one, OWN["ipv4"], 80, text)
            self.assertEqual(answer.count(b"HTTP/1.1 404 Not Found\r\n"), 1, answer)
            self.assertEqual(answer.count(b"HTTP/1.1 200 OK\r\n"), 1, answer)
            self.assertTrue(answer.endswith(b"Connection: close\r\n\r\n"), answer)


def one_by_one(side, addr, port, text):
    s = socket.create_connection((addr, port), timeout=10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(text)):
        s.send(text[i:i + 1])
    got = b""
    while True:
        part = s.recv(65536)
        if not part:
            s.close()
            return got
        got += part


class TestStackFetches(HttpCase):
    def serve(self, *argv):
        """Starts a server in the namespace and waits for its port."""
        p = subprocess.Popen(self.ns.argv(*argv), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, p)
        end = time.monotonic() + 10
        while not any(s.lport == 8080 for s in witness.sockets(self.ns)):
            self.assertLess(time.monotonic(), end)
            self.assertIsNone(p.poll())
            time.sleep(0.02)

    @staticmethod
    def end(p):
        p.terminate()
        p.wait(10)

    def fetch(self, family):
        s = Stack(self.ns, "connect", url(HOST[family], 8080, "file"), "--receive",
                  f"{self.dir}/got", "--sandbox-strict", ready=False)
        self.assertEqual(s.wait(30), 0, s.stderr)
        self.assertEqual(s.problems, [])
        self.assertTrue(self.got() == self.data, f"{len(self.got())} octets")
        self.assertEqual(s.path()[:2], OPEN)
        return s

    def test_from_nginx(self):
        with open(f"{self.dir}/conf", "w") as f:
            f.write(NGINX.format(dir=self.dir))
        self.serve("nginx", "-p", self.dir, "-c", f"{self.dir}/conf")
        for family in FAMILIES:
            self.fetch(family)

    def test_from_python(self):
        self.serve(sys.executable, "-m", "http.server", "--bind", "::", "--directory",
                   f"{self.dir}/www", "8080")
        for family in FAMILIES:
            self.fetch(family)
        s = Stack(self.ns, "connect", url(HOST["ipv4"], 8080, "nosuch"), ready=False)
        self.assertEqual(s.wait(30), 1, s.stderr)
        self.assertIn("status 404", s.stderr)

    def test_refused(self):
        s = Stack(self.ns, "connect", url(HOST["ipv4"], 8080, "file"), ready=False)
        self.assertEqual(s.wait(30), 1, s.stderr)
        self.assertIn("Connection refused", s.stderr)
        self.assertEqual(s.path(), [("CLOSED", "SYN_SENT", "connect"),
                                    ("SYN_SENT", "CLOSED", "reset_received")])


if __name__ == "__main__":
    unittest.main()
