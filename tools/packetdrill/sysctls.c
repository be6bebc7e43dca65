/* SPDX-License-Identifier: BSD-2-Clause */
/* What scripts set by shell lines: /proc/sys/net/ipv4 of the network namespace we run in. */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drill.h"

#define DIR "/proc/sys/net/ipv4/"
#define DEVICE "tun0" /* the name packetdrill gives the device of its own */

/* The first line, without its end; false where there is none to read. */
static bool read_line(const char *name, char *buf, size_t size)
{
	char path[128];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), DIR "%s", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(buf, (int)size, f);
	fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = 0;
	return ok;
}

static void read_int(const char *name, int *out)
{
	char line[64];

	if (read_line(name, line, sizeof(line)))
		*out = (int)strtol(line, NULL, 0);
}

static void read_bool(const char *name, bool *out)
{
	int v = *out;

	read_int(name, &v);
	*out = v != 0;
}

static void read_three(const char *name, int out[3])
{
	char line[128];
	int v[3];

	if (read_line(name, line, sizeof(line)) &&
	    sscanf(line, "%d %d %d", &v[0], &v[1], &v[2]) == 3)
		memcpy(out, v, sizeof(v));
}

/* Groups of 32 bits, each written as a number and kept with its low octet first. */
static bool parse_key(const char *text, uint8_t key[16])
{
	uint32_t word[4];

	if (sscanf(text, "%x-%x-%x-%x", &word[0], &word[1], &word[2], &word[3]) != 4)
		return false;
	for (unsigned int i = 0; i < 16; i++)
		key[i] = (uint8_t)(word[i / 4] >> 8 * (i % 4));
	return true;
}

static void read_keys(struct sysctls *out)
{
	char line[128];
	char *second;

	out->fastopen_keys = 0;
	if (!read_line("tcp_fastopen_key", line, sizeof(line)))
		return;
	second = strchr(line, ',');
	if (parse_key(line, out->fastopen_key[0]))
		out->fastopen_keys = 1;
	if (out->fastopen_keys && second && parse_key(second + 1, out->fastopen_key[1]))
		out->fastopen_keys = 2;
}

static int device_mtu(void)
{
	struct ifreq req = {.ifr_name = DEVICE};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mtu = 1500;

	if (fd < 0)
		return mtu;
	if (!ioctl(fd, SIOCGIFMTU, &req))
		mtu = req.ifr_mtu;
	close(fd);
	return mtu;
}

void sysctls_read(struct sysctls *out)
{
	static const struct sysctls defaults = {
		.timestamps = true,
		.sack = true,
		.window_scaling = true,
		.slow_start_after_idle = true,
		.early_retrans = true,
		.moderate_rcvbuf = true,
		.min_tso_segs = 2,
		.ecn = 2,
		.recovery = 1,
		.frto = 2,
		.syn_retries = 6,
		.synack_retries = 5,
		.retries2 = 15,
		.fin_timeout = 60,
		.keepalive_time = 7200,
		.keepalive_intvl = 75,
		.keepalive_probes = 9,
		.base_mss = 1024,
		.fastopen = 1,
		.syncookies = 1,
		.reordering = 3,
		.rmem = {4096, 131072, 6291456},
		.wmem = {4096, 16384, 4194304},
		.notsent_lowat = UINT32_MAX,
		.congestion = "cubic",
	};
	char line[64];

	*out = defaults;
	read_bool("tcp_timestamps", &out->timestamps);
	read_bool("tcp_sack", &out->sack);
	read_bool("tcp_window_scaling", &out->window_scaling);
	read_bool("tcp_slow_start_after_idle", &out->slow_start_after_idle);
	read_bool("tcp_early_retrans", &out->early_retrans);
	read_bool("tcp_moderate_rcvbuf", &out->moderate_rcvbuf);
	read_int("tcp_min_tso_segs", &out->min_tso_segs);
	read_int("tcp_ecn", &out->ecn);
	read_int("tcp_recovery", &out->recovery);
	read_int("tcp_frto", &out->frto);
	read_int("tcp_syn_retries", &out->syn_retries);
	read_int("tcp_synack_retries", &out->synack_retries);
	read_int("tcp_retries2", &out->retries2);
	read_int("tcp_orphan_retries", &out->orphan_retries);
	read_int("tcp_fin_timeout", &out->fin_timeout);
	read_int("tcp_keepalive_time", &out->keepalive_time);
	read_int("tcp_keepalive_intvl", &out->keepalive_intvl);
	read_int("tcp_keepalive_probes", &out->keepalive_probes);
	read_int("tcp_mtu_probing", &out->mtu_probing);
	read_int("tcp_base_mss", &out->base_mss);
	read_int("tcp_fastopen", &out->fastopen);
	read_int("tcp_syncookies", &out->syncookies);
	read_int("tcp_reordering", &out->reordering);
	read_three("tcp_rmem", out->rmem);
	read_three("tcp_wmem", out->wmem);
	if (read_line("tcp_notsent_lowat", line, sizeof(line)))
		out->notsent_lowat = strtoll(line, NULL, 0);
	if (read_line("tcp_congestion_control", line, sizeof(line)))
		snprintf(out->congestion, sizeof(out->congestion), "%.15s", line);
	read_keys(out);
	out->mtu = device_mtu();
}
