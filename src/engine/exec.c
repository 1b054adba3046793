/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container_label.h"
#include "engine/engine.h"
#include "engine/env_file.h"
#include "engine/event.h"
#include "engine/lifecycle.h"
#include "engine/names.h"
#include "engine/record.h"
#include "engine/repair.h"
#include "engine/spec_build.h"
#include "engine/status.h"
#include "runtime/capability.h"
#include "runtime/container.h"
#include "runtime/seccomp.h"

static int process_fill(struct spec *spec, char *const *command, const struct exec_options *o,
			struct err *err)
{
	struct spec_process *process = &spec->process;
	int r = 0;

	strv_clear(process->args);
	process->args = strv_copy(command);
	process->terminal = o->tty;
	process->rows = o->rows;
	process->columns = o->columns;
	if (o->user) {
		free(process->user);
		process->user = str_dup(o->user);
	}
	if (o->workdir) {
		if (o->workdir[0] != '/') {
			err_set(err, EINVAL,
				"the working directory '%s' is invalid, it needs to be an absolute path",
				o->workdir);
			return err_exit(err, 126);
		}
		free(process->cwd);
		process->cwd = str_dup(o->workdir);
	}
	for (size_t i = 0; r == 0 && o->env_files && o->env_files[i]; i++)
		r = env_file_read(o->env_files[i], &process->env, err);
	for (size_t i = 0; r == 0 && o->env && o->env[i]; i++)
		r = env_file_assign(o->env[i], &process->env, err);
	if (o->tty && !env_get(process->env, "TERM"))
		strv_add(&process->env, "TERM=xterm");
	if (o->privileged) {
		process->cap_bounding = process->cap_permitted = process->cap_effective =
			capability_host_bounding();
	}
	spec->init = false;
	return r;
}

static int pipe_for(const struct spec *spec, int run, int number, bool wanted, int *ret_inside,
		    int *ret_ours, struct err *err)
{
	int ends[2], r;

	*ret_ours = -1;
	if (!wanted) {
		*ret_inside = open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
		return *ret_inside < 0 ? err_sys(err, errno, "open /dev/null") : 0;
	}
	r = container_label_pipe(spec, run, ends, err);
	if (r < 0)
		return r;
	*ret_inside = ends[number == 0 ? 0 : 1];
	*ret_ours = ends[number == 0 ? 1 : 0];
	(void)fchmod(*ret_inside, 0666); /* programs may open /dev/stdout again, as any user */
	return 0;
}

static int not_running(const struct record *record, struct err *err)
{
	err_set(err, ESRCH, "container %s is not running", record->row.id);
	return err_hint(err, "start it with: cloche start %s", record->row.name);
}

static int exec_run(struct engine *engine, const struct record *record,
		    const struct exec_options *o, struct spec *spec, struct exec_process *process,
		    struct err *err)
{
	_cleanup_(seccomp_clear) struct seccomp_program program = { 0 };
	struct container_io io = CONTAINER_IO_NONE;
	_cleanup_close_ int init = -1, run = -1;
	struct container container = CONTAINER_NONE;
	int *ours[] = { &process->in, &process->out, &process->err }, r = 0;

	if (spec->seccomp_default && !o->privileged) {
		r = seccomp_for_spec(engine, spec, &program, err);
		if (r < 0)
			return r;
	}
	init = status_pidfd(engine, record->row.id);
	if (init < 0)
		return not_running(record, err);
	if (spec->mount_label) {
		run = engine_run_dir(engine, record->row.id, false, err);
		r = run < 0 ? run : 0;
	}
	for (int i = 0; r == 0 && !o->tty && i < 3; i++)
		r = pipe_for(spec, run, i, i == 0 ? o->interactive : !o->detach, &io.stdio[i],
			     ours[i], err);
	if (r == 0 && !engine_cgroup(engine, err))
		r = -err->code;
	engine_kill_point("exec-begin");
	if (r == 0)
		r = container_exec(&container, spec, init, &io, program.filter ? &program : NULL,
				   engine->cgroup, err);
	for (int i = 0; i < 3; i++)
		fd_close(io.stdio[i]);
	if (r < 0) {
		for (int i = 0; i < 3; i++)
			fd_close(*ours[i]);
		/* its namespaces take nobody a little before it is gone, its cgroup goes after it */
		if (!err->exit_status &&
		    lifecycle_ended(init, r == -ESRCH || r == -ENOMEM ? KILL_PATIENCE_MS : 0))
			return not_running(record, err);
		return err->exit_status ? r :
					  err_exit(err, 126); /* not started, whatever the cause */
	}
	engine_kill_point("exec-started");
	process->pid = container.pid;
	process->pidfd = container.pidfd;
	process->terminal = container.terminal;
	fd_close(container.report);
	fd_close(container.sync);
	return 0;
}

/* Docker's action has the command in it: "exec_start: sh -c true". */
static void command_tell(struct engine *engine, const struct record *record, const char *action,
			 const char *exec_id, char *const *command)
{
	_cleanup_(buf_clear) struct buf text = BUF_EMPTY;

	buf_printf(&text, "%s:", action);
	for (size_t i = 0; command[i]; i++)
		buf_printf(&text, " %s", command[i]);
	buf_puts(&text, command[1] ? "" : " "); /* as in Docker */
	event_container(engine, record, text.data,
			(const char *const[]){ "execID", exec_id, NULL });
}

void exec_end(struct engine *engine, struct exec_process *process, int code)
{
	char text[16];

	if (!process->record)
		return;
	(void)snprintf(text, sizeof(text), "%d", code);
	if (code < 0)
		event_container(engine, process->record, "exec_detach",
				(const char *const[]){ "execID", process->exec_id, NULL });
	else
		event_container(engine, process->record, "exec_die",
				(const char *const[]){ "execID", process->exec_id, "exitCode", text,
						       NULL });
	record_clear(process->record);
	free(process->record);
	process->record = NULL;
}

int exec_start(struct engine *engine, const char *reference, char *const *command,
	       const struct exec_options *options, struct exec_process *ret_process,
	       struct err *err)
{
	struct exec_process process = { .pidfd = -1,
					.in = -1,
					.out = -1,
					.err = -1,
					.terminal = -1 };
	_cleanup_(record_clear) struct record record = RECORD_EMPTY;
	_cleanup_(built_spec_clear) struct built_spec built = { 0 };
	struct container_status status;
	int r = record_find(engine, reference, &record, err);

	if (r < 0)
		return r;
	status_get(engine, record.row.id, &status);
	if (status.status == STATUS_RUNNING)
		repair_wait(engine, record.row.id, &status);
	if (status.status != STATUS_RUNNING)
		return not_running(&record, err);
	if (status.paused) {
		err_set(err, EBUSY, "Container %s is paused, unpause the container before exec",
			record.row.id);
		return err_hint(err, "unpause it with: cloche unpause %s", record.row.name);
	}
	r = spec_build_process(engine, &record, &built, err);
	if (r == 0)
		r = process_fill(built.spec, command, options, err);
	engine_store_close(engine);
	if (r < 0)
		return r;
	engine_random_hex(process.exec_id, 64);
	command_tell(engine, &record, "exec_create", process.exec_id, command);
	names_publish(engine, &record.row, status.pid);
	r = exec_run(engine, &record, options, built.spec, &process, err);
	if (r < 0)
		return r;
	(void)str_append(process.id, sizeof(process.id), record.row.id);
	command_tell(engine, &record, "exec_start", process.exec_id, command);
	process.record = mem_new(sizeof(*process.record));
	*process.record = record;
	record = RECORD_EMPTY;
	*ret_process = process;
	return 0;
}
