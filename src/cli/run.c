/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run, create, start, attach: a container with its user's terminal or without. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/relay.h"
#include "cli/tty.h"
#include "engine/create.h"
#include "engine/engine.h"
#include "engine/frame.h"
#include "engine/image.h"
#include "engine/lifecycle.h"
#include "engine/publish.h"
#include "engine/repair.h"
#include "engine/start.h"
#include "engine/status.h"

#define LINKS "containers of a network of your own find each other by name; see --network-alias"
#define WINDOWS "this is an option for Windows"
#define REALTIME "realtime scheduling of groups is in no distribution's kernel"

static const struct opt run_opts[] = {
	OPT_LIST(0, "add-host", "NAME:IP", struct create_options, add_hosts,
		 "a line of /etc/hosts; host-gateway as the address is the host"),
	OPT_LIST(0, "annotation", "NAME=VALUE", struct create_options, annotations,
		 "annotate the container for OCI tools"),
	OPT_LIST('a', "attach", "STREAM", struct create_options, attach,
		 "attach to STDIN, STDOUT or STDERR"),
	OPT_STRING(0, "blkio-weight", "10-1000", struct create_options, blkio_weight,
		   "relative weight of block input and output"),
	OPT_LIST(0, "blkio-weight-device", "DEVICE:WEIGHT", struct create_options,
		 blkio_weight_device, "the same for one device"),
	OPT_LIST(0, "cap-add", "CAP", struct create_options, cap_add, "add a Linux capability"),
	OPT_LIST(0, "cap-drop", "CAP", struct create_options, cap_drop, "drop a Linux capability"),
	OPT_STRING(0, "cgroup-parent", "PATH", struct create_options, cgroup_parent,
		   "parent of the container's cgroup, such as /batch"),
	OPT_STRING(0, "cgroupns", "MODE", struct create_options, cgroupns,
		   "cgroup namespace: private or host"),
	OPT_STRING(0, "cidfile", "FILE", struct create_options, cidfile,
		   "write the container's id to FILE"),
	OPT_STRING(0, "cpu-period", "MICROSECONDS", struct create_options, cpu_period,
		   "period of the CPU quota"),
	OPT_STRING(0, "cpu-quota", "MICROSECONDS", struct create_options, cpu_quota,
		   "CPU time in each period"),
	OPT_STRING('c', "cpu-shares", "WEIGHT", struct create_options, cpu_shares,
		   "relative weight of CPU time"),
	OPT_STRING(0, "cpus", "NUMBER", struct create_options, cpus, "number of CPUs, such as 1.5"),
	OPT_STRING(0, "cpuset-cpus", "LIST", struct create_options, cpuset_cpus,
		   "CPUs that may be used (0-3, 0,1)"),
	OPT_STRING(0, "cpuset-mems", "LIST", struct create_options, cpuset_mems,
		   "memory nodes that may be used (0-3, 0,1)"),
	OPT_BOOL('d', "detach", struct create_options, detach,
		 "run in the background and print the container's id"),
	OPT_STRING(0, "detach-keys", "KEYS", struct create_options, detach_keys,
		   "keys that detach from the container"),
	OPT_LIST(
		0, "device", "HOST[:CONTAINER[:RWM]][,follow]", struct create_options, devices,
		"give a device of the host to the container, with follow again when it is plugged in anew; VENDOR/CLASS=NAME: by its CDI file"),
	OPT_LIST(0, "dns", "IP", struct create_options, dns,
		 "name server to ask instead of the host's"),
	OPT_LIST(0, "dns-option", "OPTION", struct create_options, dns_options,
		 "option of resolv.conf"),
	OPT_ALIAS(0, "dns-opt", "OPTION", OPT_KIND_LIST, struct create_options, dns_options),
	OPT_LIST(0, "dns-search", "DOMAIN", struct create_options, dns_search,
		 "search domain; . for none"),
	OPT_LIST(0, "device-cgroup-rule", "TYPE MAJOR:MINOR RWM", struct create_options,
		 device_cgroup_rules, "allow devices by number, such as \"c 42:* rwm\""),
	OPT_LIST(0, "device-read-bps", "DEVICE:RATE", struct create_options, device_read_bps,
		 "limit of bytes read a second from a block device"),
	OPT_LIST(0, "device-read-iops", "DEVICE:RATE", struct create_options, device_read_iops,
		 "limit of reads a second from a block device"),
	OPT_LIST(0, "device-write-bps", "DEVICE:RATE", struct create_options, device_write_bps,
		 "limit of bytes written a second to a block device"),
	OPT_LIST(0, "device-write-iops", "DEVICE:RATE", struct create_options, device_write_iops,
		 "limit of writes a second to a block device"),
	OPT_BOOL(0, "disable-content-trust", struct create_options, disable_content_trust,
		 "no effect, as in Docker"),
	OPT_STRING(0, "domainname", "NAME", struct create_options, domainname,
		   "NIS domain name of the container"),
	OPT_STRING(0, "entrypoint", "COMMAND", struct create_options, entrypoint,
		   "replace the image's ENTRYPOINT"),
	OPT_LIST('e', "env", "NAME[=VALUE]", struct create_options, env,
		 "set an environment variable"),
	OPT_LIST(0, "env-file", "FILE", struct create_options, env_files,
		 "read environment variables from FILE"),
	OPT_LIST(0, "expose", "PORT[/PROTOCOL]", struct create_options, expose,
		 "a port that the application listens at, for -P and inspect"),
	OPT_STRING(0, "gpus", "all|NUMBER|device=ID,...", struct create_options, gpus,
		   "NVIDIA's devices, by their CDI file"),
	OPT_LIST(0, "group-add", "GROUP", struct create_options, group_add,
		 "add a group to the process"),
	OPT_LIST(0, "hooks-dir", "DIR", struct create_options, hooks_dirs,
		 "run the OCI hooks that the files in DIR tell of (oci-hooks(5), version 1.0.0)"),
	OPT_STRING('h', "hostname", "NAME", struct create_options, hostname,
		   "host name of the container"),
	OPT_BOOL(0, "init", struct create_options, init,
		 "run a small init that forwards signals and reaps processes"),
	OPT_BOOL('i', "interactive", struct create_options, interactive, "keep stdin open"),
	OPT_STRING(0, "ipc", "MODE", struct create_options, ipc,
		   "IPC namespace: private, shareable, none, host or container:NAME"),
	OPT_STRING(0, "isolation", "MODE", struct create_options, isolation, "default"),
	OPT_STRING(0, "kernel-memory", "BYTES", struct create_options, kernel_memory,
		   "no effect: the kernel has no such limit any more"),
	OPT_LIST('l', "label", "NAME[=VALUE]", struct create_options, labels, "set a label"),
	OPT_LIST(0, "label-file", "FILE", struct create_options, label_files,
		 "read labels from FILE"),
	OPT_STRING(0, "log-driver", "DRIVER", struct create_options, log_driver,
		   "local, json-file, journald, syslog or none"),
	OPT_LIST(0, "log-opt", "NAME=VALUE", struct create_options, log_opts,
		 "option of the log driver: max-size, max-file, mode, max-buffer-size; of journald tag, labels, env; of syslog tag, "
		 "syslog-address, syslog-facility, syslog-format"),
	OPT_STRING('m', "memory", "BYTES", struct create_options, memory,
		   "memory limit, such as 512m"),
	OPT_STRING(0, "memory-reservation", "BYTES", struct create_options, memory_reservation,
		   "soft memory limit"),
	OPT_STRING(0, "memory-swap", "BYTES", struct create_options, memory_swap,
		   "limit of memory and swap together; -1: no limit"),
	OPT_STRING(0, "memory-swappiness", "0-100", struct create_options, memory_swappiness,
		   "how eagerly to swap (cgroup v1)"),
	OPT_LIST(0, "mount", "OPTIONS", struct create_options, mounts,
		 "mount: type=bind|volume|tmpfs,source=...,target=...,readonly"),
	OPT_STRING(0, "name", "NAME", struct create_options, name, "name of the container"),
	OPT_STRING(0, "ip", "IP", struct create_options, ip,
		   "IPv4 address of the container; dhcp: one of the LAN's server"),
	OPT_STRING(0, "ip6", "IP", struct create_options, ip6, "IPv6 address of the container"),
	OPT_STRING(
		0, "bandwidth", "in=RATE,out=RATE", struct create_options, bandwidth,
		"how much may come to it and leave it by each of its networks, such as in=10mbit,out=1mbit"),
	OPT_LIST(
		0, "egress", "deny|allow=CIDR|NAME[:PORT]", struct create_options, egress,
		"where it may begin connections to: nowhere, but for what is allowed; it can still answer"),
	OPT_LIST(0, "network-device", "LINK[=NAME]", struct create_options, network_devices,
		 "a link of the host that the container gets; a NIC comes back at its end"),
	OPT_LIST(0, "route", "\"SUBNET via GATEWAY\"", struct create_options, routes,
		 "one more route, by a gateway on one of its networks"),
	OPT_STRING(0, "mac-address", "MAC", struct create_options, mac_address,
		   "hardware address of the container's link"),
	OPT_LIST(0, "network", "NETWORK", struct create_options, networks,
		 "a network by name (several are possible; also name=NET,alias=NAME,ip=IP,ip6=IP,mac-address=MAC,"
		 "gw-priority=N,interface-name=NAME), none, or host"),
	OPT_ALIAS(0, "net", "NETWORK", OPT_KIND_LIST, struct create_options, networks),
	OPT_LIST(0, "network-alias", "NAME", struct create_options, network_aliases,
		 "one more name of the container on its network"),
	OPT_ALIAS(0, "net-alias", "NAME", OPT_KIND_LIST, struct create_options, network_aliases),
	OPT_BOOL(0, "oom-kill-disable", struct create_options, oom_kill_disable,
		 "let the container's processes wait instead of killing one (cgroup v1)"),
	OPT_STRING(0, "oom-score-adj", "NUMBER", struct create_options, oom_score_adj,
		   "preference of the host's OOM killer, -1000 to 1000"),
	OPT_STRING(0, "pid", "MODE", struct create_options, pid,
		   "PID namespace: host or container:NAME"),
	OPT_STRING(0, "pids-limit", "NUMBER", struct create_options, pids_limit,
		   "limit of processes and threads; -1: no limit"),
	OPT_BOOL(0, "privileged", struct create_options, privileged,
		 "all rights of the host's root (implies --userns=host)"),
	OPT_LIST(
		'p', "publish", "[[IP:]PORT:]PORT[/PROTOCOL]", struct create_options, publish,
		"publish a port of the container on the host; ranges are possible, and without a host port any free one"),
	OPT_BOOL('P', "publish-all", struct create_options, publish_all,
		 "publish every exposed port on a free port of the host"),
	OPT_STRING(
		0,
		"publish-mode", "MODE", struct create_options, publish_mode,
		"kernel: translate (the default); visible: relay, so that netstat shows LISTEN and every session"),
	OPT_STRING(0, "pull", "WHEN", struct create_options, pull,
		   "when to get the image from its registry: always, missing or never"),
	OPT_BOOL('q', "quiet", struct create_options, quiet, "no warnings"),
	OPT_BOOL(0, "read-only", struct create_options, read_only,
		 "mount the root file system read-only"),
	OPT_BOOL(0, "replace", struct create_options, replace,
		 "remove a container that has the name already, whatever it does"),
	OPT_LIST(
		0, "requires", "CONTAINER[:healthy]", struct create_options, requires,
		"a container that is started before this one; with :healthy its first good check is waited for"),
	OPT_STRING(0, "restart", "POLICY", struct create_options, restart,
		   "restart policy: no, on-failure[:N], always or unless-stopped"),
	OPT_BOOL(0, "rm", struct create_options, remove, "remove the container when it ends"),
	OPT_STRING(0, "rootfs", "DIR[:rw]", struct create_options, rootfs,
		   "use a folder instead of an image; :rw writes in place"),
	OPT_STRING(
		0,
		"runtime", "NAME|PATH", struct create_options, runtime,
		"another OCI runtime of the host, such as crun or runc, in place of Cloche's own"),
	OPT_LIST(0, "secret", "id=NAME,src=FILE|env=NAME", struct create_options, secrets,
		 "a file in /run/secrets that lies in memory only; also target=, uid=, gid=, mode="),
	OPT_LIST(
		0, "security-opt", "OPTION", struct create_options, security_opt,
		"seccomp=PROFILE, apparmor=PROFILE, label=disable|user:U|role:R|type:T|level:L|filetype:T, no-new-privileges, systempaths=unconfined"),
	OPT_STRING(0, "shm-size", "BYTES", struct create_options, shm_size, "size of /dev/shm"),
	OPT_STRING(0, "sig-proxy", "true|false", struct create_options, sig_proxy,
		   "pass signals on to the process (default true)"),
	OPT_STRING(0, "stop-signal", "SIGNAL", struct create_options, stop_signal,
		   "signal that stops the container"),
	OPT_STRING(0, "stop-timeout", "SECONDS", struct create_options, stop_timeout,
		   "grace before a stop kills"),
	OPT_LIST(0, "sysctl", "NAME=VALUE", struct create_options, sysctls,
		 "set a kernel parameter of the container's namespaces"),
	OPT_LIST(0, "tmpfs", "PATH[:OPTIONS]", struct create_options, tmpfs, "mount a tmpfs"),
	OPT_STRING(
		0,
		"systemd", "MODE", struct create_options, systemd,
		"what systemd needs as the first process: true (when the program is one), always or false"),
	OPT_BOOL(
		0, "register", struct create_options, register_machine,
		"tell systemd-machined of the container, in a scope of its own: for machinectl, ps -o machine and journalctl -M"),
	OPT_BOOL('t', "tty", struct create_options, tty, "give the container a terminal"),
	OPT_STRING(0, "tz", "ZONE", struct create_options, tz,
		   "time zone, such as Europe/Paris; local: the host's"),
	OPT_LIST(0, "ulimit", "NAME=SOFT[:HARD]", struct create_options, ulimits,
		 "set a resource limit"),
	OPT_STRING(0, "umask", "OCTAL", struct create_options, umask,
		   "file mode mask of the process (default 0022)"),
	OPT_STRING('u', "user", "USER[:GROUP]", struct create_options, user,
		   "user of the process, name or number"),
	OPT_BOOL(0, "host-modules", struct create_options, host_modules,
		 "mount the host's /lib/modules of the running kernel, read-only"),
	OPT_STRING(0, "guard", "MODE", struct create_options, guard,
		   "kill guard: deny, audit or off (default: the setting guard)"),
	OPT_STRING(0, "timeout", "SECONDS", struct create_options, timeout,
		   "kill the container when it still runs after that time"),
	OPT_STRING(
		0,
		"userns", "MODE", struct create_options, userns,
		"user namespace: private or auto (own ids), keep-id (own ids; the process has your user's number), or host"),
	OPT_STRING(0, "uts", "MODE", struct create_options, uts,
		   "UTS namespace: host or container:NAME"),
	OPT_LIST('v', "volume", "SOURCE:TARGET[:OPTIONS]", struct create_options, volumes,
		 "mount a volume or a host path"),
	OPT_STRING(0, "volume-driver", "NAME", struct create_options, volume_driver, "local"),
	OPT_LIST(0, "volumes-from", "CONTAINER[:ro|rw]", struct create_options, volumes_from,
		 "mount the volumes and binds of another container"),
	OPT_STRING('w', "workdir", "DIR", struct create_options, workdir, "working folder"),
	OPT_LATER(0, "link", "CONTAINER", LINKS),
	OPT_LATER(0, "link-local-ip", "IP", "a link-local address is the kernel's own choice"),
	OPT_LATER(0, "cpu-count", "NUMBER", WINDOWS),
	OPT_LATER(0, "cpu-percent", "NUMBER", WINDOWS),
	OPT_LATER(0, "cpu-rt-period", "MICROSECONDS", REALTIME),
	OPT_LATER(0, "cpu-rt-runtime", "MICROSECONDS", REALTIME),
	OPT_LATER(0, "io-maxbandwidth", "BYTES", WINDOWS),
	OPT_LATER(0, "io-maxiops", "NUMBER", WINDOWS),
	OPT_LATER(0, "use-api-socket", NULL, "there is no API socket to give"),
	OPT_STRING(0, "health-cmd", "COMMAND", struct create_options, health_cmd,
		   "command that checks its health; 0 is healthy"),
	OPT_STRING(0, "health-interval", "DURATION", struct create_options, health_interval,
		   "time between checks (default 30s)"),
	OPT_STRING(0, "health-on-failure", "ACTION", struct create_options, health_on_failure,
		   "what is done with an unhealthy container: none, kill, restart or stop"),
	OPT_STRING(0, "health-retries", "NUMBER", struct create_options, health_retries,
		   "failures in a row that make it unhealthy (default 3)"),
	OPT_STRING(0, "health-start-interval", "DURATION", struct create_options,
		   health_start_interval, "time between checks in the start period (default 5s)"),
	OPT_STRING(0, "health-start-period", "DURATION", struct create_options, health_start_period,
		   "time to start up, in which failures do not count"),
	OPT_STRING(0, "health-timeout", "DURATION", struct create_options, health_timeout,
		   "time that a check may take (default 30s)"),
	OPT_BOOL(0, "no-healthcheck", struct create_options, no_healthcheck,
		 "no check, whatever the image has"),
	OPT_STRING(0, "platform", "OS/ARCH[/VARIANT]", struct create_options, platform,
		   "the platform that the image must be for, and that is pulled"),
	OPT_LIST(0, "storage-opt", "size=BYTES", struct create_options, storage_opt,
		 "limit of the disk space that the container's own layer may take"),
	OPT_END,
};

static bool attach_has(const struct create_options *o, const char *stream)
{
	for (size_t i = 0; o->attach && o->attach[i]; i++)
		if (strcasecmp(o->attach[i], stream) == 0)
			return true;
	return false;
}

static int options_check(struct create_options *o, char **operands, bool run, struct err *err)
{
	for (size_t i = 0; o->attach && o->attach[i]; i++)
		if (strcasecmp(o->attach[i], "stdin") != 0 &&
		    strcasecmp(o->attach[i], "stdout") != 0 &&
		    strcasecmp(o->attach[i], "stderr") != 0)
			return err_argument(err, o->attach[i], "-a, --attach",
					    "valid streams are STDIN, STDOUT and STDERR");
	if (run && o->detach && o->attach) {
		err_set(err, EINVAL,
			"conflicting options: cannot specify both --attach and --detach");
		return err_exit(err, 1);
	}
	if (o->pull && strcmp(o->pull, "always") != 0 && strcmp(o->pull, "missing") != 0 &&
	    strcmp(o->pull, "never") != 0)
		return err_set(
			err, EINVAL,
			"invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"",
			o->pull);
	if (o->sig_proxy && strcmp(o->sig_proxy, "true") != 0 && strcmp(o->sig_proxy, "false") != 0)
		return err_set(err, EINVAL, "invalid argument \"%s\" for \"--sig-proxy\" flag",
			       o->sig_proxy);
	if (o->detach_keys && detach_keys_check(o->detach_keys, err) < 0)
		return -err->code;
	if (run && !o->detach && o->tty && o->interactive && !isatty(0)) {
		err_set(err, EINVAL, "the input device is not a TTY");
		return err_exit(err, 1);
	}
	if (!o->rootfs && !operands[0]) {
		err_set(err, EINVAL,
			"\"cloche %s\" requires at least 1 argument: an image, or --rootfs DIR",
			run ? "run" : "create");
		err_exit(err, 1);
		return -EINVAL;
	}
	if (attach_has(o, "stdin"))
		o->interactive = true;
	return 0;
}

static void warnings_print(const struct create_options *o, char **warnings)
{
	for (size_t i = 0; !o->quiet && warnings && warnings[i]; i++)
		cli_warn(warnings[i]);
}

static void tell_missing(const char *familiar)
{
	(void)fprintf(stderr, "Unable to find image '%s' locally\n", familiar);
}

static int image_get(struct engine *engine, const struct create_options *o, const char *image,
		     struct err *err)
{
	const char *when = o->pull ? o->pull : "missing";
	_cleanup_strv_ char **words = NULL;

	if (o->rootfs || strcmp(image, "host") == 0)
		return 0;
	if (o->quiet) {
		strv_add(&words, "--progress");
		strv_add(&words, "none");
	}
	if (o->platform && *o->platform) {
		strv_add(&words, "--platform");
		strv_add(&words, o->platform);
	}
	return image_ensure(engine, image, when, words, tell_missing, err);
}

/* ret_lock: of `run`, the container's lock, under which it is started; else NULL. */
static int create(struct cli *cli, struct create_options *o, char **operands, bool run,
		  struct record *record, int *ret_lock, char ***warnings, struct err *err)
{
	char **command = o->rootfs ? operands : operands[0] ? operands + 1 : operands;
	struct engine *engine;
	int r = options_check(o, operands, run, err);

	if (r < 0)
		return r;
	engine = cli_engine(cli, err);
	if (!engine)
		return -err->code;
	if (!run)
		o->detach = false; /* `create` records what a later `start -a` attaches to */
	r = image_get(engine, o, operands[0], err);
	if (r < 0)
		return run ? r : err_exit(err, 1);
	r = create_container(engine, o, o->rootfs ? NULL : operands[0], command, record, ret_lock,
			     warnings, err);
	if (!run && (r == -EEXIST || err->kind == ERR_NO_IMAGE))
		return err_exit(err, 1);
	return r;
}

/* Docker's: 1 for too few words, an image that cannot be had and a name that is taken; `run` has 125 for the last two. */
static int create_status(const struct err *err)
{
	return err->exit_status == 1 ? 1 : 125;
}

static int create_run(void *data, void *args, char **operands, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_strv_ char **warnings = NULL;

	if (create(data, args, operands, false, &record, NULL, &warnings, err) < 0)
		return create_status(err);
	warnings_print(args, warnings);
	(void)printf("%s\n", record.row.id);
	return 0;
}

int cli_create(struct cli *cli, char **argv, struct record *record, struct err *err)
{
	struct create_options *o = mem_new(sizeof(*o));
	_cleanup_strv_ char **warnings = NULL;
	char **operands;
	int r = opt_parse(&command_create, argv, o, &operands, err);

	if (r == 0)
		r = create(cli, o, operands, false, record, NULL, &warnings, err);
	if (r == 0)
		warnings_print(o, warnings);
	opt_args_free(&command_create, o);
	return r;
}

const struct command command_create = {
	.group = "container",
	.name = "create",
	.args = "[IMAGE] [COMMAND] [ARG...]",
	.summary = "create a container without starting it",
	.details =
		"The options are those of cloche-run(1). The container's id is printed; cloche-start(1) starts it.",
	.opts = run_opts,
	.args_size = sizeof(struct create_options),
	.run = create_run,
};

/* -- attached --------------------------------------------------------------------------------- */

/* A command that ends at once is released with the store that is open; nobody holds it open for days. */
static void store_rest(void *engine)
{
	engine_store_close(engine);
}

/* The attached command is the one that releases, since it waits anyway; when it goes away, the monitor does. */
static int attached(struct engine *engine, const struct record *record, int client,
		    struct relay *relay, struct err *err)
{
	int code = 0, end;

	relay->later = store_rest;
	relay->later_data = engine;
	end = relay_frames(client, relay, &code, err);

	if (end == RELAY_DETACHED)
		return 0;
	if (end == RELAY_LOST) {
		err_set(err, EPIPE, "the monitor of %s was killed; the container runs on",
			record->row.name);
		err_hint(err, "attach again with: cloche attach %s", record->row.name);
		return 125;
	}
	if (end < 0)
		return 125;
	fd_close(client);
	if (lifecycle_reap(engine, record->row.id, err) < 0)
		return 125;
	if (engine->death)
		(void)fprintf(stderr, "cloche: %s: %s\n", record->row.name, engine->death);
	return code;
}

/* On a terminal, where the published ports are to be found. */
static void urls_tell(struct engine *engine, const struct record *record)
{
	_cleanup_json_ json_t *ports = publish_json(engine, record, true);
	const json_t *one;
	const char *key;
	json_t *list;
	size_t i;

	json_object_foreach(ports, key, list)
	{
		json_array_foreach(list, i, one)
		{
			const char *ip = json_string_at(one, "HostIp", "");
			bool any = strcmp(ip, "0.0.0.0") == 0, six = strchr(ip, ':') != NULL;

			if (!str_suffix(key, "/tcp") || strcmp(ip, "::") == 0)
				continue;
			(void)fprintf(stderr, "port %s: http://%s%s%s:%s/\n", key, six ? "[" : "",
				      any ? "localhost" : ip, six ? "]" : "",
				      json_string_at(one, "HostPort", ""));
		}
	}
}

static int run_run(void *data, void *args, char **operands, struct err *err)
{
	struct cli *cli = data;
	struct create_options *o = args;
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_strv_ char **warnings = NULL;
	struct start_options start = { 0 };
	struct relay relay = { .detach_keys = o->detach_keys };
	int client = -1, lock, r = create(cli, o, operands, true, &record, &lock, &warnings, err);

	if (r < 0)
		return create_status(err);
	relay.tty = o->tty;
	relay.input = !o->detach && (o->interactive) && (!o->attach || attach_has(o, "stdin"));
	relay.output = !o->detach &&
		       (!o->attach || attach_has(o, "stdout") || attach_has(o, "stderr"));
	relay.mute[1] = o->attach && !attach_has(o, "stdout");
	relay.mute[2] = o->attach && !attach_has(o, "stderr");
	relay.proxy = !str_equal(o->sig_proxy, "false");
	relay.signal_pidfd = -1;
	if (!relay.detach_keys)
		relay.detach_keys = cli->engine->settings.detach_keys;
	if (!o->detach)
		start.hello_flags = HELLO_REAPS | (relay.output ? HELLO_OUTPUT : 0) |
				    (relay.input ? HELLO_STDIN | HELLO_STDIN_ONCE : 0);
	if (o->tty)
		(void)tty_size(&start.rows, &start.columns);
	r = start_container(cli->engine, &record, &start, &client, &warnings, err);
	warnings_print(o, warnings);
	if (cli->engine->forwarding_begun && isatty(2) && !o->quiet)
		(void)fputs(
			"this host forwards packets from now on, for the containers' networks: docs/networks.md\n",
			stderr);
	if (r < 0) {
		int status = err->exit_status ? err->exit_status : 125;
		struct err ignored = ERR_NONE;

		if (o->remove)
			(void)remove_container(cli->engine, &record, true, &ignored);
		engine_unlock(cli->engine, record.row.id, lock);
		(void)err_wrap(err, "run %s", record.row.name);
		return status;
	}
	engine_unlock(cli->engine, record.row.id, lock);
	if (o->detach) {
		fd_close(client);
		(void)printf("%s\n", record.row.id);
		if (isatty(2) && !o->quiet)
			urls_tell(cli->engine, &record);
		return 0;
	}
	relay.signal_pidfd = status_pidfd(cli->engine, record.row.id);
	r = attached(cli->engine, &record, client, &relay, err);
	fd_close(relay.signal_pidfd);
	return r;
}

const struct command command_run = {
	.group = "container",
	.name = "run",
	.args = "[IMAGE] [COMMAND] [ARG...]",
	.summary = "run a command in a new container",
	.details =
		"IMAGE is a loaded image, or the built-in image host: the programs of this host, read-only, over a fresh root file system "
		"in which nothing else of the host is to be seen.\n\n"
		"The exit status is the command's own; 125 when the engine failed, 126 when the command cannot be executed, 127 when it is not found, "
		"128+n when signal n ended it.",
	.opts = run_opts,
	.args_size = sizeof(struct create_options),
	.run = run_run,
};

/* -- start ------------------------------------------------------------------------------------ */

struct start_args {
	bool attach, interactive;
	const char *detach_keys, *sig_proxy;
};

static const struct opt start_opts[] = {
	OPT_BOOL('a', "attach", struct start_args, attach,
		 "attach stdout and stderr and forward signals"),
	OPT_STRING(0, "detach-keys", "KEYS", struct start_args, detach_keys,
		   "keys that detach from the container"),
	OPT_BOOL('i', "interactive", struct start_args, interactive, "attach stdin"),
	OPT_STRING(0, "sig-proxy", "true|false", struct start_args, sig_proxy,
		   "pass signals on to the process (default true)"),
	OPT_END,
};

static int start_one(struct cli *cli, const char *reference, const struct start_options *asked,
		     struct record *record, int *ret_client, struct err *err)
{
	struct engine *engine = cli_engine(cli, err);
	struct start_options options = *asked;
	_cleanup_strv_ char **warnings = NULL;
	struct container_status status;
	int lock, r = engine ? record_lock(engine, reference, record, &lock, err) : -err->code;

	if (r < 0)
		return r;
	status_get(engine, record->row.id, &status);
	if (status.status != STATUS_RUNNING || status.ending) {
		lifecycle_settle(engine, record->row.id);
		r = release_container(engine, record, err);
		if (r == 0 && json_bool_at(record->config, "HostConfig.AutoRemove")) {
			_cleanup_(record_clear) struct record again = RECORD_EMPTY;

			/* it may just have been removed, which a killed command had left to do */
			r = record_find(engine, record->row.id, &again, err);
			if (r == -ENOENT) {
				err_clear(err);
				err_set(err, ENOENT, "No such container: %s", reference);
			}
		}
		if (options.hello_flags & HELLO_STDIN &&
		    json_bool_at(record->config, "Config.StdinOnce"))
			options.hello_flags |= HELLO_STDIN_ONCE;
		if (r == 0)
			r = start_container(engine, record, &options, ret_client, &warnings, err);
		for (size_t i = 0; warnings && warnings[i]; i++)
			cli_warn(warnings[i]);
	}
	engine_unlock(engine, record->row.id, lock);
	return r < 0 ? err_wrap(err, "start %s", reference) : 0;
}

static int start_plain(struct cli *cli, const char *reference, void *data, struct err *err)
{
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { 0 };
	int client = -1, r = start_one(cli, reference, &options, &record, &client, err);

	(void)data;
	fd_close(client);
	return r;
}

static int start_run(void *data, void *args, char **operands, struct err *err)
{
	struct cli *cli = data;
	struct start_args *a = args;
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct start_options options = { 0 };
	struct relay relay = { .output = true,
			       .input = a->interactive,
			       .detach_keys = a->detach_keys };
	int client = -1;

	if (a->detach_keys && detach_keys_check(a->detach_keys, err) < 0)
		return 1;
	if (!a->attach && !a->interactive)
		return cli_each(cli, operands, start_plain, NULL);
	if (operands[1]) {
		err_set(err, EINVAL, "you cannot start and attach multiple containers at once");
		return 1;
	}
	(void)tty_size(&options.rows, &options.columns);
	options.hello_flags = HELLO_REAPS | HELLO_OUTPUT | (a->interactive ? HELLO_STDIN : 0);
	if (start_one(cli, operands[0], &options, &record, &client, err) < 0)
		return err->exit_status == 126 || err->exit_status == 127 ? err->exit_status : 1;
	if (client < 0) {
		err_set(err, EBUSY, "container %s is running already", operands[0]);
		err_hint(err, "attach to it with: cloche attach %s", operands[0]);
		return 1;
	}
	relay.tty = json_bool_at(record.config, "Config.Tty");
	relay.input = a->interactive && json_bool_at(record.config, "Config.OpenStdin");
	relay.proxy = !str_equal(a->sig_proxy, "false");
	if (!relay.detach_keys)
		relay.detach_keys = cli->engine->settings.detach_keys;
	relay.signal_pidfd = status_pidfd(cli->engine, record.row.id);
	return attached(cli->engine, &record, client, &relay, err);
}

const struct command command_start = {
	.group = "container",
	.name = "start",
	.args = "CONTAINER...",
	.summary = "start one or more stopped containers",
	.opts = start_opts,
	.args_size = sizeof(struct start_args),
	.run = start_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- attach ----------------------------------------------------------------------------------- */

struct attach_args {
	bool no_stdin;
	const char *detach_keys, *sig_proxy;
};

static const struct opt attach_opts[] = {
	OPT_STRING(0, "detach-keys", "KEYS", struct attach_args, detach_keys,
		   "keys that detach from the container"),
	OPT_BOOL(0, "no-stdin", struct attach_args, no_stdin, "do not attach stdin"),
	OPT_STRING(0, "sig-proxy", "true|false", struct attach_args, sig_proxy,
		   "pass signals on to the process (default true)"),
	OPT_END,
};

static int monitor_connect(struct engine *engine, const char *id, struct err *err)
{
	_cleanup_close_ int run = engine_run_dir(engine, id, false, err);
	int s = run < 0 ? run : frame_connect(run);

	return s < 0 ? err_sys(err, s, "connect to the monitor") : s;
}

static int attach_run(void *data, void *args, char **operands, struct err *err)
{
	struct cli *cli = data;
	struct attach_args *a = args;
	struct engine *engine = cli_engine(cli, err);
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	struct container_status status;
	struct relay relay = { .output = true, .detach_keys = a->detach_keys };
	int client, code = 0, end;

	if (a->detach_keys && detach_keys_check(a->detach_keys, err) < 0)
		return 1;
	if (!engine || record_find(engine, operands[0], &record, err) < 0)
		return 1;
	status_get(engine, record.row.id, &status);
	if (status.status == STATUS_RUNNING)
		repair_wait(engine, record.row.id, &status);
	if (status.status != STATUS_RUNNING || status.paused) {
		err_set(err, ESRCH, "cannot attach to a %s",
			status.paused	  ? "paused container, unpause it first" :
			status.restarting ? "restarting container, wait until it is running" :
					    "stopped container, start it first");
		return 1;
	}
	relay.tty = json_bool_at(record.config, "Config.Tty");
	relay.input = !a->no_stdin && json_bool_at(record.config, "Config.OpenStdin");
	relay.proxy = !str_equal(a->sig_proxy, "false");
	if (relay.tty && relay.input && !isatty(0)) {
		err_set(err, EINVAL, "the input device is not a TTY");
		return 1;
	}
	if (!relay.detach_keys)
		relay.detach_keys = engine->settings.detach_keys;
	relay.signal_pidfd = status_pidfd(engine, record.row.id);
	engine_kill_point("attach-begin");
	client = monitor_connect(engine, record.row.id, err);
	if (client >= 0 &&
	    frame_hello(client,
			HELLO_OUTPUT | (relay.input ? HELLO_STDIN : 0) |
				(json_bool_at(record.config, "Config.StdinOnce") && relay.input ?
					 HELLO_STDIN_ONCE :
					 0)) < 0)
		err_set(err, EPIPE, "the monitor of %s does not answer", operands[0]);
	engine_store_close(engine);
	end = err->code ? -err->code : relay_frames(client, &relay, &code, err);
	/* it has ended, and its monitor with it, before that came to us: the code is all there is to have */
	if ((end == RELAY_LOST || end < 0) &&
	    (relay.signal_pidfd < 0 || lifecycle_ended(relay.signal_pidfd, 0))) {
		err_clear(err);
		return lifecycle_wait(engine, record.row.id, &code, err) < 0 ? 1 : code;
	}
	if (end == RELAY_LOST)
		err_set(err, EPIPE, "the monitor of %s was killed; the container runs on",
			record.row.name);
	return end == RELAY_EXIT ? code : end == RELAY_DETACHED ? 0 : 1;
}

const struct command command_attach = {
	.group = "container",
	.name = "attach",
	.args = "CONTAINER",
	.summary = "attach the terminal's streams to a running container",
	.opts = attach_opts,
	.args_size = sizeof(struct attach_args),
	.run = attach_run,
	.flags = COMMAND_INTERSPERSED,
};
