/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's record from what a user asked for. Text in, checked, resolved against the image, out as the JSON that
 * `inspect` prints and every start reads (Docker's structure: Config, HostConfig, Mounts; ours under .Cloche). */
#ifndef CLOCHE_ENGINE_CREATE_H
#define CLOCHE_ENGINE_CREATE_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/record.h"

struct engine;
struct err;

struct create_options { /* as typed; filled by the command line's option table */
	bool host_modules, detach, interactive, tty, remove, read_only, privileged, init, no_init,
		publish_all, quiet;
	const char *name, *hostname, *domainname, *workdir, *user, *entrypoint;
	const char *memory, *memory_reservation, *memory_swap, *memory_swappiness;
	const char *cpus, *cpu_shares, *cpu_quota, *cpu_period, *cpuset_cpus, *cpuset_mems;
	const char *pids_limit, *shm_size, *stop_signal, *stop_timeout, *oom_score_adj;
	const char *cidfile, *pid, *ipc, *uts, *userns, *guard, *cgroupns, *restart, *pull,
		*platform;
	const char *rootfs, *log_driver, *cgroup_parent, *detach_keys, *sig_proxy;
	char **attach, **env, **env_files, **group_add, **volumes, **mounts, **tmpfs, **devices;
	char **cap_add, **cap_drop, **security_opt, **ulimits, **sysctls, **labels, **label_files;
	char **networks, **network_aliases, **publish, **expose, **dns, **dns_search, **dns_options,
		**add_hosts;
	char **log_opts, **annotations, **device_cgroup_rules, **volumes_from;
	bool replace, disable_content_trust, oom_kill_disable;
	const char *isolation, *runtime, *volume_driver, *kernel_memory, *umask, *tz;
	const char *blkio_weight;
	const char *health_cmd, *health_interval, *health_timeout, *health_retries;
	const char *health_start_period, *health_start_interval, *health_on_failure;
	bool no_healthcheck;
	char **secrets;
	const char *gpus;
	char **blkio_weight_device, **device_read_bps, **device_write_bps;
	char **device_read_iops, **device_write_iops;
	const char *ip, *ip6, *mac_address, *publish_mode;
	char **publish_add, **publish_rm; /* update */
	char **egress, **routes, **network_devices;
	const char *bandwidth;
	const char *timeout, *systemd;
	bool register_machine;
	char **requires, **hooks_dirs, **storage_opt;
	char **mount_add, **mount_rm, **device_add, **device_rm; /* update */
};

/* image: reference, "host", or NULL with options->rootfs; command: NULL-terminated, may be empty. On failure nothing
 * is left. Warnings (one line each) go to *ret_warnings, a string list of the caller's. ret_lock: its lock, for who goes on with it
 * before anybody else does; or NULL. */
int create_container(struct engine *engine, const struct create_options *options, const char *image,
		     char *const *command, struct record *ret_record, int *ret_lock,
		     char ***ret_warnings, struct err *err);

/* One more mount for a container that exists, as -v or --mount have it: into record->config, and *ret_mount is it there. Its volume is
 * made and referred to. */
int record_mount_add(struct engine *engine, struct record *record, const char *text,
		     const json_t **ret_mount, struct err *err);

#endif
