# SPDX-License-Identifier: GPL-2.0-or-later
"""nginx in one namespace, fetched with curl from another: both ends from first to last."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import lives, witness
from harness.stage import CLOSE, CLOSED, OPEN, OPENED, TIME_WAIT_S
from harness.schema import ns as as_ns
from harness.traced import TracedCase

CONF = """
daemon off; worker_processes 1; user root; pid {dir}/pid; error_log {dir}/error;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {dir}/1; proxy_temp_path {dir}/2;
    fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4; scgi_temp_path {dir}/5;
    server {{
        listen 192.0.2.2:8080; listen [2001:db8::2]:8080;
        location / {{ root {dir}; }}
    }}
}}
"""
SIZE = 300_000
URLS = {"192.0.2": "http://192.0.2.2:8080/file", "2001:db8:": "http://[2001:db8::2]:8080/file"}


class TestNginx(TracedCase):
    VETH = True

    @classmethod
    def prepare(cls):
        if not shutil.which("nginx") or not shutil.which("curl"):
            raise unittest.SkipTest("nginx or curl is missing: apt-get install nginx-light curl")
        cls.dir = tempfile.mkdtemp(prefix="e2e-nginx-")
        with open(f"{cls.dir}/conf", "w") as f:
            f.write(CONF.format(dir=cls.dir))
        with open(f"{cls.dir}/file", "wb") as f:
            f.write(b"x" * SIZE)
        cls.nginx = subprocess.Popen(
            cls.ns.argv("nginx", "-p", cls.dir, "-c", f"{cls.dir}/conf"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while witness.states(cls.ns)["LISTEN"] < 2 or not witness.children(cls.nginx.pid):
            if time.monotonic() > end or cls.nginx.poll() is not None:
                raise RuntimeError("nginx did not start")
            time.sleep(0.05)

    @classmethod
    def setUpClass(cls):
        cls.nginx = cls.dir = None
        atexit.register(cls.end_nginx)
        super().setUpClass()
        try:
            cls.master = cls.nginx.pid
            cls.workers = witness.children(cls.master)
            cls.curls = {}
            for net, url in URLS.items():
                p = subprocess.Popen(cls.peer.argv("curl", "-s", "-o", f"{cls.dir}/got", url),
                                     stdin=subprocess.DEVNULL)
                cls.curls[net] = p.pid  # nsenter becomes curl by exec
                if p.wait(20):
                    raise RuntimeError(f"curl {url}: status {p.returncode}")
                if os.path.getsize(f"{cls.dir}/got") != SIZE:
                    raise RuntimeError("curl got something else")
            end = time.monotonic() + 65
            while time.monotonic() < end and (witness.states(cls.peer)["TIME_WAIT"] or
                                              witness.states(cls.ns)["TIME_WAIT"]):
                time.sleep(0.5)
            time.sleep(0.3)
            cls.status = cls.trace.stop()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.end_nginx()
        super().tearDownClass()

    @classmethod
    def end_nginx(cls):
        if cls.nginx is not None:
            workers = witness.children(cls.nginx.pid)
            cls.nginx.send_signal(signal.SIGTERM)
            try:
                cls.nginx.wait(10)
            except subprocess.TimeoutExpired:
                for pid in (*workers, cls.nginx.pid):
                    os.kill(pid, signal.SIGKILL)
                cls.nginx.wait()
            cls.nginx = None
        if cls.dir:
            shutil.rmtree(cls.dir)
            cls.dir = None

    def test_curl(self):
        for net, pid in self.curls.items():
            found = lives.find(lives.join(self.trace.lines), self.peer.inode, laddr=net + ":1"
                               if ":" in net else net + ".1")
            self.assertEqual([life.path for life in found], [OPEN + CLOSE], found)
            life = found[0]
            self.assertEqual(lives.faults(life), [])
            self.assertEqual({(t["pid"], t["comm"]) for t in life.lines}, {(pid, "curl")}, life)
            self.assertEqual({t["began"] for t in life.lines}, {"seen"})
            seconds = as_ns(life.left("TIME_WAIT")["dwell_ns"]) / 1e9
            self.assertTrue(TIME_WAIT_S[0] < seconds < TIME_WAIT_S[1], life)

    def test_nginx(self):
        for net in self.curls:
            found = [life for life in lives.find(
                lives.join(self.trace.lines), self.ns.inode,
                raddr=net + ":1" if ":" in net else net + ".1")]
            self.assertEqual([life.path for life in found], [OPENED + CLOSED], found)
            life = found[0]
            self.assertEqual(lives.faults(life), [])
            self.assertEqual({t["comm"] for t in life.lines}, {"nginx"}, life)
            # The master listens, a worker accepts.
            self.assertEqual({t["pid"] for t in life.lines[:2]}, {self.master}, life)
            self.assertEqual({t["pid"] for t in life.lines[2:]}, set(self.workers), life)

    def test_contract(self):
        self.assertEqual(self.trace.problems[:5], [])
        self.assertEqual(self.status, 0, self.trace.stderr)


if __name__ == "__main__":
    unittest.main()
