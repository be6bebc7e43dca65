/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TUN device: the kernel's side of a point-to-point link whose other end is this process. The
 * device is the process's own and goes away with the descriptor, whatever ends it.
 */
#ifndef KERNEL_TUN_H
#define KERNEL_TUN_H

#include <stddef.h>
#include <stdint.h>

#define TUN_NAME_MAX 15
#define TUN_ADDRESSES 2

/* What the kernel is to have on the device. */
struct tun_address {
	uint8_t family;   /* 4 or 6 */
	uint8_t byte[16]; /* network order; IPv4 in the first four */
	uint8_t prefix;
};

struct tun_options {
	const char *name; /* must not exist yet */
	uint32_t mtu;     /* 68 to 65535 */
	struct tun_address address[TUN_ADDRESSES];
	unsigned int addresses;
};

/*
 * Makes the device in the caller's network namespace, with its addresses, and brings it up.
 * Returns a non-blocking descriptor that reads and writes whole IP packets, owned by the caller; or
 * -errno with one line in `error` that says what is wrong and what to try. Asks for CAP_NET_ADMIN.
 */
int tun_open(const struct tun_options *options, char *error, size_t error_size);

#endif
