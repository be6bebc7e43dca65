# SPDX-License-Identifier: GPL-2.0-or-later
"""
One boot of a virtual machine under QEMU's TCG: everything the guest says on its second serial line
comes as lines, what its kernel says on the first goes to a file.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import time

MEMORY_MB = 2048
# Without mwait, which TCG makes a pause of: a CPU that is offline would spin, and time with it.
CPU = "max,-monitor"
# Time is counted in instructions, 1 ns each, and jumps to the next timer where nothing runs: the
# guest's clock then knows nothing of how slow the emulation is, or of what else the host does, and
# a wait of 60 s costs nothing. What happens within 1 ms on iron does so here.
CLOCK = ["-icount", "shift=0,sleep=off"]


PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _nice_and_mortal():
    """In the child: lets everything else go first, and does not outlive the driver."""
    os.nice(19 - os.nice(0))
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def command(kernel_image, initrd, console, cpus, arguments):
    return ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", CPU, *CLOCK,
            "-smp", str(cpus), "-m", str(MEMORY_MB), "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-kernel", str(kernel_image),
            "-initrd", str(initrd), "-serial", f"file:{console}", "-serial", "stdio",
            "-append", f"console=ttyS0 quiet loglevel=4 panic=-1 oops=panic "
            f"mitigations=off {arguments}"]


class Machine:
    """Iterate for the guest's lines; .ended then says why there are no more: "off" or "time"."""

    def __init__(self, kernel_image, initrd, console, cpus=1, limit_s=600, arguments=""):
        self.limit_s = limit_s
        self.ended = None
        self.process = subprocess.Popen(
            command(kernel_image, initrd, console, cpus, arguments), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=_nice_and_mortal)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def __iter__(self):
        end = time.monotonic() + self.limit_s
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    self.ended = "time"
                    return
                if not selector.select(min(left, 1)):
                    continue
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    self.ended = "off"
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    yield line.rstrip(b"\r").decode("utf-8", "replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
