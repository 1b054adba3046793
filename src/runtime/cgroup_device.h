/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device rules of a container in the two forms that the kernel takes: a default with exceptions for the devices
 * controller of cgroup v1 (kernel cgroup-v1/devices.rst), a BPF program for v2. In both, rules count in their order
 * and the last one that names a device and an access decides (OCI runtime spec, config-linux.md, "Allowed Device
 * List"); what no rule names is allowed. Pure functions: nothing here changes the host.
 */
#ifndef CLOCHE_RUNTIME_CGROUP_DEVICE_H
#define CLOCHE_RUNTIME_CGROUP_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct err;
struct spec_device_rule;

enum { CGROUP_DEVICE_PROGRAM_MAX = 4096, CGROUP_DEVICE_TEXT = 48 };

struct cgroup_device {
	char type;	      /* 'b', 'c' */
	int64_t major, minor; /* -1: any */
	unsigned access;      /* BPF_DEVCG_ACC_* */
};

struct cgroup_device_plan {
	bool allow; /* what is no exception */
	struct cgroup_device
		*exceptions; /* no two of the same device, none that another one covers */
	size_t count;
};

/* -EOPNOTSUPP: a rule takes a part out of a wider one ("c 1:* rw" without 1:3), which v1 would silently not do. */
int cgroup_device_plan_make(const struct spec_device_rule *rules, size_t count,
			    struct cgroup_device_plan *ret_plan, struct err *err);
void cgroup_device_plan_clear(struct cgroup_device_plan *plan);
/* "c 136:* rw" */
void cgroup_device_text(const struct cgroup_device *device, char out[CGROUP_DEVICE_TEXT]);

/* The program of type BPF_PROG_TYPE_CGROUP_DEVICE: count of instructions in out (CGROUP_DEVICE_PROGRAM_MAX have
 * room), or -E2BIG, -EINVAL. */
int cgroup_device_program(const struct spec_device_rule *rules, size_t count, struct bpf_insn *out,
			  struct err *err);

#endif
