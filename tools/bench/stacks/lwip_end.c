/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP at both ends, by its raw interface: one stack with an interface at each end of the link.
 * Debian's build has NO_SYS=0: its own thread is not started, but its allocations and packet
 * buffers still take the lock that goes with it. It has neither SACK nor timestamps, and a window
 * of 64 KiB at most.
 */
#include "stacks.h"

#include <malloc.h>
#include <string.h>

#include "lwip/init.h"
#include "lwip/ip.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"

static struct netif ends[2];
static ip_addr_t addrs[2];
static uint8_t data[65536], sink[65536];
static uint64_t to_send, got;
static bool client_done, server_done;

static err_t output(struct netif *from, struct pbuf *p, const ip4_addr_t *next)
{
	int to = from == &ends[0];
	uint8_t *slot = link_slot(to);

	(void)next;
	if (!slot)
		return ERR_MEM;
	link_put(to, pbuf_copy_partial(p, slot, SLOT_SIZE, 0));
	return ERR_OK;
}

static bool deliver(int to)
{
	const uint8_t *packet;
	bool any = false;
	size_t len;

	while ((packet = link_first(to, &len))) {
		struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);

		must(p, "pbuf_alloc");
		memcpy(p->payload, packet, len);
		link_drop(to);
		must(ends[to].input(p, &ends[to]) == ERR_OK, "input");
		any = true;
	}
	return any;
}

static err_t start(struct netif *n)
{
	n->mtu = MTU;
	n->output = output;
	n->name[0] = 'm';
	n->name[1] = 'e';
	return ERR_OK;
}

static void begin(tcp_accept_fn accept)
{
	struct tcp_pcb *pcb;
	ip4_addr_t a[2], mask;

	lwip_init();
	IP4_ADDR(&a[0], 10, 0, 0, 1);
	IP4_ADDR(&a[1], 10, 0, 0, 2);
	IP4_ADDR(&mask, 255, 255, 255, 255);
	for (int i = 0; i < 2; i++) {
		ip_addr_copy_from_ip4(addrs[i], a[i]);
		must(netif_add(&ends[i], &a[i], &mask, &a[!i], NULL, start, ip_input), "netif_add");
		netif_set_up(&ends[i]);
		netif_set_link_up(&ends[i]);
	}
	pcb = tcp_new();
	must(pcb && tcp_bind(pcb, &addrs[1], 80) == ERR_OK, "bind");
	tcp_bind_netif(pcb, &ends[1]);
	pcb = tcp_listen_with_backlog(pcb, 16);
	must(pcb, "listen");
	tcp_accept(pcb, accept);
}

static struct tcp_pcb *connect_from(uint16_t port, tcp_connected_fn connected)
{
	struct tcp_pcb *pcb = tcp_new();

	must(pcb && tcp_bind(pcb, &addrs[0], port) == ERR_OK, "bind");
	tcp_bind_netif(pcb, &ends[0]);
	must(tcp_connect(pcb, &addrs[1], 80, connected) == ERR_OK, "connect");
	return pcb;
}

/* ---- bulk ---- */

static void fill(struct tcp_pcb *pcb)
{
	while (to_send && tcp_sndbuf(pcb)) {
		u16_t n = (u16_t)(to_send < tcp_sndbuf(pcb) ? to_send : tcp_sndbuf(pcb));

		if (tcp_write(pcb, data, n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		to_send -= n;
	}
	tcp_output(pcb);
}

static err_t bulk_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	(void)arg;
	(void)len;
	fill(pcb);
	return ERR_OK;
}

static err_t bulk_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	must(err == ERR_OK, "connect");
	tcp_sent(pcb, bulk_sent);
	fill(pcb);
	return ERR_OK;
}

static err_t bulk_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)arg;
	must(p && err == ERR_OK, "receive");
	got += pbuf_copy_partial(p, sink, p->tot_len, 0);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static err_t bulk_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	must(err == ERR_OK, "accept");
	tcp_recv(pcb, bulk_receive);
	return ERR_OK;
}

static void bulk(const struct load *l, struct figures *f)
{
	double t;

	begin(bulk_accept);
	to_send = l->octets;
	link_count();
	t = seconds_now();
	connect_from(FIRST_PORT, bulk_connected);
	while (got < l->octets)
		if (!(deliver(1) | deliver(0)))
			tcp_tmr(); /* nothing under way: its timers have to go on */
	f->seconds = seconds_now() - t;
	f->octets = got;
	f->segments = link_count();
}

/* ---- churn ---- */

static err_t churn_client(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)arg;
	if (!p)
		return ERR_OK;
	must(err == ERR_OK, "receive");
	pbuf_copy_partial(p, sink, p->tot_len, 0);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	must(tcp_close(pcb) == ERR_OK, "close");
	client_done = true;
	return ERR_OK;
}

static err_t churn_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	must(err == ERR_OK, "connect");
	must(tcp_write(pcb, "x", 1, TCP_WRITE_FLAG_COPY) == ERR_OK, "write");
	tcp_output(pcb);
	return ERR_OK;
}

static err_t churn_server(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	(void)arg;
	if (!p) {
		server_done = true;
		return tcp_close(pcb);
	}
	must(err == ERR_OK, "receive");
	pbuf_copy_partial(p, sink, p->tot_len, 0);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	must(tcp_write(pcb, sink, 1, TCP_WRITE_FLAG_COPY) == ERR_OK, "write");
	tcp_output(pcb);
	return ERR_OK;
}

static err_t churn_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)arg;
	must(err == ERR_OK, "accept");
	tcp_recv(pcb, churn_server);
	return ERR_OK;
}

static void connection(uint16_t port)
{
	client_done = server_done = false;
	tcp_recv(connect_from(port, churn_connected), churn_client);
	while (deliver(1) | deliver(0))
		;
	must(client_done && server_done, "a whole connection");
}

static void churn(const struct load *l, struct figures *f)
{
	size_t used = 0;

	begin(churn_accept);
	/* The first lap is not counted: memory is touched for the first time in it. */
	for (uint32_t lap = 0; lap <= l->laps; lap++) {
		size_t before = mallinfo2().uordblks;
		double t = seconds_now(), idle;

		for (uint32_t i = 0; i < l->connections; i++)
			connection((uint16_t)(FIRST_PORT + i));
		idle = seconds_now();
		used = mallinfo2().uordblks - before;
		/* 2 MSL and more, in calls of a quarter of a second. */
		for (uint32_t ms = 0; tcp_tw_pcbs && ms < 4 * TCP_MSL; ms += TCP_TMR_INTERVAL)
			tcp_tmr();
		if (lap == 0) {
			link_count();
			continue;
		}
		f->seconds += idle - t;
		f->idle_seconds += seconds_now() - idle;
		must(!tcp_tw_pcbs, "the end of TIME-WAIT");
	}
	f->connections = (uint64_t)l->laps * l->connections;
	f->segments = link_count();
	f->per_connection = used / l->connections;
}

const struct contestant lwip_contestant = {"lwip", bulk, churn};
