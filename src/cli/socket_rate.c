/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/socket_rate.h"

#include <stdlib.h>

#include "base/str.h"
#include "host/socket.h"

static int by_cookie(const void *a, const void *b)
{
	const struct rate_count *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

void rates_begin(struct rates *rates, const struct socket_table *table)
{
	*rates = (struct rates){ .counts = mem_new((table->count + 1) * sizeof(*rates->counts)) };
	for (size_t i = 0; i < table->count; i++) {
		const struct socket *s = &table->list[i];

		if (s->cookie)
			rates->counts[rates->count++] =
				(struct rate_count){ s->cookie, s->received, s->sent };
	}
	qsort(rates->counts, rates->count, sizeof(*rates->counts), by_cookie);
	(void)clock_gettime(CLOCK_MONOTONIC, &rates->began);
}

void rates_end(struct rates *rates)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	rates->seconds = (double)(now.tv_sec - rates->began.tv_sec) +
			 (double)(now.tv_nsec - rates->began.tv_nsec) / 1e9;
	if (rates->seconds < 0.001)
		rates->seconds = 0.001;
}

static uint64_t per_second(const struct rates *rates, uint64_t now, uint64_t before)
{
	return now > before ? (uint64_t)((double)(now - before) / rates->seconds) : 0;
}

void rate_of(const struct rates *rates, const struct socket *socket, uint64_t *ret_in,
	     uint64_t *ret_out)
{
	const struct rate_count key = { .cookie = socket->cookie };
	const struct rate_count *before =
		socket->cookie && rates->count ?
			bsearch(&key, rates->counts, rates->count, sizeof(key), by_cookie) :
			NULL;

	*ret_in = per_second(rates, socket->received, before ? before->received : 0);
	*ret_out = per_second(rates, socket->sent, before ? before->sent : 0);
}

void rates_clear(struct rates *rates)
{
	free(rates->counts);
	*rates = RATES_EMPTY;
}
