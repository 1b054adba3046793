/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock of the benchmark: run COMMAND so many times, print for each the nanoseconds from the call to its end and the
 * microseconds of processor time that it and the children it waited for took, and the KiB of the largest of them. Its output is thrown
 * away. A small static program, because starting a process from an interpreter costs as much as starting a container.
 *
 *	clock TIMES COMMAND [ARG...]	exit status 1: the command failed, or could not be run
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t microseconds(const struct timeval *time)
{
	return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

int main(int argc, char **argv)
{
	long times = argc < 3 ? 0 : strtol(argv[1], NULL, 10);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (times <= 0 || null < 0) {
		(void)fputs("usage: clock TIMES COMMAND [ARG...]\n", stderr);
		return 1;
	}
	while (times-- > 0) {
		struct rusage used;
		int64_t start = now_ns();
		pid_t pid = vfork();
		int status;

		if (pid == 0) {
			(void)dup2(null, 0);
			(void)dup2(null, 1);
			(void)execvp(argv[2], argv + 2);
			_exit(127);
		}
		if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
			return 1;
		(void)printf(
			"%lld %lld %ld\n", (long long)(now_ns() - start),
			(long long)(microseconds(&used.ru_utime) + microseconds(&used.ru_stime)),
			used.ru_maxrss);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			(void)fprintf(stderr, "clock: %s failed (status %d)\n", argv[2],
				      WIFEXITED(status) ? WEXITSTATUS(status) : -1);
			return 1;
		}
	}
	return 0;
}
