/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "runtime/bus.h"
#include "runtime/cgroup_v2.h"
#include "runtime/spec.h"

#define PROPERTY_PREFIX "org.systemd.property."

void scope_clear(struct scope *scope)
{
	free(scope->slice);
	free(scope->unit);
	*scope = (struct scope){ 0 };
}

bool scope_possible(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* -- names ------------------------------------------------------------------------------------ */

/* systemd.unit(5): the characters of a name. */
static bool name_is_good(const char *name)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";

	return *name && strlen(name) < 256 && !name[strspn(name, good)];
}

/* systemd.slice(5): the dashes are its parents. */
static bool slice_is_good(const char *slice)
{
	if (strcmp(slice, "-.slice") == 0)
		return true;
	return name_is_good(slice) && str_suffix(slice, ".slice") && strlen(slice) > 6 &&
	       slice[0] != '-' && !strstr(slice, "--") && !strstr(slice, "-.");
}

int scope_parse(const char *text, const char *id, struct scope *ret_scope, struct err *err)
{
	_cleanup_free_ char *copy = str_dup(text && *text ? text : "system.slice:cloche:");
	_cleanup_(scope_clear) struct scope scope = { 0 };
	char *rest = copy, *slice = strsep(&rest, ":"), *prefix = strsep(&rest, ":"), *name = rest;

	if (!prefix || !name || strchr(name, ':'))
		return err_set(err, EINVAL,
			       "config.json: linux.cgroupsPath: \"%s\" is not of the form "
			       "slice:prefix:name that --systemd-cgroup wants",
			       text);
	if (!*name)
		name = (char *)id;
	scope.slice = str_dup(*slice ? slice : "system.slice");
	scope.unit = *prefix ? str_printf("%s-%s.scope", prefix, name) :
			       str_printf("%s.scope", name);
	if (!slice_is_good(scope.slice) || !name_is_good(scope.unit))
		return err_set(err, EINVAL,
			       "config.json: linux.cgroupsPath: %s in %s is no name of a unit",
			       scope.unit, scope.slice);
	*ret_scope = scope;
	scope = (struct scope){ 0 };
	return 0;
}

char *scope_path(const struct scope *scope)
{
	_cleanup_(buf_clear) struct buf path = BUF_EMPTY;

	for (const char *p = scope->slice; strcmp(scope->slice, "-.slice") != 0 && *p; p++)
		if (*p == '-')
			buf_printf(&path, "/%.*s.slice", (int)(p - scope->slice), scope->slice);
	if (strcmp(scope->slice, "-.slice") != 0)
		buf_printf(&path, "/%s", scope->slice);
	buf_printf(&path, "/%s", scope->unit);
	return str_dup(path.data);
}

/* -- properties ------------------------------------------------------------------------------- */

/* "0-3,7" as bits, the lowest first in each byte. Count of bytes; 0: none, or not a list. */
static size_t bits_parse(const char *text, uint8_t *bits, size_t room)
{
	size_t used = 0;

	memset(bits, 0, room);
	while (*text) {
		char *end;
		unsigned long first, last;

		if (*text < '0' || *text > '9')
			return 0;
		first = last = strtoul(text, &end, 10);
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (first > last || last >= room * 8 || (*end && *end != ','))
			return 0;
		for (; first <= last; first++)
			bits[first / 8] |= (uint8_t)(1U << first % 8);
		used = last / 8 + 1 > used ? last / 8 + 1 : used;
		text = *end ? end + 1 : end;
	}
	return used;
}

static void put_list(struct bus_call *call, const char *name, const char *list)
{
	uint8_t bits[1024];
	size_t n = list && *list ? bits_parse(list, bits, sizeof(bits)) : 0;

	if (n > 0)
		bus_put_bytes(call, name, bits, n);
}

static uint64_t or_infinity(int64_t value)
{
	return value < 0 ? UINT64_MAX : (uint64_t)value;
}

/* In whole hundredths of a second, as systemd reckons it: never less than was asked for. */
static void put_quota(struct bus_call *call, const struct spec_resources *r)
{
	uint64_t period = r->cpu_period_us > 0 ? (uint64_t)r->cpu_period_us : 100000, quota;

	if (r->cpu_quota_us == 0)
		return;
	quota = r->cpu_quota_us < 0 ? UINT64_MAX : (uint64_t)r->cpu_quota_us * 1000000 / period;
	if (quota != UINT64_MAX && quota % 10000)
		quota = (quota / 10000 + 1) * 10000;
	bus_put_u64(call, "CPUQuotaPerSecUSec", quota);
	if (r->cpu_period_us > 0)
		bus_put_u64(call, "CPUQuotaPeriodUSec", period);
}

static void put_resources(struct bus_call *call, const struct scope_description *d)
{
	const struct spec_resources *r = d->resources;
	int64_t swap;

	if (r->pids_limit)
		bus_put_u64(call, "TasksMax", or_infinity(r->pids_limit));
	put_quota(call, r);
	if (!d->v2) {
		if (r->memory_limit_bytes)
			bus_put_u64(call, "MemoryLimit", or_infinity(r->memory_limit_bytes));
		if (r->cpu_shares)
			bus_put_u64(call, "CPUShares", r->cpu_shares);
		return;
	}
	if (r->memory_limit_bytes)
		bus_put_u64(call, "MemoryMax", or_infinity(r->memory_limit_bytes));
	if (r->memory_reservation_bytes)
		bus_put_u64(call, "MemoryLow", or_infinity(r->memory_reservation_bytes));
	/* what makes no sense is refused with words when it is written */
	if (r->memory_swap_bytes &&
	    cgroup_v2_swap(r->memory_limit_bytes, r->memory_swap_bytes, &swap) == 0)
		bus_put_u64(call, "MemorySwapMax", or_infinity(swap));
	if (r->cpu_shares)
		bus_put_u64(call, "CPUWeight", cgroup_v2_weight(r->cpu_shares));
	put_list(call, "AllowedCPUs", r->cpuset_cpus);
	put_list(call, "AllowedMemoryNodes", r->cpuset_mems);
}

/* One in the text form of GVariant, as far as properties of a scope need it: true, 'text', 12, uint64 12. */
static int put_annotation(struct bus_call *call, const struct spec_pair *pair, struct err *err)
{
	_cleanup_free_ char *name = str_dup(pair->name + strlen(PROPERTY_PREFIX));
	const char *value = pair->value;
	size_t length = strlen(value);
	uint64_t number;

	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
		bus_put_bool(call, name, *value == 't');
	} else if (length >= 2 && (*value == '\'' || *value == '"') &&
		   value[length - 1] == *value) {
		_cleanup_free_ char *text = str_ndup(value + 1, length - 2);

		bus_put_text(call, name, text);
	} else if (str_prefix(value, "uint64 ") &&
		   str_to_u64(value + 7, UINT64_MAX, &number) == 0) {
		bus_put_u64(call, name, number);
	} else if (str_to_u64(value, INT32_MAX, &number) == 0) {
		bus_put_i32(call, name, (int32_t)number);
	} else {
		return err_set(err, EINVAL,
			       "config.json: annotations: %s: \"%s\" is not true, false, 'text', "
			       "a number or \"uint64 number\"",
			       pair->name, value);
	}
	return 0;
}

static int put_annotations(struct bus_call *call, const struct scope_description *d,
			   struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->annotation_count; i++)
		if (str_prefix(d->annotations[i].name, PROPERTY_PREFIX))
			r = put_annotation(call, &d->annotations[i], err);
	return r;
}

/* -- the holder ------------------------------------------------------------------------------- */

/* Nothing tells it to end but a signal: the container's first process has copies of our descriptors until it executes. */
static int holder_make(pid_t *ret_holder, struct err *err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys(err, errno, "make a process");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close_range(0, ~0u, 0);
		while (getppid() == parent)
			(void)pause();
		_exit(0);
	}
	*ret_holder = pid;
	return 0;
}

void scope_holder_end(pid_t *holder)
{
	if (*holder <= 0)
		return;
	(void)kill(*holder, SIGKILL);
	(void)waitpid(*holder, NULL, 0);
	*holder = 0;
}

/* As the kernel has it for the holder: of the unified hierarchy, else of systemd's own. */
static int holder_path(pid_t holder, bool v2, char **ret_path, struct err *err)
{
	_cleanup_free_ char *file = str_printf("/proc/%d/cgroup", (int)holder);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	const char *mark = v2 ? "0::" : ":name=systemd:";
	int r = file_read(AT_FDCWD, file, 65536, &text);
	char *rest = text.data, *line;

	if (r < 0)
		return err_sys(err, r, "read %s", file);
	while ((line = strsep(&rest, "\n")) != NULL) {
		char *at = strstr(line, mark);

		if (at) {
			*ret_path = str_dup(at + strlen(mark));
			return 0;
		}
	}
	return err_set(err, ENOENT, "find the cgroup that systemd made: it is not in %s", file);
}

/* -- calls ------------------------------------------------------------------------------------ */

static int start_call(struct bus *bus, const struct scope *scope, const struct scope_description *d,
		      pid_t holder, struct err *err)
{
	_cleanup_free_ char *words = str_printf("container %s", d->id);
	struct bus_call *call = bus_call_new(bus, "StartTransientUnit", "ss", scope->unit, "fail");
	int r;

	bus_properties_begin(call);
	bus_put_text(call, "Description", words);
	bus_put_text(call, "Slice", scope->slice);
	bus_put_pid(call, "PIDs", holder);
	bus_put_bool(call, "Delegate", true);
	bus_put_bool(call, "DefaultDependencies", false);
	bus_put_bool(call, "MemoryAccounting", true);
	bus_put_bool(call, "CPUAccounting", true);
	bus_put_bool(call, "TasksAccounting", true);
	bus_put_bool(call, d->v2 ? "IOAccounting" : "BlockIOAccounting", true);
	bus_put_text(call, "CollectMode", "inactive-or-failed");
	put_resources(call, d);
	r = put_annotations(call, d, err);
	bus_properties_end(call);
	bus_put_no_units(call);
	if (r < 0) {
		bus_call_free(call);
		return r;
	}
	return bus_job(call, err);
}

int scope_start(const struct scope *scope, const struct scope_description *description,
		pid_t *ret_holder, char **ret_path, struct err *err)
{
	pid_t holder = 0;
	struct bus *bus = bus_open(err);
	int r = bus ? holder_make(&holder, err) : -err->code;

	if (r == 0) {
		r = start_call(bus, scope, description, holder, err);
		if (r == -EEXIST) {
			struct err ignored = ERR_NONE;

			/* one that has failed is kept for its status */
			(void)bus_simple(bus, "ResetFailedUnit", scope->unit, &ignored);
			err_clear(err);
			r = start_call(bus, scope, description, holder, err);
		}
	}
	if (r == 0)
		r = holder_path(holder, description->v2, ret_path, err);
	bus_close(bus);
	if (r < 0) {
		scope_holder_end(&holder);
		return err_wrap(err, "make scope %s", scope->unit);
	}
	*ret_holder = holder;
	return 0;
}

int scope_update(const struct scope *scope, const struct scope_description *description,
		 struct err *err)
{
	struct bus *bus = bus_open(err);
	struct bus_call *call;
	int r;

	if (!bus)
		return -err->code;
	call = bus_call_new(bus, "SetUnitProperties", "sb", scope->unit, 1);
	bus_properties_begin(call);
	put_resources(call, description);
	bus_properties_end(call);
	r = bus_call_do(call, err);
	bus_close(bus);
	return r < 0 ? err_wrap(err, "change the limits of scope %s", scope->unit) : 0;
}

int scope_stop(const struct scope *scope, struct err *err)
{
	struct bus *bus = bus_open(err);
	int r;

	if (!bus)
		return -err->code;
	r = bus_job(bus_call_new(bus, "StopUnit", "ss", scope->unit, "replace"), err);
	if (r == -ENOENT) { /* it ended with its last process */
		err_clear(err);
		r = 0;
	}
	if (r == 0) {
		struct err ignored = ERR_NONE;

		(void)bus_simple(bus, "ResetFailedUnit", scope->unit, &ignored);
	}
	bus_close(bus);
	return r < 0 ? err_wrap(err, "stop scope %s", scope->unit) : 0;
}
