/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux.netDevices (config-linux.md, "Network Devices"): links of the host that go into the container's network namespace, with
 * another name when one is told. The kernel takes their addresses away at that: permanent ones of global scope are given back, and
 * the link is brought up. What a container's end does to them is the kernel's: physical ones go back to the host. */
#ifndef CLOCHE_RUNTIME_NET_DEVICE_H
#define CLOCHE_RUNTIME_NET_DEVICE_H

#include <sys/types.h>

struct err;
struct spec;

/* pid: a process in the network namespace. */
int net_device_move(const struct spec *spec, pid_t pid, struct err *err);
/* name NULL: the same. Its index there. */
int net_device_move_one(const char *host_name, const char *name, pid_t pid, struct err *err);

#endif
