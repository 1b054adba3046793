/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layers of a pull: which are missing, and getting them side by side. */
#ifndef CLOCHE_TRANSFER_PULL_LAYER_H
#define CLOCHE_TRANSFER_PULL_LAYER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "transfer/layer.h"
#include "transfer/part.h"
#include "transfer/progress.h"

struct descriptor;
struct fetcher;
struct outcome;
struct work;

struct pull_layer {
	const struct descriptor *blob; /* borrowed */
	const char *diff_id;
	struct layer layer;
	struct part_file part;
	size_t row;	  /* of the progress */
	bool have, again; /* in the store; the same as an earlier one of this image */
};

struct pull_layers {
	const struct work *work;
	const char *repository, *scope;
	uint64_t limit_bytes;
	bool foreign;		  /* layers may come from their URLs */
	struct fetcher *fetchers; /* one a thread */
	struct progress progress;
	struct pull_layer *layers;
	size_t count, missing;
	/* between the threads, under the mutex */
	pthread_mutex_t mutex;
	size_t next, next_fetcher;
	bool failed;
	struct err first; /* the first error */
};

/* Lowest first. */
int pull_layers_add(struct pull_layers *layers, const struct descriptor *blob, const char *diff_id,
		    struct err *err);
/* Get those that are missing. */
int pull_layers_run(struct pull_layers *layers, size_t threads, struct err *err);
void pull_layers_store(struct pull_layers *layers, struct outcome *outcome);
void pull_layers_clear(struct pull_layers *layers);

#endif
