/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network namespace with the kernel at 192.0.2.1 and all peers behind a TUN device: those in
 * 198.18/16 by a route whose text is acknowledged at once, those in 198.19/16 by an ordinary one.
 */
#include "duel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int err = n < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static int set_sysctl(const char *name, const char *value, char *why, size_t why_len)
{
	char path[160];
	int err;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	err = write_file(path, value);
	if (err)
		snprintf(why, why_len, "cannot set %s", path);
	return err;
}

/* Buffers whose window the field of a segment can always tell: the kernel judges by its own, which
 * without scaling may be the larger one. Congestion control as reftcp is told to use; nothing that
 * depends on load or on history. */
static int set_sysctls(const struct scenario *sc, char *why, size_t why_len)
{
	static const char *const fixed[][2] = {
		{"conf/all/rp_filter", "0"},        {"conf/default/rp_filter", "0"},
		{"tcp_congestion_control", "reno"}, {"tcp_no_metrics_save", "1"},
		{"tcp_autocorking", "0"},           {"tcp_comp_sack_nr", "0"},
		{"tcp_moderate_rcvbuf", "0"},       {"tcp_rmem", "4096 80000 80000"},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(fixed) / sizeof(fixed[0]); i++)
		err = set_sysctl(fixed[i][0], fixed[i][1], why, why_len);
	for (unsigned int i = 0; !err && i < sc->sysctls; i++)
		err = set_sysctl(sc->sysctl[i].name, sc->sysctl[i].value, why, why_len);
	return err;
}

static int run(const char *const argv[])
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -EIO : 0;
}

static int configure(char *why, size_t why_len)
{
	static const char *const commands[][10] = {
		{"ip", "link", "set", "lo", "up"},
		{"ip", "addr", "add", "192.0.2.1/24", "dev", "duel0"},
		{"ip", "link", "set", "duel0", "up"},
		{"ip", "route", "add", "198.18.0.0/16", "dev", "duel0", "quickack", "1"},
		{"ip", "route", "add", "198.19.0.0/16", "dev", "duel0"},
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(commands) / sizeof(commands[0]); i++) {
		err = run(commands[i]);
		if (err)
			snprintf(why, why_len, "ip %s %s", commands[i][1], commands[i][2]);
	}
	return err;
}

int kernel_net_open(struct kernel *k, const struct scenario *sc, char *why, size_t why_len)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int err;

	snprintf(why, why_len, "a network namespace");
	if (unshare(CLONE_NEWNET))
		return -errno;
	snprintf(why, why_len, "/dev/net/tun");
	k->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (k->tun < 0)
		return -errno;
	strcpy(ifr.ifr_name, "duel0");
	if (ioctl(k->tun, TUNSETIFF, &ifr))
		return -errno;
	err = configure(why, why_len);
	return err ? err : set_sysctls(sc, why, why_len);
}
