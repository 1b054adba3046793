/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cloche-monitor costs: `monitor_bench PROGRAM`. Speed of the log for lines of 100 bytes; memory (PSS) of 50 monitors and
 * their holders, fresh and some time after a burst of output. No test: numbers depend on the machine. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor_world.h"

enum { MONITORS = 50, MEGABYTES = 400 };

static double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void speed(const char *log, bool attached)
{
	struct world w;
	char script[256];
	double before;

	(void)snprintf(script, sizeof(script), "yes %099d | head -c %d000000", 7, MEGABYTES);
	before = seconds_now();
	world_start(&w, &(struct world_options){
				.script = script,
				.log = log,
				.words = "max-size=20971520 max-file=5",
				.client_flags = attached ? HELLO_OUTPUT | HELLO_REAPS : 0 });
	if (attached) {
		free(frames_text(w.client, NULL, NULL));
		frame_put(w.client, FRAME_TAKEN, NULL, 0);
	}
	world_ended(&w);
	printf("log %-4s %-9s %6.0f MB/s\n", log, attached ? "attached" : "detached",
	       MEGABYTES / (seconds_now() - before));
	world_clear(&w);
}

static long pss_kib(int pid)
{
	char path[64], text[2048] = "", *at;
	long kib = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && (at = strstr(text, "Pss:")) != NULL)
		kib = strtol(at + 4, NULL, 10);
	(void)close(fd);
	return kib;
}

static void memory(const char *what, const char *script, bool holder)
{
	static struct world worlds[MONITORS];
	long monitors = 0, holders = 0;

	for (int i = 0; i < MONITORS; i++)
		world_start(&worlds[i],
			    &(struct world_options){ .script = script, .no_holder = !holder });
	(void)poll(NULL, 0, 3000);
	for (int i = 0; i < MONITORS; i++) {
		char *line = world_read(&worlds[i], "run/holder", NULL);

		monitors += pss_kib(worlds[i].monitor);
		if (*line)
			holders += pss_kib((int)strtol(line, NULL, 10));
		free(line);
	}
	printf("%d monitors, %-12s %5.1f KiB each, holder %5.1f KiB\n", MONITORS, what,
	       (double)monitors / MONITORS, (double)holders / MONITORS);
	world_clear_all(worlds, MONITORS);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "monitor_bench PROGRAM\n");
		return 2;
	}
	world_binary = argv[1];
	memory("alone", "exec sleep 100", false);
	memory("idle", "exec sleep 100", true);
	memory("after output", "head -c 300000 /dev/zero | tr '\\0' '\\n'; exec sleep 100", true);
	speed("cri", false);
	speed("json", false);
	speed("none", false);
	speed("cri", true);
	return 0;
}
