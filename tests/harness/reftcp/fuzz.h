/* SPDX-License-Identifier: BSD-2-Clause */
/* What fuzzers feed and what the tests replay: each takes any octets and aborts where something
 * that must hold does not. */
#ifndef HARNESS_REFTCP_FUZZ_H
#define HARNESS_REFTCP_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The octets are a packet, for a stack with a connection in each state; both as it is and with
 * its addresses and checksums put right. */
void fuzz_packet(const uint8_t *data, size_t size);
/* The octets are the options of a segment. */
void fuzz_options(const uint8_t *data, size_t size);
/* The octets are a script of calls, segments and waits; the invariants hold after each. */
void fuzz_connection(const uint8_t *data, size_t size);
/* The octets are a script of segments seen by a shadow. */
void fuzz_shadow(const uint8_t *data, size_t size);

#endif
