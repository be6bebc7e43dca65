// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order: capabilities first, as dropping the bounding set takes one; then no_new_privs, which
 * the other two ask for; seccomp last, as it forbids what the others are made with.
 */
#include "kernel/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/landlock.h"
#include "kernel/sandbox_filter.h"

/* libcap-ng of Debian 11 does not know it by name. */
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static const char *const always_readable[] = {"/proc", "/sys/fs/cgroup", "/sys/devices/system/cpu",
					      NULL};

/* A directory has two links, and one more for each directory in it. */
static bool is_only_thread(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) < 0 || st.st_nlink <= 3;
}

/* Whether bpf(2) is refused as such, before it looks at what is asked. */
static bool bpf_is_refused(void)
{
	union bpf_attr attr = {};

	attr.info.bpf_fd = (__u32)-1;
	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)) < 0 && errno == EPERM;
}

/* Being root must not give anything back; without CAP_SETPCAP there is nothing to give. */
static void lock_securebits(void)
{
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
					 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
					 SECBIT_NO_CAP_AMBIENT_RAISE |
					 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED);
}

/*
 * Nothing in any set; but where bpf(2) is refused without it, CAP_BPF alone, and then -EOPNOTSUPP.
 * That is tried out with CAP_BPF permitted and not effective, from where there is a way back.
 */
static int drop_capabilities(void)
{
	bool keep;

	capng_get_caps_process();
	keep = capng_have_capability(CAPNG_PERMITTED, CAP_BPF);
	lock_securebits();
	capng_clear(CAPNG_SELECT_ALL);
	/* out of reach without CAP_SETPCAP, and then without meaning: no_new_privs follows */
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
	if (capng_apply(CAPNG_SELECT_AMBIENT))
		return -EPERM;
	if (keep && capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF))
		return -EINVAL;
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	if (!keep)
		return 0;
	keep = bpf_is_refused();
	if (keep)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, CAP_BPF);
	else
		capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return keep ? -EOPNOTSUPP : 0;
}

static int forbid_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int enter_layer(enum sandbox_layer layer, const struct sandbox_options *options)
{
	static const char *const none[] = {NULL};
	const char *const *const readable[] = {always_readable,
					       options->readable ? options->readable : none, NULL};

	switch (layer) {
	case SANDBOX_CAPABILITIES:
		return drop_capabilities();
	case SANDBOX_NO_NEW_PRIVS:
		return forbid_new_privileges();
	case SANDBOX_LANDLOCK:
		return landlock_restrict(readable);
	case SANDBOX_SECCOMP:
		return sandbox_filter(options->strict);
	case SANDBOX_ALL:
		break;
	}
	return -EINVAL;
}

int sandbox_enter(const struct sandbox_options *options, const char **missing)
{
	int layers = 0, err;

	if (!is_only_thread())
		return -EBUSY;
	for (unsigned int layer = 1; layer < SANDBOX_ALL; layer <<= 1) {
		err = enter_layer((enum sandbox_layer)layer, options);
		if (!err) {
			layers |= (int)layer;
		} else if (options->strict) {
			*missing = sandbox_layer_name((enum sandbox_layer)layer);
			return err;
		}
	}
	return layers;
}

const char *sandbox_layer_name(enum sandbox_layer layer)
{
	switch (layer) {
	case SANDBOX_CAPABILITIES:
		return "capabilities";
	case SANDBOX_NO_NEW_PRIVS:
		return "no_new_privs";
	case SANDBOX_LANDLOCK:
		return "landlock";
	case SANDBOX_SECCOMP:
		return "seccomp";
	case SANDBOX_ALL:
		break;
	}
	return "sandbox";
}
