/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers and addresses as text without printf, for what is written once an event. Each writes at
 * `p`, without a terminator, and returns where it stopped.
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#define FORMAT_U64_LEN 20
#define FORMAT_ADDRESS_LEN 45

char *format_u64(char *p, uint64_t value);

/* ::ffff:a.b.c.d, which is how a tuple holds IPv4. */
bool address_is_ipv4(const uint8_t address[16]);

/* 0.0.0.0 or :: */
bool address_is_unspecified(const uint8_t address[16]);

/* RFC 5952, as inet_ntop writes it; a mapped address as plain IPv4. */
char *format_address(char *p, const uint8_t address[16]);

#endif
