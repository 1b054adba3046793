/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far a transfer is, on stderr: on a terminal a total bar and a live line a layer; elsewhere a line when a layer's phase
 * changes; or JSON lines, {"id", "phase", "current", "total"}. Threads tell, one of them shows.
 *
 *	progress_init(&progress, PROGRESS_AUTO);
 *	i = progress_add(&progress, "a1b2c3d4e5f6", total);
 *	progress_phase(&progress, i, PHASE_DOWNLOADING);  progress_count(&progress, i, bytes);    from any thread
 *	progress_wait(&progress, &pending);                shows until nothing is pending
 *	progress_clear(&progress);
 */
#ifndef CLOCHE_TRANSFER_PROGRESS_H
#define CLOCHE_TRANSFER_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct err;

enum progress_mode { PROGRESS_AUTO, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_QUIET };

enum progress_phase {
	PHASE_WAITING,
	PHASE_ELSEWHERE, /* another command fetches it */
	PHASE_EXISTS,
	PHASE_DOWNLOADING,
	PHASE_EXTRACTING, /* all bytes are here */
	PHASE_UPLOADING,
	PHASE_MOUNTED,
	PHASE_DONE,
	PHASE_PUSHED,
	PHASE_FAILED,
};

struct progress_row {
	char id[13];
	enum progress_phase phase, told;
	uint64_t current, total, before; /* before: of an earlier run */
};

struct progress {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	enum progress_mode mode;
	struct progress_row *rows;
	size_t count, lines; /* lines: on the terminal now */
	size_t pending;	     /* threads at work */
	struct timespec began, shown;
};

/* "auto", "tty", "plain", "json", "none" (or "quiet"). -EINVAL. */
int progress_mode_parse(const char *text, enum progress_mode *ret_mode, struct err *err);
void progress_init(struct progress *progress, enum progress_mode mode);
/* Before the threads start. */
size_t progress_add(struct progress *progress, const char *id, uint64_t total);
void progress_phase(struct progress *progress, size_t row, enum progress_phase phase);
void progress_count(struct progress *progress, size_t row, uint64_t bytes);
/* So many are through: a transfer that was cut goes on there. */
void progress_at(struct progress *progress, size_t row, uint64_t current);
/* Bytes that are there already. */
void progress_resume(struct progress *progress, size_t row, uint64_t bytes);
void progress_begin(struct progress *progress, size_t threads);
void progress_end_one(struct progress *progress); /* a thread is through */
/* Show until all threads are through. */
void progress_wait(struct progress *progress);
void progress_clear(struct progress *progress);

#endif
