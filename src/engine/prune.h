/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Removing all that nothing uses. What fails is told by the caller and does not stop the rest. */
#ifndef CLOCHE_ENGINE_PRUNE_H
#define CLOCHE_ENGINE_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct err;

struct prune_options {
	bool all;	      /* images that have names, volumes that have names */
	int64_t until_ns;     /* only what was made before; 0: any */
	char *const *filters; /* label=, label!= */
};

struct prune_result {
	char **lines;  /* as Docker prints them */
	int64_t bytes; /* that came free */
	char **failed; /* words of what could not be removed */
};
void prune_result_clear(struct prune_result *result);

int prune_containers(struct engine *engine, const struct prune_options *options,
		     struct prune_result *result, struct err *err);
int prune_images(struct engine *engine, const struct prune_options *options,
		 struct prune_result *result, struct err *err);
int prune_volumes(struct engine *engine, const struct prune_options *options,
		  struct prune_result *result, struct err *err);
/* Those that no container has an address of. When none at all is used, the default one's link and the nftables table go, too. */
int prune_networks(struct engine *engine, const struct prune_options *options,
		   struct prune_result *result, struct err *err);
/* What killed commands left in tmp/, in parts/, which the next pull of that image would have gone on with, and among the files of
 * images. Only without filters, which say nothing about it. */
int prune_leftovers(struct engine *engine, const struct prune_options *options,
		    struct prune_result *result, struct err *err);

#endif
