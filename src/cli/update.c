/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* update: other limits and ports for containers that exist. */
#include <errno.h>

#include "base/err.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "engine/create.h"
#include "engine/health.h"
#include "engine/update.h"

static const struct opt update_opts[] = {
	OPT_STRING(0, "blkio-weight", "10-1000", struct create_options, blkio_weight,
		   "relative weight of block input and output"),
	OPT_STRING(0, "cpu-period", "MICROSECONDS", struct create_options, cpu_period,
		   "period of the CPU quota"),
	OPT_STRING(0, "cpu-quota", "MICROSECONDS", struct create_options, cpu_quota,
		   "CPU time in each period"),
	OPT_STRING('c', "cpu-shares", "NUMBER", struct create_options, cpu_shares,
		   "relative weight of CPU time"),
	OPT_STRING(0, "cpus", "NUMBER", struct create_options, cpus,
		   "CPUs it may use, such as 1.5"),
	OPT_STRING(0, "cpuset-cpus", "LIST", struct create_options, cpuset_cpus,
		   "CPUs it may run on, such as 0-2,4"),
	OPT_STRING(0, "cpuset-mems", "LIST", struct create_options, cpuset_mems,
		   "memory nodes it may use"),
	OPT_STRING(0, "health-cmd", "COMMAND", struct create_options, health_cmd,
		   "command that checks the container's health"),
	OPT_STRING(0, "health-interval", "DURATION", struct create_options, health_interval,
		   "time between checks"),
	OPT_STRING(0, "health-on-failure", "ACTION", struct create_options, health_on_failure,
		   "what is done with an unhealthy container: none, kill, restart or stop"),
	OPT_STRING(0, "health-retries", "NUMBER", struct create_options, health_retries,
		   "failures in a row that make it unhealthy"),
	OPT_STRING(0, "health-start-interval", "DURATION", struct create_options,
		   health_start_interval, "time between checks in the start period"),
	OPT_STRING(0, "health-start-period", "DURATION", struct create_options, health_start_period,
		   "time to start up, in which failures do not count"),
	OPT_STRING(0, "health-timeout", "DURATION", struct create_options, health_timeout,
		   "time that a check may take"),
	OPT_BOOL(0, "no-healthcheck", struct create_options, no_healthcheck, "no check any more"),
	OPT_STRING('m', "memory", "BYTES", struct create_options, memory, "memory limit"),
	OPT_STRING(0, "memory-reservation", "BYTES", struct create_options, memory_reservation,
		   "memory soft limit"),
	OPT_STRING(0, "memory-swap", "BYTES", struct create_options, memory_swap,
		   "memory and swap together; -1: unlimited swap"),
	OPT_LIST(0, "device-add", "HOST[:CONTAINER[:RWM]]", struct create_options, device_add,
		 "one more device; a container that runs gets it at once"),
	OPT_LIST(0, "device-rm", "PATH", struct create_options, device_rm,
		 "take the device at PATH away"),
	OPT_LIST(0, "mount-add", "MOUNT", struct create_options, mount_add,
		 "one more mount, as -v or --mount have it; a container that runs gets it at once"),
	OPT_LIST(0, "mount-rm", "PATH", struct create_options, mount_rm,
		 "take the mount at PATH away, from a container that runs at once"),
	OPT_STRING(0, "pids-limit", "NUMBER", struct create_options, pids_limit,
		   "processes and threads it may have; -1: unlimited"),
	OPT_LIST(0, "publish-add", "[[IP:]PORT:]PORT[/PROTOCOL]", struct create_options,
		 publish_add, "publish one more port, as -p of run does"),
	OPT_LIST(0, "publish-rm", "[IP:]PORT[/PROTOCOL]", struct create_options, publish_rm,
		 "publish a port of the host no more; sessions that are established go on"),
	OPT_STRING(0, "restart", "POLICY", struct create_options, restart,
		   "restart policy: no, on-failure[:N], always or unless-stopped"),
	OPT_LATER(0, "cpu-rt-period", "MICROSECONDS",
		  "real-time groups are not part of the kernels that are supported"),
	OPT_LATER(0, "cpu-rt-runtime", "MICROSECONDS",
		  "real-time groups are not part of the kernels that are supported"),
	OPT_LATER(0, "kernel-memory", "BYTES", "kernels from 5.4 on have no such limit"),
	OPT_END,
};

static int update_one(struct cli *cli, const char *reference, void *data, struct err *err)
{
	struct engine *engine = cli_engine(cli, err);

	return engine ? container_update(engine, reference, data, err) : -err->code;
}

static bool any_set(const struct create_options *o)
{
	return o->blkio_weight || o->cpu_period || o->cpu_quota || o->cpu_shares || o->cpus ||
	       o->cpuset_cpus || o->cpuset_mems || o->memory || o->memory_reservation ||
	       o->memory_swap || o->pids_limit || o->restart || o->publish_add || o->publish_rm ||
	       health_option_any(o) || o->mount_add || o->mount_rm || o->device_add || o->device_rm;
}

static int update_run(void *data, void *args, char **operands, struct err *err)
{
	if (!any_set(args)) {
		err_set(err, EINVAL, "you must provide one or more flags when using this command");
		return 1;
	}
	return cli_each(data, operands, update_one, args);
}

const struct command command_update = {
	.group = "container",
	.name = "update",
	.args = "CONTAINER...",
	.summary =
		"change limits, published ports, mounts and health checks of containers, running ones too",
	.details = "What the kernel refuses is told, and then nothing is changed.",
	.opts = update_opts,
	.args_size = sizeof(struct create_options),
	.run = update_run,
	.flags = COMMAND_INTERSPERSED,
};
