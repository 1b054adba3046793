/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/str.h"
#include "engine/engine.h"

static _Noreturn void child(const char *program, char *const *argv, int input, int output)
{
	if ((input >= 0 && dup2(input, STDIN_FILENO) < 0) ||
	    (output >= 0 && dup2(output, STDOUT_FILENO) < 0))
		_exit(1);
	(void)execv(program, argv);
	_exit(127);
}

int transfer_run_beside(struct engine *engine, const char *verb, char *const *args, int input,
			struct buf *output, int (*meanwhile)(struct engine *, struct err *),
			struct err *err)
{
	struct err beside = ERR_NONE;
	_cleanup_free_ char *program = str_printf("%s/cloche-transfer", engine->libexec);
	_cleanup_strv_ char **argv = NULL;
	int out[2] = { -1, -1 }, status = 0, r;
	pid_t pid;

	strv_add(&argv, "cloche-transfer");
	strv_add(&argv, verb);
	strv_add(&argv, "--root");
	strv_add(&argv, engine->settings.root);
	for (; args && *args; args++)
		strv_add(&argv, *args);
	if (output && pipe2(out, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	engine_store_close(engine);
	(void)fflush(stdout);
	engine_kill_point("load-begin");
	pid = fork();
	if (pid == 0)
		child(program, argv, input, out[1]);
	fd_close(out[1]);
	if (pid > 0 && meanwhile && meanwhile(engine, &beside) < 0)
		(void)kill(pid, SIGTERM);
	r = pid < 0 ? -errno : output ? fd_read_all(out[0], 64 << 20, output) : 0;
	fd_close(out[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (beside.code) {
		*err = beside;
		return -err->code;
	}
	if (r < 0)
		return err_sys(err, r, "run %s", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, ENOENT, "%s is not there", program);
	if (status == 0)
		return 0;
	*err = (struct err){ .code = EIO };
	return -EIO;
}

int transfer_run(struct engine *engine, const char *verb, char *const *args, int input,
		 struct buf *output, struct err *err)
{
	return transfer_run_beside(engine, verb, args, input, output, NULL, err);
}
