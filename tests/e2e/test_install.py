# SPDX-License-Identifier: GPL-2.0-or-later
"""The library as others get it: installed under a DESTDIR, found by pkg-config, linked and run."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# All that the library may want from outside: memory, and nothing that ends the process.
WANTS = {"calloc", "free", "memcpy", "memmove", "memset", "memcmp", "bcmp"}
WEAK = {"__cxa_finalize", "__gmon_start__", "_ITM_registerTMCloneTable",
        "_ITM_deregisterTMCloneTable"}

PROGRAM = r"""
#include <reftcp/reftcp.h>
#include <reftcp/shadow.h>
#include <stdio.h>
#include <string.h>

static struct reftcp_stack *stack[2];

static int move(int from)
{
	static unsigned char packet[1500];
	size_t len;
	int n = 0;

	for (; reftcp_transmit(stack[from], packet, sizeof(packet), REFTCP_S, &len) == 0; n++)
		reftcp_arrives(stack[!from], packet, len, REFTCP_S, NULL);
	return n;
}

int main(void)
{
	struct reftcp_addr addr[2] = {{4, {10, 0, 0, 1}}, {4, {10, 0, 0, 2}}};
	struct reftcp_open listen = {0}, open = {0};
	struct reftcp_received got = {0};
	struct reftcp_config config;
	reftcp_id listener, client, server;
	char text[16] = "";
	size_t n;
	int i;

	reftcp_config_default(&config);
	for (i = 0; i < 2; i++)
		if (reftcp_new(&stack[i], &config, REFTCP_S) ||
		    reftcp_add_address(stack[i], &addr[i]))
			return 1;
	listen.local.addr = addr[1];
	listen.local.port = 80;
	listen.backlog = 1;
	open.active = 1;
	open.remote = listen.local;
	if (reftcp_open(stack[1], &listen, REFTCP_S, &listener) ||
	    reftcp_open(stack[0], &open, REFTCP_S, &client) ||
	    reftcp_send(stack[0], client, "hello", 5, REFTCP_PUSH, REFTCP_S, &n))
		return 2;
	while (move(0) + move(1))
		;
	if (reftcp_accept(stack[1], listener, REFTCP_S, &server) ||
	    reftcp_receive(stack[1], server, text, sizeof(text), REFTCP_S, &got))
		return 3;
	puts(text);
	reftcp_free(stack[0]);
	reftcp_free(stack[1]);
	return 0;
}
"""


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)
    if done.returncode:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def undefined(path):
    return {re.sub("@.*", "", line.split()[-1])
            for line in run("nm", "-D", "--undefined-only", path).splitlines()}


class TestInstall(unittest.TestCase):
    """Nothing here needs root or a network namespace."""

    @classmethod
    def setUpClass(cls):
        cls.dest = tempfile.mkdtemp(prefix="tcpw-install-")
        cls.addClassCleanup(shutil.rmtree, cls.dest)
        build = os.path.relpath(os.path.dirname(os.path.abspath(os.environ.get(
            "TCPWITNESS", os.path.join(TOP, "build", "tcpwitness")))), TOP)
        out, san = (os.path.dirname(build), "1") if os.path.basename(build) == "san" else (build, "")
        run("make", "-C", TOP, "install", f"BUILD={out}", f"SAN={san}", f"DESTDIR={cls.dest}",
            "PREFIX=/usr", env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"})
        cls.lib = os.path.join(cls.dest, "usr", "lib")
        cls.env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=cls.dest,
                       PKG_CONFIG_LIBDIR=os.path.join(cls.lib, "pkgconfig"))
        cls.san = ["-fsanitize=address,undefined"] if san else []

    def flags(self, *what):
        return run("pkg-config", *what, "reftcp", env=self.env).split()

    def build(self, compiler, *last):
        source = os.path.join(self.dest, "program.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        program = os.path.join(self.dest, "program")
        run(compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", *self.san, source,
            *self.flags("--cflags"), *last, "-o", program)
        return program

    def test_shared_library_is_found_linked_and_runs(self):
        # The runtimes of the two compilers' sanitizers do not mix.
        for compiler in ("gcc",) if self.san else ("gcc", "clang"):
            program = self.build(compiler, *self.flags("--libs"))
            wanted = run("readelf", "-d", program)
            self.assertIn("[libreftcp.so.0]", wanted)
            said = run(program, env=dict(os.environ, LD_LIBRARY_PATH=self.lib))
            self.assertEqual(said, "hello\n")

    def test_static_library_needs_nothing_else(self):
        program = self.build("gcc", os.path.join(self.lib, "libreftcp.a"))
        self.assertEqual(run(program), "hello\n")

    def test_header_is_cxx(self):
        source = os.path.join(self.dest, "program.cc")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <reftcp/shadow.h>\n"
                       "int main() { return reftcp_memory(nullptr) != 0; }\n")
        run("clang", "-x", "c++", "-std=c++14", "-nostdinc++", "-Wall", "-Werror", "-fsyntax-only",
            source, *self.flags("--cflags"))

    def test_version_and_names_agree(self):
        version = self.flags("--modversion")[0]
        real = os.path.realpath(os.path.join(self.lib, "libreftcp.so"))
        self.assertEqual(os.path.basename(real), f"libreftcp.so.{version}")
        self.assertIn("[libreftcp.so.0]", run("readelf", "-d", real))

    def test_only_the_api_shows_and_only_memory_is_wanted(self):
        with open(os.path.join(TOP, "include", "reftcp", "reftcp.h"), encoding="utf-8") as a, \
                open(os.path.join(TOP, "include", "reftcp", "shadow.h"), encoding="utf-8") as b:
            declared = set(re.findall(r"REFTCP_API[^;{]*?\b(reftcp_\w+)\(", a.read() + b.read()))
        shared = os.path.join(self.lib, "libreftcp.so")
        shown = {line.split()[-1]
                 for line in run("nm", "-D", "--defined-only", shared).splitlines()}
        archive = {line.split()[-1] for line in run(
            "nm", "-g", "--defined-only", os.path.join(self.lib, "libreftcp.a")).splitlines()
                   if len(line.split()) == 3}
        # Sanitizers bring names of their own.
        self.assertEqual({n for n in shown if "asan" not in n}, declared)
        self.assertEqual({n for n in archive if "asan" not in n}, declared)
        self.assertEqual({n for n in undefined(shared) - WANTS - WEAK
                          if not n.startswith(("__asan", "__ubsan"))}, set())


if __name__ == "__main__":
    unittest.main()
