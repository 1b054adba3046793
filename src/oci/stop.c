/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start, kill and delete. */
#include "oci/stop.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/signal_name.h"
#include "base/str.h"
#include "base/sys.h"
#include "oci/annotation.h"
#include "oci/launch.h"
#include "oci/notify.h"
#include "oci/oci.h"
#include "oci/state.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"
#include "runtime/hook.h"
#include "runtime/scope.h"
#include "runtime/spec.h"

enum { KILL_WAIT_MS = 10000 };

static void hook_files_open(const struct oci *oci, struct spec *spec)
{
	struct err err = ERR_NONE;

	if (annotations_open_hooks(spec, &err) < 0)
		oci_log(oci, "warning", err.words);
}

/* One that fails is a warning, and the others are run nevertheless (runtime.md, "Lifecycle", 13). */
static void hooks_poststop(const struct oci *oci, const struct state *state, struct spec *spec)
{
	const struct spec_hooks *hooks = &spec->hooks[SPEC_HOOK_POSTSTOP];
	struct hook_data data = { state, spec };
	_cleanup_free_ char *json = launch_hook_state(&data, 0, "stopped");

	hook_files_open(oci, spec);
	for (size_t i = 0; i < hooks->count; i++) {
		struct spec_hooks one = { &hooks->list[i], 1 };
		struct err err = ERR_NONE;

		if (hook_run_all(&one, "poststop", json, &err) < 0)
			oci_log(oci, "warning", err.words);
	}
}

int stop_delete(const struct oci *oci, const struct state *state, struct spec *spec,
		struct cgroup *cgroup, struct err *err)
{
	int r = 0;

	if (state_cgroup_is_ours(state, cgroup)) {
		r = state->scope.unit && scope_possible() ? scope_stop(&state->scope, err) : 0;
		if (r == 0)
			r = cgroup_remove(cgroup, state->cgroup, err);
	} else if (state->cgroup && *state->cgroup) {
		/* made by a create that was killed before it could tell, and nobody ever in it; or another's; or what is left
		 * of it beside the hierarchies in which systemd removes a scope at its end */
		r = cgroup_remove_empty(cgroup, state->cgroup, err);
		if (r > 0) {
			_cleanup_free_ char *words = str_printf(
				"cgroup %s was not made for container %s, and is left alone",
				state->cgroup, state->id);

			oci_log(oci, "warning", words);
			r = 0;
		}
	}

	if (r < 0)
		return r;
	state_remove(oci, state->id);
	if (spec && spec->hooks[SPEC_HOOK_POSTSTOP].count > 0)
		hooks_poststop(oci, state, spec);
	return 0;
}

/* A frozen process of cgroup v1 dies when it is thawed. */
static void thaw_for(int signal_number, const struct state *state, struct cgroup *cgroup)
{
	struct err ignored = ERR_NONE;

	if (signal_number == SIGKILL && cgroup && cgroup_frozen(cgroup, state->cgroup) > 0)
		(void)cgroup_freeze(cgroup, state->cgroup, false, &ignored);
}

static int kill_and_wait(int pidfd, const struct state *state, struct cgroup *cgroup,
			 struct err *err)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };

	if (sys_pidfd_send_signal(pidfd, SIGKILL) < 0 && errno != ESRCH)
		return err_sys(err, errno, "kill container \"%s\"", state->id);
	thaw_for(SIGKILL, state, cgroup);
	if (poll(&ended, 1, KILL_WAIT_MS) == 0)
		return err_set(err, EBUSY, "container \"%s\" does not end after SIGKILL",
			       state->id);
	return 0;
}

/* -- start ------------------------------------------------------------------------------------ */

int stop_poststart(const struct oci *oci, const struct state *state, struct spec *spec, int pidfd,
		   struct err *err)
{
	struct hook_data data = { state, spec };
	_cleanup_free_ char *json = NULL;
	struct err ignored = ERR_NONE; /* the hook's is what is told */
	struct cgroup *cgroup;
	int r;

	if (spec->hooks[SPEC_HOOK_POSTSTART].count == 0)
		return 0;
	json = launch_hook_state(&data, state->pid, "running");
	hook_files_open(oci, spec);
	r = hook_run_all(&spec->hooks[SPEC_HOOK_POSTSTART], "poststart", json, err);
	if (r == 0)
		return 0;
	cgroup = cgroup_open(&ignored);
	if (cgroup && !state->own_pid_namespace && state_cgroup_is_ours(state, cgroup))
		(void)cgroup_kill(cgroup, state->cgroup, SIGKILL, &ignored);
	(void)kill_and_wait(pidfd, state, cgroup, &ignored);
	cgroup_close(cgroup);
	return r;
}

static int start_failed(const struct oci *oci, const struct state *state,
			const struct container_report *report, struct err *err)
{
	struct spec *spec = NULL;
	int r = state_spec(state, &spec, err);

	(void)oci;
	if (r == 0)
		r = container_explain(spec, report, err);
	spec_free(spec);
	return r;
}

static int start_one(const struct oci *oci, const char *id, struct err *err)
{
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	_cleanup_close_ int connection = -1, pidfd = -1;
	_cleanup_(notify_close) struct notify notify = NOTIFY_NONE;
	struct container_report report;
	struct spec *spec = NULL;
	enum oci_status status;
	int r = state_read(oci, id, &state, err);

	if (r == 0)
		r = state_lock(&state, err);
	if (r < 0)
		return r;
	status = state_status(&state, NULL, &pidfd);
	if (status == OCI_STOPPED)
		return err_set(err, EINVAL, "cannot start a container that has stopped");
	if (status != OCI_CREATED)
		return err_set(err, EINVAL,
			       "cannot start an already running container: \"%s\" is %s", id,
			       oci_status_name(status));
	connection = state_connect(&state);
	if (connection < 0)
		return err_sys(err, connection, "start container \"%s\"", id);
	r = notify_open(&state, &notify, err);
	if (r < 0)
		return r;
	r = container_start(connection, &report);
	if (r == -EPIPE) /* killed since we looked */
		return err_set(err, EINVAL, "cannot start a container that has stopped");
	if (r < 0)
		return err_sys(err, r, "start container \"%s\"", id);
	(void)unlinkat(state.dir, "start", 0); /* nobody listens any more, either way */
	if (r > 0)
		return start_failed(oci, &state, &report, err);
	r = state_spec(&state, &spec, err);
	if (r == 0)
		r = stop_poststart(oci, &state, spec, pidfd, err);
	spec_free(spec);
	if (r == 0 && notify.inside >= 0) {
		/* it may take long, and others may want to end the container meanwhile */
		(void)flock(state.dir, LOCK_UN);
		notify_wait(&notify, pidfd);
	}
	return r;
}

static const struct opt no_opts[] = { OPT_END };

static int start_run(void *cli, void *args, char **operands, struct err *err)
{
	(void)args;
	if (start_one(cli, operands[0], err) < 0)
		return err->exit_status ? err->exit_status : 1;
	return 0;
}

const struct command oci_start = {
	.program = "cloche-runtime",
	.name = "start",
	.args = "ID",
	.summary = "run the command of a created container",
	.opts = no_opts,
	.run = start_run,
};

/* -- by regular expression -------------------------------------------------------------------- */

/* Do it to every container whose name matches; the first error is told, and the others are done nevertheless. */
static int each_matching(const struct oci *oci, const char *expression,
			 int (*one)(const struct oci *oci, const char *id, const void *args,
				    struct err *err),
			 const void *args, struct err *err)
{
	_cleanup_close_ int root = state_root(oci, err);
	struct dirent *e;
	regex_t regex;
	DIR *d;
	int first = 0;

	if (root < 0)
		return root;
	if (regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(err, EINVAL, "\"%s\" is not a regular expression", expression);
	d = fdopendir(fd_take(&root));
	while (d && (e = readdir(d)) != NULL) {
		struct err own = ERR_NONE;
		int r = 0;

		if (e->d_name[0] != '.' && regexec(&regex, e->d_name, 0, NULL, 0) == 0)
			r = one(oci, e->d_name, args, &own);
		if (r < 0 && first == 0) {
			first = r;
			*err = own;
		}
	}
	if (d)
		(void)closedir(d);
	regfree(&regex);
	return first;
}

/* -- kill ------------------------------------------------------------------------------------- */

struct kill_args {
	bool all, regex;
	int signal_number;
};

static const struct opt kill_opts[] = {
	OPT_BOOL('a', "all", struct kill_args, all, "all processes of the container"),
	OPT_BOOL('r', "regex", struct kill_args, regex, "ID is a regular expression"),
	OPT_END,
};

static int kill_one(const struct oci *oci, const char *id, const void *args, struct err *err)
{
	const struct kill_args *a = args;
	int signal_number = a->signal_number;
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	_cleanup_close_ int pidfd = -1;
	struct cgroup *cgroup = NULL;
	int r = state_read(oci, id, &state, err);

	if (r < 0)
		return r;
	(void)state_status(&state, NULL, &pidfd);
	cgroup = cgroup_open(err);
	if (!cgroup)
		return -err->code;
	/* Without a pid namespace of its own the rest does not end with the first process. */
	if ((a->all || (pidfd < 0 && !state.own_pid_namespace)) &&
	    state_cgroup_is_ours(&state, cgroup))
		r = cgroup_kill(cgroup, state.cgroup, signal_number, err);
	else if (pidfd < 0)
		r = err_set(err, ESRCH, "container not running");
	else if (sys_pidfd_send_signal(pidfd, signal_number) < 0)
		r = errno == ESRCH ? err_set(err, ESRCH, "container not running") :
				     err_sys(err, errno, "send signal %d to container \"%s\"",
					     signal_number, id);
	if (r == 0)
		thaw_for(signal_number, &state, cgroup);
	cgroup_close(cgroup);
	return r;
}

static int kill_run(void *cli, void *args, char **operands, struct err *err)
{
	struct kill_args *kill_args = args;
	const char *name = operands[1] ? operands[1] : "TERM";
	int r;

	kill_args->signal_number = signal_parse(name);
	if (kill_args->signal_number < 0) {
		(void)err_set(err, EINVAL, "unknown signal \"%s\"", name);
		return 1;
	}
	r = kill_args->regex ? each_matching(cli, operands[0], kill_one, kill_args, err) :
			       kill_one(cli, operands[0], kill_args, err);
	return r < 0 ? 1 : 0;
}

const struct command oci_kill = {
	.program = "cloche-runtime",
	.name = "kill",
	.args = "ID [SIGNAL]",
	.summary = "send a signal (TERM) to the first process of a container",
	.opts = kill_opts,
	.args_size = sizeof(struct kill_args),
	.run = kill_run,
	.flags = COMMAND_INTERSPERSED,
};

/* -- delete ----------------------------------------------------------------------------------- */

struct delete_args {
	bool force, regex;
};

static const struct opt delete_opts[] = {
	OPT_BOOL('f', "force", struct delete_args, force,
		 "kill it first; one that does not exist is no error"),
	OPT_BOOL('r', "regex", struct delete_args, regex, "ID is a regular expression"),
	OPT_END,
};

static int delete_one(const struct oci *oci, const char *id, const void *args, struct err *err)
{
	bool force = ((const struct delete_args *)args)->force;
	_cleanup_(state_clear) struct state state = STATE_EMPTY;
	_cleanup_close_ int pidfd = -1;
	struct cgroup *cgroup = NULL;
	struct spec *spec = NULL;
	struct err ignored = ERR_NONE;
	enum oci_status status;
	int r = state_read(oci, id, &state, err);

	if (r == -ENOENT && force) {
		err_clear(err);
		return 0;
	}
	if (r == 0)
		r = state_lock(&state, err);
	if (r < 0)
		return r;
	cgroup = cgroup_open(err);
	if (!cgroup)
		return -err->code;
	status = state_status(&state, cgroup, &pidfd);
	if (!force && status != OCI_STOPPED && status != OCI_CREATED)
		r = err_set(err, EBUSY, "cannot delete container %s that is not stopped: %s", id,
			    oci_status_name(status));
	if (r == 0 && pidfd >= 0)
		r = kill_and_wait(pidfd, &state, cgroup, err);
	(void)state_spec(&state, &spec,
			 &ignored); /* its hooks; a create that was killed has none */
	if (r == 0)
		r = stop_delete(oci, &state, spec, cgroup, err);
	spec_free(spec);
	cgroup_close(cgroup);
	return r;
}

static int delete_run(void *cli, void *args, char **operands, struct err *err)
{
	struct delete_args *a = args;
	int r = a->regex ? each_matching(cli, operands[0], delete_one, a, err) :
			   delete_one(cli, operands[0], a, err);

	return r < 0 ? 1 : 0;
}

const struct command oci_delete = {
	.program = "cloche-runtime",
	.name = "delete",
	.args = "ID",
	.summary = "remove what a container that has ended holds",
	.opts = delete_opts,
	.args_size = sizeof(struct delete_args),
	.run = delete_run,
	.flags = COMMAND_INTERSPERSED,
};
