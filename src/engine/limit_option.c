/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/limit_option.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/apparmor.h"
#include "engine/cdi.h"
#include "engine/create.h"
#include "engine/device_follow.h"
#include "engine/engine.h"
#include "engine/foreign_runtime.h"
#include "engine/network_option.h"
#include "engine/restart.h"
#include "engine/selinux.h"
#include "runtime/capability.h"
#include "runtime/ulimit.h"

enum { MEMORY_MINIMUM_BYTES = 6 << 20 };

/* -- limits ----------------------------------------------------------------------------------- */

static int bytes_put(json_t *host, const char *key, const char *text, const char *option,
		     struct err *err)
{
	uint64_t bytes = 0;

	if (text && (str_to_bytes(text, &bytes) < 0 || bytes > INT64_MAX))
		return err_argument(err, text, option, "invalid size: '%s'", text);
	json_put(host, key, json_integer((json_int_t)bytes));
	return 0;
}

static int number_put(json_t *host, const char *key, const char *text, const char *option,
		      int64_t low, int64_t high, int64_t otherwise, struct err *err)
{
	int64_t value = otherwise;
	char *end;

	if (text) {
		errno = 0;
		value = strtoll(text, &end, 10);
		if (errno || !*text || *end)
			return err_argument(err, text, option, "not a number");
		if (value < low || value > high)
			return err_set(
				err, ERANGE,
				"invalid argument \"%s\" for \"%s\" flag: valid range is %lld to %lld",
				text, option, (long long)low, (long long)high);
	}
	json_put(host, key, json_integer(value));
	return 0;
}

/* "1.5" CPUs to billionths, without floating point. */
static int cpus_put(json_t *host, const char *text, struct err *err)
{
	uint64_t whole = 0, part = 0, unit = 1000000000;
	const char *dot;

	if (text) {
		_cleanup_free_ char *front = NULL;

		dot = strchrnul(text, '.');
		front = str_ndup(text, (size_t)(dot - text));
		if ((*front && str_to_u64(front, 1000000, &whole) < 0) || (!*front && !*dot) ||
		    strlen(dot) > 10)
			return err_argument(err, text, "--cpus",
					    "failed to parse as a rational number");
		for (const char *p = *dot ? dot + 1 : dot; *p; p++) {
			if (*p < '0' || *p > '9')
				return err_argument(err, text, "--cpus",
						    "failed to parse as a rational number");
			unit /= 10;
			part += (uint64_t)(*p - '0') * unit;
		}
		if (whole * 1000000000 + part >
		    (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) * 1000000000)
			return err_set(
				err, ERANGE,
				"Range of CPUs is from 0.01 to %ld.00, as there are only %ld CPUs available",
				sysconf(_SC_NPROCESSORS_ONLN), sysconf(_SC_NPROCESSORS_ONLN));
		if (whole == 0 && part > 0 && part < 10000000)
			return err_set(err, ERANGE, "Range of CPUs is from 0.01 to %ld.00",
				       sysconf(_SC_NPROCESSORS_ONLN));
	}
	json_put(host, "NanoCpus", json_integer((json_int_t)whole * 1000000000 + (json_int_t)part));
	return 0;
}

/* "0-3,7" as bits; false: not a list of numbers below 4096. */
static bool cpu_list(const char *text, uint64_t bits[64])
{
	memset(bits, 0, 64 * sizeof(*bits));
	while (*text && *text != '\n') {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (!isdigit((unsigned char)*text))
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (!isdigit((unsigned char)*text))
				return false;
		}
		if (last >= 4096 || first > last)
			return false;
		for (unsigned long n = first; n <= last; n++)
			bits[n / 64] |= UINT64_C(1) << n % 64;
		if (*end == ',' && !isdigit((unsigned char)end[1]))
			return false;
		if (*end && *end != ',' && *end != '\n')
			return false;
		text = *end ? end + 1 : end;
	}
	return true;
}

/* what: CPUs or memory nodes, whose numbers the kernel lists in the file `online`. */
static int cpuset_put(json_t *host, const char *key, const char *text, const char *what,
		      const char *online, struct err *err)
{
	_cleanup_(buf_clear) struct buf have = BUF_EMPTY;
	uint64_t wanted[64], here[64];

	if (text && *text) {
		if (!cpu_list(text, wanted))
			return err_set(err, EINVAL, "Invalid value %s for cpuset %s", text,
				       strcmp(what, "CPUs") == 0 ? "cpus" : "mems");
		/* a kernel without NUMA has no such file, and one node */
		if (file_read(AT_FDCWD, online, 4096, &have) < 0)
			buf_puts(&have, "0");
		have.data[strcspn(have.data, "\n")] = '\0';
		if (!cpu_list(have.data, here))
			here[0] = 1;
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (wanted[i] & ~here[i])
				return err_set(
					err, EINVAL,
					"Requested %s are not available - requested %s, available: %s",
					what, text, have.data);
	}
	json_put(host, key, json_text(text));
	return 0;
}

static int ulimits_put(json_t *host, char *const *list, struct err *err)
{
	json_t *array = json_array();

	json_put(host, "Ulimits", array);
	for (size_t i = 0; list && list[i]; i++) {
		char name[16];
		int64_t soft, hard;
		int r = ulimit_parse(list[i], name, &soft, &hard, err);
		struct rlimit now;
		json_t *one;

		if (r < 0)
			return err_wrap(err, "invalid argument \"%s\" for \"--ulimit\" flag",
					list[i]);
		/* Known now, so said now: this host's root may be without CAP_SYS_RESOURCE. */
		if (getrlimit((__rlimit_resource_t)ulimit_resource(name), &now) == 0 &&
		    now.rlim_max != RLIM_INFINITY && (hard < 0 || (rlim_t)hard > now.rlim_max) &&
		    !(capability_host_bounding() & UINT64_C(1) << 24)) {
			err_set(err, EPERM, "ulimit %s: the hard limit of this host is %llu",
				list[i], (unsigned long long)now.rlim_max);
			return err_hint(
				err,
				"raising it needs CAP_SYS_RESOURCE, which root does not have here");
		}
		one = json_object();
		json_put(one, "Name", json_text(name));
		json_put(one, "Hard", json_integer(hard));
		json_put(one, "Soft", json_integer(soft));
		json_push(array, one);
	}
	return 0;
}

static bool sysctl_allowed(const char *name, bool own_network, bool own_ipc)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb",
					   "kernel.msgmni", "kernel.sem",
					   "kernel.shmall", "kernel.shmmax",
					   "kernel.shmmni", "kernel.shm_rmid_forced" };

	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		if (strcmp(name, ipc[i]) == 0)
			return own_ipc;
	if (str_prefix(name, "fs.mqueue."))
		return own_ipc;
	return str_prefix(name, "net.") && own_network;
}

static int sysctls_put(json_t *host, char *const *list, bool own_network, bool own_ipc,
		       struct err *err)
{
	json_t *object = json_object();

	json_put(host, "Sysctls", object);
	for (size_t i = 0; list && list[i]; i++) {
		_cleanup_free_ char *name = str_dup(list[i]);
		char *value = strchr(name, '=');

		if (!value || value == name)
			return err_set(err, EINVAL, "sysctl '%s' is not name=value", list[i]);
		*value++ = '\0';
		for (char *p = name; *p; p++)
			if (*p == '/')
				*p = '.';
		if (strstr(name, "..") || !sysctl_allowed(name, own_network, own_ipc)) {
			err_set(err, EPERM, "sysctl '%s' is not allowed", name);
			return err_hint(
				err,
				"only net.* with an own network, and fs.mqueue.*, kernel.msg*, "
				"kernel.sem, kernel.shm* with an own ipc namespace");
		}
		if (strpbrk(value, "\n\r") || strlen(value) > 255)
			return err_set(err, EINVAL, "sysctl '%s': bad value", name);
		json_put(object, name, json_text(value));
	}
	return 0;
}

int limit_options(struct engine *engine, const struct create_options *o, json_t *host,
		  struct err *err)
{
	char pids[24];
	int r;

	(void)snprintf(pids, sizeof(pids), "%llu", (unsigned long long)engine->settings.pids_limit);
	if ((r = bytes_put(host, "Memory", o->memory, "-m, --memory", err)) < 0 ||
	    (r = bytes_put(host, "MemoryReservation", o->memory_reservation, "--memory-reservation",
			   err)) < 0 ||
	    (r = number_put(host, "MemorySwappiness", o->memory_swappiness, "--memory-swappiness",
			    -1, 100, -1, err)) < 0 ||
	    (r = cpus_put(host, o->cpus, err)) < 0 ||
	    (r = number_put(host, "CpuShares", o->cpu_shares, "-c, --cpu-shares", 0, 262144, 0,
			    err)) < 0 ||
	    (r = number_put(host, "CpuPeriod", o->cpu_period, "--cpu-period", 0, 1000000, 0, err)) <
		    0 ||
	    (r = number_put(host, "CpuQuota", o->cpu_quota, "--cpu-quota", -1, INT64_MAX / 1000, 0,
			    err)) < 0 ||
	    (r = cpuset_put(host, "CpusetCpus", o->cpuset_cpus, "CPUs",
			    "/sys/devices/system/cpu/online", err)) < 0 ||
	    (r = cpuset_put(host, "CpusetMems", o->cpuset_mems, "memory nodes",
			    "/sys/devices/system/node/online", err)) < 0 ||
	    (r = number_put(host, "PidsLimit", o->pids_limit ? o->pids_limit : pids, "--pids-limit",
			    -1, INT64_MAX, 0, err)) < 0 ||
	    (r = number_put(host, "OomScoreAdj", o->oom_score_adj, "--oom-score-adj", -1000, 1000,
			    0, err)) < 0)
		return r;
	if (o->memory_swap && strcmp(o->memory_swap, "-1") == 0)
		json_put(host, "MemorySwap", json_integer(-1));
	else if ((r = bytes_put(host, "MemorySwap", o->memory_swap, "--memory-swap", err)) < 0)
		return r;
	if (json_int_at(host, "PidsLimit", 0) == 0)
		json_put(host, "PidsLimit", json_integer(-1)); /* Docker: 0 and -1 are no limit */
	if (o->memory && json_int_at(host, "Memory", 0) > 0 &&
	    json_int_at(host, "Memory", 0) < MEMORY_MINIMUM_BYTES)
		return err_set(err, EINVAL, "Minimum memory limit allowed is 6MB");
	if (o->memory_swap && !o->memory)
		return err_set(
			err, EINVAL,
			"You should always set the Memory limit when using Memoryswap limit, see usage");
	if (json_int_at(host, "MemorySwap", 0) > 0 &&
	    json_int_at(host, "MemorySwap", 0) < json_int_at(host, "Memory", 0))
		return err_set(
			err, EINVAL,
			"Minimum memoryswap limit should be larger than memory limit, see usage");
	/* Docker's: as much swap as memory where nothing is said; a kernel without the account of it has no such limit */
	if (json_int_at(host, "Memory", 0) > 0 && !o->memory_swap)
		json_put(host, "MemorySwap", json_integer(2 * json_int_at(host, "Memory", 0)));
	if (o->memory && json_int_at(host, "Memory", 0) < json_int_at(host, "MemoryReservation", 0))
		return err_set(
			err, EINVAL,
			"Minimum memory limit can not be less than memory reservation limit, see usage");
	if (o->cpu_period && json_int_at(host, "CpuPeriod", 0) != 0 &&
	    json_int_at(host, "CpuPeriod", 0) < 1000)
		return err_set(
			err, ERANGE,
			"CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
	if (o->cpu_quota && json_int_at(host, "CpuQuota", 0) > 0 &&
	    json_int_at(host, "CpuQuota", 0) < 1000)
		return err_set(err, ERANGE, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	if (o->cpus && (o->cpu_quota || o->cpu_period))
		return err_set(err, EINVAL,
			       "Conflicting options: Nano CPUs and CPU %s cannot both be set",
			       o->cpu_quota ? "Quota" : "Period");
	if (o->shm_size) {
		if ((r = bytes_put(host, "ShmSize", o->shm_size, "--shm-size", err)) < 0)
			return r;
	} else {
		json_put(host, "ShmSize",
			 json_integer((json_int_t)engine->settings.shm_size_bytes));
	}
	r = ulimits_put(host, o->ulimits, err);
	return r < 0 ? r :
		       sysctls_put(host, o->sysctls, !str_equal(network_option_mode(o), "host"),
				   !str_equal(o->ipc, "host"), err);
}

/* -- rights ----------------------------------------------------------------------------------- */

static void device_put(json_t *array, const char *host, const char *inside, const char *rights)
{
	json_t *one = json_object();

	json_put(one, "PathOnHost", json_text(host));
	json_put(one, "PathInContainer", json_text(inside));
	json_put(one, "CgroupPermissions", json_text(rights));
	json_push(array, one);
}

static int device_folder(json_t *array, const char *host, const char *inside, const char *rights,
			 struct err *err)
{
	DIR *d = opendir(host);
	struct dirent *e;
	size_t found = 0;

	if (!d)
		return err_sys(err, errno, "open device folder %s", host);
	while ((e = readdir(d)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) {
			_cleanup_free_ char *from = str_printf("%s/%s", host, e->d_name);
			_cleanup_free_ char *to = str_printf("%s/%s", inside, e->d_name);

			device_put(array, from, to, rights);
			found++;
		}
	}
	(void)closedir(d);
	return found ? 0 :
		       err_set(err, ENODEV,
			       "error gathering device information while adding custom device \"%s\": no devices in this folder",
			       host);
}

static bool rights_valid(const char *rights)
{
	return *rights && strspn(rights, "rwm") == strlen(rights) && strlen(rights) <= 3;
}

int device_list_put(json_t *host_config, char *const *list, struct err *err)
{
	json_t *array = json_array();

	json_put(host_config, "Devices", array);
	for (size_t i = 0; list && list[i]; i++) {
		bool follow;
		_cleanup_free_ char *text = device_follow_strip(list[i], &follow);
		_cleanup_strv_ char **parts = strv_split(text, ':');
		size_t count = strv_length(parts);
		const char *inside = parts[0],
			   *rights = "rw"; /* no m: nothing may be made (security) */
		struct stat st;

		if (cdi_is_name(list[i]))
			continue; /* by create.c */
		if (count > 3 || !*parts[0])
			return err_set(err, EINVAL, "invalid device specification: %s", list[i]);
		if (count == 2 && rights_valid(parts[1]))
			rights = parts[1];
		else if (count >= 2)
			inside = parts[1];
		if (count == 3)
			rights = parts[2];
		if (!rights_valid(rights))
			return err_set(err, EINVAL, "invalid device mode: %s", rights);
		if (parts[0][0] != '/' || inside[0] != '/')
			return err_set(err, EINVAL, "%s is not an absolute path",
				       parts[0][0] == '/' ? inside : parts[0]);
		if (stat(parts[0], &st) < 0 && follow && errno == ENOENT) {
			device_put(array, parts[0], inside, rights); /* it may come */
			continue;
		}
		if (stat(parts[0], &st) < 0)
			return err_sys(
				err, errno,
				"error gathering device information while adding custom device \"%s\"",
				parts[0]);
		if (S_ISDIR(st.st_mode) && follow)
			return err_set(err, EINVAL, "device %s: a folder cannot be followed",
				       parts[0]);
		if (S_ISDIR(st.st_mode)) {
			int r = device_folder(array, parts[0], inside, rights, err);

			if (r < 0)
				return r;
		} else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
			device_put(array, parts[0], inside, rights);
		} else {
			return err_set(
				err, ENODEV,
				"error gathering device information while adding custom device \"%s\": not a device node",
				parts[0]);
		}
	}
	return 0;
}

static int security_put(json_t *host_config, const struct create_options *o, struct err *err)
{
	for (size_t i = 0; o->security_opt && o->security_opt[i]; i++) {
		const char *opt = o->security_opt[i];
		const char *value = strpbrk(opt, "=:");

		if (strcmp(opt, "no-new-privileges") == 0)
			continue;
		if (str_prefix(opt, "no-new-privileges")) {
			if (!value ||
			    (strcmp(value + 1, "true") != 0 && strcmp(value + 1, "false") != 0))
				return err_set(err, EINVAL, "invalid --security-opt: \"%s\"", opt);
		} else if (str_prefix(opt, "seccomp") && value) {
			if (strcmp(value + 1, "unconfined") != 0 &&
			    strcmp(value + 1, "builtin") != 0 && access(value + 1, R_OK) < 0)
				return err_sys(err, errno, "opening seccomp profile (%s) failed",
					       value + 1);
		} else if (str_prefix(opt, "apparmor") && value) {
			if (strcmp(value + 1, "unconfined") != 0 && !apparmor_enabled())
				return err_set(err, EOPNOTSUPP,
					       "--security-opt %s: this host does not use AppArmor",
					       opt);
		} else if (strcmp(opt, "systempaths=unconfined") == 0) {
			continue;
		} else if (str_prefix(opt, "label=") || str_prefix(opt, "label:")) {
			/* without SELinux it is no more than kept, as with Docker */
			int r = selinux_option_check(opt + strlen("label="), err);

			if (r < 0)
				return r;
		} else {
			return err_set(err, EINVAL, "invalid --security-opt: \"%s\"", opt);
		}
	}
	json_put(host_config, "SecurityOpt", json_from_strv(o->security_opt));
	return 0;
}

static int capability_words(const char *option, char *const *list, char ***ret_names,
			    struct err *err)
{
	for (size_t i = 0; list && list[i]; i++) {
		struct err ignored = ERR_NONE;
		int bit;

		if (strcasecmp(list[i], "ALL") == 0) {
			strv_clear(ptr_take(ret_names));
			strv_add(ret_names, "ALL");
			return 0;
		}
		bit = capability_parse(list[i], &ignored);
		if (bit < 0) {
			_cleanup_free_ char *name = str_printf(
				"%s%s", strncasecmp(list[i], "CAP_", 4) ? "CAP_" : "", list[i]);

			for (char *p = name; *p; p++)
				*p = (char)toupper((unsigned char)*p);
			return err_set(err, EINVAL, "invalid %s: unknown capability: \"%s\"",
				       option, name);
		}
		strv_add(ret_names, capability_name((unsigned int)bit));
	}
	return 0;
}

static int words_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, each once, and without those that `but` has. */
static json_t *capability_list(char **names, char *const *but)
{
	_cleanup_strv_ char **out = NULL;

	if (names)
		qsort(names, strv_length(names), sizeof(*names), words_compare);
	for (size_t i = 0; names && names[i]; i++) {
		bool skip = i > 0 && strcmp(names[i], names[i - 1]) == 0;

		for (size_t k = 0; but && but[k]; k++)
			skip |= strcmp(names[i], but[k]) == 0;
		if (!skip)
			strv_add(&out, names[i]);
	}
	return json_from_strv(out);
}

int right_options(const struct create_options *o, json_t *host_config, struct err *err)
{
	_cleanup_strv_ char **add = NULL, **drop = NULL;
	uint64_t set;
	int r;

	if ((r = capability_words("CapAdd", o->cap_add, &add, err)) < 0 ||
	    (r = capability_words("CapDrop", o->cap_drop, &drop, err)) < 0 ||
	    (r = capability_resolve(o->cap_add, o->cap_drop, &set, err)) < 0)
		return r;
	json_put(host_config, "CapAdd", capability_list(add, NULL));
	json_put(host_config, "CapDrop", capability_list(drop, add));
	json_put(host_config, "Privileged", json_boolean(o->privileged));
	r = device_list_put(host_config, o->devices, err);
	return r < 0 ? r : security_put(host_config, o, err);
}

/* -- modes ------------------------------------------------------------------------------------ */

static int mode_put(json_t *host, const char *key, const char *option, const char *value,
		    const char *otherwise, struct err *err)
{
	bool ipc = strcmp(key, "IpcMode") == 0, cgroup = strcmp(key, "CgroupnsMode") == 0;

	if (value && *value && strcmp(value, "host") != 0 && strcmp(value, "private") != 0 &&
	    !(ipc && (strcmp(value, "shareable") == 0 || strcmp(value, "none") == 0)) &&
	    !(!cgroup && str_prefix(value, "container:") && value[strlen("container:")]))
		return err_set(err, EINVAL, "%s: invalid mode: %s", option, value);
	json_put(host, key, json_text(value && *value ? value : otherwise));
	return 0;
}

static int cgroup_parent_put(json_t *host, const char *parent, struct err *err)
{
	_cleanup_strv_ char **parts = strv_split(parent ? parent : "", '/');
	_cleanup_(buf_clear) struct buf clean = BUF_EMPTY;

	if (parent && *parent && *parent != '/') {
		err_set(err, EINVAL, "--cgroup-parent %s: not an absolute path", parent);
		return err_hint(err, "it is a folder of the cgroup hierarchies, such as /batch");
	}
	for (size_t i = 0; parts[i]; i++) {
		if (strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0)
			return err_set(err, EINVAL, "--cgroup-parent %s: . and .. lead elsewhere",
				       parent);
		if (*parts[i])
			buf_printf(&clean, "/%s", parts[i]);
	}
	json_put(host, "CgroupParent", json_text(clean.data));
	return 0;
}

int mode_options(struct engine *engine, const struct create_options *o, json_t *host,
		 char ***warnings, struct err *err)
{
	const char *userns = o->userns	   ? o->userns :
			     o->privileged ? "host" :
					     engine->settings.userns;
	json_t *policy;
	int r;

	if ((r = mode_put(host, "PidMode", "--pid", o->pid, "", err)) < 0 ||
	    (r = mode_put(host, "IpcMode", "--ipc", o->ipc, "private", err)) < 0 ||
	    (r = mode_put(host, "UTSMode", "--uts", o->uts, "", err)) < 0 ||
	    (r = mode_put(host, "CgroupnsMode", "--cgroupns", o->cgroupns, "private", err)) < 0)
		return r;
	if (str_equal(o->cgroupns, "host"))
		strv_add(
			warnings,
			"--cgroupns host: the container sees the names of all cgroups of the host");
	if (userns && *userns && strcmp(userns, "host") != 0 && strcmp(userns, "private") != 0 &&
	    strncmp(userns, "auto", 4) != 0 && strncmp(userns, "keep-id", 7) != 0)
		return err_set(err, EINVAL, "--userns: invalid mode: %s", userns);
	if (o->privileged && !str_equal(userns, "host"))
		return err_set(err, EINVAL,
			       "conflicting options: --privileged needs --userns=host");
	if (str_equal(userns, "host"))
		strv_add(
			warnings,
			o->privileged ?
				"--privileged: the container's root is root of the host, with all its devices" :
				"--userns=host: the container's users are users of the host, its root is root");
	json_put(host, "UsernsMode", json_text(str_equal(userns, "host") ? "host" : ""));
	if (str_equal(o->uts, "host") && (o->hostname || o->domainname))
		return err_set(err, EINVAL, "conflicting options: hostname and the UTS mode");
	r = restart_policy_parse(o->restart ? o->restart : "no", &policy, err);
	if (r < 0)
		return r;
	json_put(host, "RestartPolicy", policy);
	if (o->remove && strcmp(json_string_at(policy, "Name", ""), "no") != 0)
		return err_set(err, EINVAL,
			       "conflicting options: cannot specify both --restart and --rm");
	r = cgroup_parent_put(host, o->cgroup_parent, err);
	if (r < 0)
		return r;
	json_put(host, "AutoRemove", json_boolean(o->remove));
	json_put(host, "ReadonlyRootfs", json_boolean(o->read_only));
	json_put(host, "GroupAdd", json_from_strv(o->group_add));
	json_put(host, "Init", json_boolean(o->init || (engine->settings.init && !o->no_init)));
	return foreign_runtime_option(o, host, err);
}
