/* SPDX-License-Identifier: BSD-2-Clause */
/* Time and the wire. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drill.h"

/* A wait that nothing ends would hang the script: no packet is waited for longer than this. */
#define LONGEST_WAIT (600 * REFTCP_S)
/* Real time a woken thread has to come back in; a script that fails is better than one stuck. */
#define RETURN_SECONDS 2

/* Set in a thread that a wait has just let go: its next look at the clock ends the hold. */
static __thread bool must_look;

static reftcp_time real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (reftcp_time)ts.tv_sec * REFTCP_S + (reftcp_time)ts.tv_nsec;
}

/* What the stack has to send goes out now. */
static void drain(struct drill *d)
{
	size_t len;

	while (d->stack && !reftcp_transmit(d->stack, d->buf, sizeof(d->buf), d->now, &len)) {
		struct packet *p = &d->queue[(d->head + d->count) % DRILL_QUEUE];

		if (d->count == DRILL_QUEUE) {
			d->queue_full++;
			continue;
		}
		p->data = malloc(len);
		if (!p->data)
			continue;
		memcpy(p->data, d->buf, len);
		p->len = len;
		p->at = d->now;
		d->count++;
	}
}

/* Until every thread just woken has read the clock. */
static void hold(struct drill *d)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += RETURN_SECONDS;
	while (d->returning)
		if (pthread_cond_timedwait(&d->changed, &d->lock, &end) == ETIMEDOUT) {
			d->returning = 0;
			return;
		}
}

static void wake(struct drill *d)
{
	bool any = false;

	for (struct waiter *w = d->waiters; w; w = w->next) {
		if (w->woken || (w->until > d->now && !w->ready(w->arg)))
			continue;
		w->woken = any = true;
		d->returning++;
	}
	if (!any)
		return;
	pthread_cond_broadcast(&d->changed);
	hold(d);
}

void drill_settle(struct drill *d)
{
	drain(d);
	sockets_take_events(d);
	wake(d);
	drain(d);
}

/* The clock alone: to `to`, or as near as the caller may go now. */
static void move_clock(struct drill *d, reftcp_time to)
{
	if (to <= d->now)
		return;
	if (d->real_clock) {
		struct timespec ts = {(time_t)(to / REFTCP_S), (long)(to % REFTCP_S)};

		drill_unlock(d);
		while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL) == EINTR)
			;
		drill_lock(d);
		to = real_now() > to ? real_now() : to;
	}
	if (to > d->now)
		d->now = to;
}

/* When something happens next by itself. */
static reftcp_time next_time(const struct drill *d)
{
	reftcp_time next = d->stack ? reftcp_deadline(d->stack) : REFTCP_NEVER;

	for (const struct waiter *w = d->waiters; w; w = w->next)
		if (!w->woken && w->until < next)
			next = w->until;
	return next;
}

void drill_advance(struct drill *d, reftcp_time until)
{
	for (;;) {
		reftcp_time next = next_time(d);
		bool last = next >= until;

		move_clock(d, last ? until : next);
		if (d->stack)
			reftcp_expire(d->stack, d->now);
		drill_settle(d);
		if (last || d->now >= until)
			return;
	}
}

/* packetdrill gives its blocking calls to a second thread. In the first there is nobody else to
 * move the clock on. */
static void wait_alone(struct drill *d, bool (*ready)(void *arg), void *arg, reftcp_time until)
{
	reftcp_time limit = d->now + LONGEST_WAIT;

	until = until < limit ? until : limit;
	while (!ready(arg) && d->now < until) {
		reftcp_time next = next_time(d);

		drill_advance(d, next < until ? next : until);
	}
}

void drill_wait(struct drill *d, bool (*ready)(void *arg), void *arg, reftcp_time until)
{
	struct waiter w = {.ready = ready, .arg = arg, .until = until, .next = d->waiters};
	struct waiter **p;

	if (ready(arg) || until <= d->now)
		return;
	if (getpid() == gettid()) {
		wait_alone(d, ready, arg, until);
		return;
	}
	d->waiters = &w;
	while (!w.woken)
		pthread_cond_wait(&d->changed, &d->lock);
	for (p = &d->waiters; *p != &w; p = &(*p)->next)
		;
	*p = w.next;
	must_look = true;
}

static int netdev_send(void *userdata, const void *packet, size_t len)
{
	struct drill *d = userdata;

	drill_lock(d);
	if (d->real_clock)
		drill_advance(d, real_now());
	if (d->stack) {
		reftcp_arrives(d->stack, packet, len, d->now, NULL);
		drill_settle(d);
	}
	drill_unlock(d);
	return 0;
}

/* Until there is a packet, or none will come. */
static void await_packet(struct drill *d)
{
	reftcp_time limit = d->now + LONGEST_WAIT;

	while (!d->count && d->now < limit) {
		reftcp_time next = next_time(d);

		if (next == REFTCP_NEVER)
			return;
		drill_advance(d, next < limit ? next : limit);
	}
}

static int netdev_receive(void *userdata, void *packet, size_t *len, long long *usecs)
{
	struct drill *d = userdata;
	struct packet *p;

	drill_lock(d);
	await_packet(d);
	if (!d->count) {
		*len = 0;
		drill_unlock(d);
		return 0;
	}
	p = &d->queue[d->head];
	d->head = (d->head + 1) % DRILL_QUEUE;
	d->count--;
	*len = p->len < *len ? p->len : *len;
	memcpy(packet, p->data, *len);
	*usecs = (long long)(p->at / 1000);
	free(p->data);
	p->data = NULL;
	drill_unlock(d);
	return 0;
}

/* Is it in a sleep of its own: then packetdrill's thread has done with the call it came from. */
static bool asleep(pid_t tid)
{
	char path[64], line[256] = "";
	const char *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	end = strrchr(line, ')');
	return !end || end[1] != ' ' || end[2] == 'S';
}

/* Real time for the thread of a call that has ended, where virtual time would pass at once. */
static void let_it_finish(struct drill *d)
{
	pid_t tid = d->returned;

	if (!tid || tid == gettid())
		return;
	d->returned = 0;
	drill_unlock(d);
	for (int i = 0; i < RETURN_SECONDS * 2000 && !asleep(tid); i++)
		usleep(500);
	drill_lock(d);
}

static int sleep_usecs(void *userdata, useconds_t usecs)
{
	struct drill *d = userdata;

	drill_lock(d);
	let_it_finish(d);
	drill_advance(d, d->now + usecs * UINT64_C(1000));
	drill_unlock(d);
	return 0;
}

static int time_of_day(void *userdata, struct timeval *tv, struct timezone *tz)
{
	struct drill *d = userdata;

	(void)tz;
	drill_lock(d);
	if (must_look) {
		/* The end of a blocking call: told at the time it came, with the clock held. */
		must_look = false;
		d->returned = gettid();
		if (d->returning)
			d->returning--;
		pthread_cond_broadcast(&d->changed);
	} else {
		drill_advance(d, d->real_clock ? real_now() : d->now + 1000);
	}
	tv->tv_sec = (time_t)(d->now / REFTCP_S);
	tv->tv_usec = (suseconds_t)(d->now % REFTCP_S / 1000);
	drill_unlock(d);
	return 0;
}

void drill_clock_table(struct packetdrill_interface *out)
{
	out->netdev_send = netdev_send;
	out->netdev_receive = netdev_receive;
	out->usleep = sleep_usecs;
	out->gettimeofday = time_of_day;
}
