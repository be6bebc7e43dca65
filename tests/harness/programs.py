# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers in a namespace: nginx, redis, sshd. Each ends with a with block, or by stop()."""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time

from . import witness
from .netns import sh

NGINX_CONF = """
daemon off; worker_processes 1; user root; pid {dir}/pid; error_log {dir}/error;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {dir}/1; proxy_temp_path {dir}/2;
    fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4; scgi_temp_path {dir}/5;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port} backlog=511; listen [::1]:{port} backlog=511;
        location / {{ root {dir}; }}
    }}
}}
"""
SSHD_CONF = """
ListenAddress 127.0.0.1:{port}
HostKey {dir}/host
AuthorizedKeysFile {dir}/user.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
MaxStartups 100
"""


class Program:
    """A server and its directory. Subclasses: `argv()` prepares and says what to run."""

    name = None

    def __init__(self, ns, port, listeners=1):
        self.ns, self.port = ns, port
        self.dir = tempfile.mkdtemp(prefix=f"e2e-{self.name}-")
        self.process = None
        atexit.register(self.stop)
        try:
            self.process = subprocess.Popen(
                ns.argv(*self.argv()), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            self._wait(listeners)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def _wait(self, listeners):
        end = time.monotonic() + 20
        while sum(s.state == "LISTEN" and s.lport == self.port
                  for s in witness.sockets(self.ns)) < listeners:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} did not start")
            time.sleep(0.05)

    def _file(self, name, text):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)

    def stop(self):
        atexit.unregister(self.stop)
        if self.process is not None:
            below = witness.children(self.process.pid)
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in (*below, self.process.pid):
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.process.wait()
            self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)


class Nginx(Program):
    name = "nginx"

    def argv(self):
        self._file("conf", NGINX_CONF.format(dir=self.dir, port=self.port))
        self._file("file", "x" * 1000)
        self._file("large", "x" * 1_000_000)
        return "nginx", "-p", self.dir, "-c", f"{self.dir}/conf"


class Redis(Program):
    name = "redis"

    def argv(self):
        return ("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", self.dir, "--daemonize", "no",
                "--tcp-backlog", "511")


class Sshd(Program):
    name = "sshd"

    def argv(self):
        for key in ("host", "user"):
            sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.dir}/{key}")
        self._file("conf", SSHD_CONF.format(dir=self.dir, port=self.port))
        # It insists on /run/sshd, which only its service makes: this one has a /run of its own.
        return ("unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mkdir /run/sshd && "
                f"exec /usr/sbin/sshd -D -f {self.dir}/conf")

    def client(self, *command):
        """The argv of one session."""
        return ("ssh", "-F", "none", "-q", "-i", f"{self.dir}/user", "-p", str(self.port),
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "BatchMode=yes", "root@127.0.0.1", *command)
