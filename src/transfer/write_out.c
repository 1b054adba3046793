/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transfer/write_out.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum { PORTION = 8 << 20 };

struct write_out {
	int dir;
	pthread_t thread;
	pthread_mutex_t mutex; /* of the rest */
	pthread_cond_t changed;
	size_t waiting; /* bytes since the last time */
	bool started, ending;
};

static void *run(void *data)
{
	struct write_out *out = data;

	(void)pthread_mutex_lock(&out->mutex);
	for (;;) {
		while (!out->ending && out->waiting < PORTION)
			(void)pthread_cond_wait(&out->changed, &out->mutex);
		if (out->ending)
			break;
		out->waiting = 0;
		(void)pthread_mutex_unlock(&out->mutex);
		(void)syncfs(out->dir); /* work_sync says what is wrong */
		(void)pthread_mutex_lock(&out->mutex);
	}
	(void)pthread_mutex_unlock(&out->mutex);
	return NULL;
}

struct write_out *write_out_new(int dir)
{
	_cleanup_close_ int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct write_out *out;

	if (own < 0)
		return NULL;
	out = mem_new(sizeof(*out));
	out->dir = fd_take(&own);
	(void)pthread_mutex_init(&out->mutex, NULL);
	(void)pthread_cond_init(&out->changed, NULL);
	return out;
}

/* The thread is there from the first portion on: a small job has none. */
void write_out_add(struct write_out *out, size_t bytes)
{
	if (!out)
		return;
	(void)pthread_mutex_lock(&out->mutex);
	out->waiting += bytes;
	if (out->waiting >= PORTION && !out->started)
		out->started = pthread_create(&out->thread, NULL, run, out) == 0;
	if (out->waiting >= PORTION)
		(void)pthread_cond_signal(&out->changed);
	(void)pthread_mutex_unlock(&out->mutex);
}

void write_out_free(struct write_out *out)
{
	if (!out)
		return;
	(void)pthread_mutex_lock(&out->mutex);
	out->ending = true;
	(void)pthread_cond_signal(&out->changed);
	(void)pthread_mutex_unlock(&out->mutex);
	if (out->started)
		(void)pthread_join(out->thread, NULL);
	(void)pthread_cond_destroy(&out->changed);
	(void)pthread_mutex_destroy(&out->mutex);
	fd_close(out->dir);
	free(out);
}
