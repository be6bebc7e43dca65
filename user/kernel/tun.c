// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

/*
 * Packets the device holds for us. The default of 500 is less than a window of small segments, and
 * what does not fit is dropped without a word.
 */
#define QUEUE_LENGTH 4096
#define USABLE_WAIT_US 1000
#define USABLE_TRIES 1500
#define DISCARD_PORT 9

struct reply {
	struct mnl_socket *socket;
	unsigned int port;
	char buf[8192];
};

/* Sends the request in r->buf and takes the kernel's answer. 0 or -errno. */
static int ask(struct reply *r, struct nlmsghdr *request)
{
	ssize_t n;

	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	request->nlmsg_seq = 1;
	if (mnl_socket_sendto(r->socket, request, request->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(r->socket, r->buf, sizeof(r->buf));
	if (n < 0 || mnl_cb_run(r->buf, (size_t)n, 1, r->port, NULL, NULL) < 0)
		return -errno;
	return 0;
}

static void put_nested_u8(struct nlmsghdr *h, uint16_t outer, uint16_t family, uint16_t type,
			  uint8_t value)
{
	struct nlattr *spec = mnl_attr_nest_start(h, outer);
	struct nlattr *af = mnl_attr_nest_start(h, family);

	mnl_attr_put_u8(h, type, value);
	mnl_attr_nest_end(h, af);
	mnl_attr_nest_end(h, spec);
}

/* MTU, queue, up; and no link-local address, which would only send what nobody answers. */
static int set_link(struct reply *r, int index, const struct tun_options *options)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r->buf);
	struct ifinfomsg *link;

	h->nlmsg_type = RTM_NEWLINK;
	link = mnl_nlmsg_put_extra_header(h, sizeof(*link));
	link->ifi_index = index;
	link->ifi_flags = link->ifi_change = IFF_UP;
	mnl_attr_put_u32(h, IFLA_MTU, options->mtu);
	mnl_attr_put_u32(h, IFLA_TXQLEN, QUEUE_LENGTH);
	if (options->mtu >= 1280)
		put_nested_u8(h, IFLA_AF_SPEC, AF_INET6, IFLA_INET6_ADDR_GEN_MODE,
			      IN6_ADDR_GEN_MODE_NONE);
	return ask(r, h);
}

static int add_address(struct reply *r, int index, const struct tun_address *address)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r->buf);
	size_t len = address->family == 4 ? 4 : 16;
	struct ifaddrmsg *a;

	h->nlmsg_type = RTM_NEWADDR;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	a = mnl_nlmsg_put_extra_header(h, sizeof(*a));
	a->ifa_family = address->family == 4 ? AF_INET : AF_INET6;
	a->ifa_prefixlen = address->prefix;
	a->ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD;
	a->ifa_index = (unsigned int)index;
	mnl_attr_put(h, IFA_LOCAL, len, address->byte);
	mnl_attr_put(h, IFA_ADDRESS, len, address->byte);
	return ask(r, h);
}

/*
 * The kernel's IPv6 takes no address of a device for usable before its link is up, and looks at
 * that only once a second, but at once when the carrier of a running device comes. So the carrier
 * is taken away before the device runs and given back then. Kernels before 5.0 do not let us.
 */
static void set_carrier(int fd, int carrier)
{
	(void)ioctl(fd, TUNSETCARRIER, &carrier);
}

/* The address itself, or with its last bit turned: somebody else on the link. */
static socklen_t sockaddr_of(const struct tun_address *address, bool other, uint16_t port,
			     struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (address->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, address->byte, 4);
		v4->sin_addr.s_addr ^= other ? htonl(1) : 0;
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	memcpy(&v6->sin6_addr, address->byte, 16);
	v6->sin6_addr.s6_addr[15] ^= other;
	return sizeof(*v6);
}

/* A datagram of the kernel's has come out of the device. */
static bool came_out(int fd, uint8_t family)
{
	uint8_t packet[128];
	bool came = false;
	ssize_t n;

	while ((n = read(fd, packet, sizeof(packet))) > 0)
		came = came ||
		       (n >= 40 && packet[0] >> 4 == 6 && family == 6 &&
			packet[6] == IPPROTO_UDP) ||
		       (n >= 20 && packet[0] >> 4 == 4 && family == 4 && packet[9] == IPPROTO_UDP);
	return came;
}

/*
 * Until the kernel delivers to the address, and sends out of the device: before, packets end
 * without a word and a handshake waits a second to be tried again. The kernel works both out by
 * and by (the carrier, the address's route) and nothing says when it has, so it is tried with
 * datagrams. Where they do not pass, that second is all that is lost.
 */
static void await_usable(int fd, const struct tun_address *address)
{
	struct sockaddr_storage own, other;
	socklen_t len = sockaddr_of(address, false, 0, &own);
	_cleanup_close_ int s = socket(own.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool in = false, out = false;
	char octet;

	sockaddr_of(address, true, DISCARD_PORT, &other);
	if (s < 0 || bind(s, (struct sockaddr *)&own, len) < 0 ||
	    getsockname(s, (struct sockaddr *)&own, &len) < 0)
		return;
	for (int i = 0; i < USABLE_TRIES && !(in && out); i++) {
		if (i > 0)
			usleep(USABLE_WAIT_US);
		if (!in)
			(void)sendto(s, "", 1, 0, (struct sockaddr *)&own, len);
		if (!out)
			(void)sendto(s, "", 1, 0, (struct sockaddr *)&other, len);
		in = in || recv(s, &octet, 1, 0) == 1;
		out = came_out(fd, address->family) || out;
	}
}

static int set_up(int fd, const struct tun_options *options)
{
	int index = (int)if_nametoindex(options->name), err;
	struct reply r;

	if (!index)
		return -errno;
	r.socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r.socket)
		return -errno;
	err = mnl_socket_bind(r.socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	r.port = mnl_socket_get_portid(r.socket);
	set_carrier(fd, 0);
	if (!err)
		err = set_link(&r, index, options);
	set_carrier(fd, 1);
	for (unsigned int i = 0; i < options->addresses && !err; i++)
		err = add_address(&r, index, &options->address[i]);
	for (unsigned int i = 0; i < options->addresses && !err; i++)
		await_usable(fd, &options->address[i]);
	mnl_socket_close(r.socket);
	return err;
}

static int fail(char *error, size_t size, const char *what, const char *name, int err)
{
	const char *advice = "";

	if (err == -EPERM || err == -EACCES)
		advice = "; try as root";
	else if (err == -EBUSY || err == -EEXIST)
		advice = "; try another '--device' or another '--host-addr'";
	else if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		advice = "; does the kernel have the module 'tun'?";
	snprintf(error, size, "cannot %s '%s': %s%s", what, name, strerror(-err), advice);
	return err;
}

int tun_open(const struct tun_options *options, char *error, size_t error_size)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq request = {0};
	int err;

	if (fd < 0)
		return fail(error, error_size, "open", "/dev/net/tun", -errno);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", options->name);
	/* Somebody else's device, or one that stays, must not be taken over. */
	request.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return fail(error, error_size, "make the device", options->name, -errno);
	err = set_up(fd, options);
	if (err)
		return fail(error, error_size, "set up the device", options->name, err);
	return TAKE_FD(fd);
}
