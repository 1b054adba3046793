/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cloche-init: the first process of a container that was started with --init. It starts the command, passes every signal
 * on to it, reaps whatever is left to it, and ends as the command ended. Static, libc alone. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *words)
{
	(void)!write(2, words, strlen(words));
}

static _Noreturn void command_execute(char **argv, const sigset_t *mask)
{
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	/* a group of its own, in the foreground of the terminal if there is one */
	if (setpgid(0, 0) == 0 && isatty(0)) {
		(void)signal(SIGTTOU, SIG_IGN);
		(void)tcsetpgrp(0, getpgrp());
		(void)signal(SIGTTOU, SIG_DFL);
	}
	(void)execvp(argv[0], argv);
	say("cloche-init: exec: \"");
	say(argv[0]);
	say(errno == ENOENT ? "\": executable file not found in $PATH\n" :
			      "\": permission denied\n");
	_exit(errno == ENOENT ? 127 : 126);
}

int main(int argc, char **argv)
{
	sigset_t all, before;
	pid_t child;

	if (argc < 2) {
		say("cloche-init: no command\n");
		return 125;
	}
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child < 0) {
		say("cloche-init: cannot fork\n");
		return 125;
	}
	if (child == 0)
		command_execute(argv + 1, &before);
	for (;;) {
		siginfo_t info;
		int status, number = sigwaitinfo(&all, &info);
		pid_t pid;

		if (number > 0 && number != SIGCHLD)
			(void)kill(child, number); /* it may be gone; the next round sees that */
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == child)
				return WIFEXITED(status) ? WEXITSTATUS(status) :
							   128 + WTERMSIG(status);
	}
}
