/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filters of `ps`: which containers are meant. */
#ifndef CLOCHE_ENGINE_CONTAINER_FILTER_H
#define CLOCHE_ENGINE_CONTAINER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct container_status;
struct engine;
struct err;
struct record;

struct container_filter {
	struct engine *engine;
	char *const *filters;
	int64_t before_ns, since_ns; /* 0: not asked */
	char **ancestors;	     /* ids of images, in the order of the filters that name one */
	/* of the container at hand */
	const struct record *record;
	const struct container_status *status;
};

/* Check names and values, look up what they refer to. The list of filters stays the caller's. */
int container_filter_init(struct container_filter *filter, struct engine *engine,
			  char *const *filters, struct err *err);
void container_filter_clear(struct container_filter *filter);
bool container_filter_matches(struct container_filter *filter, const struct record *record,
			      const struct container_status *status);

#endif
