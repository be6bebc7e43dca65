#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs packetdrill scripts and prints the passes by group.

    run.py PACKETDRILL SCRIPTS [--so LIBRARY [--flags FLAGS]] [--list FILE] [--only TEXT] [-v]

PACKETDRILL is the binary, SCRIPTS a script or a folder of them (google/packetdrill has some below
gtests/net/tcp); scripts for IPv6 alone are left out. With --so they run on a stack in a shared
object (build/reftcp-packetdrill.so), preloaded so that the checks of TCP_INFO reach it too; without
it on the kernel. Each script has a network namespace of its own with a device "tun0", which
scripts set queueing disciplines and routes on. Needs root; exit status 1 when a script failed that
--list does not name. The list has a script a line, then why it does not pass.
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys

ADDRESSES = {"--local_ip": "192.168.0.1", "--gateway_ip": "192.168.0.1",
             "--netmask_ip": "255.255.0.0", "--remote_ip": "192.0.2.1"}
# What the scripts leave to whoever runs them.
DEFINES = {"TFO_COOKIE": "3021b9d889017eeb", "CODE": "host_unreachable",
           "CMSG_LEVEL_IP": "SOL_IP", "CMSG_TYPE_RECVERR": "IP_RECVERR"}


def ip(*args, check=True):
    return subprocess.run(["ip", *args], capture_output=True, text=True, check=check)


class Namespace:
    """A network namespace that goes with the block, with the device that scripts expect."""

    def __init__(self, name, device):
        self.name, self.device = name, device

    def __enter__(self):
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        if self.device:
            ip("-n", self.name, "tuntap", "add", "dev", "tun0", "mode", "tun")
            ip("-n", self.name, "addr", "add", "192.168.0.1/16", "dev", "tun0")
            ip("-n", self.name, "link", "set", "tun0", "up")
            ip("-n", self.name, "route", "add", "192.0.2.0/24", "via", "192.168.0.2", check=False)
        return self

    def __exit__(self, *_):
        ip("netns", "del", self.name, check=False)


def command(args, script):
    cmd = [str(args.packetdrill), "--ip_version=ipv4", "--send_omit_free"]
    text = script.read_text()
    # What a script says of itself goes before what its options are by default.
    cmd += [f"{name}={value}" for name, value in ADDRESSES.items() if f"\n{name}=" not in "\n" + text]
    for name, value in DEFINES.items():
        cmd += ["-D", f"{name}={value}"]
    env = dict(os.environ)
    if args.so:
        cmd += [f"--so_filename={args.so}"] + ([f"--so_flags={args.flags}"] if args.flags else [])
        env["LD_PRELOAD"] = str(args.so)
    return cmd + ["-v"] * args.verbose + [script.name], env


def run(args, script):
    """(passed, what it said)"""
    with Namespace(f"drill{os.getpid()}", bool(args.so)) as ns:
        cmd, env = command(args, script)
        try:
            done = subprocess.run(["ip", "netns", "exec", ns.name, *cmd], cwd=script.parent,
                                  env=env, capture_output=True, text=True, errors="replace",
                                  timeout=args.timeout)
        except subprocess.TimeoutExpired:
            return False, f"no end after {args.timeout} s"
    said = "\n".join(line for line in (done.stdout + done.stderr).split("\n") if line.strip())
    return done.returncode == 0, said


def scripts_of(path, only):
    path = path.resolve()
    found = [path] if path.is_file() else sorted(path.rglob("*.pkt"))
    return [s for s in found if not s.name.endswith("v6.pkt") and (not only or only in str(s))]


def group_of(script, top):
    relative = script.relative_to(top) if script != top else pathlib.Path(script.name)
    return str(relative.parent)


def expected_failures(path):
    if not path:
        return set()
    lines = (line.split("#")[0].strip() for line in path.read_text().split("\n"))
    return {line.split()[0] for line in lines if line}


def report(groups):
    for name, results in sorted(groups.items()):
        print(f"{sum(results):4} of {len(results):3}  {name}")
    every = [ok for results in groups.values() for ok in results]
    print(f"{sum(every):4} of {len(every):3}  together")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("packetdrill", type=pathlib.Path)
    parser.add_argument("scripts", type=pathlib.Path)
    parser.add_argument("--so", type=pathlib.Path, help="the stack to run on")
    parser.add_argument("--flags", help="for the stack")
    parser.add_argument("--list", type=pathlib.Path, help="scripts known not to pass, and why")
    parser.add_argument("--only", help="only scripts whose path has this in it")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for one script")
    parser.add_argument("-v", "--verbose", action="count", default=0)
    args = parser.parse_args()
    args.packetdrill = args.packetdrill.resolve()
    args.so = args.so.resolve() if args.so else None
    known, groups, wrong = expected_failures(args.list), collections.defaultdict(list), 0
    for script in scripts_of(args.scripts, args.only):
        ok, said = run(args, script)
        top = args.scripts.resolve()
        name = str(script.relative_to(top)) if script != top else script.name
        groups[group_of(script, top)].append(ok)
        if ok and name in known:
            print(f"passes, though the list says it does not: {name}")
            wrong += 1
        if not ok:
            print(f"{'fails, as listed' if name in known else 'FAILS'}: {name}")
            wrong += name not in known
            if name not in known or args.verbose:
                print("   " + said.replace("\n", "\n   "))
        elif args.verbose:
            print(f"passes: {name}\n   " + said.replace("\n", "\n   "))
        sys.stdout.flush()
    report(groups)
    if not groups:
        print(f"no script in '{args.scripts}'", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
