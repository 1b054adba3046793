/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create and run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/foreground.h"
#include "oci/launch.h"
#include "oci/oci.h"
#include "oci/stop.h"
#include "runtime/hook.h"
#include "runtime/spec.h"

#define LAUNCH_OPTS \
	OPT_STRING('b', "bundle", "DIR", struct launch_options, bundle, \
		   "the bundle: config.json and root file system (default: the working folder)"), \
		OPT_STRING('f', "config", "FILE", struct launch_options, config, \
			   "read FILE in place of the bundle's config.json"), \
		OPT_STRING(0, "console-socket", "SOCKET", struct launch_options, console_socket, \
			   "send the terminal's master to the unix SOCKET"), \
		OPT_STRING(0, "pid-file", "FILE", struct launch_options, pid_file, \
			   "write the process id to FILE"), \
		OPT_STRING(0, "pidfd-socket", "SOCKET", struct launch_options, pidfd_socket, \
			   "send a pidfd of the first process to the unix SOCKET"), \
		OPT_BOOL(0, "no-pivot", struct launch_options, no_pivot, \
			 "do without pivot_root, for a root on initramfs"), \
		OPT_BOOL(0, "no-new-keyring", struct launch_options, no_new_keyring, \
			 "keep the caller's session keyring"), \
		OPT_INT(0, "preserve-fds", "N", struct launch_options, preserve_fds, \
			"pass N more descriptors on, from 3 upwards")

static const struct opt create_opts[] = {
	LAUNCH_OPTS,
	OPT_BOOL(0, "no-subreaper", struct launch_options, no_subreaper,
		 "as it is anyway: nothing of create stays to adopt processes"),
	OPT_END,
};

static int create_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(launched_clear) struct launched launched = LAUNCHED_NONE;
	struct launch_options *options = args;

	options->detach = true;
	return launch(cli, operands[0], options, true, &launched, err) < 0 ? 1 : 0;
}

const struct command oci_create = {
	.program = "cloche-runtime",
	.name = "create",
	.args = "ID",
	.summary = "make a container that waits for start",
	.opts = create_opts,
	.args_size = sizeof(struct launch_options),
	.run = create_run,
};

/* -- run -------------------------------------------------------------------------------------- */

static const struct opt run_opts[] = {
	LAUNCH_OPTS,
	OPT_BOOL('d', "detach", struct launch_options, detach,
		 "return once the command runs, and leave it to the caller"),
	OPT_BOOL(0, "keep", struct launch_options, keep, "do not delete the container at its end"),
	OPT_BOOL(0, "no-subreaper", struct launch_options, no_subreaper,
		 "do not adopt processes that the container leaves behind"),
	OPT_END,
};

/* The report of init: end of file when the command runs. */
static int run_wait_started(struct launched *l, struct err *err)
{
	struct container_report report;
	ssize_t n;

	do
		n = read(l->container.report, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	return n == sizeof(report) ? container_explain(l->spec, &report, err) : 0;
}

static int run_run(void *cli, void *args, char **operands, struct err *err)
{
	_cleanup_(launched_clear) struct launched l = LAUNCHED_NONE;
	struct launch_options *options = args;
	struct oci *oci = cli;
	int r, status;

	/* what is left of the container when its first process is gone is ours to reap */
	if (!options->detach && !options->no_subreaper &&
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		(void)err_sys(err, errno, "become the subreaper");
		return 1;
	}
	r = launch(oci, operands[0], options, false, &l, err);
	if (r < 0)
		return err->exit_status ? err->exit_status : 1;
	r = run_wait_started(&l, err);
	if (r < 0) {
		launch_undo(oci, &l);
		return err->exit_status ? err->exit_status : 1;
	}
	r = stop_poststart(oci, &l.state, l.spec, l.container.pidfd, err);
	if (r < 0) {
		struct err ignored = ERR_NONE;

		(void)stop_delete(oci, &l.state, l.spec, l.cgroup, &ignored);
		return 1;
	}
	if (options->detach) {
		notify_wait(&l.notify, l.container.pidfd);
		return 0;
	}
	r = foreground(&l.container, &l.notify, &status, err);
	if (r == 0 && !options->keep)
		r = stop_delete(oci, &l.state, l.spec, l.cgroup, err);
	return r < 0 ? 1 : status;
}

const struct command oci_run = {
	.program = "cloche-runtime",
	.name = "run",
	.args = "ID",
	.summary = "create and start a container, and wait for it",
	.opts = run_opts,
	.args_size = sizeof(struct launch_options),
	.run = run_run,
};
