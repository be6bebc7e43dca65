#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the kernel of the virtual machine starts: mounts, modules, the tests, power off. The results
# go out on the second serial line.
export PATH=/usr/sbin:/usr/bin HOME=/root
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/shm /dev/pts
busybox mount -t devpts devpts /dev/pts
busybox mount -t tmpfs tmpfs /dev/shm
busybox mount -t tmpfs tmpfs /run
busybox mkdir /run/netns
busybox mount -t tracefs tracefs /sys/kernel/tracing
busybox mount -t bpf bpf /sys/fs/bpf
busybox mount -t cgroup2 cgroup /sys/fs/cgroup
busybox stty raw -echo </dev/ttyS1
exec >/dev/ttyS1 2>&1 </dev/null
ip link set lo up
modprobe -a veth nf_tables tcp_diag
cd /t || exit 1
# shellcheck disable=SC2046 # a list of words
python3 -u tests/vm/guest.py $(busybox sed 's/.*tcpw_parts=\([^ ]*\).*/\1/; s/,/ /g' /proc/cmdline)
busybox sync
busybox poweroff -f
