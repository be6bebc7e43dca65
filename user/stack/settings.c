// SPDX-License-Identifier: GPL-2.0-or-later
#include "stack/settings.h"

#include <stddef.h>
#include <string.h>

static const char *const services[] = {
#define X(id, name) [STACK_##id] = name,
	STACK_SERVICES(X)
#undef X
};

static const char *const closes[] = {
#define X(id, name) [STACK_CLOSE_##id] = name,
	STACK_CLOSES(X)
#undef X
};

void stack_settings_default(struct stack_settings *s)
{
	*s = (struct stack_settings){
		.device = "tcpw0",
		.host = {{.family = 4, .byte = {198, 18, 0, 1}, .prefix = 30},
			 {.family = 6, .byte = {0x20, 1, 0, 2, [15] = 1}, .prefix = 64}},
		.own = {{.family = 4, .byte = {198, 18, 0, 2}},
			{.family = 6, .byte = {0x20, 1, 0, 2, [15] = 2}}},
		.backlog = 128,
		.nagle = true,
		.delayed_ack = true,
		.time_wait = REFTCP_S / 2,
	};
	reftcp_config_default(&s->tcp);
	s->tcp.connections = 16384; /* those in TIME_WAIT, for 4 minutes, among them */
}

bool stack_service_by_name(const char *name, enum stack_service *out)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (!strcmp(name, services[i])) {
			*out = (enum stack_service)i;
			return true;
		}
	return false;
}

bool stack_close_by_name(const char *name, enum stack_close *out)
{
	for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++)
		if (!strcmp(name, closes[i])) {
			*out = (enum stack_close)i;
			return true;
		}
	return false;
}

const char *stack_service_name(enum stack_service service)
{
	return services[service];
}
