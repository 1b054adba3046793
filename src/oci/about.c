/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* features and spec, and what is refused with a reason. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json_table.h"
#include "base/str.h"
#include "oci/oci.h"
#include "runtime/capability.h"
#include "runtime/mount_flag.h"
#include "runtime/seccomp_name.h"
#include "runtime/spec_read.h"

/* -- features (features.md) ------------------------------------------------------------------- */

static void list_put(struct buf *out, const char *key, const char *(*name)(size_t))
{
	buf_printf(out, "\"%s\": [", key);
	for (size_t i = 0; name(i); i++) {
		buf_puts(out, i ? ", " : "");
		json_quote(out, name(i));
	}
	buf_puts(out, "]");
}

static const char *capability_at(size_t index)
{
	return capability_name((unsigned int)index);
}

static int features_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(buf_clear) struct buf out = BUF_EMPTY;

	(void)cli;
	(void)args;
	(void)operands;
	(void)err;
	buf_puts(&out, "{\"ociVersionMin\": \"" SPEC_VERSION_MIN
		       "\", \"ociVersionMax\": \"" SPEC_VERSION_MAX "\", ");
	list_put(&out, "hooks", spec_hook_name);
	buf_puts(&out, ", ");
	list_put(&out, "mountOptions", mount_flag_name);
	buf_puts(&out, ", \"linux\": {");
	list_put(&out, "namespaces", spec_namespace_name);
	buf_puts(&out, ", ");
	list_put(&out, "capabilities", capability_at);
	buf_puts(&out,
		 ", \"cgroup\": {\"v1\": true, \"v2\": true, \"systemd\": true, "
		 "\"systemdUser\": false, \"rdma\": true}, \"seccomp\": {\"enabled\": true, ");
	list_put(&out, "actions", seccomp_action_name);
	buf_puts(&out, ", ");
	list_put(&out, "operators", seccomp_operator_name);
	buf_puts(&out, ", ");
	list_put(&out, "archs", seccomp_arch_name);
	buf_puts(&out, ", ");
	list_put(&out, "knownFlags", seccomp_flag_name);
	buf_puts(&out, ", ");
	list_put(&out, "supportedFlags", seccomp_flag_name);
	buf_puts(&out, "}, \"apparmor\": {\"enabled\": true}, \"selinux\": {\"enabled\": true}, "
		       "\"intelRdt\": {\"enabled\": false}, \"memoryPolicy\": {\"modes\": ["
		       "\"MPOL_DEFAULT\", \"MPOL_BIND\", \"MPOL_INTERLEAVE\", "
		       "\"MPOL_WEIGHTED_INTERLEAVE\", \"MPOL_PREFERRED\", \"MPOL_PREFERRED_MANY\", "
		       "\"MPOL_LOCAL\"], \"flags\": [\"MPOL_F_NUMA_BALANCING\", "
		       "\"MPOL_F_RELATIVE_NODES\", \"MPOL_F_STATIC_NODES\"]}, "
		       "\"mountExtensions\": {\"idmap\": {\"enabled\": true}}, "
		       "\"netDevices\": {\"enabled\": true}}, "
		       "\"annotations\": {\"org.cloche.runtime.version\": \"" CLOCHE_VERSION "\"}, "
		       "\"potentiallyUnsafeConfigAnnotations\": [\"org.systemd.property.\", "
		       "\"run.oci.hooks.stdout\", \"run.oci.hooks.stderr\", "
		       "\"run.oci.keep_original_groups\", \"run.oci.pidfd_receiver\", "
		       "\"run.oci.seccomp.receiver\", \"run.oci.timens_offset\"]}");
	(void)printf("%s\n", out.data);
	return 0;
}

static const struct opt no_opts[] = { OPT_END };

const struct command oci_features = {
	.program = "cloche-runtime",
	.name = "features",
	.args = "",
	.summary = "print what this runtime can do as JSON",
	.opts = no_opts,
	.run = features_run,
};

/* -- spec ------------------------------------------------------------------------------------- */

static const char example[] =
#include "oci/example.inc"
	;

struct spec_args {
	const char *bundle, *file;
};

static const struct opt spec_opts[] = {
	OPT_STRING('b', "bundle", "DIR", struct spec_args, bundle,
		   "the folder to write to (default: the working folder)"),
	OPT_STRING('f', "file", "FILE", struct spec_args, file,
		   "what to write (default: config.json)"),
	OPT_LATER(0, "rootless", NULL, "containers without root are not possible yet"),
	OPT_END,
};

static int spec_run(void *cli, void *args, char **operands, struct err *err)
{
	struct spec_args *a = args;
	const char *file = a->file ? a->file : "config.json";
	_cleanup_close_ int fd = -1;
	int r;

	(void)cli;
	(void)operands;
	if (a->bundle && chdir(a->bundle) < 0) {
		(void)err_sys(err, errno, "enter %s", a->bundle);
		return 1;
	}
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		(void)err_set(err, EEXIST, "file %s exists: remove it first", file);
	else if (fd < 0)
		(void)err_sys(err, errno, "write %s", file);
	if (fd < 0)
		return 1;
	r = fd_write_all(fd, example, strlen(example));
	if (r < 0)
		(void)err_sys(err, r, "write %s", file);
	return r < 0 ? 1 : 0;
}

const struct command oci_spec = {
	.program = "cloche-runtime",
	.name = "spec",
	.args = "",
	.summary = "write an example of a config.json",
	.opts = spec_opts,
	.args_size = sizeof(struct spec_args),
	.run = spec_run,
};

/* -- refused ---------------------------------------------------------------------------------- */

static int refused_run(void *cli, void *args, char **operands, struct err *err)
{
	(void)cli;
	(void)args;
	(void)operands;
	(void)err_set(err, EOPNOTSUPP, "checkpoint and restore are not possible yet");
	(void)err_hint(err, "use runc or crun for containers that are to be checkpointed");
	return 1;
}

const struct command oci_checkpoint = {
	.program = "cloche-runtime",
	.name = "checkpoint",
	.args = "[ID...]",
	.summary = "refused: not possible yet",
	.opts = no_opts,
	.run = refused_run,
};

const struct command oci_restore = {
	.program = "cloche-runtime",
	.name = "restore",
	.args = "[ID...]",
	.summary = "refused: not possible yet",
	.opts = no_opts,
	.run = refused_run,
};
