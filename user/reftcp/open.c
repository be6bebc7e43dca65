/* SPDX-License-Identifier: BSD-2-Clause */
/* OPEN call, RFC 9293 3.10.1 and 3.9.1.1, and accept, its counterpart for backlogs. */
#include <errno.h>

#include "reftcp/addr.h"
#include "reftcp/conntab.h"
#include "reftcp/listen.h"
#include "reftcp/open.h"
#include "reftcp/secret.h"
#include "reftcp/stack.h"
#include "reftcp/window.h"

/* GET_SRCADDR of RFC 1122 3.4: MUST ask before the first SYN [MUST-44]. */
static bool choose_source(const struct reftcp_stack *s, const struct reftcp_addr *remote,
			  struct reftcp_addr *out)
{
	for (uint32_t i = 0; i < s->addr_count; i++) {
		if (s->addrs[i].family != remote->family)
			continue;
		*out = s->addrs[i];
		return true;
	}
	return false;
}

/* RFC 6056 3.3.3: the search starts at a keyed hash of the two hosts and moves on. */
static int choose_port(struct reftcp_stack *s, struct tcb *c)
{
	uint32_t range = (uint32_t)s->config.port_high - s->config.port_low + 1;
	uint64_t start = secret_hash(&s->key, SECRET_PORT, &c->local, &c->remote, 0);

	for (uint32_t i = 0; i < range; i++) {
		c->local.port = (uint16_t)(s->config.port_low + (start + s->port_step++) % range);
		if (!conntab_find(s, &c->local, &c->remote))
			return 0;
	}
	return -EADDRNOTAVAIL;
}

/*
 * DEVIATES RFC 9293 3.10.1, "connection already exists": by rule the name of a TIME-WAIT may be had
 * if timestamps tell its segments from those of the new connection (RFC 6191 in the other role).
 */
static void take_over(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	struct tcb *old = conntab_find(s, &c->local, &c->remote);

	if (!old || old->state != REFTCP_TIME_WAIT || !old->ts.on || !old->ts.recent_valid ||
	    !stack_rule(s, RULE_time_wait_reuse))
		return;
	c->snd.iss = seq_add(old->snd.nxt, 65537);
	c->iss_given = true;
	c->ts.recent = old->ts.recent;
	c->ts.recent_at = old->ts.recent_at;
	c->ts.recent_valid = true;
	s->counters.time_wait_recycled++;
	tcb_delete(s, old, 0, CLAUSE_REUSE, now);
}

/* Fills what is not given of the local socket and takes the name. */
static int name_active(struct reftcp_stack *s, struct tcb *c, reftcp_time now)
{
	int err = 0;

	if (addr_unspecified(&c->local.addr) && !choose_source(s, &c->remote.addr, &c->local.addr))
		return -EADDRNOTAVAIL;
	if (c->local.addr.family != c->remote.addr.family)
		return -EINVAL;
	if (!stack_is_local(s, &c->local.addr))
		return -EADDRNOTAVAIL;
	if (c->local.port == 0)
		err = choose_port(s, c);
	if (!err)
		take_over(s, c, now);
	return err ? err : tcb_bind(s, c);
}

/* "Issue a SYN segment": ISS, SND.UNA, SND.NXT, SYN-SENT. */
static void start_active(struct reftcp_stack *s, struct tcb *c, enum clause clause, reftcp_time now)
{
	struct seq iss =
		c->iss_given ? c->snd.iss : secret_isn(&s->key, &c->local, &c->remote, now);

	s->counters.active_opens++;
	c->from_listen = false;
	tcb_start_send(s, c, iss, now);
	window_open(c);
	state_move(s, c, REFTCP_SYN_SENT, clause, now);
	stack_settle(s, c);
}

static int check_args(const struct reftcp_stack *s, const struct reftcp_open *args)
{
	bool remote = !addr_unspecified(&args->remote.addr);

	if (args->dscp > 63 || args->local.addr.family > 6 || args->remote.addr.family > 6)
		return -EINVAL;
	/* RFC 9293 3.9.1.1: an invalid remote address MUST be refused [MUST-46]. */
	if (remote && !addr_unicast(&args->remote.addr))
		return -EINVAL;
	if (args->active && (!remote || !args->remote.port))
		return -EDESTADDRREQ; /* "remote socket unspecified" */
	if (!args->active && (!args->local.port || (remote && !args->remote.port)))
		return -EINVAL;
	if (args->route.hops && !s->config.source_routes)
		return -EOPNOTSUPP;
	if (args->route.hops > REFTCP_ROUTE_MAX ||
	    (args->route.hops && (!args->active || args->remote.addr.family != 4)))
		return -EINVAL;
	if (!addr_unspecified(&args->local.addr) && !stack_is_local(s, &args->local.addr))
		return -EADDRNOTAVAIL;
	return 0;
}

static void fill(struct tcb *c, const struct reftcp_open *args)
{
	c->local = args->local;
	c->remote = args->remote;
	c->remote_given = !addr_unspecified(&args->remote.addr);
	c->dscp = args->dscp;
	if (args->ttl)
		c->ttl = args->ttl;
	if (args->user_timeout) {
		c->user_timeout = args->user_timeout;
		c->uto.changed_by_user = true;
	}
	c->backlog = args->active ? 0 : args->backlog;
	c->route_given = args->route.hops;
	if (c->route_given)
		route_from_user(&c->route, &args->route, &c->remote.addr);
	c->user_has_it = true;
}

int reftcp_open(struct reftcp_stack *s, const struct reftcp_open *args, reftcp_time now,
		reftcp_id *out)
{
	struct tcb *c;
	int err;

	if (!s || !args || !out)
		return -EINVAL;
	err = check_args(s, args);
	if (err)
		return err;
	c = tcb_take(s);
	if (!c)
		return -ENOBUFS; /* "insufficient resources" */
	fill(c, args);
	err = args->active ? name_active(s, c, now) : conntab_listen(s, c);
	if (err) {
		tcb_give(s, c);
		return err;
	}
	if (args->active)
		start_active(s, c, CLAUSE_OPEN_ACTIVE, now);
	else
		state_move(s, c, REFTCP_LISTEN, CLAUSE_OPEN_PASSIVE, now);
	*out = tcb_id(s, c);
	return 0;
}

/* LISTEN STATE: "change the connection from passive to active". */
int open_activate(struct reftcp_stack *s, struct tcb *c, const struct reftcp_endpoint *remote,
		  enum clause clause, reftcp_time now)
{
	struct reftcp_endpoint was_local = c->local, was_remote = c->remote;
	int err;

	if (!remote && !c->remote_given)
		return -EDESTADDRREQ;
	if (remote && (!addr_unicast(&remote->addr) || !remote->port))
		return -EINVAL;
	if (remote)
		c->remote = *remote;
	/* Out of the listeners under its old name, into the connections under the new one. */
	conntab_unlisten(s, c);
	err = name_active(s, c, now);
	if (err) {
		c->local = was_local;
		c->remote = was_remote;
		conntab_listen_again(s, c);
		return err;
	}
	listen_drop_children(s, c, now);
	c->backlog = 0;
	start_active(s, c, clause, now);
	return 0;
}

int reftcp_connect(struct reftcp_stack *s, reftcp_id id, const struct reftcp_endpoint *remote,
		   reftcp_time now)
{
	struct tcb *c = s ? tcb_find(s, id) : NULL;

	if (!c)
		return -ENOENT;
	if (c->state != REFTCP_LISTEN)
		return -EISCONN; /* "connection already exists" */
	return open_activate(s, c, remote, CLAUSE_OPEN_ACTIVE, now);
}

int reftcp_accept(struct reftcp_stack *s, reftcp_id listener, reftcp_time now, reftcp_id *out)
{
	struct tcb *l = s ? tcb_find(s, listener) : NULL;
	struct tcb *c;

	(void)now;
	if (!l)
		return -ENOENT;
	if (!out || l->state != REFTCP_LISTEN || !l->backlog)
		return -EINVAL;
	c = listen_accept(l);
	if (!c)
		return -EAGAIN;
	c->user_has_it = true;
	if (c->events)
		stack_tell(s, c, 0);
	*out = tcb_id(s, c);
	return 0;
}
