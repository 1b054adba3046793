/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/annotation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "oci/launch.h"
#include "runtime/spec.h"

#define PREFIX "run.oci."

struct target {
	struct spec *spec;
	struct launch_options *options;
};

static int path_check(const char *value, struct err *err)
{
	return value[0] == '/' ? 0 : err_set(err, EINVAL, "\"%s\" is not an absolute path", value);
}

static int receiver_take(const struct target *to, const char *value, struct err *err)
{
	int r = path_check(value, err);

	if (r == 0 && (!to->spec->seccomp_listener || !*to->spec->seccomp_listener)) {
		free(to->spec->seccomp_listener);
		to->spec->seccomp_listener = str_dup(value);
	}
	return r;
}

static int pidfd_take(const struct target *to, const char *value, struct err *err)
{
	int r = path_check(value, err);

	if (r == 0 && !to->options->pidfd_socket)
		to->options->pidfd_socket = value;
	return r;
}

static int groups_take(const struct target *to, const char *value, struct err *err)
{
	(void)err;
	to->spec->process.keep_groups = strcmp(value, "0") != 0;
	return 0;
}

/* "monotonic 10 0" */
static int offset_take(const struct target *to, const char *value, struct err *err)
{
	struct spec_time_offset offset = { .set = true };
	char clock[16], more;

	if (sscanf(value, "%15s %" SCNd64 " %" SCNu32 "%c", clock, &offset.secs, &offset.nanosecs,
		   &more) != 3 ||
	    offset.nanosecs > 999999999)
		return err_set(err, EINVAL,
			       "\"%s\" is not of the form \"CLOCK SECONDS NANOSECONDS\"", value);
	if (strcmp(clock, "monotonic") == 0)
		to->spec->monotonic = offset;
	else if (strcmp(clock, "boottime") == 0)
		to->spec->boottime = offset;
	else
		return err_set(err, EINVAL, "clock \"%s\" is neither monotonic nor boottime",
			       clock);
	if (to->spec->namespaces[SPEC_NS_TIME].mode == SPEC_NS_INHERIT)
		to->spec->namespaces[SPEC_NS_TIME].mode = SPEC_NS_NEW;
	return 0;
}

static int hook_file_take(const struct target *to, const char *value, struct err *err)
{
	(void)to; /* annotations_open_hooks */
	return path_check(value, err);
}

static int refuse(const struct target *to, const char *value, struct err *err)
{
	(void)to;
	(void)value;
	return err_set(err, EOPNOTSUPP, "is not possible here");
}

/* No cgroup is made below that of the container: it gets the whole of it. */
static int subgroup_take(const struct target *to, const char *value, struct err *err)
{
	return *value ? refuse(to, value, err) : 0;
}

/* The option by which a file system is told mountLabel. */
static int context_take(const struct target *to, const char *value, struct err *err)
{
	bool labelled = to->spec->mount_label && *to->spec->mount_label;

	return labelled && strcmp(value, "context") != 0 ? refuse(to, value, err) : 0;
}

/* Those of others are passed over, as annotations are. */
static const struct {
	const char *name;
	int (*take)(const struct target *to, const char *value, struct err *err);
} known[] = {
	{ "seccomp.receiver", receiver_take },
	{ "pidfd_receiver", pidfd_take },
	{ "keep_original_groups", groups_take },
	{ "timens_offset", offset_take },
	{ "hooks.stdout", hook_file_take },
	{ "hooks.stderr", hook_file_take },
	{ "systemd.subgroup", subgroup_take },
	{ "mount_context_type", context_take },
	/* they would change what runs, how safely, or where */
	{ "delegate-cgroup", refuse },
	{ "seccomp_fail_unknown_syscall", refuse },
	{ "handler", refuse },
	{ "seccomp_bpf_data", refuse },
	{ "seccomp.plugins", refuse },
	{ "systemd.force_cgroup_v1", refuse },
};

int annotations_apply(struct spec *spec, struct launch_options *options, struct err *err)
{
	const struct target to = { spec, options };

	for (size_t i = 0; i < spec->annotation_count; i++) {
		const struct spec_pair *pair = &spec->annotations[i];

		if (!str_prefix(pair->name, PREFIX))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (strcmp(pair->name + strlen(PREFIX), known[k].name) == 0 &&
			    known[k].take(&to, pair->value, err) < 0)
				return err_wrap(err, "config.json: annotations: %s", pair->name);
	}
	return 0;
}

static int hook_file(const struct spec *spec, const char *name, struct err *err)
{
	for (size_t i = 0; i < spec->annotation_count; i++) {
		int fd;

		if (strcmp(spec->annotations[i].name, name) != 0)
			continue;
		fd = open(spec->annotations[i].value,
			  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0700);
		return fd < 0 ? err_sys(err, errno, "open %s", spec->annotations[i].value) : fd;
	}
	return 0;
}

int annotations_open_hooks(struct spec *spec, struct err *err)
{
	int out = hook_file(spec, PREFIX "hooks.stdout", err),
	    error = out < 0 ? 0 : hook_file(spec, PREFIX "hooks.stderr", err);

	if (out < 0 || error < 0)
		return out < 0 ? out : error;
	for (size_t kind = 0; kind < SPEC_HOOK_COUNT; kind++) {
		for (size_t i = 0; i < spec->hooks[kind].count; i++) {
			spec->hooks[kind].list[i].out = out;
			spec->hooks[kind].list[i].error = error;
		}
	}
	return 0;
}
