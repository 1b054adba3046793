/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts add, mounts remove: crun's commands for a running container. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/oci.h"
#include "oci/state.h"
#include "runtime/container_mounts.h"
#include "runtime/spec.h"
#include "runtime/spec_read.h"

static int change_read(const char *path, struct spec *change, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	r = fd_read_all(fd, SPEC_FILE_MAX, &text);
	if (r < 0)
		return err_sys(err, r, "read %s", path);
	r = spec_read_mounts(text.length ? text.data : "", text.length, change, err);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

static int mounts_do(const struct oci *oci, bool add, const char *id, const char *path,
		     struct err *err)
{
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	struct spec *spec = NULL, *change = spec_new();
	_cleanup_close_ int init = -1;
	int r = state_read(oci, id, &state, err);

	if (r == 0)
		r = state_lock(&state, err);
	if (r == 0) {
		(void)state_status(&state, NULL, &init);
		if (init < 0)
			r = err_set(err, ESRCH, "container \"%s\" does not run", id);
	}
	if (r == 0)
		r = state_spec(&state, &spec, err);
	if (r == 0)
		r = change_read(path, change, err);
	if (r == 0)
		r = add ? container_mounts_add(spec, change, state.pid, init, err) :
			  container_mounts_remove(spec, change, init, err);
	spec_free(spec);
	spec_free(change);
	return r;
}

static int mounts_run(void *cli, void *args, char **operands, struct err *err)
{
	bool add = strcmp(operands[0], "add") == 0;

	(void)args;
	if (!add && strcmp(operands[0], "remove") != 0) {
		(void)err_set(err, EINVAL, "mounts %s: neither add nor remove", operands[0]);
		return 1;
	}
	return mounts_do(cli, add, operands[1], operands[2], err) < 0 ? 1 : 0;
}

static const struct opt no_opts[] = { OPT_END };

const struct command oci_mounts = {
	.program = "cloche-runtime",
	.name = "mounts",
	.args = "add|remove ID FILE",
	.summary = "put mounts into a running container, or take them away, as FILE has them",
	.opts = no_opts,
	.run = mounts_run,
};
