/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rules, and its public face. */
#include "reftcp/rules.h"

#include <errno.h>

struct row {
	struct reftcp_rule rule;
	int64_t linux_value;
};

static const struct row rows[] = {
#define X(name_, unit_, clause_, standard_, linux_, id_, since_) \
	{.rule = {.name = #name_,                                \
		  .clause = clause_,                             \
		  .id = id_,                                     \
		  .since = since_,                               \
		  .standard = standard_,                         \
		  .unit = unit_},                                \
	 .linux_value = linux_},
	RULE_LIST(X)
#undef X
};

int64_t rule_value(enum reftcp_personality personality, enum rule rule)
{
	switch (personality) {
	case REFTCP_STANDARD:
		return rows[rule].rule.standard;
	case REFTCP_LINUX:
		return rows[rule].linux_value;
	}
	return rows[rule].rule.standard;
}

int reftcp_rule_at(enum reftcp_personality personality, size_t index, struct reftcp_rule *out)
{
	if (!out || (unsigned int)personality > REFTCP_LINUX)
		return -EINVAL;
	if (index >= sizeof(rows) / sizeof(rows[0]))
		return -ENOENT;
	*out = rows[index].rule;
	out->value = rule_value(personality, (enum rule)index);
	return 0;
}
