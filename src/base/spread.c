/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/spread.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS_MOST = 8, PORTION = 16 };

struct work {
	size_t count;
	atomic_size_t next; /* the first that nobody took */
	void (*each)(void *data, size_t i);
	void *data;
};

static void *work_do(void *data)
{
	struct work *work = data;
	size_t from;

	while ((from = atomic_fetch_add(&work->next, PORTION)) < work->count)
		for (size_t i = from; i < from + PORTION && i < work->count; i++)
			work->each(work->data, i);
	return NULL;
}

static size_t processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (size_t)CPU_COUNT(&set) < THREADS_MOST ? (size_t)CPU_COUNT(&set) : THREADS_MOST;
}

void spread(size_t count, size_t from, void (*each)(void *data, size_t i), void *data)
{
	struct work work = { .count = count, .each = each, .data = data };
	size_t others = count < from ? 0 : processors() - 1, started = 0;
	pthread_t threads[THREADS_MOST];

	/* a thread that is not to be had is no error: the rest do its share */
	while (started < others && pthread_create(&threads[started], NULL, work_do, &work) == 0)
		started++;
	(void)work_do(&work);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
}
