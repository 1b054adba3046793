/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "runtime/spec.h"

#define BIT(n) (UINT64_C(1) << (n))

const uint64_t capability_default = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
				    BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_SETGID) |
				    BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
				    BIT(CAP_SYS_CHROOT) | BIT(CAP_SETFCAP);

/* In the kernel's order: the index is the bit (linux/capability.h). */
static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

_Static_assert(ARRAY_SIZE(names) == CAP_CHECKPOINT_RESTORE + 1, "a name is missing");

const char *capability_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

int capability_parse(const char *name, struct err *err)
{
	for (unsigned int bit = 0; bit < ARRAY_SIZE(names); bit++)
		if (strcasecmp(name, names[bit]) == 0 || strcasecmp(name, names[bit] + 4) == 0)
			return (int)bit;
	return err_set(err, EINVAL, "invalid capability: \"%s\"", name);
}

uint64_t capability_host_bounding(void)
{
	uint64_t set = 0;

	/* The kernel answers EINVAL past its last capability. */
	for (unsigned int bit = 0; bit < ARRAY_SIZE(names); bit++)
		if (prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 1)
			set |= BIT(bit);
	return set;
}

/* The set of the names in list; ALL is told apart, and no set. */
static int list_parse(char *const *list, uint64_t *ret_set, bool *ret_all, struct err *err)
{
	uint64_t set = 0;
	bool all = false;

	for (size_t i = 0; list && list[i]; i++) {
		int bit;

		if (strcasecmp(list[i], "ALL") == 0) {
			all = true;
			continue;
		}
		bit = capability_parse(list[i], err);
		if (bit < 0)
			return bit;
		set |= BIT(bit);
	}
	*ret_set = set;
	*ret_all = all;
	return 0;
}

int capability_resolve(char *const *add, char *const *drop, uint64_t *ret_set, struct err *err)
{
	uint64_t host = capability_host_bounding(), added = 0, dropped = 0, lacking;
	bool add_all = false, drop_all = false;
	int r = list_parse(add, &added, &add_all, err);

	if (r == 0)
		r = list_parse(drop, &dropped, &drop_all, err);
	if (r < 0)
		return r;
	lacking = added & ~host;
	if (lacking)
		return err_set(err, EPERM,
			       "capability not supported by your kernel or not available in the "
			       "current environment: \"%s\"",
			       capability_name((unsigned int)__builtin_ctzll(lacking)));
	if (add_all)
		*ret_set = host & ~dropped;
	else if (drop_all)
		*ret_set = added;
	else
		*ret_set = (host & capability_default & ~dropped) | added;
	return 0;
}

int capability_drop_bounding(const struct spec_process *process)
{
	/* Past our table too: a newer kernel's capability must not slip through. */
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (process->cap_bounding & BIT(bit))
			continue;
		if (prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* the kernel has no more */
				break;
			return -errno;
		}
	}
	return 0;
}

static int ambient_set(uint64_t set)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	for (unsigned int bit = 0; bit < 64; bit++)
		if ((set & BIT(bit)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) < 0)
			return -errno;
	return 0;
}

int capability_raise_admin(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	if (data[0].effective & 1u << CAP_SYS_ADMIN)
		return 0;
	data[0].effective |= data[0].permitted & 1u << CAP_SYS_ADMIN;
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int capability_apply(const struct spec_process *process)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (unsigned int i = 0; i < ARRAY_SIZE(data); i++) {
		data[i].permitted = (uint32_t)(process->cap_permitted >> 32 * i);
		data[i].effective = (uint32_t)(process->cap_effective >> 32 * i);
		data[i].inheritable = (uint32_t)(process->cap_inheritable >> 32 * i);
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	/* Afterwards: ambient must stay within permitted and inheritable. */
	return ambient_set(process->cap_ambient);
}
