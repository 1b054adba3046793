/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A registry's client (registry.h) in a process of its own, which has the network and nothing else (SANDBOX_NETWORK). The
 * trusted parent gives it credentials and requests by one pipe and gets heads and bodies by another; it can ask for one thing
 * at a time. Several fetchers ask side by side.
 *
 *	fetcher_start(&access, &fetcher, err);
 *	fetcher_ask(&fetcher, &request, &answer, err);
 *	fetcher_stop(&fetcher);
 */
#ifndef CLOCHE_TRANSFER_FETCHER_H
#define CLOCHE_TRANSFER_FETCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "transfer/worker.h"

struct err;
struct registry_access;

struct fetcher {
	struct worker worker;
	int to, from;
	struct buf message;
};
#define FETCHER_NONE ((struct fetcher){ .worker = WORKER_NONE, .to = -1, .from = -1 })

struct fetch_answer {
	long status;
	char *content_type, *location, *digest, *range, *link;
};
#define FETCH_ANSWER_EMPTY ((struct fetch_answer){ 0 })
void fetch_answer_clear(struct fetch_answer *answer);

struct fetch_request { /* registry_request's fields */
	const char *method, *path, *scope;
	char *const *headers;
	uint64_t offset, limit;
	/* Of a success's body; negative ends the fetcher. NULL: there shall be none. */
	int (*write)(void *data, const void *bytes, size_t length, struct err *err);
	void *data;
	int source; /* a file to send, source_length bytes from source_offset; -1: none */
	uint64_t source_offset, source_length;
	void (*sent)(void *data, uint64_t bytes); /* or NULL */
};

int fetcher_start(const struct registry_access *access, struct fetcher *ret_fetcher,
		  struct err *err);
/* Errors are registry_perform's. */
int fetcher_ask(struct fetcher *fetcher, const struct fetch_request *request,
		struct fetch_answer *ret_answer, struct err *err);
/* What it learned, for the next fetcher's access: its authorization, and whether the server speaks no TLS. */
int fetcher_learn(struct fetcher *fetcher, struct registry_access *access, struct err *err);
void fetcher_stop(struct fetcher *fetcher);

#endif
