/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rows about many processes and sockets look at: open SOCKETS listening TCP sockets, make PROCESSES children, and sleep.
 *
 *	crowd PROCESSES SOCKETS
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long processes = argc == 3 ? strtol(argv[1], NULL, 10) : -1;
	long sockets = argc == 3 ? strtol(argv[2], NULL, 10) : -1;

	if (processes < 0 || sockets < 0) {
		(void)fputs("usage: crowd PROCESSES SOCKETS\n", stderr);
		return 1;
	}
	for (; sockets > 0; sockets--) {
		int s = socket(AF_INET, SOCK_STREAM, 0);

		if (s < 0 || listen(s, 1) < 0)
			return 1;
	}
	for (; processes > 0; processes--) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				(void)pause();
		}
	}
	for (;;)
		(void)pause();
}
