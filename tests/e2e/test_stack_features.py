# SPDX-License-Identifier: GPL-2.0-or-later
"""
The parts of TCP that two stacks must agree on, between the reference stack and the kernel. What
was agreed is asked of the kernel (TCP_INFO, its counters), what was done of both.
"""

import socket
import time
import unittest

from harness import kernel_side
from harness.stack import HOST, OWN, StackCase, crosswise, each, one, target

# tcp_info.tcpi_options
TIMESTAMPS, SACK, WSCALE, ECN = 1, 2, 4, 8
IPPROTO_TCP, SOL_SOCKET = socket.IPPROTO_TCP, socket.SOL_SOCKET


class FeatureCase(StackCase):
    def info(self, n):
        return self.kernel.call(kernel_side.tcp_info, n)

    def both_ways(self, role, family, size, *args, options=(), status=0, seconds=60):
        """A file each way; -> (stack, the kernel's TCP_INFO once all has arrived)."""
        path = self.data(size)
        s, n, _ = self.open(role, family, "--send", path, "--receive", self.got, *args,
                            options=options)
        digest, _ = self.kernel.call(kernel_side.exchange, n, path, timeout=seconds)
        info = self.info(n)
        self.kernel.close(n)
        self.ended(s, status, timeout=seconds)
        self.assertEqual(digest, kernel_side.sha(path))
        self.assertEqual(digest, kernel_side.sha(self.got))
        return s, info

    def counted(self, before, name):
        return self.ns.counters()[name] - before[name]


class TestStackOptions(FeatureCase):
    ALL = TIMESTAMPS | SACK | WSCALE

    @each
    def test_all_on(self, role, family):
        _, info = self.both_ways(role, family, 100_000)
        self.assertEqual(info["options"] & self.ALL, self.ALL)

    @crosswise
    def test_off_at_the_stack(self, role, family):
        for name, bit in (("sack", SACK), ("timestamps", TIMESTAMPS), ("window-scaling", WSCALE)):
            _, info = self.both_ways(role, family, 100_000, "--without", name,
                                     "--impair", "loss=1%,seed=3")
            self.assertEqual(info["options"] & self.ALL, self.ALL & ~bit, name)
            self.port += 100
        self.port = self.next_port

    @crosswise
    def test_off_at_the_kernel(self, role, family):
        for name, bit in (("sack", SACK), ("timestamps", TIMESTAMPS),
                          ("window_scaling", WSCALE)):
            self.ns.sysctl(**{f"tcp_{name}": 0})
            self.addCleanup(self.ns.sysctl, **{f"tcp_{name}": 1})
            _, info = self.both_ways(role, family, 100_000, "--impair", "loss=1%,seed=4")
            self.assertEqual(info["options"] & self.ALL, self.ALL & ~bit, name)
            self.ns.sysctl(**{f"tcp_{name}": 1})
            self.port += 100
        self.port = self.next_port

    @crosswise
    def test_large_windows(self, role, family):
        """More than 64 KiB in flight at once, each way, over a long path."""
        self.ns.sysctl(tcp_rmem="4096 4194304 8388608", tcp_wmem="4096 4194304 8388608")
        s, info = self.both_ways(role, family, 3_000_000, "--buffer", "4M",
                                 "--impair", "delay=50ms", seconds=30)
        # 4 MiB need a shift of 7; what the kernel's default buffer needs is its own matter.
        self.assertEqual(info["snd_wscale"], 7)
        self.assertGreater(info["snd_cwnd"] * info["snd_mss"], 65536)

    @each
    def test_mss_from_the_mtu(self, role, family):
        for mtu in (88, 128, 296, 576, 1280, 9000, 65535):
            if family == "ipv6" and mtu < 1280:
                continue
            head = 40 if family == "ipv4" else 60
            s, info = self.both_ways(role, family, 50_000, "--mtu", mtu)
            # Linux tells no less than 256 (ip_rt_min_advmss), whatever the device holds.
            self.assertEqual(info["advmss"], max(mtu - head, 256) - 12, info)
            # 12 octets of each segment are the timestamps; and no less than tcp_min_snd_mss.
            self.assertEqual(info["snd_mss"], max(mtu - head, 48) - 12, info)
            self.port += 100
        self.port = self.next_port

    @crosswise
    def test_mss_announced(self, role, family):
        for mss in (88, 536, 1000):
            s, info = self.both_ways(role, family, 50_000, "--mss", mss)
            self.assertEqual(info["snd_mss"], mss - 12, info)
            self.port += 100
        self.port = self.next_port

    @crosswise
    def test_mss_of_the_kernel(self, role, family):
        for mss in (88, 536, 1000):
            before = self.ns.counters()
            s, info = self.both_ways(role, family, 50_000,
                                     options=((IPPROTO_TCP, socket.TCP_MAXSEG, mss),))
            self.assertGreaterEqual(self.counted(before, "Tcp.InSegs"), 50_000 // (mss - 12))
            self.assertEqual(info["rcv_mss"], mss - 12)
            self.port += 100
        self.port = self.next_port


class TestStackEcn(FeatureCase):
    @each
    def test_agreed_and_marked(self, role, family):
        self.ns.sysctl(tcp_ecn=1)
        before = self.ns.counters()
        s, info = self.both_ways(role, family, 1_000_000, "--impair", "ce=2%,delay=1ms,seed=5")
        self.assertTrue(info["options"] & ECN)
        # Both ends saw marks and slowed down for them; nothing was lost, nothing sent again.
        self.assertGreater(s.counter("ecn_reductions"), 0)
        self.assertGreater(self.counted(before, "TcpExt.TCPDeliveredCE"), 0)
        if family == "ipv4":
            self.assertGreater(self.counted(before, "IpExt.InCEPkts"), 0)
            self.assertGreater(self.counted(before, "IpExt.InECT0Pkts"), 0)
        self.assertEqual(s.counter("retransmits"), 0)

    @crosswise
    def test_not_wanted(self, role, family):
        for kernel, args in ((1, ("--without", "ecn")), (0, ())):
            self.ns.sysctl(tcp_ecn=kernel)
            before = self.ns.counters()
            s, info = self.both_ways(role, family, 100_000, *args, "--impair", "ce=50%,seed=6")
            self.assertFalse(info["options"] & ECN)
            self.assertEqual(s.counter("ecn_reductions"), 0)
            # Nobody calls packets capable who has not agreed to it.
            for name in ("ECT0", "ECT1", "CE"):
                self.assertEqual(self.counted(before, f"IpExt.In{name}Pkts"), 0)
            self.port += 100
        self.port = self.next_port


class TestStackWindows(FeatureCase):
    @crosswise
    def test_kernel_does_not_read(self, role, family):
        """Its window closes, the stack probes it, and nothing is lost when it reads again."""
        path = self.data(400_000)
        s, n, _ = self.open(role, family, "--send", path,
                            options=((SOL_SOCKET, socket.SO_RCVBUF, 8192),))
        time.sleep(3.5)
        self.assertLess(self.info(n)["rcv_space"], 400_000)
        digest, length = self.kernel.call(kernel_side.exchange, n, None)
        self.kernel.close(n)
        self.ended(s)
        self.assertEqual(length, 400_000)
        self.assertEqual(digest, kernel_side.sha(path))
        self.assertGreaterEqual(s.counter("zero_window_probes"), 2)

    @crosswise
    def test_stack_does_not_read(self, role, family):
        path = self.data(400_000)
        before = self.ns.counters()
        s, n, _ = self.open(role, family, "--receive", self.got, "--close", "peer",
                            "--buffer", "16K", "--stall", "2.5")
        self.kernel.call(kernel_side.exchange, n, path)
        self.kernel.close(n)
        self.ended(s)
        self.assertEqual(kernel_side.sha(self.got), kernel_side.sha(path))
        self.assertGreaterEqual(self.counted(before, "TcpExt.TCPWinProbe"), 2)

    @each
    def test_slow_reader(self, role, family):
        """Silly windows avoided (RFC 9293 3.8.6.2): a window of 3000 octets, full segments."""
        s, _ = self.both_ways(role, family, 200_000, "--buffer", "3000", "--mtu", "1280")
        self.assertLess(s.counter("packets_in"), 5 * 200_000 // 1200)


class TestStackUrgent(FeatureCase):
    @each
    def test_stack_sends(self, role, family):
        path = self.data(5000)
        s, n, _ = self.open(role, family, "--send", path, "--urgent", "--pause", "0.2")
        before, urgent, after = self.kernel.call(kernel_side.recv_urgent, n)
        self.kernel.close(n)
        self.ended(s)
        self.assertEqual((before, urgent, after), (5000, b"!", 0))

    @each
    def test_kernel_sends(self, role, family):
        s, n, _ = self.open(role, family, "--close", "peer", "--receive", self.got)
        self.kernel.send(n, 3000)
        self.kernel.call(kernel_side.send_urgent, n)
        self.kernel.send(n, 10)
        self.kernel.shutdown(n)
        self.assertEqual(self.kernel.recv_eof(n), 0)
        self.kernel.close(n)
        self.ended(s)
        self.assertIn("urgent data seen", s.stderr)
        with open(self.got, "rb") as f:
            self.assertEqual(f.read(), b"x" * 3000 + b"!" + b"x" * 10)


class TestStackKeepalive(FeatureCase):
    @crosswise
    def test_stack_asks(self, role, family):
        """Answered: the connection stays. Dropped: it ends, by the third probe."""
        s, n, lport = self.open(role, family, "--close", "never", "--keepalive", "0.4,0.3,3")
        time.sleep(1.5)
        self.assertEqual(s.states()[-1], "ESTABLISHED")
        self.assertEqual(self.info(n)["state"], 1)
        version = "ip" if family == "ipv4" else "ip6"
        drop = self.ns.nft("input", f"{version} saddr {OWN[family]} drop")
        self.addCleanup(self.ns.nft_delete, drop)
        self.ended(s, status=1, timeout=10)
        self.assertEqual(s.path()[-1], ("ESTABLISHED", "CLOSED", "keepalive_timeout"))
        self.assertGreaterEqual(s.counter("keepalive_probes"), 5)

    @crosswise
    def test_kernel_asks(self, role, family):
        before = self.ns.counters()
        s, n, _ = self.open(role, family, "--close", "peer",
                            options=((SOL_SOCKET, socket.SO_KEEPALIVE, 1),
                                     (IPPROTO_TCP, socket.TCP_KEEPIDLE, 1),
                                     (IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
                                     (IPPROTO_TCP, socket.TCP_KEEPCNT, 2)))
        time.sleep(3.6)
        self.assertGreaterEqual(self.counted(before, "TcpExt.TCPKeepAlive"), 2)
        self.assertEqual(self.info(n)["state"], 1)
        self.kernel.shutdown(n)
        self.assertEqual(self.kernel.recv_eof(n), 0)
        self.kernel.close(n)
        self.ended(s)


class TestStackFastOpen(FeatureCase):
    def test_stack_connects(self):
        """The first connection gets a cookie, the second sends its data with the SYN."""
        self.ns.sysctl(tcp_fastopen=3)
        path = self.data(500)
        for family in OWN:
            with self.subTest(family=family):
                before = self.ns.counters()
                listener = self.kernel.call(kernel_side.fast_open_listen,
                                            "::" if family == "ipv6" else "0.0.0.0", self.port)
                s = self.start("connect", target(HOST[family], self.port), "--send", path,
                               "--with", "fast-open", "--connections", 3)
                for _ in range(3):
                    n, _ = self.kernel.accept(listener)
                    self.assertEqual(self.kernel.recv_eof(n), 500)
                    self.kernel.close(n)
                self.ended(s)
                self.assertEqual(s.counter("fast_open_sent"), 2)
                self.assertEqual(self.counted(before, "TcpExt.TCPFastOpenPassive"), 2)
                self.assertEqual(self.counted(before, "TcpExt.TCPFastOpenPassiveFail"), 0)
                self.port += 100

    def test_kernel_connects(self):
        self.ns.sysctl(tcp_fastopen=3)
        for family in OWN:
            with self.subTest(family=family):
                before = self.ns.counters()
                s = self.start("listen", self.port, "--with", "fast-open", "--connections", 3)
                for _ in range(3):
                    self.assertTrue(self.kernel.call(kernel_side.fast_open_send, OWN[family],
                                                     self.port, b"y" * 700))
                self.ended(s)
                self.assertEqual(s.counter("fast_open_taken"), 2)
                self.assertEqual(self.counted(before, "TcpExt.TCPFastOpenActive"), 2)
                self.assertEqual(self.counted(before, "TcpExt.TCPFastOpenActiveFail"), 0)
                self.port += 100


class TestStackPathMtu(FeatureCase):
    def narrow(self, role, family, *impair, args=(), **kwargs):
        """300 kB each way through a path that becomes narrow after 50 kB."""
        impair = [a for i in impair for a in ("--impair", i)]
        return self.both_ways(role, family, 300_000, *args, *impair, **kwargs)

    @each
    def test_told_by_icmp(self, role, family):
        mtu = 1000 if family == "ipv4" else 1300
        # The kernel remembers the path: forgotten afterwards.
        s, info = self.narrow(role, family, f"mtu={mtu},after=50K,delay=1ms",
                              args=("--without", "mtu-probing"))
        self.assertEqual(info["pmtu"], mtu, info)
        self.assertGreaterEqual(s.counter("pmtu_reductions"), 1)
        self.forget()

    def forget(self):
        for version in ("-4", "-6"):
            self.ns.run("ip", version, "route", "flush", "cache", check=False)

    @one
    def test_not_told_to_the_stack(self, role, family):
        """A black hole on the stack's way out: RFC 4821 finds it."""
        mtu = 1000 if family == "ipv4" else 1300
        self.narrow(role, family, f"on=out,mtu={mtu},after=50K,icmp=no,delay=1ms", seconds=60)

    @one
    def test_not_told_to_the_kernel(self, role, family):
        mtu = 1000 if family == "ipv4" else 1300
        self.ns.sysctl(tcp_mtu_probing=1)
        self.addCleanup(self.ns.sysctl, tcp_mtu_probing=0)
        self.narrow(role, family, f"on=in,mtu={mtu},after=50K,icmp=no,delay=1ms", seconds=60)


class TestStackCookies(FeatureCase):
    def test_backlog_of_one(self):
        """Many at once on a short queue: SYN cookies let them all in, one after another."""
        for family in OWN:
            with self.subTest(family=family):
                self.many(family)
                self.port += 100

    def many(self, family):
        s = self.start("listen", self.port, "--with", "syn-cookies", "--backlog", 1, "--impair",
                       "delay=20ms")
        many = self.kernel.call(kernel_side.connect_at_once, OWN[family], self.port, 40)
        self.assertEqual(len(many), 40)
        for n in many:
            self.kernel.send(n, 100)
        for n in many:
            self.kernel.recv(n, 100)
            self.kernel.close(n)
        s.wait_state("CLOSED", count=40)
        self.assertEqual(s.stop(), 0, s.stderr)
        self.assertGreater(s.counter("cookies_taken"), 0, s.stderr)


if __name__ == "__main__":
    unittest.main()
